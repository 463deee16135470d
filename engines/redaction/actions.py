"""What stands in the text where something was found: a mask, the last four digits, a keyed hash, or the words.

A hash says that two findings are the same value without saying which: it takes the company's key, so that nobody
without it can try values out. A value is normalised first: a number said and the same number written give one hash.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256

from engines.redaction.detectors.checks import is_card
from engines.redaction.numbers import SPELLING_WORDS, NumberReader, said_for
from engines.redaction.one_form import birth_date, phone
from engines.redaction.text import Span
from engines.redaction.tokens import FILLERS, tokenise
from engines.redaction.vocabulary import kind

HASH_CHARACTERS = 8
# Fewer digits than this are never shown in part: four of six are most of the number.
_LEAST_DIGITS = 8
_DIGITS_ALONE = frozenset({"CREDIT_CARD", "SSN", "PHONE", "SECURITY_CODE"})


class Action(StrEnum):
    """What becomes of a finding of one type."""

    MASK = "mask"
    LAST_FOUR = "last_four"
    HASH = "hash"
    KEEP = "keep"


def stand_in(action: Action, type_name: str, words: str, *, key: bytes, whole: bool = True) -> str | None:
    """Return what replaces `words`, found as `type_name`; None if they stay.

    `whole`: these are all the digits of the number, as far as is known. The last four of a part are not shown: the
    parts of a number would show it.
    """
    kind_ = kind(type_name)
    if action is Action.KEEP:
        return None
    if action is Action.HASH:
        return f"[{kind_.name} #{hashed(key, type_name, words)}]"
    if action is Action.LAST_FOUR and kind_.numeric:
        digits = digits_of(words)
        if len(digits) >= max(_LEAST_DIGITS, kind_.complete_at) and (whole or is_card(digits)):
            return f"[{kind_.name} {digits[-4:]}]"
    return kind_.placeholder


def hashed(key: bytes, type_name: str, words: str) -> str:
    """Return eight hexadecimal digits that are the same for the same value of a type under one `key`."""
    value = f"{type_name}\0{normalised(type_name, words)}"
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), sha256).hexdigest()[:HASH_CHARACTERS]


def digits_of(words: str) -> str:
    """Return the digits in `words`, said or written, as ASCII."""
    reader = NumberReader(tokenise(words), alone_from=0)
    return "".join(run.digits for run in reader.runs())


def normalised(type_name: str, words: str) -> str:
    """Return the value of `words`: digits for a number (and letters where it has some), else plain small words.

    Dates of birth and phone numbers are brought to one form where that is safe (`one_form`).
    """
    if not kind(type_name).numeric:
        return " ".join(words.casefold().split()).strip(" .,;:!?\"'")
    if type_name == "PHONE" and (digits := digits_of(words)):
        return phone(digits, plus=words.lstrip(" (").casefold().startswith(("+", "plus ")))
    if type_name == "DATE_OF_BIRTH" and (day := birth_date(words)):
        return day
    if type_name in _DIGITS_ALONE:
        return digits_of(words) or " ".join(words.casefold().split())
    utterance = tokenise(words)
    lows = utterance.lows
    elements = {
        element.first: element
        for run in NumberReader(utterance, alone_from=None).runs()
        for element in run.elements
    }
    parts: list[str] = []
    i = 0
    while i < len(lows):
        element, low = elements.get(i), lows[i]
        if element is not None and element.digits:
            parts.append(element.digits)
            i = element.last + 1
            continue
        if len(low) == 1:
            parts.append(low)
            i += said_for(lows, i)
        elif low in SPELLING_WORDS:
            parts.append(low[0])
        elif low not in FILLERS:
            parts.append(low)
        i += 1
    return "".join(parts)


def render(text: str, kept: Iterable[Span], may_see: frozenset[str]) -> str:
    """Return `text` for a reader who may see the types `may_see`: other `kept` spans of it become placeholders."""
    parts: list[str] = []
    cursor = 0
    for span in sorted(kept, key=lambda span: span.start):
        if span.type in may_see or span.end <= cursor:
            continue
        parts += (text[cursor : max(cursor, span.start)], kind(span.type).placeholder)
        cursor = span.end
    parts.append(text[cursor:])
    return "".join(parts)
