"""Cuts a channel's sound into stretches of speech, by loudness over the line's own noise and by zero crossings.

For recognisers that hear one stretch at a time. The cuts depend on the sound alone, not on the pieces in which it
comes. Energy with an adaptive floor and zero crossings for fricatives follow Rabiner and Sambur, "An algorithm for
determining the endpoints of isolated utterances" (1975).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engines.speech.audio import samples

FRAME_MS = 20
DECIDED_ON = 5
"""Whether speech begins is seen in so many frames."""

OVER_FLOOR_DB = 9.0
"""How much louder than the line's noise a frame of speech is."""

LEAST_DB = -52.0
"""Below this (dB of full scale) nothing begins: on a digital line the floor itself may be far lower."""

HISS_OVER_FLOOR_DB = 4.0
HISS_CROSSINGS = 0.25
"""Quiet frames that cross zero this often per sample belong to speech that goes on: an s at its end."""

FLOOR_START_DB = -60.0
FLOOR_LEAST_DB = -75.0
FLOOR_FALLS = 0.2
FLOOR_RISES_DB = 0.06
FLOOR_RISES_IN_SPEECH_DB = 0.01


@dataclass(frozen=True, slots=True)
class Stretch:
    """Speech from `start_ms` to `end_ms` of the call, with a little silence on both sides: PCM16 mono."""

    start_ms: int
    end_ms: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Timing:
    """How stretches are cut, in milliseconds."""

    preroll_ms: int = 300
    begin_ms: int = 60  # so much of the last `DECIDED_ON` frames must be speech
    hangover_ms: int = 500
    least_ms: int = 100  # less speech than this is a click
    longest_ms: int = 25_000
    cut_within_ms: int = (
        3_000  # a stretch that is too long is cut at its quietest moment within its last part
    )


class Endpointer:
    """One channel at `sample_rate`, from `start_ms` on."""

    def __init__(self, *, sample_rate: int, start_ms: int, timing: Timing | None = None) -> None:
        self._rate = sample_rate
        self._frame = sample_rate * FRAME_MS // 1000
        self._timing = timing or Timing()
        self._floor_db = FLOOR_START_DB
        self._restart(start_ms)

    @property
    def clear_ms(self) -> int:
        """What lies before was given as stretches or is silence: it will not be part of a later stretch."""
        if self._begin is not None:
            return self._ms(self._begin)
        return self._ms(self._earliest())

    @property
    def heard_ms(self) -> int:
        """How far sound has come."""
        return self._origin_ms + (self._base * self._frame + len(self._kept) // 2) * 1000 // self._rate

    def speaking(self) -> Stretch | None:
        """The stretch that stands open, so far."""
        return None if self._begin is None else self._stretch(self._begin, self._looked)

    def feed(self, pcm: bytes, start_ms: int) -> list[Stretch]:
        """Take sound that begins at `start_ms`; give the stretches that it ended.

        What was fed already is passed over. A gap ends the stretch that stands open. Raises `ValueError` for half a
        sample.
        """
        samples(pcm)
        found: list[Stretch] = []
        ahead_ms = start_ms - self.heard_ms
        if ahead_ms < -1:
            pcm = pcm[-ahead_ms * self._rate // 1000 * 2 :]
        elif ahead_ms > 1:
            found = self.finish()
            self._restart(start_ms)
        self._kept += pcm
        ready = len(self._kept) // 2 // self._frame + self._base - self._looked
        if ready > 0:
            at = (self._looked - self._base) * self._frame * 2
            block = samples(bytes(self._kept[at : at + ready * self._frame * 2])).reshape(ready, self._frame)
            for loud, crossings in self._measured(block):
                found.extend(self._look(loud, crossings))
        self._forget()
        return found

    def finish(self) -> list[Stretch]:
        """Give the stretch that stands open, if it holds any speech."""
        if self._begin is None:
            return []
        end = self._base + len(self._kept) // 2 // self._frame
        found = self._end(end)
        self._forget()
        return found

    # --- Frames: numbered from 0 at the origin ------------------------------------------------------------

    def _restart(self, start_ms: int) -> None:
        self._origin_ms = start_ms
        self._kept = bytearray()
        self._base = 0  # the first frame that is kept
        self._looked = 0  # the first that was not looked at
        self._from = 0  # the end of the last stretch
        self._begin: int | None = None
        self._last_speech = 0
        self._speech_frames = 0
        self._recent: list[bool] = []
        self._loud: list[float] = []  # of the open stretch

    def _frames(self, ms: int) -> int:
        return ms // FRAME_MS

    def _ms(self, frame: int) -> int:
        return self._origin_ms + frame * self._frame * 1000 // self._rate

    def _earliest(self) -> int:
        """Where a stretch that is found next may begin."""
        return max(self._from, self._base, self._looked - self._frames(self._timing.preroll_ms) - DECIDED_ON)

    def _stretch(self, begin: int, end: int) -> Stretch:
        start, stop = (begin - self._base) * self._frame * 2, (end - self._base) * self._frame * 2
        return Stretch(self._ms(begin), self._ms(end), bytes(self._kept[start:stop]))

    def _forget(self) -> None:
        needed = self._earliest() if self._begin is None else self._begin
        if needed > self._base:
            del self._kept[: (needed - self._base) * self._frame * 2]
            self._base = needed

    def _measured(self, block: npt.NDArray[np.int16]) -> Iterator[tuple[float, float]]:
        """Loudness in dB of full scale, and zero crossings per sample, of each frame."""
        values = block.astype(np.float64)
        values -= values.mean(axis=1, keepdims=True)
        power = np.mean(np.square(values), axis=1) / 32768.0**2
        loud = 10.0 * np.log10(np.maximum(power, 1e-10))
        crossings = np.mean(np.diff(np.signbit(values), axis=1), axis=1)
        return zip(loud.tolist(), crossings.tolist(), strict=True)

    def _look(self, loud: float, crossings: float) -> Iterator[Stretch]:
        speech = loud > max(self._floor_db + OVER_FLOOR_DB, LEAST_DB)
        if not speech and self._begin is not None:
            speech = (
                crossings > HISS_CROSSINGS
                and loud > self._floor_db + HISS_OVER_FLOOR_DB
                and loud > LEAST_DB - OVER_FLOOR_DB
                and self._looked - self._last_speech < self._frames(100)
            )
        self._follow(loud)
        self._looked += 1
        self._recent = [*self._recent[1 - DECIDED_ON :], speech]
        if self._begin is None:
            if speech and sum(self._recent) * FRAME_MS >= self._timing.begin_ms:
                first = self._looked - len(self._recent) + self._recent.index(True)
                self._begin = max(self._from, first - self._frames(self._timing.preroll_ms))
                self._speech_frames = sum(self._recent)
                self._last_speech = self._looked
                self._loud = [self._floor_db] * (self._looked - self._begin - 1) + [loud]
            return
        self._loud.append(loud)
        if speech:
            self._speech_frames += 1
            self._last_speech = self._looked
        elif self._looked - self._last_speech >= self._frames(self._timing.hangover_ms):
            yield from self._end(self._looked)
            return
        if self._looked - self._begin >= self._frames(self._timing.longest_ms):
            yield from self._cut()

    def _follow(self, loud: float) -> None:
        """The floor falls fast to what is quieter and rises slowly to what is louder."""
        loud = max(loud, FLOOR_LEAST_DB)
        if loud < self._floor_db:
            self._floor_db += FLOOR_FALLS * (loud - self._floor_db)
        else:
            step = FLOOR_RISES_DB if self._begin is None else FLOOR_RISES_IN_SPEECH_DB
            self._floor_db = min(loud, self._floor_db + step)

    def _end(self, end: int) -> list[Stretch]:
        begin = self._begin
        assert begin is not None
        enough = self._speech_frames * FRAME_MS >= self._timing.least_ms
        found = [self._stretch(begin, end)] if enough else []
        self._begin = None
        self._from = end
        self._recent = []
        return found

    def _cut(self) -> Iterator[Stretch]:
        """End a stretch that is too long at its quietest moment; the rest begins the next one."""
        begin = self._begin
        assert begin is not None
        window = self._frames(self._timing.cut_within_ms)
        tail = self._loud[-window:]
        # The mean over three frames: a pause between words, not a zero between two waves.
        smooth = np.convolve(tail, np.ones(3) / 3, mode="same")
        smooth[0] = smooth[-1] = np.inf
        at = self._looked - len(tail) + int(np.argmin(smooth)) + 1
        yield self._stretch(begin, at)
        self._loud = self._loud[at - begin :]
        self._begin = self._from = at
        self._speech_frames = sum(loud > self._floor_db + OVER_FLOOR_DB for loud in self._loud)
