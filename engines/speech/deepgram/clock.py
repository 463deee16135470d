"""Turns the time of a stream, which counts the samples sent, into the time of the call.

The two differ by where the stream began, by stretches of the call that were never sent (hold, IVR) and by silence
that is no part of the call, sent to let an utterance end.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From sample `sample` of the stream on, the call is at `call_ms` and goes on, or stands while `frozen`."""

    sample: int
    call_ms: int
    frozen: bool


class StreamClock:
    """The stretches of one stream. Stream times in seconds from its first sample, call times in milliseconds."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._stretches: list[_Stretch] = []
        self._samples = 0
        self._moved = False  # the next audio begins a new stretch

    @property
    def seconds(self) -> float:
        """How much was sent."""
        return self._samples / self._rate

    @property
    def next_ms(self) -> int:
        """The call's time behind what was sent."""
        return self.call_ms(self.seconds)

    def audio(self, samples: int, call_ms: int) -> None:
        """Note that `samples` of every channel, beginning at `call_ms` of the call, are sent next."""
        # Starts are given in whole milliseconds; what follows without a hole is counted by its samples alone.
        if not self._stretches or self._moved or abs(call_ms - self.next_ms) > 1:
            self._stretches.append(_Stretch(self._samples, call_ms, frozen=False))
            self._moved = False
        self._samples += samples

    def silence(self, samples: int) -> None:
        """Note that silence is sent next which is no part of the call."""
        self._stretches.append(_Stretch(self._samples, self.next_ms, frozen=True))
        self._samples += samples

    def move(self, call_ms: int) -> None:
        """Note that the call went on to `call_ms` without the stream."""
        self._stretches.append(_Stretch(self._samples, call_ms, frozen=False))
        self._moved = True

    def call_ms(self, seconds: float) -> int:
        """Return the call's time at a moment of the stream; at a seam, the time behind it."""
        return self._at(seconds, bisect_right(self._stretches, self._sample(seconds), key=_sample_of) - 1)

    def end_ms(self, seconds: float) -> int:
        """Return the call's time of what ends at a moment of the stream; at a seam, the time before it."""
        return self._at(seconds, bisect_left(self._stretches, self._sample(seconds), key=_sample_of) - 1)

    def _sample(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def _at(self, seconds: float, index: int) -> int:
        stretch = self._stretches[max(0, index)]
        if stretch.frozen:
            return stretch.call_ms
        sample = max(0, self._sample(seconds) - stretch.sample)
        # Downwards, and never to the nearest: so a stream begun elsewhere comes to the same millisecond.
        at_ms = stretch.call_ms + sample * 1000 // self._rate
        # A word timed past a seam must not reach into what was never sent.
        following = max(0, index) + 1
        if following < len(self._stretches):
            at_ms = min(at_ms, max(stretch.call_ms, self._stretches[following].call_ms))
        return at_ms


def _sample_of(stretch: _Stretch) -> int:
    return stretch.sample
