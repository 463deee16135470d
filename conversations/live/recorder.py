"""The recording of a live call, segment by segment: what was heard and judged is beeped and cut off, to be stored.

A segment ends a little before the point that every channel has been heard up to, because the beep of an utterance
may begin before it, and before a number that is still being given, because what follows may show that it began
earlier. That wait has an end; then what the giver said meanwhile is beeped whole. A beep is widened as far as the voice
goes on beside it that recognition wrote no word of. What is to be hidden in a segment that is stored already is beeped
there. Which segments count is part of the committed engine state: what a superseded
worker still stores is never read, and is taken away when the recording is joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conversations.live.coverage import Coverage
from engines.redaction.muting import OFF_MS, Part, part_of
from engines.redaction.stream import OpenNumber
from engines.redaction.timing import RedactedWord
from engines.redaction.vocabulary import PLACEHOLDER
from engines.speech.audio import beep
from engines.speech.voiced import AROUND_MS, PAUSE_MS, voice_end, voice_start

SEGMENT_MS = 10_000
# Speech recognition may hear a word begin late, or not at all; a beep seldom reaches back further than this.
HOLD_BACK_MS = 1_500
# How long audio waits for a number to be given in full.
OPEN_WAIT_MS = 60_000

Stretch = tuple[int, int, int]  # channel, from and to in milliseconds of the call


@dataclass(frozen=True)
class Segment:
    """A stretch of audio ready to be stored: interleaved PCM16."""

    start_ms: int
    end_ms: int
    pcm: bytes
    sample_rate: int
    channels: int


class Recorder:
    """Holds the decoded audio that is not stored yet. Begins at `recorded_ms` of the call."""

    def __init__(
        self, *, sample_rate: int, channels: int, recorded_ms: int, state: dict[str, Any] | None
    ) -> None:
        self._rate = sample_rate
        self._start_ms = recorded_ms
        self._pcm = [bytearray() for _ in range(channels)]
        state = state or {}
        self._segments: list[list[int]] = list(state.get("segments", []))
        self._beeps: list[list[int]] = [list(one) for one in state.get("beeps", [])]
        # Beeps that may go on with the voice behind them, when more of it is there: channel, end, latest end.
        self._growing: list[list[int]] = [list(one) for one in state.get("growing", [])]
        # Where the last word of a channel ended that is none of a finding; a beep behind it does not reach over it.
        self._plain_ms = [0] * channels
        # What came to be kept out, and so is silent, or was found out later and is beeped.
        self._kept_out = Coverage(state.get("kept_out", []))

    @property
    def recorded_ms(self) -> int:
        return self._start_ms

    def add(self, start_ms: int, pcm: list[bytes]) -> None:
        """Take a chunk's channels. Audio before the recorded point (a replay) is passed over."""
        # That point may lie within a chunk.
        known = self._bytes(max(0, self._start_ms - start_ms))
        for held, new in zip(self._pcm, pcm, strict=True):
            held += new[known:]

    def keep_out(self, stretches: Iterable[tuple[int, int]]) -> None:
        """These stretches, in call time, may not be kept: what of them was recorded with its sound is beeped."""
        wanted = Coverage(stretches)
        for late in wanted.without(self._kept_out):
            for channel in range(len(self._pcm)):
                self.hide(channel, [late])
            self._kept_out.add(*late)

    def silence(self, stretches: Iterable[tuple[int, int]]) -> None:
        """These stretches may not be kept: what of them is still held becomes silence, the rest is beeped."""
        for start, end in Coverage(stretches).without(self._kept_out):
            held_ms = self._start_ms + len(self._pcm[0]) * 1000 // (self._rate * 2)
            first, last = max(start, self._start_ms), min(end, held_ms)
            if first < last:
                begin, stop = self._bytes(first - self._start_ms), self._bytes(last - self._start_ms)
                for held in self._pcm:
                    held[begin:stop] = bytes(stop - begin)
            rest = Coverage([(start, end)]).without(Coverage([(first, last)] if first < last else []))
            for channel in range(len(self._pcm)):
                self.hide(channel, list(rest))
            self._kept_out.add(start, end)

    def silenced(self, start_ms: int, end_ms: int) -> None:
        """What is added of this stretch is silence: it needs no beep."""
        self._kept_out.add(start_ms, end_ms)

    def hide(
        self,
        channel: int,
        intervals: Sequence[tuple[int, int]],
        reach: Sequence[tuple[int, int]] = (),
    ) -> list[Stretch]:
        """Remember stretches to beep, in call time. Returns those that reach into segments that are stored already.

        `reach` says for each how far it is widened at most, where a voice is heard.
        """
        late = []
        for number, (start, end) in enumerate(intervals):
            if reach:
                earliest, latest = reach[number]
                start = self._voice_start(channel, start, max(earliest, min(start, self._plain_ms[channel])))
                if latest > end:
                    self._growing.append([channel, end, latest])
            self._beep(channel, start, end)
            if start < self._start_ms:
                late.append((channel, start, min(end, self._start_ms)))
        return late

    def spoken(self, channel: int, words: Sequence[RedactedWord]) -> None:
        """Take note of a final's words, after what is hidden in it: no beep beside them is widened over them."""
        last = next(filter(_is_plain, reversed(words)), None)
        if last is None:
            return
        if self._growing:
            first_ms = next(filter(_is_plain, words)).start_ms + OFF_MS
            for one in self._growing:
                if one[0] == channel and one[1] <= first_ms:
                    one[2] = min(one[2], max(one[1], first_ms))
        self._plain_ms[channel] = max(self._plain_ms[channel], last.end_ms - OFF_MS)

    def _beep(self, channel: int, start: int, end: int) -> None:
        last = self._beeps[-1] if self._beeps else None
        if last is not None and last[0] == channel and last[1] <= start <= last[2]:
            last[2] = max(last[2], end)
        else:
            self._beeps.append([channel, start, end])

    def _voice_start(self, channel: int, start: int, earliest: int) -> int:
        if start <= self._start_ms:
            return start  # it is stored already
        sound, from_ms = self._around(channel, start)
        return from_ms + voice_start(sound, self._rate, start - from_ms, earliest_ms=earliest - from_ms)

    def _grow(self) -> None:
        """Widen beeps behind which the voice goes on, by the sound that is there by now: before any of it is cut."""
        held_ms = self._start_ms + self._held_ms
        growing = []
        for channel, end, latest in self._growing:
            if end < self._start_ms:
                continue
            sound, from_ms = self._around(channel, end)
            grown = from_ms + voice_end(sound, self._rate, end - from_ms, latest_ms=latest - from_ms)
            if grown > end:
                self._beep(channel, end, grown)
            if grown < latest and grown + PAUSE_MS > held_ms:
                growing.append([channel, grown, latest])
        self._growing = growing

    def _around(self, channel: int, at_ms: int) -> tuple[bytes, int]:
        """Return the sound that is held of some seconds before and after `at_ms`, and where it begins."""
        from_ms = max(self._start_ms, at_ms - AROUND_MS)
        first, last = (self._bytes(max(0, ms - self._start_ms)) for ms in (from_ms, at_ms + AROUND_MS))
        return bytes(self._pcm[channel][first:last]), from_ms

    @property
    def _held_ms(self) -> int:
        return len(self._pcm[0]) * 1000 // (self._rate * 2)

    def take(
        self,
        upto_ms: int,
        epoch: int,
        *,
        number: OpenNumber | None = None,
        roles: Sequence[str] = (),
        all_of_it: bool = False,
    ) -> Segment | None:
        """Cut the next segment off, if enough has been heard, and count it as recorded.

        `number` is what is still being given at `upto_ms`, `roles` who speaks on each channel: nothing from its
        beginning on is cut for `OPEN_WAIT_MS`; after that, what its giver said since is beeped.
        """
        end_ms = upto_ms if all_of_it else upto_ms - HOLD_BACK_MS
        if number is not None and not all_of_it:
            if upto_ms - number.since_ms <= OPEN_WAIT_MS:
                end_ms = min(end_ms, number.since_ms - HOLD_BACK_MS)
            elif number.is_partial and end_ms > self._start_ms:
                since_ms = max(min(number.since_ms, end_ms), self._start_ms)
                for channel in (at for at, role in enumerate(roles) if role == number.speaker):
                    self.hide(channel, [(since_ms, end_ms)])
        end_ms = min(end_ms, self._start_ms + self._held_ms)
        if end_ms <= self._start_ms or (not all_of_it and end_ms - self._start_ms < SEGMENT_MS):
            return None
        self._grow()
        size = self._bytes(end_ms - self._start_ms)
        if all_of_it:
            size = len(self._pcm[0])  # the last chunk may end within a millisecond
        sides = []
        for channel, held in enumerate(self._pcm):
            stretches = [
                (max(0, start - self._start_ms), min(end, end_ms) - self._start_ms)
                for side, start, end in self._beeps
                if side == channel and end > self._start_ms and start < end_ms
            ]
            sides.append(np.frombuffer(beep(bytes(held[:size]), self._rate, stretches), dtype="<i2"))
            del held[:size]
        pcm = np.column_stack(sides).tobytes()
        segment = Segment(self._start_ms, end_ms, pcm, self._rate, len(self._pcm))
        self._segments.append([segment.start_ms, segment.end_ms, epoch])
        self._start_ms = end_ms
        return segment

    def state(self) -> dict[str, Any]:
        # Copies: a commit writes it in another thread, while the next segment is being cut here.
        return {
            "segments": list(self._segments),
            "beeps": [list(one) for one in self._beeps],
            "growing": [list(one) for one in self._growing],
            "kept_out": self._kept_out.as_lists(),
        }

    def _bytes(self, ms: int) -> int:
        return ms * self._rate // 1000 * 2


def _is_plain(word: RedactedWord) -> bool:
    """Whether it was measured, and is neither of a finding nor what may be a digit."""
    return (
        word.end_ms > word.start_ms
        and not PLACEHOLDER.match(word.text)
        and part_of(word.text, numeric=None) is Part.OTHER
    )
