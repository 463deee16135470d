"""Finds what is spelled without a cue: "s as in sierra m as in mike", "k 3 x 7 g 5", "golf seven five foxtrot"."""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.numbers import SPELLING_WORDS, is_strong, said_for
from engines.redaction.text import Span
from engines.redaction.tokens import Utterance, words

# Single letters that are also words, or stand before a number as its name.
_NO_CODE = words("a i o")
_LEAST = 4


class SpelledDetector:
    """Finds letters said one by one, with words for them or with digits between."""

    name = "spelled"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return what is spelled, in order."""
        lows = utterance.lows
        if len(lows) < 3:
            return []
        if utterance.vocabulary.isdisjoint(SPELLING_WORDS):
            short = [low for low in lows if len(low) == 1]
            if len(short) < 2 or sum(low not in _NO_CODE and low.isalpha() for low in short) < 2:
                return []
        spans: list[Span] = []
        i = 0
        while i < len(lows):
            after, explained, spelled, numbers = self._row(utterance, i)
            if explained >= 2 or (spelled >= 2 and numbers >= 1 and spelled + numbers >= _LEAST):
                spans.append(self._span(utterance, i, after, context, named=not numbers))
            i = max(after, i + 1)
        return spans

    def _row(self, utterance: Utterance, first: int) -> tuple[int, int, int, int]:
        """Read the row at `first`: the token after it, and how many explained letters, letters and numbers it has."""
        lows = utterance.lows
        explained = spelled = numbers = words_for = 0
        i = first
        while i < len(lows):
            low = lows[i]
            # Letters and digits in one word are written, not spelled.
            if i > first and (utterance.touching[i] or utterance.gap(i).strip(" -.,")):
                break
            if len(low) == 1 and low.isalpha():
                behind = said_for(lows, i)
                if low in _NO_CODE and not behind and (i == first or i + 1 == len(lows)):
                    break
                explained, spelled, i = explained + bool(behind), spelled + 1, i + 1 + behind
            elif low in SPELLING_WORDS:
                words_for, spelled, i = words_for + 1, spelled + 1, i + 1
            elif is_strong(low):
                numbers, i = numbers + 1, i + 1
            else:
                break
        return i, explained + (words_for if words_for >= 3 else 0), spelled, numbers

    def _span(self, utterance: Utterance, first: int, after: int, context: Context, *, named: bool) -> Span:
        kind = context.due.type if context.due is not None else context.asked
        if kind is None:
            kind = "NAME" if named else "NUMBER"
        start, end = utterance.tokens[first].start, utterance.tokens[after - 1].end
        return Span(start, end, kind, 0.7, self.name, "letters spelled one by one")
