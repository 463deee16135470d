"""Dates that are said, resolved against the day of the conversation: "by friday", "in five days", "on may 3rd".

English. What is not explicit ("soon", "in a few days", "next week", and "next friday", by which people mean two days)
is left as it was said: a wrong date is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORT = {name[:3]: number for number, name in enumerate(_MONTHS, 1)} | {"sept": 9}
_NUMBERS = {
    word: number
    for number, words in enumerate(
        [
            "a an one",
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
            "twenty",
        ],
        1,
    )
    for word in words.split()
} | {"thirty": 30, "couple of": 2}
_ORDINALS = {
    word: number
    for number, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
        ],
        1,
    )
} | {"thirtieth": 30, "thirty first": 31, "thirty-first": 31}
for _number, _word in enumerate(
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"], 21
):
    _ORDINALS[f"twenty {_word}"] = _ORDINALS[f"twenty-{_word}"] = _number

_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|{'|'.join(sorted(_SHORT, key=len, reverse=True))})\.?"
_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
_YEAR = r"(?:,? (?P<year>(?:19|20)\d\d)\b)?"


@dataclass(frozen=True, slots=True)
class When:
    """A day that was said, where it stands in the text, [start, end)."""

    day: date
    start: int
    end: int


Resolve = Callable[[re.Match[str], date], date | None]


def _later(_found: re.Match[str], day: date, days: int) -> date:
    return day + timedelta(days=days)


def _count(found: re.Match[str]) -> int:
    said = found["count"].lower()
    return int(said) if said.isdigit() else _NUMBERS[said]


def _weekday(found: re.Match[str], day: date) -> date:
    """The next such day, which is never today."""
    return day + timedelta(days=(_DAYS.index(found["weekday"].lower()) - day.weekday()) % 7 or 7)


def _counted(found: re.Match[str], day: date) -> date:
    many, unit = _count(found), found["unit"].lower()
    if found["working"]:
        while many:
            day += timedelta(days=1)
            many -= day.weekday() < 5
        return day
    if unit.startswith("month"):
        month = day.month - 1 + many
        year, month = day.year + month // 12, month % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        return date(year, month, min(day.day, last))
    if unit.startswith("hour"):
        return day + timedelta(days=many // 24)
    return day + timedelta(days=many * (7 if unit.startswith("week") else 1))


def _dated(found: re.Match[str], day: date) -> date | None:
    said, name = found["day"].lower(), found["month"].lower()
    number = _ORDINALS.get(said) or int(re.sub(r"\D", "", said))
    month = _MONTHS.index(name) + 1 if name in _MONTHS else _SHORT[name]
    try:
        if found["year"]:
            return date(int(found["year"]), month, number)
        this = date(day.year, month, number)
        # Of a day without its year the nearest is meant: "january 3rd" in december is the coming one.
        return date(day.year + 1, month, number) if (day - this).days > 183 else this
    except ValueError:
        return None


def _iso(found: re.Match[str], _day: date) -> date | None:
    try:
        return date.fromisoformat(found[0])
    except ValueError:
        return None


def _end_of(found: re.Match[str], day: date) -> date:
    if found["what"].lower() == "month":
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        return following - timedelta(days=1)
    return day + timedelta(days=max(0, 4 - day.weekday()) if day.weekday() < 5 else 6 - day.weekday())


_RULES: tuple[tuple[re.Pattern[str], Resolve], ...] = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE), resolve)
    for pattern, resolve in (
        (r"\d{4}-\d\d-\d\d", _iso),
        (rf"{_MONTH} (?:the )?{_DAY}{_YEAR}", _dated),
        (rf"{_DAY} (?:of )?{_MONTH}{_YEAR}", _dated),
        (r"the day after tomorrow", lambda found, day: _later(found, day, 2)),
        (r"tomorrow", lambda found, day: _later(found, day, 1)),
        (r"today|tonight|this (?:afternoon|evening)|end of (?:the )?day", lambda found, day: day),
        (r"(?:the )?end of (?:the|this) (?P<what>week|month)", _end_of),
        (
            rf"(?:in|within|up to)(?: the next)? {_COUNT}(?: to {_COUNT.replace('count', 'most')})?"
            r" (?P<working>(?:business|working|work) )?(?P<unit>hours?|days?|weeks?|months?)",
            _counted,
        ),
        (
            rf"(?:this|on|by|until|before|coming) (?P<weekday>{'|'.join(_DAYS)})",
            _weekday,
        ),
    )
)
_SIGN = re.compile(
    r"\d{4}-|day\b|days\b|tomorrow|tonight|week|month|hour|this (?:after|even)|"
    + "|".join(_MONTHS)
    + r"|\b(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b",
    re.IGNORECASE,
)


def days_in(text: str, day: date) -> list[When]:
    """The days that a text names, in its order, as of `day`. Of "two to five days" it is the later one."""
    if not _SIGN.search(text):
        return []
    found: list[When] = []
    for pattern, resolve in _RULES:
        for match in pattern.finditer(text):
            if any(one.start < match.end() and match.start() < one.end for one in found):
                continue
            resolved = _later_bound(match, day) or resolve(match, day)
            if resolved is not None:
                found.append(When(resolved, match.start(), match.end()))
    return sorted(found, key=lambda one: one.start)


def _later_bound(match: re.Match[str], day: date) -> date | None:
    groups = match.groupdict()
    most = groups.get("most")
    if not most:
        return None
    many = int(most) if most.isdigit() else _NUMBERS[most.lower()]
    unit = f"{'business ' if groups['working'] else ''}{groups['unit']}"
    again = days_in(f"in {many} {unit}", day)
    return again[0].day if again else None
