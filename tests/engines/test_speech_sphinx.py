"""The pocketsphinx provider's processes: sessions, pressure, crashes, and that none outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from engines.speech.sphinx import AHEAD_MS, SphinxProvider, SphinxSession
from engines.speech.types import Heard, SpeechError
from tests.engines.speech_sound import ROOT, demo_channels, finals, listen, progress, seconds

SPEECH = seconds(demo_channels("billing")[1], 39.5, 46)


@asynccontextmanager
async def started(processes: int = 1, **options: int) -> AsyncIterator[SphinxProvider]:
    provider = SphinxProvider(processes, **options)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.close()


async def opened(provider: SphinxProvider, channel: int = 0, start_ms: int = 0) -> SphinxSession:
    return await provider.open(
        channel=channel, sample_rate=8000, language="en-US", start_ms=start_ms, call_id="call"
    )


async def read(session: SphinxSession) -> list[Heard]:
    return [event async for event in session]


async def play(session: SphinxSession, pcm: bytes, start_ms: int = 0) -> list[Heard]:
    """Feed as fast as the session takes it, and read beside it."""

    async def feed() -> None:
        for at in range(0, len(pcm), 1600):
            await session.feed(pcm[at : at + 1600], start_ms + at // 16)
        await session.finish()

    events, _ = await asyncio.gather(read(session), feed())
    return events


def test_two_channels_in_two_processes_hear_what_one_listener_hears():
    async def run() -> None:
        async with started(2, warm_decoders=1) as provider:
            sessions = [await opened(provider, 0, start_ms=5000), await opened(provider, 0, start_ms=5000)]
            assert len(provider.pids) == 2
            assert [worker.load for worker in provider._workers] == [1, 1]
            both = await asyncio.gather(*(play(session, SPEECH, 5000) for session in sessions))
            expected = listen(SPEECH, start_ms=5000)
            assert both == [expected, expected]
            assert progress(expected)[-1] == 5000 + len(SPEECH) // 16
            assert [worker.load for worker in provider._workers] == [0, 0]

    asyncio.run(run())


def test_feed_waits_and_the_loop_does_not():
    async def run() -> None:
        async with started(warm_decoders=1) as provider:
            session = await opened(provider)
            os.kill(provider.pids[0], signal.SIGSTOP)
            feeding = asyncio.ensure_future(session.feed(SPEECH, 0))
            worst = 0.0
            for _ in range(20):
                before = time.perf_counter()
                await asyncio.sleep(0.01)
                worst = max(worst, time.perf_counter() - before)
            assert not feeding.done()
            assert session._waiting <= (AHEAD_MS + 1000) * 16
            # A loop that waits for the stopped process waits for good: only this loop wakes it.
            assert worst < 5
            os.kill(provider.pids[0], signal.SIGCONT)
            await feeding
            await session.finish()
            assert await read(session) == listen(SPEECH)  # nothing was dropped

    asyncio.run(run())


def test_crash_is_a_retryable_error_and_the_next_call_is_heard():
    async def run() -> None:
        async with started(warm_decoders=1) as provider:
            session = await opened(provider)
            await session.feed(SPEECH[:32000], 0)
            crashed = provider.pids[0]
            os.kill(crashed, signal.SIGKILL)
            with pytest.raises(SpeechError) as raised:
                await asyncio.wait_for(read(session), 60)
            assert raised.value.retryable
            with pytest.raises(SpeechError):
                await session.feed(SPEECH, 2000)
            again = await play(await opened(provider), SPEECH)
            assert finals(again) == finals(listen(SPEECH))
            assert provider.pids != [crashed]
            assert not psutil.pid_exists(crashed)

    asyncio.run(run())


def test_abort_frees_its_place_and_leaves_the_others():
    async def run() -> None:
        async with started(warm_decoders=1, channels_per_process=2) as provider:
            dropped, kept = await opened(provider), await opened(provider, 1)
            with pytest.raises(SpeechError) as full:
                await opened(provider)
            assert full.value.retryable
            await dropped.feed(SPEECH[:48000], 0)
            await dropped.abort()
            await dropped.abort()
            await asyncio.wait_for(read(dropped), 60)
            with pytest.raises(RuntimeError, match="finished"):
                await dropped.feed(SPEECH, 0)
            fresh = await opened(provider)
            texts = [
                [final.text for final in finals(events)]
                for events in await asyncio.gather(play(kept, SPEECH), play(fresh, SPEECH))
            ]
            expected = [final.text for final in finals(listen(SPEECH))]
            assert texts == [expected, expected]

    asyncio.run(run())


def test_close_ends_sessions_and_processes():
    async def run() -> None:
        provider = SphinxProvider(1, warm_decoders=1)
        await provider.start()
        pids = provider.pids
        session = await opened(provider)
        reading = asyncio.ensure_future(read(session))
        await provider.close()
        await asyncio.wait_for(reading, 60)
        assert not any(psutil.pid_exists(pid) for pid in pids)

    asyncio.run(run())


def test_what_open_refuses():
    async def run() -> None:
        async with started(warm_decoders=0) as provider:
            for wrong in ({"language": "de"}, {"sample_rate": 44100}):
                asked = {"channel": 0, "sample_rate": 8000, "language": "en", "start_ms": 0, "call_id": "c"}
                with pytest.raises(SpeechError) as raised:
                    await provider.open(**{**asked, **wrong})
                assert not raised.value.retryable
            session = await opened(provider)
            with pytest.raises(ValueError, match="two bytes"):
                await session.feed(b"\0", 0)

    asyncio.run(run())


PARENT = """
import asyncio
from engines.speech.sphinx import SphinxProvider

async def main():
    provider = SphinxProvider(2, warm_decoders=0)
    await provider.start()
    session = await provider.open(channel=0, sample_rate=8000, language="en", start_ms=0, call_id="c")
    await session.feed(bytes(16000), 0)
    print(*provider.pids, flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_parent(tmp_path, kill):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(pids) == 2
        assert set(pids) <= {child.pid for child in family}
        os.kill(pids[0], signal.SIGINT)  # Ctrl-C is the parent's to answer
        time.sleep(0.2)
        # A child that has ended stays in the table until its parent asks for it.
        assert psutil.Process(pids[0]).status() != psutil.STATUS_ZOMBIE
        parent.send_signal(kill)
        parent.wait(30)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []
