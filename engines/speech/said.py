"""What of a call has been said already, so that a recogniser that hears a stretch again says nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engines.redaction.text import RawText
from engines.speech.types import Heard, HeardWord, Hypothesis, Progress


class Said:
    """Passes on what a session hears, without what was said before it began and what it says twice.

    `upto_ms` is per channel of the audio. With `speakers` (diarised sound) hypotheses of any channel number belong to
    the one channel of audio.
    """

    def __init__(self, start_ms: Sequence[int], *, speakers: bool) -> None:
        self.upto_ms = list(start_ms)
        self._speakers = speakers
        self._floor = list(start_ms)
        self._last_end: dict[int, int] = {}
        self._open: dict[int, Hypothesis] = {}

    def begin(self) -> None:
        """A new session hears from `upto_ms` on: what lies before is nobody's to say any more."""
        self._floor = list(self.upto_ms)
        self._last_end.clear()

    def withdrawals(self) -> list[Hypothesis]:
        """Empty partials for those that stand open: the session that said them will not finish them."""
        empty = [
            replace(partial, text=RawText(""), words=(), confidence=0.0) for partial in self._open.values()
        ]
        self._open.clear()
        return empty

    def passed(self, heard: Heard) -> Heard | None:
        """What of `heard` is new: all of it, its last words, or nothing."""
        audio = 0 if self._speakers else heard.channel
        if isinstance(heard, Progress):
            if heard.upto_ms <= self.upto_ms[audio]:
                return None
            self.upto_ms[audio] = heard.upto_ms
            return heard
        if not heard.final:
            return self._partial(heard, audio)
        new = self._final(heard, audio)
        if new is not None:
            self._open.pop(heard.channel, None)
            self._last_end[heard.channel] = new.end_ms
            self.upto_ms[audio] = max(self.upto_ms[audio], new.end_ms)
        return new

    def _partial(self, heard: Hypothesis, audio: int) -> Hypothesis | None:
        if heard.end_ms <= self._floor[audio]:
            return None
        if heard.text:
            self._open[heard.channel] = heard
        else:
            self._open.pop(heard.channel, None)
        return heard

    def _final(self, heard: Hypothesis, audio: int) -> Hypothesis | None:
        # Within a session only repeats are passed over: two finals may touch each other by a little.
        if (heard.start_ms + heard.end_ms) // 2 < self._last_end.get(heard.channel, -1):
            return None
        floor = self._floor[audio]
        if heard.start_ms >= floor:
            return heard
        if not heard.words:
            return heard if (heard.start_ms + heard.end_ms) // 2 >= floor else None
        words = tuple(word for word in heard.words if (word.start_ms + word.end_ms) // 2 >= floor)
        if len(words) == len(heard.words):
            return heard
        return _only(heard, words) if words else None


def _only(heard: Hypothesis, words: tuple[HeardWord, ...]) -> Hypothesis:
    """The final with these of its words alone."""
    return replace(
        heard,
        start_ms=words[0].start_ms,
        text=RawText(" ".join(word.text.reveal() for word in words)),
        words=words,
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
    )
