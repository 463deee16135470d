"""What explains digits harmlessly: money, time, years, dates, percentages, counts of things."""

from __future__ import annotations

import re

from engines.redaction.numbers import MONTHS, Run
from engines.redaction.tokens import Utterance, words

UNITS = words(
    "pound pounds quid pence penny dollar dollars buck bucks cent cents euro euros rupee rupees grand gbp "
    "usd eur second seconds sec minute minutes min mins hour hours hr hrs day days night nights week weeks "
    "month months year years decade decades time times percent per o'clock am pm p a.m p.m bst gmt est pst "
    "metre metres meter meters mile miles km kilometre kilometres feet foot inch inches stone kg kilo "
    "kilos gram grams kilogram kilograms litre litres gallon gallons degrees mb gb tb megabyte megabytes "
    "gigabyte gigabytes mbps meg gig gigs megabit megabits watts volts calories points stars digit digits "
    "people persons person passengers adults children kids guests tickets items pieces copies orders cards "
    "accounts lines users devices options things thing more others other bags rooms nights calls emails "
    "questions pages seats steps numbers letters nd rd th st"
)
_ADJECTIVES = words(
    "working business calendar full more extra and separate different new small large other whole"
)
_TIME_BEFORE = words(
    "at by until till from before after around about between past quarter half monday tuesday wednesday "
    "thursday friday saturday sunday tomorrow today tonight morning afternoon evening noon to since "
    "appointment slot"
)
_TIME_AFTER = words(
    "am pm a.m p.m o'clock tomorrow today tonight morning afternoon evening monday tuesday wednesday"
)
_MONEY_BEFORE = words(
    "cost costs paid pay paying price priced charge charged charges total bill refund refunded worth fee "
    "balance owe owed spend spent amount save credit"
)
# "On my credit card", "for the credit check": no money is named.
_NO_MONEY = words("card check visa mastercard amex debit")
_CURRENCY = "£$€₹¥"
_QUANTITY_SIGNS = frozenset(_CURRENCY + "%°")
_LITERAL = re.compile(
    r"(?<![\d.])(?:"
    r"\d{1,2}:\d{2}(?::\d{2})?"  # a time
    r"|\d{1,2}([/.-])\d{1,2}\1(?:19|20)?\d{2}|(?:19|20)\d{2}([/-])\d{1,2}\2\d{1,2}"  # a date
    r"|\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,2})?|\d{1,4}\.\d{1,2}"  # a number with separators
    r")(?![\d])(?![.:,/-]\d)"
)
# Each of them has at least one, alone between two digits.
_LITERAL_SIGNS = frozenset(":/.-,")
_PRONOUN_BEFORE = words(
    "this that which another no the any every each some right wrong only old new other either"
)
_PRONOUN_AFTER = words(
    "moment second sec minute more thing of that who which time day where last more another"
)
_LAST_OF = words("last first next final other middle remaining")


def harmless_literals(utterance: Utterance) -> list[tuple[int, int]]:
    """Return the character ranges of written times, dates and numbers with separators."""
    if not utterance.has_figures or _LITERAL_SIGNS.isdisjoint(utterance.gaps[1:-1]):
        return []
    return [match.span() for match in _LITERAL.finditer(utterance.text)]


def is_counted(utterance: Utterance, run: Run) -> bool:
    """Say whether what surrounds `run` names it a quantity: a unit, a currency, a percentage, an ordinal.

    Holds also while a number is being given. Digits said one by one, and more than a few numbers in a row,
    are never a quantity.
    """
    if run.counted is None:
        run.counted = _is_counted(utterance, run)
    return run.counted


def _is_counted(utterance: Utterance, run: Run) -> bool:
    if len(run.elements) > 3 or run.singles >= 3 or run.total > 9:
        return False
    after, before = utterance.gaps[run.last + 1], utterance.gaps[run.first]
    if (before[-1:] and before[-1] in _CURRENCY) or after[:1] in _QUANTITY_SIGNS:
        return True
    if after.strip():
        return False
    lows = utterance.lows
    if run.last + 1 == len(lows):
        return False
    following = lows[run.last + 1]
    if following in UNITS:
        return True
    if following in _ADJECTIVES and utterance.low(run.last + 2) in UNITS:
        return True
    return following == "a" and utterance.low(run.last + 2) in (
        "month",
        "week",
        "year",
        "day",
        "night",
        "minute",
    )


def is_pronoun(utterance: Utterance, run: Run) -> bool:
    """Say whether `run` is the "one" of "that one", or the "four" of "the last four digits"."""
    if run.first != run.last:
        return False
    before, after = utterance.low(run.first - 1), utterance.low(run.last + 1)
    if utterance.low(run.first) == "one" and (before in _PRONOUN_BEFORE or after in _PRONOUN_AFTER):
        return True
    return before in _LAST_OF and after not in ("", "is", "are") and run.total == 1


def is_date_or_sum(utterance: Utterance, run: Run, literals: list[tuple[int, int]]) -> bool:
    """Say whether `run` is a year, a time, a date or a sum of money by its own shape and its neighbours.

    Does not hold while a number is being given: "twelve thirty" may then be four of its digits.
    """
    if run.dated is None:
        run.dated = _is_date_or_sum(utterance, run, literals)
    return run.dated


def _is_date_or_sum(utterance: Utterance, run: Run, literals: list[tuple[int, int]]) -> bool:
    elements = run.elements
    if run.singles >= 3:
        return False
    if literals:
        start, end = utterance.starts[run.first], utterance.ends[run.last]
        if any(left <= start and end <= right for left, right in literals):
            return True
    lead = elements[0]
    if lead.scaled and all(element.scaled for element in elements):
        return len(elements) == 1
    if lead.written:
        if len(elements) <= 2 and all(e.written and _is_solid_date(e.digits) for e in elements):
            return True
        if all(element.written and _is_year(element.digits) for element in elements):
            return len(elements) <= 2
    digits = [element.digits for element in elements]
    before = utterance.lows[max(0, run.first - 3) : run.first]
    month = utterance.low(run.first - 1) in MONTHS or utterance.low(run.last + 1) in MONTHS
    if month and len(elements) <= 3 and int(digits[0] or 0) <= 31:
        return len(digits) == 1 or _is_year("".join(digits[1:]))
    if len(elements) == 1:
        return run.total <= 5 and lead.written and _speaks_of_money(before)
    if _is_year(run.digits) and len(elements[0].digits) == 2:
        return True
    if len(elements) in (2, 3) and len(run.digits) <= 4 and 1 <= int(digits[0] or 0) <= 24:
        minutes = "".join(digits[1:])
        if len(minutes) == 2 and int(minutes) < 60:
            return not _TIME_BEFORE.isdisjoint(before) or utterance.low(run.last + 1) in _TIME_AFTER
    return len(elements) == 2 and len(digits[1]) == 2 and _speaks_of_money(before)


def _speaks_of_money(words: list[str]) -> bool:
    return not _MONEY_BEFORE.isdisjoint(words) and _NO_MONEY.isdisjoint(words)


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in ("19", "20")


def _is_solid_date(digits: str) -> bool:
    """Say whether `digits` are a day of this century's written in a row, as in "25062018", "06252018", "20180625".

    Zeros may be left out ("2562018"), and the day ("92018"). Not of the years in which people are born who call.
    """
    if 5 <= len(digits) <= 7 and "2010" <= digits[-4:] <= "2039":
        return any(
            0 < int(first or 1) <= 31
            and 0 < int(second or 1) <= 31
            and min(int(first or 1), int(second or 1)) <= 12
            for first, second in ((digits[:at], digits[at:-4]) for at in range(1, len(digits) - 3))
        )
    if len(digits) != 8:
        return False
    for year, first, second in ((digits[4:], digits[:2], digits[2:4]), (digits[:4], digits[4:6], digits[6:])):
        if "2010" <= year <= "2039":
            small, large = sorted((int(first), int(second)))
            return 1 <= small <= 12 and 1 <= large <= 31
    return False
