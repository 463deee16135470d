"""The one form of a value that people say and write in several: dates of birth, phone numbers.

For keyed hashes: two forms become one only where they can mean nothing else. 3/4/1980 is another day here than there,
so it is the same as 03-04-80 and never the same as "the third of april".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from unicodedata import decimal

import phonenumbers

from engines.redaction.numbers import SINGLE, TEEN, TENS, ZERO_LETTERS
from engines.redaction.tokens import FILLERS, tokenise, words

# --- Phone numbers ----------------------------------------------------------------------------------------

# Where a number without a country's code is at home if it fits; elsewhere such numbers begin with a zero.
_HOMES = ("US", "GB")
_ABROAD = ("011", "00")


def phone(digits: str, *, plus: bool) -> str:
    """The number within its country, without that country's code and without the zeros that are dialled before it.

    `plus`: it was said to begin with a country's code. The code is left out, since a number at home is mostly said
    without, and nothing here says where home is: the same number in two countries is one, which is rare.
    """
    prefix = next((prefix for prefix in _ABROAD if digits.startswith(prefix)), "")
    if not plus and not prefix:
        for region in _HOMES:
            number = _parsed(digits, region)
            if number is not None and phonenumbers.is_valid_number(number):
                return _within(number)
        if len(digits) == 11 and digits[0] == "1":
            return digits[1:]
    number = _parsed(f"+{digits.removeprefix(prefix)}", None)
    if number is not None:
        sure = plus or prefix
        if (phonenumbers.is_possible_number if sure else phonenumbers.is_valid_number)(number):
            return _within(number)
    return digits.lstrip("0") or digits


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _within(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.national_significant_number(number).lstrip("0")


# --- Dates of birth ---------------------------------------------------------------------------------------

_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            *("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul"),
            *("august aug", "september sep sept", "october oct", "november nov", "december dec"),
        ),
        1,
    )
    for name in names.split()
}
_ORDINAL_WORDS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS = {name: f"{day:02}" for day, name in enumerate(_ORDINAL_WORDS.split(), 1)} | {"thirtieth": "30"}
_BETWEEN = FILLERS | words("the of in on st nd rd th day month year born")
_ZEROS = ZERO_LETTERS | {"zero", "nought", "naught"}
# Years of two digits that can be of one century only; the others stay as they are.
_LAST_CENTURY, _THIS_CENTURY = 30, 9


def birth_date(said: str) -> str:
    """The day as `1980-03-04`; `3/4/1980` where day and month may be either way round. "" for what is no such date."""
    found = _numbers(tokenise(said).lows)
    if found is None:
        return ""
    month, numbers = found
    rest: Sequence[str]
    if numbers and len(numbers[0]) == 4:
        year, rest = int(numbers[0]), numbers[1:]
        in_order = True
    else:
        year, rest = _year_behind(numbers, 1 if month else 2)
        in_order = False
    if not year:
        return ""
    if month:
        return _day(year, month, int(rest[0])) if len(rest) == 1 else ""
    if len(rest) != 2:
        return ""
    one, other = int(rest[0]), int(rest[1])
    if in_order or one == other or other > 12:
        return _day(year, one, other)
    if one > 12:
        return _day(year, other, one)
    return f"{one}/{other}/{year}" if one and other else ""


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _year_behind(numbers: Sequence[str], before: int) -> tuple[int, Sequence[str]]:
    """The year behind so many other numbers, and these; 0 where there is none."""
    rest, last = numbers[:before], numbers[before:]
    if len(last) == 1 and len(last[0]) == 4:
        return int(last[0]), rest
    if len(last) == 2 and last[0] in ("19", "20") and len(last[1]) <= 2:
        return int(last[0]) * 100 + int(last[1]), rest
    if len(last) == 1 and len(last[0]) == 2:
        short = int(last[0])
        if short >= _LAST_CENTURY:
            return 1900 + short, rest
        if short <= _THIS_CENTURY:
            return 2000 + short, rest
    return 0, rest


def _numbers(lows: Sequence[str]) -> tuple[int, list[str]] | None:
    """The month that is named (0: none) and the numbers of a date, in order; None where other words are in it."""
    month, numbers, at = 0, list[str](), 0
    while at < len(lows):
        low, following = lows[at], lows[at + 1] if at + 1 < len(lows) else ""
        taken = 1
        if low[0].isdecimal():
            numbers += _cut("".join(str(decimal(character)) for character in low))
        elif low in _MONTHS:
            if month:
                return None
            month = _MONTHS[low]
        elif low in _ORDINALS:
            numbers.append(_ORDINALS[low])
        elif low in _ZEROS and following in SINGLE:
            numbers.append("0" + SINGLE[following])
            taken = 2
        elif low in TEEN:
            numbers.append(TEEN[low])
        elif low in TENS:
            ones = SINGLE.get(following) or _ORDINALS.get(following, "xx")[1:]
            taken = 2 if ones in "123456789" else 1
            numbers.append(TENS[low] + (ones if taken == 2 else "0"))
        elif low in SINGLE and following == "thousand":
            year, taken = _thousands(lows, at)
            numbers.append(year)
        elif low in SINGLE:
            numbers.append("0" + SINGLE[low])
        elif low not in _BETWEEN:
            return None
        at += taken
    return month, numbers


def _thousands(lows: Sequence[str], at: int) -> tuple[str, int]:
    """A year such as "two thousand and one" from word `at` on, and of how many words."""
    year, taken = 1000 * int(SINGLE[lows[at]]), 2
    last = at + taken + (lows[at + taken : at + taken + 1] == ["and"])
    if lows[last : last + 1] and lows[last] in SINGLE:
        return str(year + int(SINGLE[lows[last]])), last + 1 - at
    return str(year), taken


def _cut(digits: str) -> list[str]:
    """Figures that were written together, apart: 01021980, 010280, 0102."""
    if len(digits) == 8:
        if digits[:2] in ("19", "20") and int(digits[4:6]) <= 12:
            return [digits[:4], digits[4:6], digits[6:]]
        return [digits[:2], digits[2:4], digits[4:]]
    if len(digits) == 6:
        return [digits[:2], digits[2:4], digits[4:]]
    if len(digits) == 4 and digits[:2] not in ("19", "20"):
        return [digits[:2], digits[2:]]
    return [digits.zfill(2)]
