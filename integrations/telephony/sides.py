"""Brings the two sides of a call, which come apart, onto one clock: stereo PCM without holes, and a note of each hole.

Deterministic: what is given depends on what was put in and on nothing else, so that a reader which goes on for one
that was killed gives the same bytes. Time is counted in samples from the call's first one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RATE = 8000
SAMPLES_PER_MS = RATE // 1000
_NS_PER_SAMPLE = 1_000_000_000 // RATE
SLICE_SAMPLES = RATE  # a second at a time

# A hole from this length on is noted; what is shorter is the sender's rounding.
NOTED_MS = 100
# A silence longer than this, or a step back further than that, is no silence: the sender's clock was set.
FORWARD_MS = 10 * 60_000
BACKWARD_MS = 15_000


class ClockJump(Exception):
    """The sender's clock went where no call goes."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Interleaved PCM16 of both sides, at most a second."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of one side, in call time, for which nothing came. Silence has taken its place."""

    side: int
    from_ms: int
    to_ms: int


class Sides:
    """Put sound in by side and time; take it out, both sides together, up to a moment.

    `origin_ns`: the time of the call's first sample (None: that of the first sound). `given`: how many samples were
    given before, by whoever this one goes on for; sound before that is not given again. `ends`: where each side's
    sound ended then, in samples. `tolerance_ms`: how far a stretch may be from where the one before it ended and
    still follow it directly: times are rounded, sound is not.
    """

    def __init__(
        self,
        *,
        origin_ns: int | None = None,
        given: int = 0,
        ends: tuple[int, int] = (0, 0),
        tolerance_ms: int = 8,
    ) -> None:
        self.origin_ns = origin_ns
        self.given = given
        self._ends = list(ends)
        self._tolerance = tolerance_ms * SAMPLES_PER_MS
        self._sound: tuple[deque[tuple[int, bytes]], deque[tuple[int, bytes]]] = (deque(), deque())
        self._holes: deque[tuple[int, Hole]] = deque()  # with the sample at which each ends

    @property
    def ends(self) -> tuple[int, int]:
        """Where each side's sound ends so far, in samples."""
        return self._ends[0], self._ends[1]

    @property
    def given_ms(self) -> int:
        return self.given // SAMPLES_PER_MS

    def sample_at(self, at_ns: int) -> int:
        """The sample that a time of the sender's clock falls on. Needs an origin."""
        assert self.origin_ns is not None
        return (at_ns - self.origin_ns) // _NS_PER_SAMPLE

    def put(self, side: int, at_ns: int, pcm: bytes) -> None:
        """Add sound of one side: PCM16, little-endian, 8 kHz, mono. Raises `ClockJump`."""
        if self.origin_ns is None:
            self.origin_ns = at_ns
        self.put_at(side, self.sample_at(at_ns), pcm)

    def put_at(self, side: int, sample: int, pcm: bytes) -> None:
        """`put`, by sample of the call."""
        pcm = pcm[: len(pcm) & ~1]
        if not pcm:
            return
        end = self._ends[side]
        if sample - max(end, self.given) > FORWARD_MS * SAMPLES_PER_MS:
            raise ClockJump
        if end - sample > BACKWARD_MS * SAMPLES_PER_MS:
            raise ClockJump
        if end and abs(sample - end) <= self._tolerance:
            sample = end
        elif sample - end >= NOTED_MS * SAMPLES_PER_MS:
            self._hole(side, end, sample)
        self._ends[side] = max(end, sample + len(pcm) // 2)
        start = max(sample, end, self.given)
        pcm = pcm[2 * (start - sample) :]
        if pcm:
            self._sound[side].append((start, pcm))

    def next_at(self, side: int, pcm: bytes) -> None:
        """Add sound of one side directly behind what it said before."""
        self.put_at(side, self._ends[side], pcm)

    def give(self, upto: int) -> Iterator[Sound | Hole]:
        """Everything before sample `upto` that was not given yet: sound in order, and each hole behind its silence."""
        while self.given < upto:
            end = min(upto, self.given + SLICE_SAMPLES)
            frames = np.zeros((end - self.given, 2), dtype="<i2")
            for side, stretches in enumerate(self._sound):
                while stretches and stretches[0][0] < end:
                    start, pcm = stretches.popleft()
                    count = min(end - start, len(pcm) // 2)
                    at = start - self.given
                    frames[at : at + count, side] = np.frombuffer(pcm, dtype="<i2", count=count)
                    if len(pcm) > 2 * count:
                        stretches.appendleft((start + count, pcm[2 * count :]))
            self.given = end
            yield Sound(frames.tobytes())
            while self._holes and self._holes[0][0] <= end:
                yield self._holes.popleft()[1]

    def finish(self) -> Iterator[Sound | Hole]:
        """The call is over: all that is left; a side that ended before the other is silent from there."""
        last = max(self.given, *self._ends)
        for side, end in enumerate(self._ends):
            if last - end >= NOTED_MS * SAMPLES_PER_MS:
                self._hole(side, end, last)
        yield from self.give(last)
        while self._holes:
            yield self._holes.popleft()[1]

    def _hole(self, side: int, start: int, end: int) -> None:
        hole = Hole(side, start // SAMPLES_PER_MS, end // SAMPLES_PER_MS)
        self._holes.append((end, hole))
        if len(self._holes) > 1 and self._holes[-2][0] > end:
            self._holes = deque(sorted(self._holes, key=lambda each: each[0]))
