"""What is measured along a call, from its final utterances: constant work for each, whatever the call's length.

- `talk_share` (0 to 1): a speaker's part of the time in which customer or agent spoke; unknown before 20 s of speech
  (or half of a shorter window).
- `words_per_minute` of a speaker, in the time he spoke; unknown before 5 s of it.
- `overtalk_ms`: how long several spoke at once. `turns`: how often the word was taken.
- `sentiment` (-1 to 1): how content the customer sounds, from his words alone; never anyone else's. Over a window the
  mean of his utterances, over the call a mean in which each new one counts for 0.3 of it.
- `sentiment_change`: that mean over the window less the mean of all before it; unknown before two utterances in each.

A window reaches back from the end of the latest utterance and holds the utterances that ended in it, the last
`KEPT` at most. These measures move when someone has spoken; silence, hold and duration, which move by themselves,
are the engine's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from engines.language import sentiment
from engines.rules.occurrences import Heard

KEPT = 512
_OVERLAPPING = 8
_NEW_SHARE = 0.3
_LEAST_TALK_MS = 20_000
_LEAST_OWN_MS = 5_000
_WHO = {"customer": 0, "agent": 1}
_OTHER = 2

# Start, end, who, words, overlap with others, sentiment in thousandths (None: not the customer's, or nothing said).
_Entry = tuple[int, int, int, int, int, int | None]


class _Sums:
    """Sums over some utterances; `tail` counts those that have left."""

    __slots__ = ("feeling", "felt", "overlap", "tail", "talk", "words")

    def __init__(self) -> None:
        self.tail = 0
        self.talk = [0, 0, 0]
        self.words = [0, 0, 0]
        self.overlap = 0
        self.feeling = 0
        self.felt = 0

    def add(self, entry: _Entry, sign: int) -> None:
        start, end, who, words, overlap, feeling = entry
        self.talk[who] += sign * (end - start)
        self.words[who] += sign * words
        self.overlap += sign * overlap
        if feeling is not None:
            self.feeling += sign * feeling
            self.felt += sign


class Measures:
    """Follows one call. `windows` are the stretches (ms) that will be asked for."""

    def __init__(self, windows: tuple[int, ...]) -> None:
        self.turn = 0
        self.last_end_ms = 0
        self._speaker = ""
        self._level: float | None = None
        self._whole = _Sums()
        self._windows = {over_ms: _Sums() for over_ms in windows}
        self._longest = max(windows, default=0)
        self._gone = 0
        self._entries: deque[_Entry] = deque()
        self._recent: deque[_Entry] = deque(maxlen=_OVERLAPPING)

    def hear(self, heard: Heard) -> None:
        """Take an utterance."""
        start, end = heard.start_ms, max(heard.start_ms, heard.end_ms)
        who = _WHO.get(heard.speaker, _OTHER)
        words = len(heard.text.split())
        overlap = sum(
            max(0, min(end, other[1]) - max(start, other[0])) for other in self._recent if other[2] != who
        )
        feeling = None
        if who == 0:
            score = sentiment.score(heard.text)
            if score or words >= 3:
                feeling = round(score * 1000)
                self._level = (
                    score if self._level is None else (1 - _NEW_SHARE) * self._level + _NEW_SHARE * score
                )
        entry = (start, end, who, words, overlap, feeling)
        self.last_end_ms = max(self.last_end_ms, end)
        if heard.speaker != self._speaker:
            self._speaker = heard.speaker
            self.turn += 1
        self._recent.append(entry)
        self._whole.add(entry, 1)
        if self._windows:
            self._entries.append(entry)
            for sums in self._windows.values():
                sums.add(entry, 1)
            self._let_go()

    def _let_go(self) -> None:
        least = max(0, len(self._entries) - KEPT) + self._gone
        for over_ms, sums in self._windows.items():
            since = self.last_end_ms - over_ms
            while sums.tail - self._gone < len(self._entries):
                entry = self._entries[sums.tail - self._gone]
                if entry[1] > since and sums.tail >= least:
                    break
                sums.add(entry, -1)
                sums.tail += 1
        keep_from = self._windows[self._longest].tail
        while self._gone < keep_from:
            self._entries.popleft()
            self._gone += 1

    def value(self, measure: str, over_ms: int | None, speaker: str | None) -> float | None:
        """Return a measure as it stands, or None where it is not known yet."""
        sums = self._whole if over_ms is None else self._windows[over_ms]
        who = _WHO.get(speaker or "", 0)
        if measure == "talk_share":
            talk = sums.talk[0] + sums.talk[1]
            enough = _LEAST_TALK_MS if over_ms is None else min(_LEAST_TALK_MS, over_ms // 2)
            return sums.talk[who] / talk if talk >= enough and talk else None
        if measure == "words_per_minute":
            return sums.words[who] * 60_000 / sums.talk[who] if sums.talk[who] >= _LEAST_OWN_MS else None
        if measure == "overtalk_ms":
            return sums.overlap
        if measure == "turns":
            return self.turn
        if measure == "sentiment":
            if over_ms is None:
                return self._level
            return sums.feeling / sums.felt / 1000 if sums.felt else None
        if measure == "sentiment_change":
            before, felt = self._whole.feeling - sums.feeling, self._whole.felt - sums.felt
            if sums.felt < 2 or felt < 2:
                return None
            return (sums.feeling / sums.felt - before / felt) / 1000
        return None

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON."""
        whole = self._whole
        return {
            "turn": self.turn,
            "end": self.last_end_ms,
            "speaker": self._speaker,
            "level": self._level,
            "whole": [whole.talk, whole.words, whole.overlap, whole.feeling, whole.felt],
            "entries": [list(entry) for entry in self._entries],
            "recent": [list(entry) for entry in self._recent],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.turn, self.last_end_ms = state["turn"], state["end"]
        self._speaker, self._level = state["speaker"], state["level"]
        whole = self._whole = _Sums()
        talk, words, whole.overlap, whole.feeling, whole.felt = state["whole"]
        whole.talk, whole.words = list(talk), list(words)
        self._entries = deque(_entry(one) for one in state["entries"])
        self._recent = deque(map(_entry, state["recent"]), maxlen=_OVERLAPPING)
        self._gone = 0
        for over_ms in self._windows:
            sums = self._windows[over_ms] = _Sums()
            for entry in self._entries:
                sums.add(entry, 1)
        if self._windows:
            self._let_go()


def _entry(values: Any) -> _Entry:
    start, end, who, words, overlap, feeling = values
    return start, end, who, words, overlap, feeling
