"""Cuts a recording that is still being fed into pieces at quiet points and packs each as FLAC, in memory only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from engines.speech.audio import samples
from engines.speech.deepgram.clock import StreamClock

WINDOW_MS = 50
"""The step in which quiet points are looked for."""

PAUSE_MS = 600
"""Quiet for so long on all channels is a pause, in which a cut harms nothing."""

QUIET_RMS = 200.0
"""Of 32,768; what telephone lines make of silence lies below."""

TAIL_MS = 20_000
"""What is held back from packing, to be cut where it is quietest when no pause comes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the call as FLAC. `upto_ms` is where it ends in the call."""

    flac: bytes
    clock: StreamClock
    seconds: float
    upto_ms: int
    loud: bool


class Cutter:
    """Takes audio in order, gives pieces of at most `longest_ms`. Raises `ValueError` for channels that differ."""

    def __init__(self, *, channels: int, sample_rate: int, longest_ms: int) -> None:
        self._channels = channels
        self._rate = sample_rate
        self._longest = longest_ms * sample_rate // 1000
        self._window = sample_rate * WINDOW_MS // 1000
        self._tail_most = min(TAIL_MS * sample_rate // 1000, self._longest // 5)
        self._tail = np.empty((0, channels), dtype="<i2")  # of the piece, not packed yet
        self._next_ms = 0
        self._loud = False
        self._file: soundfile.SoundFile | None = None
        self._begin()

    def add(self, sides: Sequence[bytes], start_ms: int) -> list[Piece]:
        """Take audio whose first sample lies at `start_ms`; return the pieces that it completed."""
        added = np.stack([samples(pcm) for pcm in sides], axis=1)
        # A hole would move what lies behind it: each piece has one stretch of the call.
        done = (
            self.move(start_ms)
            if self._packed + len(self._tail) and abs(start_ms - self._next_ms) > 1
            else []
        )
        self._clock.audio(len(added), start_ms)
        self._next_ms = self._clock.next_ms
        self._loud = self._loud or bool(_rms(added) > 0)
        self._tail = np.concatenate([self._tail, added])
        while (at := self._cut()) is not None:
            done.append(self._finish(at))
        if len(self._tail) > 2 * self._tail_most:
            self._pack(len(self._tail) - self._tail_most)
        return done

    def move(self, call_ms: int) -> list[Piece]:
        """Go on at `call_ms`; the stretch before is left out, and the piece ends."""
        done = self.end()
        self._next_ms = call_ms
        return done

    def end(self) -> list[Piece]:
        """Return the last piece, if there is any."""
        return [self._finish(len(self._tail))] if self._packed + len(self._tail) else []

    def _begin(self) -> None:
        self._clock = StreamClock(self._rate)
        self._packed = 0
        self._loud = False
        self._target = io.BytesIO()
        self._file = None

    def drop(self) -> None:
        """Let go of what is held."""
        if self._file is not None:
            self._file.close()
        self._begin()
        self._tail = self._tail[:0]

    def _pack(self, count: int) -> None:
        if self._file is None:
            self._file = soundfile.SoundFile(
                self._target, "w", self._rate, self._channels, format="FLAC", subtype="PCM_16"
            )
        self._file.write(self._tail[:count])
        self._packed += count
        self._tail = self._tail[count:].copy()

    def _cut(self) -> int | None:
        """Return where in the tail the piece ends, if it does."""
        length, earliest = self._packed + len(self._tail), self._longest * 4 // 5 - self._packed
        if length < self._longest * 4 // 5:
            return None
        quiet = self._levels() < QUIET_RMS
        wanted = PAUSE_MS // WINDOW_MS
        run = 0
        for index in range(len(quiet)):
            run = run + 1 if quiet[index] else 0
            at = (index + 1 - wanted // 2) * self._window
            if run >= wanted and max(1, earliest) <= at <= self._longest - self._packed:
                return at
        if length < self._longest:
            return None
        return self._quietest(max(0, earliest), self._longest - self._packed)

    def _quietest(self, earliest: int, limit: int) -> int:
        """Return the middle of the quietest 200 ms between two places of the tail, the later if equal."""
        first = earliest // self._window
        levels = self._levels()[first : max(first + 1, limit // self._window)]
        width = min(4, len(levels))
        sums = np.convolve(levels, np.ones(width), mode="valid")
        best = first + len(sums) - 1 - int(np.argmin(sums[::-1]))
        return max(1, min(limit, (best + width // 2) * self._window))

    def _levels(self) -> npt.NDArray[np.float64]:
        count = len(self._tail) // self._window
        frames = self._tail[: count * self._window].reshape(count, self._window, self._channels)
        loudest: npt.NDArray[np.float64] = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)).max(
            axis=1, initial=0.0
        )
        return loudest

    def _finish(self, at: int) -> Piece:
        rest = self._tail[at:].copy()
        self._pack(at)
        assert self._file is not None
        self._file.close()
        clock, seconds = self._clock, self._packed / self._rate
        upto_ms = clock.end_ms(seconds)
        piece = Piece(self._target.getvalue(), clock, seconds, upto_ms, self._loud)
        self._begin()
        self._tail = rest
        if len(rest):
            self._clock.audio(len(rest), upto_ms)
            self._loud = bool(_rms(rest) > 0)
        return piece


def _rms(frames: npt.NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(np.square(frames, dtype=np.float64)))) if frames.size else 0.0
