"""Vendors' lines through a real server: what is stored, what is refused, and that nobody else is disturbed."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from accounts.services import identity_attach
from conversations.live.buffer import AudioBuffer
from conversations.live.wire import (
    Action,
    Admission,
    Audio,
    CallAudio,
    CallStart,
    CloseCode,
    Gap,
    KeepAlive,
    LineCodec,
    LineRequest,
    LineVendor,
    Reply,
    Several,
    Start,
    Stop,
)
from conversations.models import CallLedger, CallOwner, Conversation
from engines.speech.audio import AudioFormat
from integrations.connections import connection_of
from integrations.models import AttributeMapping
from integrations.services import connection_create, connection_secret_set
from integrations.telephony.jambonz.vendor import JambonzVendor
from integrations.telephony.native.vendor import NativeVendor
from integrations.telephony.twilio.client import TwilioSender
from integrations.telephony.twilio.vendor import TwilioVendor
from tenants import keys
from tests.ingest_lines import Server, audio_of, closed, ingest_key, server_running
from tests.live_calls import wait_for
from tests.telephony.identities import stored
from tests.test_ingest_refusals import with_bystander

TOKEN, ACCOUNT = "12345", "AC" + "0" * 32
VENDORS = (NativeVendor(), TwilioVendor(), JambonzVendor())
# What a test does not measure may take its time on a machine that is busy.
SECONDS = 60.0


@pytest.fixture
def server(committed: Any) -> Iterator[Server]:
    with server_running(vendors=VENDORS, start=SECONDS, idle=SECONDS) as running:
        yield running


def twilio(company: Any, **more: Any) -> Any:
    with company.scope():
        return connection_create(
            provider="twilio", name="Twilio", secret=TOKEN, settings={"account_sid": ACCOUNT, **more}
        )[0]


def sender(server: Server, company: Any, connection: Any, token: str = TOKEN, **more: Any) -> TwilioSender:
    return TwilioSender(
        server.url, company.host, str(connection.pk), token, public_url=settings.INGEST_URL, **more
    )


def call_of(company: Any, number: str = "CA1") -> Conversation:
    with company.scope():
        return Conversation.objects.select_related("customer").get(provider_call_id=number)


def test_a_call_of_both_tracks_with_its_agent(committed: Any, server: Server) -> None:
    company = committed.northwind
    connection = twilio(company)
    with company.scope():
        identity_attach(user=company.people["agent"], provider="twilio", agent_id="7001")
        AttributeMapping.objects.create(
            connection=connection, source="customParameters.line", target="metadata.trunk"
        )
    frames = {
        track: [random.Random(f"{track}{n}").randbytes(160) for n in range(25)]
        for track in ("inbound", "outbound")
    }

    async def talk() -> int:
        line = await sender(server, company, connection).open("CA1")
        parameters = {"agent": "7001", "customer": "C-7", "customerName": "Ann", "line": "east", "shoe": "42"}
        line.start(ACCOUNT, parameters=parameters)
        for number in range(25):
            for track in ("inbound", "outbound"):
                line.media(track, 20 * number, frames[track][number])
        line.stop(ACCOUNT)
        return (await line.closed()).close_code

    assert asyncio.run(talk()) == 1000
    row = call_of(company)
    audio, end = audio_of(company, row.pk)
    assert end == "stop"
    assert audio[::2] == b"".join(frames["inbound"]) and audio[1::2] == b"".join(frames["outbound"])
    with company.scope():
        assert row.agent == company.people["agent"] and row.provider == "twilio"
        assert row.customer is not None and (row.customer.reference, row.customer.name) == ("C-7", "Ann")
        assert row.metadata["trunk"] == "east" and row.metadata["customParameters"] == {"shoe": "42"}
        assert ACCOUNT not in row.identifiers.values_list("value", flat=True)
        assert list(row.participants.order_by("channel_index").values_list("role", flat=True)) == [
            "customer",
            "agent",
        ]
        connection.refresh_from_db()
        assert connection.last_seen_at is not None


def test_an_outbound_leg_has_the_agent_coming_in_and_both_tokens_are_good_during_a_change(
    committed: Any, server: Server
) -> None:
    company = committed.northwind
    connection = twilio(company, inbound="agent")
    with company.scope():
        connection_secret_set(connection=connection, secret="another")

    async def talk(token: str, call_sid: str) -> int:
        line = await sender(server, company, connection, token).open(call_sid)
        line.start(ACCOUNT)
        line.stop(ACCOUNT)
        return (await line.closed()).close_code

    assert asyncio.run(talk(TOKEN, "CA1")) == 1000
    assert asyncio.run(talk("another", "CA2")) == 1000
    with company.scope():
        owner = CallOwner.objects.get(pk=call_of(company).pk)
        assert owner.audio_format["roles"] == ["agent", "customer"]


def test_a_gap_keeps_the_clock_and_is_told_with_its_cause(committed: Any, server: Server) -> None:
    company = committed.northwind
    connection = twilio(company)

    async def talk() -> None:
        line = await sender(server, company, connection).open("CA1")
        line.start(ACCOUNT, ("inbound",))
        line.media("inbound", 0, b"\x01" * 160)
        line.media("inbound", 1020, b"\x02" * 160)
        line.stop(ACCOUNT)
        await line.closed()

    asyncio.run(talk())
    row = call_of(company)
    audio, _end = audio_of(company, row.pk)
    assert audio == b"\x01" * 160 + b"\xff" * 8000 + b"\x02" * 160
    assert marks_of(company, row.pk) == [
        {"kind": "gap", "at_ms": 20, "channel": 0, "from_ms": 20, "to_ms": 1020, "cause": "line gap"}
    ]


def marks_of(company: Any, ident: Any) -> list[dict[str, Any]]:
    with company.scope():
        owner = CallOwner.objects.get(pk=ident)
        key = keys.unwrap(
            company.schema, bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{ident}"
        )

    async def read() -> list[dict[str, Any]]:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            return (await AudioBuffer(redis).marks(company.schema, ident, key))[0]

    return asyncio.run(read())


def bad_line(case: str, line: Any) -> None:
    """What the other side does wrong once it is connected."""
    if case == "unknown account":
        line.start("AC" + "9" * 32)
    elif case == "codec not offered":
        line.start(ACCOUNT, mediaFormat={"encoding": "audio/opus", "sampleRate": 8000, "channels": 1})
    elif case == "media before start":
        line.media("inbound", 0, b"\x01" * 160)
    else:
        line.start(ACCOUNT, ("inbound",))
        line.media("inbound", 0, b"\x01" * 160)
        if case == "out of order":
            line._sequence = 0
            line.media("inbound", 20, b"\x01" * 160)
        elif case == "clock jumps ahead":
            line.media("inbound", 60_000, b"\x01" * 160)
        elif case == "clock jumps by hours":
            line.media("inbound", 9_000_000, b"\x01" * 160)
        elif case == "ten times too fast":
            for number in range(1, 1000):
                line.media("inbound", 20 * number, b"\x01" * 160)
        elif case == "a long message":
            line.say({"event": "x" * 70_000})


BAD = {
    "unknown account": CloseCode.UNKNOWN_ACCOUNT,
    "codec not offered": CloseCode.UNKNOWN_FORMAT,
    "media before start": CloseCode.AUDIO_BEFORE_START,
    "out of order": CloseCode.OUT_OF_ORDER,
    "clock jumps ahead": CloseCode.CLOCK_JUMP,
    "clock jumps by hours": CloseCode.CLOCK_JUMP,
    "ten times too fast": CloseCode.TOO_FAST,
    "a long message": CloseCode.MESSAGE_TOO_BIG,
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_has_a_code_and_a_ledger_row_and_disturbs_nobody(
    committed: Any, server: Server, case: str
) -> None:
    company, code = committed.northwind, BAD[case]
    connection = twilio(company)

    async def talk() -> tuple[int, str]:
        line = await sender(server, company, connection).open("CA1")
        bad_line(case, line)
        sent = await line.closed()
        return sent.close_code, sent.close_reason

    told = with_bystander(server, company, ingest_key(company), talk())
    assert told[0] == code and told[1]
    with company.scope():
        row = CallLedger.objects.get(source="twilio")
        assert (row.reason, row.close_code) == (code.slug, code)


@pytest.mark.parametrize("case", ["no signature", "wrong token", "other address", "no such connection"])
def test_strangers(committed: Any, server: Server, case: str) -> None:
    company = committed.northwind
    connection = twilio(company)
    good = sender(server, company, connection, "wrong" if case == "wrong token" else TOKEN)
    code = CloseCode.BAD_SIGNATURE
    if case == "no signature":
        good.signature, code = "", CloseCode.NO_KEY
    elif case == "other address":
        good.path += "/"  # signed without
    elif case == "no such connection":
        good.path, code = "/ingest/twilio/nobody", CloseCode.UNKNOWN_ACCOUNT

    async def talk() -> int:
        line = await good.open("CA1")
        line.start(ACCOUNT)
        return (await line.closed()).close_code

    assert with_bystander(server, company, ingest_key(company), talk()) == code
    asyncio.run(talk())
    with company.scope():  # once a minute is enough to see that somebody tries
        assert [row.close_code for row in CallLedger.objects.filter(state="refused")] == [code]


def test_a_flood_of_tiny_messages_is_slowed_and_disturbs_nobody(committed: Any, server: Server) -> None:
    company = committed.northwind
    connection = twilio(company)

    async def flood() -> float:
        line = await sender(server, company, connection).open("CA1")
        line.start(ACCOUNT, ("inbound",))
        began = time.monotonic()
        for _ in range(4000):
            line.media("inbound", 0, b"")
        line.stop(ACCOUNT)
        assert (await line.closed()).close_code == 1000
        return time.monotonic() - began

    # Five hundred in a tenth of a second: four thousand take more than half a second.
    assert with_bystander(server, company, ingest_key(company), flood()) > 0.5


# --- jambonz --------------------------------------------------------------------------------------------


def jambonz_line(server: Server, company: Any, connection: Any, secret: str) -> connect:
    basic = base64.b64encode(f"cresta:{secret}".encode()).decode()
    return connect(
        f"ws://{company.host}:{server.port}/ingest/jambonz/{connection.pk}",
        host="127.0.0.1",
        port=server.port,
        additional_headers={"Authorization": f"Basic {basic}"},
        subprotocols=["audio.jambonz.org"],  # type: ignore[list-item]
        compression=None,
        proxy=None,
    )


def ended(company: Any) -> bool:
    with company.scope():
        row = Conversation.objects.filter(provider_call_id="CA1").first()
    return row is not None and audio_of(company, row.pk)[1] == "stop"


def test_jambonz(committed: Any, server: Server) -> None:
    company = committed.northwind
    with company.scope():
        connection, secret = connection_create(provider="jambonz", name="SBC")
    pcm = random.Random(1).randbytes(4 * 8 * 250)

    async def talk(password: str) -> int:
        async with jambonz_line(server, company, connection, password) as socket:
            assert socket.subprotocol == "audio.jambonz.org"
            await socket.send(
                json.dumps({"callSid": "CA1", "mixType": "stereo", "metadata": {"agent": "a1"}})
            )
            if password != secret:
                return (await closed(socket))[0]
            for first in range(0, len(pcm), 333):
                await socket.send(pcm[first : first + 333])
        return 1000

    assert asyncio.run(talk("guessed")) == CloseCode.NO_KEY
    assert asyncio.run(talk(secret)) == 1000
    # Closing the line is how a call ends here; the server hears of it afterwards.
    wait_for(lambda: ended(company), what="the end of the call")
    assert audio_of(company, call_of(company).pk) == (pcm, "stop")
    assert call_of(company).provider_agent_id == "a1"


# --- What the core promises to any vendor ---------------------------------------------------------------


class EarlyCodec(LineCodec):
    """A protocol that wants its answer within a second, whatever else is slow."""

    source = "early"
    call_id = ""

    def text(self, message: str) -> Action:
        kind, _space, ident = message.partition(" ")
        if kind == "open":
            audio = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=1), ("customer",))
            self.call_id = ident
            return Start(CallStart(id=ident), audio, resume=False, early="opened")
        if message == "ping":
            return Reply("pong")
        if message == "hold":
            return Several((KeepAlive(), KeepAlive()))
        if message == "lost":
            return Gap(300, "discarded")
        return Stop()

    def binary(self, message: bytes) -> Action:
        return Audio(message)

    def ready(self, conversation_id: Any, ms: int) -> None:
        return None

    def ack(self, ms: int) -> None:
        return None

    def stopped(self, ms: int) -> str:
        return "closed"

    def refused(self, code: CloseCode, reason: str) -> str:
        return f"disconnect {code.slug}"


class EarlyVendor(LineVendor):
    source = "early"
    prefix = "/ingest/early/"

    def __init__(self, slow: float = 0.0) -> None:
        self.slow = slow

    def codec(self, request: LineRequest) -> EarlyCodec:
        return EarlyCodec()

    def admit(self, request: LineRequest) -> Admission:
        time.sleep(self.slow)
        connection_of("genesys", request)
        return Admission()


def early_line(server: Server, company: Any, ident: object) -> connect:
    return connect(
        f"ws://{company.host}:{server.port}/ingest/early/{ident}",
        host="127.0.0.1",
        port=server.port,
        compression=None,
        proxy=None,
    )


def test_an_answer_within_a_second_while_the_database_hangs(committed: Any) -> None:
    company = committed.northwind
    with company.scope():
        connection, _secret = connection_create(provider="genesys", name="slow")
    pcm = random.Random(2).randbytes(8 * 1500)

    async def talk(server: Server, ident: str) -> tuple[float, float]:
        async with early_line(server, company, connection.pk) as socket:
            began = time.monotonic()
            await socket.send(f"open {ident}")
            assert await socket.recv() == "opened"
            opened = time.monotonic() - began
            await socket.send(pcm[:8000])
            await socket.send("ping")
            assert await socket.recv() == "pong"
            ponged = time.monotonic() - began
            for message in ("hold", "lost", pcm[8000:], "stop"):
                await socket.send(message)
            assert await socket.recv() == "closed"
        return opened, ponged

    with server_running(vendors=(EarlyVendor(slow=3.0),)) as server:
        for ident in ("CA3", "CA2", "CA1"):
            opened, ponged = asyncio.run(talk(server, ident))
            # How late a busy machine gives this test its turn is not how late we answer.
            if opened < 1.0 and ponged < 1.2:
                break
    assert opened < 1.0 and ponged < 1.2
    row = call_of(company, ident)
    assert audio_of(company, row.pk) == (pcm[:8000] + b"\xff" * 2400 + pcm[8000:], "stop")
    assert marks_of(company, row.pk)[0]["cause"] == "discarded"


def test_a_refusal_is_said_in_the_vendors_own_words(committed: Any) -> None:
    async def talk(server: Server) -> tuple[Any, int]:
        async with early_line(server, committed.northwind, "nobody") as socket:
            await socket.send("open CA1")
            said = await socket.recv()
            return said, (await closed(socket))[0]

    with server_running(vendors=(EarlyVendor(),)) as server:
        said, code = asyncio.run(talk(server))
    assert code == CloseCode.UNKNOWN_ACCOUNT and said in {"opened", "disconnect unknown_account"}


def test_a_line_that_comes_back_finds_silence_where_it_was_away(committed: Any, server: Server) -> None:
    company = committed.northwind
    connection = twilio(company)

    async def talk() -> tuple[float, float]:
        """The least and the most that can have passed between the two starts, in milliseconds."""
        first = time.monotonic()
        line = await sender(server, company, connection).open("CA1")
        line.start(ACCOUNT, ("inbound",))
        for number in range(10):
            line.media("inbound", 20 * number, b"\x01" * 160)
        await stored(company, "CA1", 1600)
        known = time.monotonic()
        assert line.transport is not None
        line.transport.abort()
        await asyncio.sleep(1.2)
        back = time.monotonic()
        again = await sender(server, company, connection).open("CA1")
        again.start(ACCOUNT, ("inbound",))
        for number in range(10):
            again.media("inbound", 20 * number, b"\x02" * 160)
        again.stop(ACCOUNT)
        await again.closed()
        return 1000 * (back - known), 1000 * (time.monotonic() - first)

    least, most = asyncio.run(talk())
    row = call_of(company)
    audio, end = audio_of(company, row.pk)
    assert end == "stop" and audio.startswith(b"\x01" * 1600) and audio.endswith(b"\x02" * 1600)
    away = audio[1600:-1600]
    # To the chunk of 100 ms; 200 ms of the time were heard.
    assert set(away) == {0xFF} and max(800, least - 300) <= len(away) / 8 <= most - 200
    (mark,) = marks_of(company, row.pk)
    assert (mark["from_ms"], mark["to_ms"], mark["cause"]) == (200, 200 + len(away) // 8, "line away")
