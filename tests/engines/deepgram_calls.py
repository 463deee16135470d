"""Calls for the Deepgram tests: spoken digits with known times, sounds, and a way to have them heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from engines.speech import providers
from engines.speech.audio import Upsampler, read_audio
from engines.speech.types import CallToHear, Heard, Hypothesis, Progress
from tests.engines.speech_sound import shared_audio
from tests.peers.deepgram import DeepgramPeer

KEY = "dg-secret-4711-key"
RATE = 8000
# Loopback answers at once. Patience is long enough for a busy machine; tests of impatience say their own.
FAST = {
    "api_key": KEY,
    "max_rate": 0,
    "stall_seconds": 30.0,
    "settle_seconds": 30.0,
    "finish_seconds": 30.0,
    "connect_seconds": 30.0,
    "keepalive_seconds": 0.2,
}


@dataclass(frozen=True)
class Clip:
    path: str
    pcm: bytes  # 8 kHz
    words: tuple[tuple[str, int, int], ...]  # text, start_ms, end_ms

    @property
    def script(self) -> dict[str, Any]:
        words = [{"text": text, "start_ms": start, "end_ms": end} for text, start, end in self.words]
        return {"audio": self.path, "words": words}

    def at(self, rate: int) -> bytes:
        if rate == RATE:
            return self.pcm
        up = Upsampler()
        return up.feed(self.pcm) + up.flush()


NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@cache
def clips() -> tuple[Clip, ...]:
    """Return the shared digit clips; the test skips where they are absent."""
    found = []
    for line in shared_audio("digits.jsonl").read_text().splitlines():
        row = json.loads(line)
        path = shared_audio(row["file"])
        words = tuple(
            (NAMES[each["digit"]], round(each["start"] * 1000), round(each["end"] * 1000))
            for each in row["digit_times"]
        )
        rate, channels = read_audio(path)
        assert rate == RATE
        found.append(Clip(str(path), channels[0], words))
    return tuple(found)


def silence(ms: int, rate: int = RATE) -> bytes:
    return bytes(ms * rate // 1000 * 2)


def tones(*spans: tuple[int, int], length_ms: int, seed: int = 1, rate: int = RATE) -> bytes:
    """Return silence with noise in it from and to the given milliseconds; each stretch sounds different."""
    pcm = np.zeros(length_ms * rate // 1000, "<i2")
    dice = np.random.default_rng(seed)
    for start, end in spans:
        a, b = start * rate // 1000, end * rate // 1000
        pcm[a:b] = dice.integers(3000, 9000, b - a) * dice.choice([-1, 1], b - a)
    return pcm.tobytes()


def provider(peer: DeepgramPeer, name: str = "deepgram", **options: Any) -> Any:
    base = FAST if name == "deepgram" else {"api_key": KEY, "backoff_seconds": 0.01}
    return providers.create(name, **{**base, "base_url": peer.url, **options})


def call(channels: int = 1, rate: int = RATE, **options: Any) -> CallToHear:
    options.setdefault("start_ms", (0,) * channels)
    return CallToHear("call", channels, rate, options.pop("language", "en"), **options)


async def feed(
    session: Any, sides: Sequence[bytes], *, start_ms: int = 0, upto_ms: int | None = None, rate: int = RATE
) -> None:
    """Feed the part of the call's sound from `start_ms` in pieces of 100 ms."""
    size, per_ms = rate // 10 * 2, rate // 1000 * 2
    end = len(sides[0]) if upto_ms is None else upto_ms * per_ms
    for at in range(start_ms * per_ms, end, size):
        await session.feed([pcm[at : min(end, at + size)] for pcm in sides], at // per_ms)


async def rest(session: Any) -> list[Heard]:
    await session.finish()
    return [heard async for heard in session]


async def hear(maker: Any, sides: Sequence[bytes], this: CallToHear) -> list[Heard]:
    await maker.start()
    try:
        session = await maker.open(this)
        listening = asyncio.create_task(_collect(session))
        await feed(session, sides, start_ms=min(this.start_ms), rate=this.sample_rate)
        await session.finish()
        return await listening
    finally:
        await maker.close()


async def _collect(session: Any) -> list[Heard]:
    return [heard async for heard in session]


def finals(events: Sequence[Heard]) -> list[Hypothesis]:
    return [each for each in events if isinstance(each, Hypothesis) and each.final]


def said(events: Sequence[Heard]) -> list[tuple[int, int, int, str]]:
    """Return the finals as (channel, start_ms, end_ms, text)."""
    return [(each.channel, each.start_ms, each.end_ms, each.text.reveal()) for each in finals(events)]


def words(events: Sequence[Heard], channel: int = 0) -> list[tuple[str, int, int]]:
    return [
        (word.text.reveal(), word.start_ms, word.end_ms)
        for each in finals(events)
        if each.channel == channel
        for word in each.words
    ]


def upto(events: Sequence[Heard], channel: int = 0) -> int:
    """Return the last progress of a channel; it never goes back."""
    reached = [each.upto_ms for each in events if isinstance(each, Progress) and each.channel == channel]
    assert reached == sorted(reached)
    return reached[-1] if reached else 0


def assert_true_times(
    heard: list[tuple[str, int, int]], truth: Sequence[tuple[str, int, int]], within: int = 100
) -> None:
    assert [word[0] for word in heard] == [word[0] for word in truth]
    for (_, start, end), (_, true_start, true_end) in zip(heard, truth, strict=True):
        assert abs(start - true_start) <= within
        assert abs(end - true_end) <= within
