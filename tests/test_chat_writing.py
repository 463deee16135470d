"""What people here write in a chat: stored redacted, sealed on its way, and sent until the chat system confirms it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from accounts.models import AuditEvent
from accounts.services import api_key_create
from conversations import chat_lines, chats
from conversations.chat_writing import message_delivered, message_failed, message_write
from conversations.chats import chat_end
from conversations.events import snapshot
from conversations.models import CallOwner, ChatMessage, Conversation
from engines.redaction.text import RawText
from tenants.scope import current_schema
from tests.conftest import World
from tests.test_chats import CARD, opened


def test_people_here_write_to_the_customer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people = world.northwind.people
    with world.northwind.scope():
        chat = opened(world.northwind)
        monkeypatch.setattr(chat_lines, "is_connected", lambda _schema: False)
        with pytest.raises(Conflict, match="not connected"):
            message_write(conversation=chat, user=people["agent"], text=RawText("hello"))
        assert not ChatMessage.objects.exists()
        monkeypatch.setattr(chat_lines, "is_connected", lambda _schema: True)
        with pytest.raises(ValidationError):
            message_write(conversation=chat, user=people["teammate"], text=RawText("hello"))
        mine = message_write(conversation=chat, user=people["agent"], text=RawText("hello"), message_id="a-1")
        again = message_write(
            conversation=chat, user=people["agent"], text=RawText("hello"), message_id="a-1"
        )
        assert mine.is_new and not again.is_new
        theirs = message_write(conversation=chat, user=people["supervisor"], text=RawText("I take this on"))
        assert theirs.utterance.speaker == "supervisor"
        shown = snapshot(chat)["items"]["message"]
        assert [(one["origin"], one["from"]["name"]) for one in shown] == [
            ("desk", "Agent"),
            ("supervisor", "Supervisor"),
        ]
        audited = AuditEvent.objects.get(action="chat.join")
        assert audited.actor == people["supervisor"] and "I take this on" not in json.dumps(audited.changes)
        assert message_delivered(conversation_id=chat.pk, message_id=theirs.message.message_id)
        assert not message_delivered(conversation_id=chat.pk, message_id=theirs.message.message_id)


def test_a_message_crosses_redis_sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(chat_lines, "publish", sent.extend)
    with world.northwind.scope():
        chat = opened(world.northwind)
        key = chats.chat_key(CallOwner.objects.get(pk=chat.pk))
        out = chat_lines.Outgoing(chat.pk, chat.pk, "m-9", "agent")
        message = chat_lines.sealed_out(out, RawText(f"card {CARD}"), "Agent", key)
        chat_lines.send_out("northwind", message)
        chat_lines.keep("northwind", message)
        kept = chat_lines.kept("northwind", [chat.pk])[str(chat.pk)]
        assert chat_lines.opened(kept, key) == f"card {CARD}"
    ((_channel, packed),) = sent
    assert CARD.encode() not in packed and CARD.encode() not in kept["sealed"]


def test_a_chat_system_without_a_socket_fetches_what_waits(world: World) -> None:
    company, people = world.northwind, world.northwind.people
    with company.scope():
        _key, secret = api_key_create(owner=people["admin"], name="chat system", scopes=["ingest"])
        chat = opened(company)
    client, agent = company.client(HTTP_AUTHORIZATION=f"Bearer {secret}"), company.client("agent")

    def post(who: Any, path: str, **body: Any) -> Any:
        return who.post(path, body, content_type="application/json")

    api, write = f"/api/v1/chats/{chat.pk}", f"/desk/calls/{chat.pk}/message/"
    try:
        assert post(agent, write, text="hello", message_id="a-1").status_code == 409
        assert client.get("/api/v1/chats/outgoing/").json() == []
        # Who asks counts as connected.
        for ident in ("a-1", "a-2"):
            assert post(agent, write, text=f"card {CARD}", message_id=ident).status_code == 200
        waiting = client.get("/api/v1/chats/outgoing/").json()
        assert [one["message_id"] for one in waiting] == ["a-1", "a-2"]
        assert (waiting[0]["text"], waiting[0]["from"]) == (f"card {CARD}", "Agent")
        # Nobody's page shows it as it was written.
        assert company.client("admin").get("/api/v1/chats/outgoing/").status_code == 403
        assert post(client, f"{api}/delivered/", message_id="a-1").json() == {"new": True}
        assert post(client, f"{api}/failed/", message_id="a-2").json() == {"new": True}
        assert client.get("/api/v1/chats/outgoing/").json() == []
        with company.scope():
            shown = {one["message_id"]: one for one in snapshot(chat)["items"]["message"]}
        assert shown["a-1"]["delivered_at"] and shown["a-2"]["failed_at"] and not shown["a-2"]["delivered_at"]
        assert post(agent, write, message_id="a-1", again=True).status_code == 409
        assert post(agent, write, message_id="a-9", again=True).status_code == 400
        # Whoever else takes part does not send another's words again.
        assert (
            post(
                company.client("admin"), f"/floor/calls/{chat.pk}/message/", message_id="a-2", again=True
            ).status_code
            == 400
        )
        assert post(agent, write, message_id="a-2", again=True).status_code == 200
        assert [one["message_id"] for one in client.get("/api/v1/chats/outgoing/").json()] == ["a-2"]
        with company.scope():
            chat_end(conversation_id=chat.pk)
        assert client.get("/api/v1/chats/outgoing/").json() == []
        assert post(agent, write, message_id="a-2", again=True).status_code == 409
    finally:
        with company.scope():
            chat_lines.disconnected(current_schema())


def test_what_did_not_go_out_is_marked_in_the_transcript(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, agent = world.northwind, world.northwind.people["agent"]
    monkeypatch.setattr(chat_lines, "is_connected", lambda _schema: True)
    with company.scope():
        chat = opened(company)
        for ident in ("gone", "waits", "failed"):
            message_write(conversation=chat, user=agent, text=RawText(f"one {ident}"), message_id=ident)
        message_delivered(conversation_id=chat.pk, message_id="gone")
        message_failed(conversation_id=chat.pk, message_id="failed")
    client, path = company.client("agent"), f"/api/v1/conversations/{chat.pk}"

    def marked() -> tuple[list[str], int, int]:
        rows = client.get(f"{path}/utterances/").json()["results"]
        text = client.get(f"{path}/transcript/").content.decode()
        page = client.get(f"/conversations/{chat.pk}/").content.decode()
        return [one["delivery"] for one in rows], text.count("(not delivered):"), page.count("rv-missed")

    assert marked() == (["delivered", "waiting", "missed"], 1, 1)
    with company.scope():
        chat_end(conversation_id=chat.pk)
        Conversation.objects.filter(pk=chat.pk).update(state=Conversation.State.COMPLETED)
    assert marked() == (["delivered", "missed", "missed"], 2, 2)
