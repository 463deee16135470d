"""Sound and measures for the speech tests: demo calls, shared recordings, word error rate; a wait with a deadline."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from demo import synthesise
from engines.speech.audio import read_audio
from engines.speech.sphinx_channel import ChannelListener, DecoderPool
from engines.speech.types import Heard, Hypothesis, Progress

ROOT = Path(__file__).resolve().parents[2]
POOL = DecoderPool(keep=2)


async def until(condition: Callable[[], object], *, seconds: float = 30, what: str = "it") -> None:
    """Let the loop go on until `condition()` holds; fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.005)


def shared_audio(name: str) -> Path:
    """Return a file of the shared data's audio; the test skips where the data is absent."""
    base = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = base / "dev" / "audio" / name
    if not path.exists():
        pytest.skip(f"shared data absent: {name}")
    return path


@cache
def demo_channels(key: str) -> tuple[bytes, ...]:
    """Return a demo call's PCM16 at 8 kHz: agent, customer."""
    rate, channels = read_audio(synthesise.CALLS / f"{key}.flac")
    assert rate == synthesise.SAMPLE_RATE
    return tuple(channels)


def seconds(pcm: bytes, start: float, end: float) -> bytes:
    """Cut 8 kHz PCM16."""
    return pcm[int(start * 8000) * 2 : int(end * 8000) * 2]


def listen(
    pcm: bytes, *, step_ms: int = 100, start_ms: int = 0, sample_rate: int = 8000, pool: DecoderPool = POOL
) -> list[Heard]:
    """Hear a channel to its end, fed in pieces."""
    listener = ChannelListener(pool=pool, channel=0, sample_rate=sample_rate, start_ms=start_ms)
    step = sample_rate * step_ms // 1000 * 2
    events: list[Heard] = []
    for at in range(0, len(pcm), step):
        events += listener.hear(pcm[at : at + step], start_ms + at * 500 // sample_rate)
    events += listener.finish()
    listener.release()
    return events


def finals(events: list[Heard]) -> list[Hypothesis]:
    return [event for event in events if isinstance(event, Hypothesis) and event.final]


def progress(events: list[Heard]) -> list[int]:
    return [event.upto_ms for event in events if isinstance(event, Progress)]


def plain_words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def word_errors(reference: list[str], heard: list[str]) -> int:
    """Return the least number of insertions, deletions and substitutions (Levenshtein, by words)."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
    return row[-1]
