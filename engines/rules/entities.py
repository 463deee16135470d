"""Amounts of money and dates, in figures or spoken, found without a list; `names.py` finds what is listed.

English. Written for recognised speech and chat alike: case does not matter. Expressions are bounded and run only where
one of their signs (a currency, a month, a weekday) is in the text, so an utterance without them costs a look-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Span = tuple[int, int]

_UNITS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    "seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million"
)
_SPOKEN = (
    rf"(?:{_UNITS})(?:(?:[ -]| and )(?:{_UNITS})){{0,8}}(?: point (?:{_UNITS})(?: (?:{_UNITS})){{0,2}})?"
)
_FIGURES = r"\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,2})?|\d{1,9}(?:\.\d{1,2})?"
_MONEY = r"(?:us |canadian |australian )?(?:dollars?|euros?|pounds?|cents?|pence|bucks|quid|usd|eur|gbp)"
_AMOUNT = re.compile(
    rf"[$€£¥] ?(?:{_FIGURES})(?: ?(?:k|thousand|million)\b)?"
    rf"|\b(?:(?:{_FIGURES})|(?:a |half a |a couple of |a few )?(?:{_SPOKEN})|a|a couple of|a few)"
    r"(?: (?:hundred|thousand|million))?"
    rf" ?{_MONEY}\b(?: (?:and )?(?:(?:{_FIGURES})|(?:{_SPOKEN}))(?: (?:cents?|pence)\b)?)?",
    re.IGNORECASE,
)
_AMOUNT_SIGN = re.compile(r"[$€£¥]|dollar|euro|pound|cent|pence|bucks|quid|usd|eur|gbp", re.IGNORECASE)

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_SURE_MONTHS = "january|february|april|june|july|august|september|october|november|december"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_ORDINALS = (
    "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|"
    "fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth|"
    "twenty[ -](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirty[ -]first"
)
_DAY = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?|{_ORDINALS})"
_YEAR = r"(?:,? ?(?:19|20)\d\d\b)"
_COUNT = rf"(?:\d{{1,3}}|a|an|a couple of|a few|(?:{_UNITS})(?:[ -](?:{_UNITS}))?)"
_DATE = re.compile(
    r"\b(?:"
    r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})"
    rf"|(?:{_MONTHS})\.?(?: the)? {_DAY}\b{_YEAR}?"
    rf"|{_DAY} (?:of )?(?:{_MONTHS})\b{_YEAR}?"
    rf"|(?:{_MONTHS}) (?:19|20)\d\d"
    rf"|(?:in|since|until|till|by|next|last|this|early|late|mid|of) (?:{_SURE_MONTHS}|march)"
    rf"|(?:{_SURE_MONTHS})"
    rf"|(?:(?:next|last|this|on|by|until|coming) )?(?:{_DAYS})s?"
    r"|(?:the )?day (?:after tomorrow|before yesterday)|today|tomorrow|yesterday|tonight"
    r"|(?:next|last|this|end of the|beginning of the) (?:week|weekend|month|quarter|year)"
    rf"|in {_COUNT} (?:days?|weeks?|months?|years?)|{_COUNT} (?:days?|weeks?|months?|years?) ago"
    r")\b",
    re.IGNORECASE,
)
_DATE_SIGN = re.compile(
    rf"\d[/.-]\d|{_MONTHS}|{_DAYS}|today|tomorrow|yesterday|tonight|week|month|year|quarter|days",
    re.IGNORECASE,
)


def _finder(sign: re.Pattern[str], expression: re.Pattern[str]) -> Callable[[str], list[Span]]:
    def find(text: str) -> list[Span]:
        return [found.span() for found in expression.finditer(text)] if sign.search(text) else []

    return find


ENTITIES: dict[str, Callable[[str], list[Span]]] = {
    "amount": _finder(_AMOUNT_SIGN, _AMOUNT),
    "date": _finder(_DATE_SIGN, _DATE),
}
"""What can be found in a text, by name; each returns half-open character spans in their order."""

LISTED = ("product", "competitor")
"""What is found by the names of a list that the company keeps."""
