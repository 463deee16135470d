"""Amounts of money as values: "$24.50", "forty nine dollars", "1.200 EUR" are so much of which currency."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from engines.language.summary.template import decimal_of
from engines.rules.entities import ENTITIES

_CURRENCY = (
    ("USD", re.compile(r"\$|dollar|bucks|usd|\bcents?\b", re.IGNORECASE)),
    ("EUR", re.compile(r"€|euro|\beur\b", re.IGNORECASE)),
    ("GBP", re.compile(r"£|pound|quid|gbp|pence", re.IGNORECASE)),
    ("JPY", re.compile(r"¥", re.IGNORECASE)),
)
_UNITS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2
    )
}
_MANY = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_VAGUE = re.compile(r"\ba (?:few|couple)\b|\bhalf a\b", re.IGNORECASE)
_SMALL = re.compile(r"\b(?:cents?|pence)\b", re.IGNORECASE)
_BIG = re.compile(r"dollars?|euros?|pounds?|bucks|quid", re.IGNORECASE)
# Where patterns of a language are not known: a sign or a code beside figures.
_NEUTRAL = re.compile(r"[$€£¥] ?\d[\d.,]*|\d[\d.,]* ?(?:[$€£¥]|EUR|USD|GBP|CHF)(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount that was said, where it stands, [start, end). `currency` is "" where only figures were said."""

    value: Decimal
    currency: str
    start: int
    end: int

    @property
    def text(self) -> str:
        """In the one form in which fields keep it."""
        return f"{self.value} {self.currency}".strip()


def amounts_in(text: str, *, english: bool = True) -> list[Amount]:
    """The amounts of a text whose value is said, in its order."""
    spans = ENTITIES["amount"](text) if english else [found.span() for found in _NEUTRAL.finditer(text)]
    found = []
    for start, end in spans:
        value = _value(text[start:end])
        if value is not None:
            currency = next((code for code, sign in _CURRENCY if sign.search(text[start:end])), "")
            found.append(Amount(value, currency, start, end))
    return found


def _value(words: str) -> Decimal | None:
    if _VAGUE.search(words):
        return None
    if found := re.search(r"\d[\d.,]*", words):
        digits = decimal_of(found[0].rstrip(".,"))
        if digits is None:
            return None
        many = next((Decimal(times) for word, times in _MANY.items() if word in words.lower()), Decimal(1))
        if re.search(r"\d ?k\b", words, re.IGNORECASE):
            many = Decimal(1_000)
        value = Decimal(digits) * many
        return _cents(words, value, found.end())
    big, *rest = _BIG.split(words, maxsplit=1)
    if not rest:
        said = number_said(_SMALL.sub(" ", words))
        return None if said is None else Decimal(said) / 100
    said, small = number_said(big), number_said(_SMALL.sub(" ", rest[0]))
    if said is None:
        return None
    return Decimal(said) + (Decimal(small) / 100 if small and small < 100 else 0)


def _cents(words: str, value: Decimal, behind: int) -> Decimal:
    rest = words[behind:]
    if not _BIG.search(rest) and _SMALL.search(rest):
        return value / 100
    more = re.search(r"\d{1,2}", rest)
    return value + (Decimal(more[0]) / 100 if more else 0)


def number_said(words: str) -> int | None:
    """A number in words, "one hundred and twenty five"; None if it is none."""
    total, part, any_word = 0, 0, False
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _UNITS:
            part += _UNITS[word]
        elif word in _TENS:
            part += _TENS[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _MANY:
            total, part = total + max(part, 1) * _MANY[word], 0
        elif word in {"a", "and"}:
            continue
        else:
            return None
        any_word = True
    return total + part if any_word else None
