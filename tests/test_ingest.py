"""Audio on its way in: what is sent is what is stored, through broken lines and an absent Redis, to the byte."""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import psutil
import pytest
import redis as sync_redis
from django.conf import settings

from accounts.services import identity_attach
from conversations.live import carrier
from conversations.models import CallLedger, CallOwner, Conversation, ConversationEvent, Customer, Participant
from integrations.telephony.native.client import AudioClient, IngestRefused
from integrations.telephony.native.codec import NativeCodec
from tenants import names
from tests.ingest_lines import (
    Cutter,
    Server,
    audio_of,
    chunks_of,
    closed,
    hear,
    ingest_key,
    line,
    say,
    server_running,
    start_message,
)
from tests.live_calls import wait_for

TWO_SIDES = {"codec": "pcm16", "sample_rate": 16000, "channels": 2, "roles": ["agent", "customer"]}
ONE_SIDE = {"codec": "mulaw", "sample_rate": 8000, "channels": 1, "roles": ["customer"]}


@pytest.fixture
def server(committed: Any) -> Iterator[Server]:
    with server_running() as running:
        yield running


def noise(count: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(count)


@pytest.mark.parametrize(
    ("audio", "frame", "total"),
    [
        (ONE_SIDE, 1, 1_000),  # one sample a message
        (ONE_SIDE, 160, 8_000),
        (ONE_SIDE, 801, 12_345),
        (TWO_SIDES, 4, 6_800),  # one sample of each side a message
        (TWO_SIDES, 2_556, 64_000),
        (TWO_SIDES, 200_000, 400_004),
    ],
)
def test_stored_audio_is_the_audio_sent(
    committed: Any, server: Server, audio: dict[str, Any], frame: int, total: int
) -> None:
    sent, key = noise(total), ingest_key(committed.northwind)

    async def talk() -> tuple[str, int]:
        async with line(server, committed.northwind, key) as socket:
            await say(socket, start_message(audio=audio))
            ready = await hear(socket, "ready")
            assert ready["ms"] == 0
            for first in range(0, total, frame):
                await say(socket, sent[first : first + frame])
            await say(socket, {"type": "stop"})
            stopped = await hear(socket, "stopped")
            assert await closed(socket) == (1000, "")
            return ready["conversation"], stopped["ms"]

    conversation, safe_ms = asyncio.run(talk())
    assert audio_of(committed.northwind, conversation) == (sent, "stop")
    bytes_per_ms = {"mulaw": 8, "pcm16": 64}[audio["codec"]]
    assert safe_ms == total // bytes_per_ms


def test_a_call_is_announced_with_all_that_is_known_of_it(committed: Any, server: Server) -> None:
    company = committed.northwind
    with company.scope():
        identity_attach(user=company.people["agent"], provider="native", agent_id="7001")
        Customer.objects.create(reference="C-1", name="Old Name", fields={"plan": "basic", "since": 2019})
    start = start_message(
        audio=TWO_SIDES,
        call={
            "id": "abc",
            "direction": "outbound",
            "language": "en-GB",
            "queue": "billing",
            "agent": "7001",
            "customer": {
                "reference": "C-1",
                "name": "Jane Doe",
                "fields": {"plan": "gold", "phone": "+44 20 7946 0958"},
            },
            "metadata": {"card": "4111 1111 1111 1111", "ticket": 123456, "tags": ["a", "jane@example.com"]},
            "carrier": "unknown to us",
        },
    )

    async def talk() -> str:
        async with line(server, company, ingest_key_) as socket:
            await say(socket, start)
            return str((await hear(socket, "ready"))["conversation"])

    ingest_key_ = ingest_key(company)
    conversation_id = asyncio.run(talk())
    with company.scope():
        row = Conversation.objects.select_related("customer").get(pk=conversation_id)
        assert row.state == "announced" and row.direction == "outbound" and row.language == "en-GB"
        assert row.agent == company.people["agent"] and row.queue == company.queue
        assert row.customer.name == "Jane Doe"
        assert row.customer.fields == {"plan": "gold", "since": 2019, "phone": "[PHONE]"}
        assert row.metadata == {
            "card": "[CREDIT_CARD]",
            "ticket": 123456,
            "tags": ["a", "[EMAIL]"],
            "carrier": "unknown to us",
        }
        sides = Participant.objects.order_by("channel_index").values_list("role", "display_name", "user")
        assert list(sides) == [
            ("agent", company.people["agent"].name, company.people["agent"].pk),
            ("customer", "Jane Doe", None),
        ]
        owner = CallOwner.objects.get()
        assert owner.audio_format == TWO_SIDES and owner.head == 1
        assert ConversationEvent.objects.get().kind == "conversation"
        ledger = CallLedger.objects.get()
        assert (ledger.state, ledger.source, ledger.provider_call_id) == ("open", "native", "abc")
    with committed.acme.scope():
        assert not Conversation.objects.exists()
    with sync_redis.Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
        announced = [fields for _entry, fields in redis.xrange(names.CALLS_NEW)]
    assert announced == [{b"schema": b"northwind", b"conversation": conversation_id.encode()}]


def test_an_unknown_agent_is_unmatched_and_a_number_as_reference_is_hidden(
    committed: Any, server: Server
) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)
    calls = [
        {"id": f"c{n}", "agent": "nobody", "queue": "unheard-of", "customer": {"reference": "+442079460958"}}
        for n in range(2)
    ]

    async def talk() -> None:
        for call in calls:
            async with line(server, company, key) as socket:
                await say(socket, start_message(call=call))
                await hear(socket, "ready")

    asyncio.run(talk())
    with company.scope():
        rows = list(Conversation.objects.select_related("customer"))
        assert all(row.is_unmatched and row.provider_agent_id == "nobody" for row in rows)
        assert all(row.queue is None and row.metadata == {"queue": "unheard-of"} for row in rows)
        # The same customer both times, and the number is nowhere.
        assert Customer.objects.get().reference.startswith("hidden-")


def test_acknowledged_is_what_is_stored_cumulatively_and_not_too_often(
    committed: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)
    ack, times = NativeCodec.ack, []

    def timed(codec: NativeCodec, ms: int) -> str:
        # As the server says it: on its way here one may catch up with the one before.
        times.append(time.monotonic())
        return ack(codec, ms)

    monkeypatch.setattr(NativeCodec, "ack", timed)

    async def talk() -> list[tuple[int, int]]:
        heard = []
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            ident = (await hear(socket, "ready"))["conversation"]
            stream = names.redis_key(company.schema, "audio", ident)
            redis = sync_redis.Redis.from_url(settings.REDIS_STREAMS_URL)

            async def send() -> None:
                for _ in range(60):
                    await say(socket, noise(160))
                    await asyncio.sleep(0.02)

            sending = asyncio.create_task(send())
            while not heard or heard[-1][0] < 1200:
                ms = (await hear(socket, "ack"))["ms"]
                heard.append((ms, redis.xlen(stream)))
            await sending
            redis.close()
        return heard

    heard = asyncio.run(talk())
    assert all(ms % 100 == 0 and ms <= stored * 100 for ms, stored in heard)
    assert [ms for ms, _stored in heard] == sorted({ms for ms, _stored in heard})
    assert len(times) >= len(heard) > 1
    assert all(later - sooner > 0.15 for sooner, later in pairwise(times))


@pytest.mark.parametrize("seed", range(4))
def test_broken_lines_lose_and_double_nothing(committed: Any, server: Server, seed: int) -> None:
    company, key, sent = committed.northwind, ingest_key(committed.northwind), noise(80_000)
    generator = random.Random(seed)
    # Anything can be cut: the handshake, the start, audio in the middle of a frame.
    cuts = [generator.choice([generator.randint(50, 900), generator.randint(900, 20_000)]) for _ in range(6)]
    acks: list[int] = []

    async def play() -> Any:
        async with Cutter(server.port, cuts) as cutter:
            client = AudioClient(f"ws://127.0.0.1:{cutter.port}", company.host, key)
            start = {"call": {"id": "cut"}, "audio": ONE_SIDE}
            return await client.play(sent, start, speed=20, on_ack=acks.append)

    played = asyncio.run(play())
    assert played.reconnects >= 4 and played.safe_ms == 10_000
    assert acks == sorted(acks)
    assert audio_of(company, played.conversation) == (sent, "stop")
    with company.scope():
        assert Conversation.objects.count() == 1 and CallLedger.objects.count() == 1


def test_a_second_line_takes_over_and_the_first_is_told(committed: Any, server: Server) -> None:
    company, key, sent = committed.northwind, ingest_key(committed.northwind), noise(8_000)

    async def talk() -> str:
        async with line(server, company, key) as first:
            await say(first, start_message())
            await hear(first, "ready")
            await say(first, sent[:4_000])
            assert (await hear(first, "ack"))["ms"] == 500
            await say(first, sent[4_000:4_300])  # less than a chunk: not stored, not acknowledged
            async with line(server, company, key) as refused:
                await say(refused, start_message())
                assert await closed(refused) == (4409, "call id in use")
            async with line(server, company, key) as second:
                await say(second, start_message(resume=True))
                ready = await hear(second, "ready")
                assert ready["ms"] == 500
                # What the first still says is not stored; it learns so at once, and without saying anything, soon.
                await say(first, noise(800, seed=8))
                assert (await closed(first))[0] == 4411
                await say(second, sent[4_000:])
                await say(second, {"type": "stop"})
                assert (await hear(second, "stopped"))["ms"] == 1000
            return str(ready["conversation"])

    conversation = asyncio.run(talk())
    assert audio_of(company, conversation) == (sent, "stop")
    with company.scope():
        refused = CallLedger.objects.get(state="refused")
        assert (refused.reason, refused.close_code, refused.provider_call_id) == (
            "call_in_use",
            4409,
            "call-1",
        )
        assert CallLedger.objects.get(state="open").close_code is None


def test_a_silent_line_that_was_superseded_is_told(committed: Any, server: Server) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)

    async def talk() -> None:
        async with line(server, company, key) as first, line(server, company, key) as second:
            await say(first, start_message())
            await hear(first, "ready")
            await say(second, start_message(resume=True))
            await hear(second, "ready")
            assert (await closed(first))[0] == 4411

    asyncio.run(talk())


def test_a_call_id_is_used_once_and_a_stop_may_be_asked_for_again(committed: Any, server: Server) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)
    ended = {"again": (4410, "call id used before"), "broken": (4410, "call id used before")}

    async def ask(call_id: str, *, resume: bool) -> tuple[int, str] | str:
        async with line(server, company, key) as socket:
            await say(socket, start_message(call_id, resume=resume))
            if resume and call_id == "again":
                return str((await hear(socket, "stopped"))["type"])
            return await closed(socket)

    async def first(call_id: str) -> None:
        async with line(server, company, key) as socket:
            await say(socket, start_message(call_id))
            await hear(socket, "ready")
            await say(socket, {"type": "stop"})
            await hear(socket, "stopped")

    for call_id in ended:
        asyncio.run(first(call_id))
    # The worker has not closed it yet, or has.
    assert asyncio.run(ask("again", resume=True)) == "stopped"
    with company.scope():
        Conversation.objects.filter(provider_call_id="again").update(state="wrap_up")
        Conversation.objects.filter(provider_call_id="broken").update(state="incomplete")
    assert asyncio.run(ask("again", resume=True)) == "stopped"
    assert asyncio.run(ask("again", resume=False)) == ended["again"]
    assert asyncio.run(ask("broken", resume=True)) == ended["broken"]
    with company.scope():
        assert Conversation.objects.count() == 2


@pytest.mark.parametrize("redis_timeout", [5.0, 0.3])
def test_a_redis_that_stands_still_loses_nothing(committed: Any, redis_timeout: float) -> None:
    company, key, sent = committed.northwind, ingest_key(committed.northwind), noise(32_000)
    with sync_redis.Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
        pid = redis.info("server")["process_id"]
    acks: list[tuple[float, int]] = []
    stopped: list[float] = []
    stopped_at: list[datetime] = []

    async def play(url: str) -> Any:
        client = AudioClient(url, company.host, key)
        loop = asyncio.get_running_loop()

        def pause() -> None:
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, what="Redis to stop")
            stopped.append(time.monotonic())
            stopped_at.append(datetime.now(UTC))
            loop.call_later(1.0, go_on)

        def go_on() -> None:
            stopped.append(time.monotonic())
            os.kill(pid, signal.SIGCONT)

        loop.call_later(0.7, pause)
        start = {"call": {"id": "still"}, "audio": ONE_SIDE}
        return await client.play(sent, start, speed=2, on_ack=lambda ms: acks.append((time.monotonic(), ms)))

    try:
        # With the short time-out answers are lost whose work is done once Redis goes on: it must not be done twice.
        with server_running(redis_timeout=redis_timeout) as server:
            played = asyncio.run(play(server.url))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert played.reconnects == 0 and played.safe_ms == 4_000
    assert audio_of(company, played.conversation) == (sent, "stop")
    # Nothing was acknowledged while it stood still, but for what had been heard before and was on its way.
    with company.scope():
        chunks = chunks_of(company.schema, played.conversation)
    heard_before = 100 * sum(bool(chunk.payload) and chunk.received_at <= stopped_at[0] for chunk in chunks)
    assert max([ms for at, ms in acks if stopped[0] < at < stopped[1]], default=0) <= heard_before < 4_000


def test_a_line_that_breaks_leaves_its_call_open_and_says_so(committed: Any, server: Server) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)
    redis = sync_redis.Redis.from_url(settings.REDIS_STREAMS_URL)

    async def talk() -> str:
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            ident = str((await hear(socket, "ready"))["conversation"])
            assert redis.exists(names.redis_key(company.schema, "alive", ident))
            await say(socket, noise(1_700))
            await hear(socket, "ack")
            socket.transport.abort()
        return ident

    conversation = asyncio.run(talk())
    alive = names.redis_key(company.schema, "alive", conversation)
    wait_for(lambda: not redis.exists(alive), what="the end of a broken line")
    redis.close()
    audio, end = audio_of(company, conversation)
    assert (len(audio), end) == (1_600, "")
    with company.scope():
        ledger = CallLedger.objects.get()
        assert (ledger.state, ledger.reason, ledger.close_code) == ("open", "line_broken", 1006)


def test_a_key_of_another_company_is_worth_nothing(committed: Any, server: Server) -> None:
    key = ingest_key(committed.acme)

    async def play() -> None:
        client = AudioClient(server.url, committed.northwind.host, key)
        await client.play(noise(800), {"call": {"id": "x"}, "audio": ONE_SIDE}, speed=math.inf)

    with pytest.raises(IngestRefused) as refusal:
        asyncio.run(play())
    assert refusal.value.code == 4401
    for company in (committed.northwind, committed.acme):
        with company.scope():
            assert not Conversation.objects.exists()


def test_lost_chunks_are_asked_for_again(committed: Any, server: Server) -> None:
    """Redis came back without what it had confirmed: the client sends it again."""
    company, key, sent = committed.northwind, ingest_key(committed.northwind), noise(24_000)

    async def play() -> Any:
        client = AudioClient(server.url, company.host, key)
        lost = False

        def lose(ms: int) -> None:
            nonlocal lost
            if ms >= 1_000 and not lost:
                lost = True
                with sync_redis.Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
                    (stream,) = redis.keys(names.redis_key(company.schema, "audio", "x")[:-1] + "*")
                    redis.delete(stream)

        start = {"call": {"id": "lost"}, "audio": ONE_SIDE}
        return await client.play(sent, start, speed=3, on_ack=lose)

    played = asyncio.run(play())
    assert played.closes == [4503]
    assert audio_of(company, played.conversation) == (sent, "stop")
    assert played.safe_ms == 3_000


def test_a_cancellation_that_gets_lost_holds_up_no_line(
    committed: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As redis-py loses it, sending by `asyncio.wait_for`: the task is cancelled and knows nothing of it."""
    company, key = committed.northwind, ingest_key(committed.northwind)
    touch, within, lost = server.app.buffer.line_touch, threading.Event(), []

    async def touch_deaf(*args: Any) -> bool:
        within.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost.append(True)
        return await touch(*args)

    monkeypatch.setattr(carrier, "PULSE_SECONDS", 0.01)
    monkeypatch.setattr(server.app.buffer, "line_touch", touch_deaf)

    async def talk() -> None:
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            await hear(socket, "ready")
            await say(socket, noise(800))
            await hear(socket, "ack")
            assert await asyncio.to_thread(within.wait, 30)  # now the pulse is within Redis
            await say(socket, {"type": "stop"})
            await hear(socket, "stopped", seconds=20)

    asyncio.run(talk())
    assert lost == [True]
