"""The chat system's socket: in by its key alone; messages in, guidance, replies and what people write out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from redis.asyncio import Redis

from accounts.services import api_key_create
from coaching.models import Guidance
from conversations.chat_writing import message_again, message_write, messages_unsent
from conversations.chats import chat_end
from conversations.live.buffer import AudioBuffer
from conversations.live.chat import LiveChat
from conversations.live.commit import Committer
from conversations.live.ears import Ears
from conversations.live.means import Means
from conversations.live.ownership import Claim, call_claim
from conversations.live.signals import Signals
from conversations.live.wakes import Wakes
from conversations.models import ChatMessage, Conversation, Utterance
from cresta_app.asgi import application
from cresta_app.live import stages
from desk import consumers
from engines.redaction.text import RawText
from tenants.scope import TenantThreads
from tests.conftest import Company, World
from tests.test_chats import guided, opened, say
from tests.test_desk_sockets import closed_with, heard, within

pytestmark = pytest.mark.asyncio
CARD = "4111 1111 1111 1111"


def secret_of(company: Company, scope: str = "ingest", persona: str = "admin") -> str:
    return api_key_create(owner=company.people[persona], name="chat system", scopes=[scope])[1]


@asynccontextmanager
async def connected(company: Company, secret: str) -> AsyncIterator[WebsocketCommunicator]:
    headers = [(b"host", company.host.encode()), (b"authorization", f"Bearer {secret}".encode())]
    socket = WebsocketCommunicator(application, "/ws/chats/", headers=headers)
    assert (await socket.connect(timeout=20))[0]
    try:
        yield socket
    finally:
        await socket.disconnect()


async def asked(socket: WebsocketCommunicator, **message: Any) -> dict[str, Any]:
    """The answer to a message; what else comes meanwhile is dropped."""
    await socket.send_json_to({"ref": 1, **message})
    while True:
        answer = await socket.receive_json_from(timeout=20)
        if answer.get("ref") == 1:
            return dict(answer)


async def test_a_chat_by_socket(committed: World) -> None:
    company, people = committed.northwind, committed.northwind.people
    secret = await within(company, secret_of, company)
    for wrong in (
        "crk_wrong",
        await within(company, secret_of, company, "read"),
        await within(company, secret_of, company, "ingest", "agent"),
        await within(committed.acme, secret_of, committed.acme),
    ):
        async with connected(company, wrong) as socket:
            assert await closed_with(socket) in {4401, consumers.NOT_ALLOWED}
    async with connected(company, secret) as socket:
        assert (await socket.receive_json_from(timeout=20))["type"] == "hello"
        answer = await asked(socket, type="open", external_id="s-1", agent=people["agent"].email)
        assert answer["new"] and answer["replies"] == [] and answer["guidance"] == []
        said = {"type": "message", "chat": "s-1", "role": "customer", "message_id": "1"}
        taken = await asked(socket, **said, text=f"my card is {CARD}")
        assert taken["type"] == "taken" and "4111" not in taken["message"]["text"]
        assert not (await asked(socket, **said, text=f"my card is {CARD}"))["message"]["new"]
        for message, code in (
            ({**said, "chat": "s-2", "text": "hello"}, "not_found"),
            ({**said, "message_id": "2", "role": "pirate", "text": "arr"}, "invalid"),
            ({**said, "role": "agent", "text": "arr"}, "conflict"),
            ({"type": "dance"}, "unknown_type"),
        ):
            refused = await asked(socket, **message)
            assert (refused["type"], refused["code"]) == ("error", code), refused
        chat = await within(company, Conversation.objects.get)

        def write(persona: str, text: str) -> None:
            message_write(conversation=chat, user=people[persona], text=RawText(text))

        await within(company, write, "supervisor", "This is Sam, I take over: dial 212 555 0147")
        [out] = await heard(socket, "message")
        assert (out["role"], out["from"], out["external_id"]) == ("supervisor", "Supervisor", "s-1")
        # The customer is sent what was written; we keep it redacted.
        assert out["text"].endswith("212 555 0147")
        kept = await within(company, lambda: Utterance.objects.get(speaker="supervisor").text)
        assert "555" not in kept
        noted = await asked(socket, type="delivered", chat="s-1", message_id=out["message_id"])
        assert noted["new"]
        # The chat system brings it again, as one of its own: it is known.
        echo = {**said, "message_id": out["message_id"], "text": out["text"], "role": "agent"}
        assert not (await asked(socket, **echo))["message"]["new"]
        assert (await asked(socket, type="end", chat="s-1"))["chat"]["over"]
        assert (await asked(socket, **{**said, "message_id": "9"}, text="late"))["code"] == "conflict"
        assert await within(company, ChatMessage.objects.count) == 2


async def test_a_worker_follows_a_chat_to_its_end(committed: World) -> None:
    company = committed.northwind
    streams, layer = Redis.from_url(settings.REDIS_STREAMS_URL), Redis.from_url(settings.REDIS_LAYER_URL)
    pool, wakes = TenantThreads(2, "chat-test"), Wakes(streams)

    def begin() -> tuple[Conversation, Claim | None]:
        guided()
        chat = opened(company)
        say(chat, "customer", "hello")
        return chat, call_claim(conversation_id=chat.pk, worker="test")

    chat, claim = await within(company, begin)
    assert claim is not None
    means = Means(
        buffer=AudioBuffer(streams),
        committer=Committer(pool),
        threads=pool,
        ears=Ears(),
        stages=stages(),
        signals=Signals(layer, pool),
        stopping=asyncio.Event(),
        wakes=wakes,
    )
    listening = asyncio.create_task(wakes.run())
    following = asyncio.create_task(LiveChat(claim, means).run())
    try:
        await within(company, say, chat, "customer", "I want to cancel it")
        for _ in range(100):
            if await within(company, Guidance.objects.filter(title="Ask why").exists):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("no guidance within five seconds")
        await within(company, chat_end, conversation_id=chat.pk)
        assert await asyncio.wait_for(following, 5) == "stop"
        assert (await within(company, Conversation.objects.get)).state == "wrap_up"
    finally:
        listening.cancel()
        following.cancel()
        await asyncio.gather(listening, following, return_exceptions=True)
        await streams.aclose()
        await layer.aclose()
        pool.close()


async def told(socket: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    """The next thing of this kind."""
    while True:
        answer = await socket.receive_json_from(timeout=10)
        if answer["type"] == kind:
            return dict(answer)


async def test_what_is_not_confirmed_is_sent_again_on_a_new_socket(committed: World) -> None:
    company, people = committed.northwind, committed.northwind.people
    secret = await within(company, secret_of, company)
    chat = await within(company, opened, company, "s-1")

    def write(text: str, ident: str) -> None:
        message_write(conversation=chat, user=people["agent"], text=RawText(text), message_id=ident)

    def states() -> dict[str, tuple[bool, bool]]:
        return {
            row.message_id: (row.delivered_at is not None, row.failed_at is not None)
            for row in ChatMessage.objects.all()
        }

    async with connected(company, secret) as socket:
        await told(socket, "hello")
        await within(company, write, f"Dial 212 555 0147, card {CARD}", "a-1")
        first = await told(socket, "message")
        assert not first["again"]
        await within(company, write, "Are you there?", "a-2")
        assert (await told(socket, "message"))["message_id"] == "a-2"
        assert (await asked(socket, type="delivered", chat="s-1", message_id="a-2"))["new"]
    # The line is cut before the first is confirmed; what is written meanwhile waits as well.
    await within(company, write, "I am here.", "a-3")
    async with connected(company, secret) as socket:
        again = [await told(socket, "message") for _ in range(2)]
        assert [one["message_id"] for one in again] == ["a-1", "a-3"]
        assert again[0] == first | {"again": True} and CARD in first["text"]
        assert (await asked(socket, type="delivered", chat="s-1", message_id="a-1"))["new"]
        assert (await asked(socket, type="failed", chat="s-1", message_id="a-3"))["new"]
        assert not (await asked(socket, type="failed", chat="s-1", message_id="a-1"))["new"]
    assert await within(company, states) == {
        "a-1": (True, False),
        "a-2": (True, False),
        "a-3": (False, True),
    }
    async with connected(company, secret) as socket:
        await told(socket, "hello")
        # What has failed is its author's to send again.
        again_of = {"conversation": chat, "user": people["agent"], "message_id": "a-3"}
        await within(company, lambda: message_again(**again_of))
        out = await told(socket, "message")
        assert (out["message_id"], out["text"], out["again"]) == ("a-3", "I am here.", True)
        # A chat system that brings it back has it.
        echo = {"role": "agent", "message_id": "a-3", "text": "I am here."}
        assert not (await asked(socket, type="message", chat="s-1", **echo))["message"]["new"]
    assert (await within(company, states))["a-3"] == (True, False)
    assert await within(company, messages_unsent) == []
