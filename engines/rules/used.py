"""Whether an agent said what a hint gave them to say, without asking them.

People shorten and rephrase, so that words are compared, not sentences: of each sentence of the hint its telling words
(no "the", "you", "may") in their stems. The hint counts as used when what the agent said while it held its place has
either `SHARE` of all its telling words, or `OF_ONE` of those of one sentence that has at least `LEAST` of them. Words
count from at most `TOGETHER` utterances in a row, so that a long call does not collect them one by one. A hint with
fewer than `LEAST` telling words must be said with all of them.

On the sample dialogues and on calls that have nothing to do with the hint, the figures are in docs/guidance.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.rules.text import listed, words_of

SHARE = 0.5
OF_ONE = 0.75
LEAST = 4
TOGETHER = 2

_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_PLAIN = listed(
    "a about after again all also am an and any are as at be because been before but by can could did do does for from"
    " get go going good got had has have he hello her here hi him his how i if in into is it its just let like may me"
    " might more my no not now of off oh ok okay on one or our out over own please right say see she should so some"
    " than thank thanks that the their them then there these they this those time to today too up us very was way we"
    " well were what when where which who will with would yes you your"
)
_ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ings",
    "ing",
    "edly",
    "ies",
    "ied",
    "ed",
    "es",
    "ly",
    "e",
    "s",
    "y",
)


def stem(word: str) -> str:
    """A word without its ending, roughly: "offering", "offered" and "offers" are one. At least three letters stay."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def telling(text: str) -> frozenset[str]:
    """The stems of the words that carry what a text says."""
    return frozenset(stem(word) for word in words_of(text).norms if word not in _PLAIN and len(word) > 1)


class UsedWatch:
    """Listens to the agent for one hint's words.

    Its state is small and holds only places in the hint's own words, never what was said.
    """

    def __init__(self, say: str, state: Sequence[Sequence[int]] = ()) -> None:
        sentences = [words for part in _SENTENCE.split(say) if (words := telling(part))]
        self._all = frozenset[str]().union(*sentences)
        self._parts = [words for words in sentences if len(words) >= LEAST]
        self._order = sorted(self._all)
        self._said = [
            frozenset(self._order[at] for at in places if at < len(self._order)) for places in state
        ]
        self._state: list[list[int]] | None = None

    @property
    def can_tell(self) -> bool:
        """Whether the hint has words that say anything."""
        return bool(self._all)

    def hear(self, text: str) -> bool:
        """Take the agent's next utterance; True if by now the hint's words were said."""
        if not self._all:
            return False
        self._said = [*self._said, telling(text) & self._all][-TOGETHER:]
        self._state = None
        said = frozenset[str]().union(*self._said)
        if len(self._all) < LEAST:
            return said == self._all
        if len(said) >= SHARE * len(self._all):
            return True
        return any(len(said & part) >= OF_ONE * len(part) for part in self._parts)

    def state(self) -> list[list[int]]:
        """Where in the hint's sorted words those stand that were said lately."""
        if self._state is None:  # asked for with everything that is written of the call
            self._state = [[self._order.index(word) for word in sorted(words)] for words in self._said]
        return self._state
