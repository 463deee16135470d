"""A peer for tests: sound that says which words it is made of, and a speech provider that reads them from it.

Unlike a script, what is heard rests on the samples: audio that is lost, doubled, mixed up between calls or moved in
time is heard as other words or at another time. A word is 240 ms of one level, then 60 ms of silence; 400 ms of
silence end an utterance. Everything lies on a grid of 20 ms. A sample off its frame's level is heard as `GARBLED`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from engines.redaction.text import RawText
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress

NAME = "coded"
RATE = 8_000
FRAME_MS, SOUND_MS, WORD_MS, PAUSE_MS = 20, 240, 300, 400
PROGRESS_EVERY_MS = 500
GARBLED = "garbled"
BASE, STEP = 1_000, 200
# Nothing in them is a number, a name or a place, nor reads like one where they follow each other by chance: redaction
# leaves them as they are.
_LIST = """
about again always because before better between both could every first found good just later learn make
maybe more most move much need never next often only open other over people please quite rather really
right should small some soon still thank their there these thing think today together under until very
well what when where which while window with without word world would
"""
WORDS = tuple(_LIST.split())


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance: which channel says which words from when."""

    channel: int
    start_ms: int
    words: tuple[str, ...]

    @property
    def end_ms(self) -> int:
        """Where its last word ends."""
        return self.start_ms + (len(self.words) - 1) * WORD_MS + SOUND_MS

    @property
    def text(self) -> str:
        return " ".join(self.words)


def talk(seed: str, seconds: int) -> list[Line]:
    """What is said in a call of `seconds`: both sides in turn, some of it at the same time. Its own for each seed."""
    dice = random.Random(seed)
    lines, at, end = [], 300, seconds * 1000
    free = [0, 0]  # from when each side may speak
    for number in range(1_000):
        channel = number % 2
        start = max(at, free[channel])
        line = Line(channel, start, tuple(dice.choice(WORDS) for _ in range(dice.randint(2, 8))))
        if line.end_ms + 2 * PAUSE_MS > end:
            break
        lines.append(line)
        free[channel] = line.end_ms + PAUSE_MS + FRAME_MS * dice.randint(5, 40)
        # The other side begins after it, or while it still speaks.
        at = line.end_ms + FRAME_MS * dice.randint(-30, 60)
    return sorted(lines, key=lambda line: (line.end_ms, line.channel))


def sound(lines: Sequence[Line], seconds: int) -> bytes:
    """Two interleaved channels of PCM16 at 8 kHz that say `lines`."""
    samples = np.zeros((seconds * RATE, 2), dtype="<i2")
    for line in lines:
        for number, word in enumerate(line.words):
            first = (line.start_ms + number * WORD_MS) * RATE // 1000
            samples[first : first + SOUND_MS * RATE // 1000, line.channel] = BASE + STEP * WORDS.index(word)
    return samples.tobytes()


class CodedSession:
    """One channel that is read; made by `CodedProvider.open`."""

    def __init__(self, channel: int, sample_rate: int, start_ms: int) -> None:
        self._channel = channel
        self._frame_bytes = sample_rate * FRAME_MS // 1000 * 2
        self._rest = bytearray()
        self._at_ms = start_ms
        self._said_ms = start_ms
        self._level = 0
        self._words: list[HeardWord] = []
        self._events: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._over = False

    async def feed(self, pcm: bytes, start_ms: int) -> None:
        """Read the next sound. Raises `ValueError` when it does not join what came before."""
        if start_ms != self._at_ms + len(self._rest) * FRAME_MS // self._frame_bytes:
            raise ValueError(f"sound of {start_ms} ms came at {self._at_ms} ms")
        self._rest += pcm
        while len(self._rest) >= self._frame_bytes:
            self._frame(np.frombuffer(bytes(self._rest[: self._frame_bytes]), "<i2"))
            del self._rest[: self._frame_bytes]

    async def finish(self) -> None:
        """End the sound; what was being said is given as a final."""
        if not self._over:
            self._final()
            self._progress(self._at_ms + len(self._rest) * FRAME_MS // self._frame_bytes)
            self._end()

    async def abort(self) -> None:
        """Drop what was heard; the iteration ends."""
        while not self._events.empty():
            self._events.get_nowait()
        self._end()

    def _end(self) -> None:
        self._over = True
        self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (event := await self._events.get()) is not None:
            yield event

    def _frame(self, samples: np.ndarray) -> None:
        begin, self._at_ms = self._at_ms, self._at_ms + FRAME_MS
        level = int(samples[0]) if (samples == samples[0]).all() else -1
        if level:
            if level != self._level:
                self._words.append(HeardWord(RawText(_word(level)), begin, self._at_ms, 1.0))
            else:
                word = self._words[-1]
                self._words[-1] = HeardWord(word.text, word.start_ms, self._at_ms, 1.0)
        elif self._level:
            self._say(final=False)
        elif self._words and self._at_ms - self._words[-1].end_ms >= PAUSE_MS:
            self._final()
        elif not self._words and self._at_ms % PROGRESS_EVERY_MS == 0:
            self._progress(self._at_ms)
        self._level = level

    def _final(self) -> None:
        if self._words:
            self._say(final=True)
            self._progress(self._words[-1].end_ms)
            self._words = []

    def _say(self, *, final: bool) -> None:
        words = tuple(self._words)
        self._events.put_nowait(
            Hypothesis(
                channel=self._channel,
                final=final,
                start_ms=words[0].start_ms,
                end_ms=words[-1].end_ms,
                text=RawText(" ".join(word.text.reveal() for word in words)),
                words=words,
                confidence=1.0,
                provider=NAME,
            )
        )

    def _progress(self, upto_ms: int) -> None:
        if upto_ms > self._said_ms:
            self._said_ms = upto_ms
            self._events.put_nowait(Progress(self._channel, upto_ms))


def _word(level: int) -> str:
    index, off = divmod(level - BASE, STEP)
    return WORDS[index] if not off and 0 <= index < len(WORDS) else GARBLED


class CodedProvider:
    """Reads coded sound, each channel by itself. `SPEECH_PROVIDER=tests.peers.coded:CodedProvider`."""

    name = NAME
    per_channel = True

    async def start(self) -> None:
        """Nothing to acquire."""

    async def open(
        self, *, channel: int, sample_rate: int, language: str, start_ms: int, call_id: str
    ) -> CodedSession:
        """Begin to read one channel at `start_ms`."""
        return CodedSession(channel, sample_rate, start_ms)

    async def close(self) -> None:
        """Nothing to release."""
