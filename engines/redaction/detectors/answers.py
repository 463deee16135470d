"""Finds the answer to the question for an address: a house's number and what stands around it, or a street's name."""

from __future__ import annotations

from engines.redaction.context import Context
from engines.redaction.detectors.names import COMMON_WORDS
from engines.redaction.numbers import is_strong
from engines.redaction.text import Span
from engines.redaction.tokens import LEAD_INS, Utterance, words

_STREETS = words(
    "street road avenue lane drive court close way boulevard place terrace gardens crescent square parkway hill row st "
    "rd ave ln dr ct blvd apartment apt flat suite unit floor house building block box highway"
)
# Words of everybody that names of streets and towns are made of.
_WITHIN = words(
    "of the and on in high new old north south east west upper lower great little saint first second third"
)
_ENDS = COMMON_WORDS - _STREETS - _WITHIN
_MOST_WORDS = 16


class AddressAnswerDetector:
    """Finds the address that answers the question for one."""

    name = "answers"

    def find(self, utterance: Utterance, context: Context) -> list[Span]:
        """Return the address, if this turn was to give one and seems to."""
        if context.asked != "ADDRESS":
            return []
        lows, first = utterance.lows, 0
        while first < len(lows) and lows[first] in LEAD_INS and lows[first] not in _STREETS:
            first += 1
        after, telling = first, False
        while after < len(lows) and after - first < _MOST_WORDS:
            low = lows[after]
            if low in _ENDS or low[0] == "[" or (after > first and ". " in utterance.gap(after)):
                break
            telling = telling or low in _STREETS or is_strong(low)
            after += 1
        while after > first and lows[after - 1] in _WITHIN:
            after -= 1
        # While more words come, those before the number or the street are not shown either.
        if after == first or not (telling or (context.growing and after == len(lows))):
            return []
        start, end = utterance.tokens[first].start, utterance.tokens[after - 1].end
        return [Span(start, end, "ADDRESS", 0.75, self.name, "answers the question for an address")]
