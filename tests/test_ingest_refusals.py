"""Bad input to the way in: each has its close code and reason, a row in the ledger, and disturbs nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from conversations.live.wire import CloseCode
from conversations.models import CallLedger, Conversation
from cresta_app.stack.services import free_port
from integrations.telephony.native.client import AudioClient
from tests.ingest_lines import (
    Cutter,
    Server,
    audio_of,
    closed,
    hear,
    ingest_key,
    knock,
    line,
    say,
    server_running,
    start_message,
)
from tests.live_calls import ROOT, process_environment, wait_for

AUDIO = b"\xff" * 800
STOP = {"type": "stop"}
KEEP_ALIVE = {"type": "keepalive"}


@pytest.fixture
def server(committed: Any) -> Iterator[Server]:
    # A busy machine may take seconds over what is asked for at once; each limit is reached by what brings it about.
    with server_running(start=30.0, idle=30.0, call=30.0) as running:
        yield running


def audio_field(**changes: Any) -> dict[str, Any]:
    return start_message()["audio"] | changes


def call_field(**changes: Any) -> dict[str, Any]:
    return {"id": "call-1"} | changes


# What is sent before any call exists; the code and a part of the reason that must come back.
REFUSED: dict[str, tuple[list[object], int, str]] = {
    "text that is no JSON": (["hello"], 4400, "must be JSON"),
    "JSON that is no object": (["[1]"], 4400, "JSON object"),
    "JSON nested without end": (["[" * 100_000], 4400, "must be JSON"),
    "a number JSON does not have": (['{"type": "start", "version": NaN}'], 4400, "must be JSON"),
    "another message first": ([STOP], 4400, "first message must be start"),
    "audio before start": ([AUDIO], 4412, "start must come before audio"),
    "no version": ([start_message(version=None)], 4406, "version must be 1"),
    "an unknown version": ([start_message(version=2)], 4406, "version must be 1"),
    "a version that only looks like one": ([start_message(version=True)], 4406, "version must be 1"),
    "no metadata": ([start_message(call=None)], 4422, "call is required"),
    "no call id": ([start_message(call={"agent": "7001"})], 4422, "call.id: required"),
    "a call id with spaces": ([start_message(call={"id": "a b"})], 4422, "call.id"),
    "an agent that is no text": ([start_message(call=call_field(agent=7))], 4422, "call.agent"),
    "a null character": ([start_message(call=call_field(agent="a\0"))], 4422, "call.agent"),
    "too much metadata": (
        [start_message(call=call_field(metadata={str(n): "x" * 400 for n in range(60)}))],
        4422,
        "call.metadata: Value error, holds more than 8192 bytes",
    ),
    "metadata nested too deep": (
        [start_message(call=call_field(metadata={"a": {"b": {"c": {"d": {"e": 1}}}}}))],
        4422,
        "nested",
    ),
    "a resume that is no yes or no": ([start_message(resume="yes")], 4422, "resume"),
    "no audio": ([start_message(audio=None)], 4422, "audio is required"),
    "a wrong codec": ([start_message(audio=audio_field(codec="opus"))], 4415, "pcm16 or mulaw"),
    "a wrong rate": ([start_message(audio=audio_field(sample_rate=44_100))], 4415, "8000 or 16000"),
    "a rate that is no number": ([start_message(audio=audio_field(sample_rate="8000"))], 4415, "8000"),
    "three channels": ([start_message(audio=audio_field(channels=3))], 4415, "channels 1 or 2"),
    "a role too few": ([start_message(audio=audio_field(channels=2))], 4416, "one role per channel"),
    "the same role twice": (
        [start_message(audio=audio_field(channels=2, roles=["agent", "agent"]))],
        4416,
        "different",
    ),
    "an unknown role": ([start_message(audio=audio_field(roles=["boss"]))], 4416, "agent, customer"),
}

# What is sent after a good start. The call ends with the code's name as its reason; the audio before is kept.
ENDED: dict[str, tuple[list[object], int, str]] = {
    "a second start": ([AUDIO, start_message()], 4413, "started already"),
    "half a frame": ([AUDIO, b"\0" * 3], 4417, "whole frames of 2 bytes"),
    "text that is no JSON": ([AUDIO, "{"], 4400, "must be JSON"),
    "an unknown message": ([AUDIO, {"type": "hold"}], 4400, "keepalive or stop"),
    "a message over the limit": ([AUDIO, b"\0" * 300_000], 1009, "exceeds limit"),
    "a call that is too long": ([AUDIO * 240] * 3, 4420, "a call may last 30 seconds"),
}


async def bystander(server: Server, company: Any, key: str, done: asyncio.Event) -> tuple[str, int]:
    """Another call of the same company, all the while. Returns its conversation and how many bytes it sent."""
    sent = 0
    async with line(server, company, key) as socket:
        await say(socket, start_message("bystander"))
        ident = (await hear(socket, "ready"))["conversation"]
        while not done.is_set() or sent == 0:
            await say(socket, AUDIO[:160])
            sent += 160
            await asyncio.sleep(0.02)
        await say(socket, STOP)
        await hear(socket, "stopped")
    return ident, sent


def with_bystander(server: Server, company: Any, key: str, work: Any) -> Any:
    """Run `work` while another call goes on, and see that this one lost nothing."""

    async def both() -> tuple[Any, tuple[str, int]]:
        done = asyncio.Event()
        other = asyncio.create_task(bystander(server, company, key, done))
        try:
            result = await work
        finally:
            done.set()
        return result, await other

    result, (ident, sent) = asyncio.run(both())
    audio, end = audio_of(company, ident)
    assert (len(audio), end) == (sent, "stop")
    return result


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_a_call(committed: Any, server: Server, case: str) -> None:
    assert_refused(server, committed.northwind, *REFUSED[case])


def test_a_line_that_says_nothing_is_refused(committed: Any) -> None:
    with server_running(start=2.0) as server:
        assert_refused(server, committed.northwind, [], 4419, "no start came")


def assert_refused(server: Server, company: Any, messages: list[object], code: int, reason: str) -> None:
    key = ingest_key(company)

    async def talk() -> tuple[int, str]:
        async with line(server, company, key) as socket:
            for message in messages:
                await say(socket, message)
            return await closed(socket)

    told = with_bystander(server, company, key, talk())
    assert told[0] == code and reason in told[1]
    with company.scope():
        row = CallLedger.objects.get(state="refused")
        assert (row.reason, row.close_code, row.source) == (CloseCode(code).slug, code, "native")
        assert row.conversation_id is None and row.closed_at is not None
        assert Conversation.objects.count() == 1  # the bystander's


@pytest.mark.parametrize("case", ENDED)
def test_wrong_in_the_middle_of_a_call(committed: Any, server: Server, case: str) -> None:
    messages, code, reason = ENDED[case]
    company, key = committed.northwind, ingest_key(committed.northwind)
    start = start_message(audio=audio_field(codec="pcm16"))

    async def talk() -> tuple[str, int, str]:
        async with line(server, company, key) as socket:
            await say(socket, start)
            ident = (await hear(socket, "ready"))["conversation"]
            for message in messages:
                await say(socket, message)
            return (str(ident), *await closed(socket))

    ident, *told = with_bystander(server, company, key, talk())
    assert told[0] == code and reason in told[1]
    # The server itself closes a line with too big a message; the application hears of it afterwards.
    wait_for(lambda: audio_of(company, ident)[1], what="the end of the call")
    audio, end = audio_of(company, ident)
    assert audio.startswith(AUDIO) and end == CloseCode(code).slug
    with company.scope():
        row = CallLedger.objects.get(conversation_id=ident)
        assert (row.state, row.reason, row.close_code) == ("open", end, code)


def test_nothing_for_too_long_closes_the_line_but_not_the_call(committed: Any) -> None:
    """A stop that never comes: the line ends by itself, the call waits for it to come back."""
    company, key = committed.northwind, ingest_key(committed.northwind)

    async def talk(server: Server) -> tuple[str, int, str]:
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            ident = (await hear(socket, "ready"))["conversation"]
            await say(socket, AUDIO)
            return (str(ident), *await closed(socket))

    async def again(server: Server) -> int:
        async with line(server, company, key) as socket:
            await say(socket, start_message(resume=True))
            return int((await hear(socket, "ready"))["ms"])

    with server_running(idle=2.0) as server:
        ident, *told = asyncio.run(talk(server))
        assert told == [4408, "no message for 2 seconds"]
        assert_idle(company, ident)
        assert asyncio.run(again(server)) == 100


def assert_idle(company: Any, ident: str) -> None:
    assert audio_of(company, ident) == (AUDIO, "")
    with company.scope():
        row = CallLedger.objects.get()
        assert (row.state, row.reason, row.close_code) == ("open", "idle", 4408)


def test_silence_and_keepalives_are_signs_of_life(committed: Any) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)

    async def talk(server: Server) -> int:
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            await hear(socket, "ready")
            for message in (AUDIO, KEEP_ALIVE, AUDIO, KEEP_ALIVE, KEEP_ALIVE, b"", AUDIO):
                await say(socket, message)
                await asyncio.sleep(0.5)
            await say(socket, STOP)
            return int((await hear(socket, "stopped"))["ms"])

    # Half as long again as any two of them are apart, and less than lies between the second and third sound.
    with server_running(idle=1.5) as server:
        assert asyncio.run(talk(server)) == 300


def test_resumed_with_other_audio(committed: Any, server: Server) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)

    async def talk() -> tuple[int, str]:
        async with line(server, company, key) as socket:
            await say(socket, start_message())
            await hear(socket, "ready")
        async with line(server, company, key) as socket:
            await say(socket, start_message(resume=True, audio=audio_field(codec="pcm16")))
            return await closed(socket)

    assert asyncio.run(talk())[0] == 4418
    with company.scope():
        assert CallLedger.objects.get(state="refused").reason == "format_changed"


@pytest.mark.parametrize(
    "case", ["no key", "no such key", "another company's key", "a key to read", "no such host"]
)
def test_strangers(committed: Any, server: Server, case: str) -> None:
    company = committed.northwind
    host: Any = company
    key: str | None = None
    code, reason = 4401, "not valid here"
    if case == "no key":
        reason = "an API key is required"
    elif case == "no such key":
        key = "crk_0123456789abcdef"
    elif case == "another company's key":
        key = ingest_key(committed.acme)
    elif case == "a key to read":
        key, code, reason = ingest_key(company, ("read", "write")), 4403, "not for audio"
    else:
        host, key, code, reason = "nobody.localhost", ingest_key(company), 4404, "unknown host"

    async def try_it() -> tuple[int, str]:
        async with line(server, host, key) as socket:
            with suppress(ConnectionClosed):  # it may be shown the door before it has said a word
                await say(socket, start_message())
            return await closed(socket)

    told = with_bystander(server, company, ingest_key(company), try_it())
    assert told[0] == code and reason in told[1]
    # A stranger cannot fill the ledger: once a minute is enough to see that somebody tries.
    asyncio.run(try_it())
    with company.scope():
        rows = list(CallLedger.objects.filter(state="refused").values_list("close_code", flat=True))
        assert rows == ([] if code == 4404 else [code])
        assert Conversation.objects.count() == 1  # the bystander's


def test_a_suspended_company_is_unknown(committed: Any, server: Server) -> None:
    from tenants.models import Tenant

    company, key = committed.northwind, ingest_key(committed.northwind)

    async def try_it() -> tuple[int, str]:
        async with line(server, company, key) as socket:
            return await closed(socket)

    Tenant.objects.filter(schema_name=company.schema).update(state="suspended")
    try:
        assert asyncio.run(try_it())[0] == 4404
    finally:
        Tenant.objects.filter(schema_name=company.schema).update(state="active")


@contextmanager
def process_running(log: Path) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
    """The way in as it is run in production: uvicorn in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "cresta_app.ingest:application", "--port", str(port)]
    command += ["--ws", "cresta_app.ingest:AudioProtocol", "--no-access-log"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=process_environment(), stdout=output, stderr=output)
    server = Server(port, None)  # type: ignore[arg-type]
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                assert health(server) == {"ok": True, "lines": 0}
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield server, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def health(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


@pytest.mark.unhurried
def test_a_hundred_megabytes(committed: Any, tmp_path: Path) -> None:
    """Refused from its first bytes, in one frame or in many, and the other call does not notice."""
    company, key = committed.northwind, ingest_key(committed.northwind)
    log, secret = tmp_path / "ingest.log", "confidential-agent-number"

    async def flood(server: Server, message: Any, call_id: str) -> int:
        # Not as a context: after a send that was cut short, closing a socket that is closed fails within asyncio.
        socket = await knock(server, company, key)
        await say(socket, start_message(call={"id": call_id, "agent": secret}))
        await hear(socket, "ready")
        with suppress(ConnectionClosed):
            await socket.send(message)
        return (await closed(socket))[0]

    async def floods(server: Server) -> list[int]:
        megabyte = os.urandom(1_000_000)
        messages = [megabyte * 100, [megabyte[:60_000]] * 1_700, "x" * 100_000_000]
        return [await flood(server, message, f"big-{n}") for n, message in enumerate(messages)]

    with process_running(log) as (server, process):
        before = psutil.Process(process.pid).memory_info().rss
        assert with_bystander(server, company, key, floods(server)) == [1009, 1009, 1009]
        assert psutil.Process(process.pid).memory_info().rss - before < 30_000_000
    with company.scope():
        rows = CallLedger.objects.filter(provider_call_id__startswith="big")
        assert {(row.reason, row.close_code) for row in rows} == {("message_too_big", 1009)}
    written = log.read_text()
    assert secret not in written and "big-0" not in written and key not in written


@pytest.mark.unhurried
def test_a_restart_is_a_reason_to_come_back(committed: Any, tmp_path: Path) -> None:
    company, key = committed.northwind, ingest_key(committed.northwind)
    pcm = os.urandom(24_000)

    async def through_a_restart(first: Server, process: subprocess.Popen[bytes], second: Server) -> Any:
        midway, terminated = asyncio.Event(), asyncio.Event()

        async def pace(ms: int) -> None:
            if ms > 2_000:
                await terminated.wait()

        async def play(port: int) -> Any:
            client = AudioClient(f"ws://127.0.0.1:{port}", company.host, key)
            start = {"call": {"id": "restarted"}, "audio": audio_field()}
            return await client.play(pcm, start, speed=2.0, on_ack=lambda _ms: midway.set(), pace=pace)

        async with Cutter(first.port, []) as relay:
            playing = asyncio.create_task(play(relay.port))
            await midway.wait()
            assert (await asyncio.to_thread(health, first))["lines"] == 1
            relay.target = second.port
            process.terminate()
            assert await asyncio.to_thread(process.wait, 60) is not None
            terminated.set()
            return await playing

    with (
        process_running(tmp_path / "first.log") as (first, process),
        process_running(tmp_path / "second.log") as (second, _process),
    ):
        played = asyncio.run(through_a_restart(first, process, second))
    assert played.reconnects >= 1 and played.closes[0] == 1012
    assert audio_of(company, played.conversation) == (pcm, "stop")
