"""The two kinds of text: raw, which may go nowhere, and redacted, which may.

`RawText` is deliberately not a `str`: it cannot be formatted, joined, pickled or encoded as JSON by
accident. The one way to its words is `reveal()`, so that a search for that name finds every place that
handles unredacted speech.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

_UNSTORABLE = dict.fromkeys([0, *range(0xD800, 0xE000)], "\ufffd")


def storable(text: str) -> str:
    """Put U+FFFD for what PostgreSQL keeps in no text: the null character, and halves of surrogate pairs.

    Whatever comes from elsewhere goes through here before it is a text of ours: a row that is refused for it would be
    refused again however often its call goes on from there.
    """
    return text if text.isascii() and "\x00" not in text else text.translate(_UNSTORABLE)


class RawText:
    """Words as they were heard. Holds them without showing them."""

    __slots__ = ("_words",)

    def __init__(self, words: str) -> None:
        self._words = words

    def reveal(self) -> str:
        """Return the words. Call it only on the way into redaction."""
        return self._words

    def __bool__(self) -> bool:
        return bool(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawText) and other._words == self._words

    def __hash__(self) -> int:
        return hash(self._words)

    def __repr__(self) -> str:
        return f"<RawText of {len(self._words)} characters>"

    def __str__(self) -> NoReturn:
        raise TypeError("raw text does not become a text: redact it, or reveal() it on the way there")

    def __format__(self, specification: str) -> NoReturn:
        raise TypeError("raw text is not written into a text: redact it first")

    def __reduce__(self) -> NoReturn:
        raise TypeError("RawText cannot be pickled: redact it, or reveal() it where it must cross a process")


# Not frozen: that would make each of them three times as dear. Nobody changes one; `replace` makes another.
@dataclass(slots=True, unsafe_hash=True)
class Span:
    """One finding.

    `start` and `end` are character offsets (half-open) in the text that the span belongs to; `type` is a
    name of `vocabulary.TYPES` or of a company's own type; `score` lies in 0..1; `detector` names what found
    it and `reason` says why in words, without the words found. `beside` are the types of other findings that it
    took in and that are no part of what it is by nature.
    """

    start: int
    end: int
    type: str
    score: float
    detector: str
    reason: str
    beside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RedactedText:
    """Text without what was found. `spans` point at the placeholders in `text`, e.g. `[CREDIT_CARD]`.

    `kept` point at words that the company's policy leaves in `text`, and that not everybody may see: `actions.render`
    makes the text for one reader.
    """

    text: str
    spans: tuple[Span, ...] = ()
    kept: tuple[Span, ...] = ()

    def __str__(self) -> str:
        return self.text
