"""Puts Twilio's tracks, which come as mono messages of their own, on one clock: mu-law of all tracks, interleaved.

Time is counted in samples (8 a millisecond) from the beginning of the stream, by the timestamps that Twilio gives. No
wall clock: what is given depends on what was put in and on nothing else.
"""

from __future__ import annotations

from conversations.live.wire import Action, Audio, CloseCode, Gap, Missing, ProtocolError

PER_MS = 8
# Sound is given each time it crosses a tenth of a second, which is what it is stored by: ten frames at once cost little
# more than one.
STEP = 100 * PER_MS
SILENCE = b"\xff"
# Timestamps jitter, sound does not: a frame this near to where it is due follows the one before directly.
TOLERANCE = 60 * PER_MS
# How long one track is waited for while the other goes on.
PATIENCE = 100 * PER_MS
# A step back beyond this is no late frame: the sender's clock was set.
BACKWARDS = 10_000 * PER_MS

GAP, LATE, UNBEGUN = "line gap", "came too late", "track not begun"


class Tracks:
    """One or two tracks of one stream."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0  # samples, the same for all tracks
        self._ends = [0] * count  # where each track's sound ends
        self._sound = [bytearray() for _ in range(count)]  # from `given` on
        self._begun = [False] * count

    def put(self, track: int, at_ms: int, sound: bytes) -> list[Action]:
        """Add a frame; say what can be said now. Raises `ProtocolError` for a clock that was set back."""
        end = self._ends[track]
        off = at_ms * PER_MS - end
        said: list[Action] = []
        if off > TOLERANCE:
            self._hole(track, end + off, said)
            end += off
        elif off < -TOLERANCE:
            if off < -BACKWARDS:
                raise ProtocolError(CloseCode.CLOCK_JUMP, "the audio's clock went backwards")
            sound = sound[-off:]  # heard already
            if not sound:
                return said
        self._begun[track] = True
        self._ends[track] = end + len(sound)
        if end < self.given:
            late = min(len(sound), self.given - end)
            said.append(Missing(track, end // PER_MS, (end + late) // PER_MS, LATE))
            sound = sound[late:]
        self._sound[track] += sound
        if self.count == 1:
            upto = self._ends[0]
        else:
            first, second = self._ends
            upto = min(first, second) if abs(first - second) <= PATIENCE else max(first, second) - PATIENCE
        if upto // STEP > self.given // STEP:
            said.append(Audio(self._give(upto)))
        return said

    def rest(self) -> bytes:
        """All that was put in and not given yet; a track that is behind ends in silence."""
        upto = max(self._ends)
        return self._give(upto) if upto > self.given else b""

    def _hole(self, track: int, at: int, said: list[Action]) -> None:
        """Nothing came for this track before sample `at`."""
        end, last = self._ends[track], max(self._ends)
        if at - last > TOLERANCE:
            # No track has anything there: what is known is said, and the line itself stands for the gap.
            rest = self.rest()
            if rest:
                said.append(Audio(rest))
            for other, other_end in enumerate(self._ends):
                self._note(other, other_end, last, said)
            said.append(Gap((at - last) // PER_MS, GAP))
            self.given = at
            self._ends = [at] * self.count
            return
        self._note(track, end, at, said)
        self._sound[track] += SILENCE * (at - max(end, self.given))

    def _note(self, track: int, start: int, end: int, said: list[Action]) -> None:
        if end - start > TOLERANCE:
            cause = GAP if self._begun[track] else UNBEGUN
            said.append(Missing(track, start // PER_MS, end // PER_MS, cause))

    def _give(self, upto: int) -> bytes:
        count = upto - self.given
        self.given = upto
        if self.count == 1:
            whole = bytes(self._sound[0])
            self._sound[0].clear()
            return whole
        out = bytearray(2 * count)
        for track, sound in enumerate(self._sound):
            if len(sound) >= count:
                out[track::2] = sound[:count]
                del sound[:count]
            else:
                out[track::2] = sound + SILENCE * (count - len(sound))
                sound.clear()
        return bytes(out)
