"""Five9 MediaStream against a real gRPC client: two legs make one call; hold, transfer, and what is refused."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
from django.conf import settings
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.models import TelephonyIdentity
from conversations.live.buffer import AudioBuffer
from conversations.live.hearing import Limits
from conversations.models import CallLedger, CallPhase, Conversation
from integrations.services import connection_create
from integrations.telephony.carried import CarriedCall
from integrations.telephony.five9 import gateway, voice_pb2
from integrations.telephony.five9.gateway import METHOD, SERVICE, Five9Gateway
from integrations.telephony.joining import JoinedCall
from tenants.scope import TenantThreads, schema_scope
from tests.ingest_lines import audio_of

wire: Any = voice_pb2
Status, Config = wire.StreamingStatus, wire.StreamingConfig
TOKEN = "a trust token of thirty characters"
LIMITS = Limits(start=60.0, idle=60.0, call=600.0, message_bytes=1 << 18)
# What is waited for comes at once, or late on a machine that is busy.
SECONDS = 60.0


def config(leg: int, **changes: Any) -> Any:
    fields = {
        "voice_config": wire.VoiceConfig(encoding=wire.VoiceConfig.LINEAR16, sample_rate_hertz=8000),
        "vcc_call_id": "F9-1",
        "domain_id": "131096",
        "campaign_id": "300000",
        "agent_id": "agent-7",
        "call_leg": leg,
        "trust_token": TOKEN,
        **changes,
    }
    return wire.StreamingVoiceRequest(streaming_config=Config(**fields))


def said(pcm: bytes, at_ms: int) -> Any:
    stamp = Timestamp()
    stamp.FromMilliseconds(at_ms)
    return wire.StreamingVoiceRequest(audio_content=pcm, send_time=stamp)


def status(code: int) -> Any:
    return wire.StreamingVoiceRequest(streaming_status=Status(code=code))


def tone(ms: int, value: int) -> bytes:
    return np.full(ms * 8, value, dtype="<i2").tobytes()


class Leg:
    """One stream, as Five9 opens it."""

    def __init__(self, channel: Any) -> None:
        self.call = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=wire.StreamingVoiceRequest.SerializeToString,
            response_deserializer=wire.StreamingVoiceResponse.FromString,
        )()

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await self.call.write(message)

    async def hear(self) -> int:
        async with asyncio.timeout(SECONDS):
            answer = await self.call.read()
            return -1 if answer is grpc.aio.EOF else answer.status.code

    async def begin(self, *, leg: int, **changes: Any) -> Leg:
        await self.say(config(leg, **changes))
        assert await self.hear() == Status.SRV_REQ_START_STREAMING
        return self


@asynccontextmanager
async def gateway_running(limits: Limits = LIMITS) -> AsyncIterator[Any]:
    """The service on a free port, and a channel to it."""
    threads = TenantThreads(4, "five9-test")
    redis = Redis.from_url(settings.REDIS_STREAMS_URL)
    running = Five9Gateway(buffer=AudioBuffer(redis), threads=threads, limits=limits)
    server = running.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            yield channel
        finally:
            await server.stop(grace=0)
            await running.close()
            await redis.aclose()
            await asyncio.to_thread(threads.close)


def connection_for(company: Any, secret: str = TOKEN) -> None:
    with company.scope():
        connection_create(provider="five9", name="Five9", secret=secret, settings={"domain_id": "131096"})


def run(work: Callable[[Any], Awaitable[None]], limits: Limits = LIMITS) -> None:
    async def all_of_it() -> None:
        async with gateway_running(limits) as channel:
            await work(channel)

    asyncio.run(all_of_it())


async def until(schema: str, condition: Callable[[], Any]) -> Any:
    def look() -> Any:
        from django.db import connection

        try:
            with schema_scope(schema):
                return condition()
        finally:
            connection.close()

    deadline = time.monotonic() + SECONDS
    while not (found := await asyncio.to_thread(look)):
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)
    return found


AGENT, CUSTOMER, SUPERVISOR = Config.AGENT, Config.CUSTOMER, Config.SUPERVISOR
SIDES = {AGENT: 0, CUSTOMER: 1}
Heard = Callable[[int, int], Awaitable[None]]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Waits until so many pieces of sound of a leg were heard: nothing answers sound, by which a leg could tell."""
    counted: Counter[int] = Counter()
    news = asyncio.Condition()
    hear = JoinedCall.hear

    async def counting(self: JoinedCall, side: int, pcm: bytes, sent_ns: int | None) -> None:
        await hear(self, side, pcm, sent_ns)
        async with news:
            counted[side] += 1
            news.notify_all()

    monkeypatch.setattr(JoinedCall, "hear", counting)

    async def wait(leg: int, count: int) -> None:
        async with asyncio.timeout(SECONDS), news:
            await news.wait_for(lambda: counted[SIDES[leg]] >= count)

    return wait


def frames_of(company: Any, number: str = "F9-1") -> tuple[np.ndarray, str]:
    with company.scope():
        ident = Conversation.objects.get(provider_call_id=number).pk
    sound, reason = audio_of(company, ident)
    return np.frombuffer(sound, dtype="<i2").reshape(-1, 2), reason


def test_two_legs_make_one_call(committed: Any, heard: Heard) -> None:
    company = committed.northwind
    connection_for(company)
    with company.scope():
        TelephonyIdentity.objects.create(user=company.people["agent"], provider="five9", agent_id="agent-7")
    base = 1_800_000_000_000  # a clock that is years ahead of ours

    async def talk(channel: Any) -> None:
        agent = await Leg(channel).begin(leg=AGENT)
        await agent.say(*(said(tone(100, 5), base + 100 * n) for n in range(1, 6)))
        await heard(AGENT, 5)
        customer = await Leg(channel).begin(leg=CUSTOMER)
        both = range(6, 21)
        for n in both:
            await agent.say(said(tone(100, 5), base + 100 * n))
            await customer.say(said(tone(100, 9), base + 100 * n))
            # Streams are served side by side: one that is served a second later is behind, and not waited for.
            await heard(AGENT, n)
            await heard(CUSTOMER, n - 5)
        await agent.say(status(Status.CLT_CALL_ENDED))
        await customer.say(status(Status.CLT_CALL_ENDED))
        assert await agent.hear() == -1 and await customer.hear() == -1
        await until(company.schema, lambda: CallPhase.objects.filter(phase="ended").first())

    run(talk)
    frames, reason = frames_of(company)
    assert reason == "stop"
    start = int(np.argmax(frames[:, 0] == 5))
    # How long it took from its announcement to its first sound is how busy the machine was.
    assert start < 8_000 * SECONDS, "the call begins with its first leg"
    assert (frames[start : start + 16_000, 0] == 5).all(), "two seconds of agent without a hole"
    second = int(np.argmax(frames[:, 1] == 9))
    assert second - start == pytest.approx(8 * 500, abs=8 * 10), "the customer is where their clock says"
    assert (frames[second : second + 12_000, 1] == 9).all()
    with company.scope():
        call = Conversation.objects.get()
        assert (call.provider, call.agent, call.provider_agent_id) == (
            "five9",
            company.people["agent"],
            "agent-7",
        )
        assert call.metadata["campaignId"] == "300000"


def test_hold_and_the_next_agent_are_told(committed: Any) -> None:
    company = committed.northwind
    connection_for(company)

    async def talk(channel: Any) -> None:
        leg = await Leg(channel).begin(leg=CUSTOMER)
        await leg.say(said(tone(200, 1), 200), status(Status.CLT_CALL_HOLD))
        await until(company.schema, lambda: CallPhase.objects.filter(phase="hold").first())
        await leg.say(status(Status.CLT_CALL_RESUME))
        await until(company.schema, lambda: CallPhase.objects.count() >= 3)
        other = await Leg(channel).begin(leg=AGENT, agent_id="agent-8")
        await until(company.schema, lambda: Conversation.objects.filter(provider_agent_id="agent-8").first())
        await leg.say(status(Status.CLT_CALL_ENDED))
        await other.say(status(Status.CLT_DISCONNECT))
        await until(company.schema, lambda: CallPhase.objects.filter(phase="ended").first())

    run(talk)
    with company.scope():
        phases = list(CallPhase.objects.order_by("at").values_list("phase", flat=True))
        assert phases[:4] == ["connected", "hold", "connected", "connected"] and phases[-1] == "ended"
        assert Conversation.objects.count() == 1


def test_a_leg_that_breaks_may_come_back(
    committed: Any, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "LAST_WORD_SECONDS", SECONDS)
    company = committed.northwind
    connection_for(company)

    async def talk(channel: Any) -> None:
        first = await Leg(channel).begin(leg=CUSTOMER)
        await first.say(*(said(tone(100, 3), 100 * n) for n in range(1, 11)))
        await heard(CUSTOMER, 10)
        first.call.cancel()
        second = await Leg(channel).begin(leg=CUSTOMER)
        await second.say(*(said(tone(100, 4), 100 * n) for n in range(11, 16)))
        await second.say(status(Status.CLT_CALL_ENDED))
        await until(company.schema, lambda: CallPhase.objects.filter(phase="ended").first())

    run(talk)
    frames, reason = frames_of(company)
    assert reason == "stop" and (frames[:, 1] == 4).sum() == 4_000
    assert (frames[:, 1] == 3).sum() >= 8 * 600, "what came before the break is kept"


def test_what_is_refused(committed: Any) -> None:
    company = committed.northwind
    connection_for(company)
    connection_for(committed.acme, "another token")
    mulaw = wire.VoiceConfig(encoding=wire.VoiceConfig.MULAW, sample_rate_hertz=8000)

    async def talk(channel: Any) -> None:
        for message, answer in (
            (config(AGENT, trust_token="wrong"), Status.SRV_ERROR_GENERIC),
            (config(AGENT, trust_token=""), Status.SRV_ERROR_GENERIC),
            (config(AGENT, domain_id="none"), Status.SRV_ERROR_GENERIC),
            (config(AGENT, domain_id=""), Status.SRV_ERROR_GENERIC),
            (config(AGENT, vcc_call_id=""), Status.SRV_ERROR_GENERIC),
            (config(AGENT, vcc_call_id="a b"), Status.SRV_ERROR_GENERIC),
            (config(AGENT, voice_config=mulaw), Status.SRV_ERROR_GENERIC),
            (config(SUPERVISOR), Status.SRV_REQ_DISCONNECT),
            (said(b"\0\0", 1), Status.SRV_ERROR_GENERIC),
            (status(Status.CLT_CALL_HOLD), Status.SRV_ERROR_GENERIC),
        ):
            leg = Leg(channel)
            await leg.say(message)
            assert await leg.hear() == answer
            assert await leg.hear() == -1
        silent = Leg(channel)
        await silent.call.done_writing()
        assert await silent.hear() == Status.SRV_ERROR_GENERIC

    run(talk)
    for each in (company, committed.acme):
        with each.scope():
            assert not Conversation.objects.exists() and not CallLedger.objects.exists()


def test_a_leg_that_goes_wrong_ends_alone(committed: Any) -> None:
    company = committed.northwind
    connection_for(company)

    async def talk(channel: Any) -> None:
        odd = await Leg(channel).begin(leg=AGENT)
        good = await Leg(channel).begin(leg=CUSTOMER)
        await odd.say(said(b"\0\0\0", 100))
        assert await odd.hear() == Status.SRV_ERROR_GENERIC
        twice = await Leg(channel).begin(leg=AGENT)
        await twice.say(config(AGENT))
        assert await twice.hear() == Status.SRV_ERROR_GENERIC
        idle = await Leg(channel).begin(leg=AGENT)
        await good.say(*(said(tone(100, 6), 100 * n) for n in range(1, 6)), status(Status.CLT_CALL_ENDED))
        await idle.call.done_writing()
        await until(company.schema, lambda: CallPhase.objects.filter(phase="ended").first())

    run(talk)
    frames, reason = frames_of(company)
    assert reason == "stop" and (frames[:, 1] == 6).sum() == 4_000 and not frames[:, 0].any()


def test_calls_without_their_legs_are_let_go(committed: Any) -> None:
    """The live worker ends such a call when nobody comes back, as any whose line broke."""
    company = committed.northwind
    connection_for(company)

    async def talk(channel: Any) -> None:
        leg = await Leg(channel).begin(leg=CUSTOMER)
        await leg.say(*(said(tone(100, 6), 100 * n) for n in range(1, 6)), status(Status.CLT_DISCONNECT))
        assert await leg.hear() == -1
        await until(company.schema, lambda: CallLedger.objects.filter(close_code__isnull=False).first())

    run(talk)
    frames, reason = frames_of(company)
    assert reason == "" and (frames[:, 1] == 6).sum() >= 8 * 400


def test_a_leg_that_says_nothing_is_closed_unless_it_is_on_hold(committed: Any) -> None:
    company = committed.northwind
    connection_for(company)

    async def talk(channel: Any) -> None:
        silent = await Leg(channel).begin(leg=CUSTOMER)
        assert await silent.hear() == Status.SRV_ERROR_TIMEOUT
        assert await silent.hear() == -1
        held = Leg(channel)
        await held.say(config(CUSTOMER, vcc_call_id="F9-2"), status(Status.CLT_CALL_HOLD))
        assert await held.hear() == Status.SRV_REQ_START_STREAMING
        with pytest.raises(TimeoutError):  # three times as long as it may be silent
            async with asyncio.timeout(3 * limits.idle):
                await held.call.read()

    limits = replace(LIMITS, idle=0.5)
    run(talk, limits)
    with company.scope():
        assert CallPhase.objects.filter(conversation__provider_call_id="F9-2", phase="hold").exists()


def test_a_call_whose_end_cannot_be_stored_holds_up_nothing(
    committed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = committed.northwind
    connection_for(company)
    tried: list[CarriedCall] = []

    async def away(self: CarriedCall) -> None:
        tried.append(self)
        raise RedisConnectionError

    monkeypatch.setattr(CarriedCall, "stop", away)

    async def talk(channel: Any) -> None:
        leg = await Leg(channel).begin(leg=CUSTOMER)
        await leg.say(said(tone(100, 6), 100), status(Status.CLT_CALL_ENDED))
        assert await leg.hear() == -1
        # What Five9 said is told all the same.
        await until(company.schema, lambda: CallPhase.objects.filter(phase="ended").first())
        await Leg(channel).begin(leg=CUSTOMER, vcc_call_id="F9-2")

    run(talk)
    assert len(tried) == 1
