"""What a digit string is, judged by the string alone: checksums, number ranges, numbering plans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import phonenumbers
from phonenumbers.re_util import enable_pattern_cache, re_compile

# A group of nine as the Social Security Administration writes it; it never gave out the areas 000, 666 and
# 900-999, the group 00 or the serial 0000.
_SSN_AS_WRITTEN = re.compile(r"(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}")
# The sorts of numbers that a plan tells apart.
_SORTS = (
    *("general_desc", "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)
# The reason of a number that nothing but its length speaks for.
UNEXPLAINED = "digits that no quantity explains"


# Not frozen: that would make each of them three times as dear.
@dataclass(slots=True)
class Verdict:
    """The type of a digit string, how sure that is (0..1), and why."""

    type: str
    score: float
    reason: str


def luhn(digits: str) -> bool:
    """Say whether ASCII `digits` pass the checksum of payment cards (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = ord(character) - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return bool(digits) and total % 10 == 0


def is_card(digits: str) -> bool:
    """Say whether `digits` are a card number: 13 to 19, led by a card industry, the checksum right."""
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and luhn(digits)


def is_ssn_as_written(text: str) -> bool:
    """Say whether `text` is a social security number in its written grouping, e.g. 3-2-4 with dashes."""
    return _SSN_AS_WRITTEN.fullmatch(text) is not None


def is_phone(digits: str, regions: tuple[str, ...], *, international: bool) -> bool:
    """Say whether `digits` can be dialled: with a country code if `international`, else within a region."""
    if not 7 <= len(digits) <= 15:
        return False
    for region in (None,) if international else regions:
        number = _without_prefix(digits, region) if region is not None else None
        if number is False:
            continue
        if number is None:
            try:
                number = phonenumbers.parse(f"+{digits}" if international else digits, region)
            except phonenumbers.NumberParseException:
                continue
            # To be told that a number is wrong takes long where many regions share a country code: nearly all are too
            # long or too short for any of them.
            lengths = _lengths(number.country_code or 0)
            if lengths and len(phonenumbers.national_significant_number(number)) not in lengths:
                continue
        if phonenumbers.is_valid_number(number):
            return True
    return False


def _without_prefix(digits: str, region: str) -> phonenumbers.PhoneNumber | Literal[False] | None:
    """Return the number that bare `digits` are in `region`, without the long way of reading it.

    False: they are too many or too few. None: a prefix may have to be taken off them, or a zero leads.
    """
    plan, lengths, code = _plan(region)
    if not lengths or digits.startswith(code) or (plan is not None and plan.match(digits) is not None):
        return None
    if len(digits) not in lengths:
        return False
    if digits[0] == "0":
        return None
    return phonenumbers.PhoneNumber(country_code=int(code), national_number=int(digits))


@lru_cache(maxsize=256)
def _plan(region: str) -> tuple[re.Pattern[str] | None, frozenset[int], str]:
    """Return what may stand before a number in `region`, how many digits it has then, and the country's code."""
    code = phonenumbers.country_code_for_region(region)
    known = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if known is None:
        return None, frozenset(), str(code)
    prefixes = [known.international_prefix, known.national_prefix_for_parsing, known.national_prefix]
    pattern = "|".join(f"(?:{prefix})" for prefix in prefixes if prefix)
    return (re.compile(pattern) if pattern else None), _lengths(code), str(code)


@lru_cache(maxsize=256)
def _lengths(country_code: int) -> frozenset[int]:
    """Return how many digits the numbers of a country code have, without it; nothing where that is not told."""
    found: set[int] = set()
    for region in phonenumbers.region_codes_for_country_code(country_code):
        plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
        if plan is None or not plan.general_desc or not plan.general_desc.possible_length:
            return frozenset()
        found.update(plan.general_desc.possible_length)
    return frozenset(found)


def prepare(regions: tuple[str, ...]) -> None:
    """Read the numbering plans, so that no live utterance waits for one (about 0.2 s, once for all).

    Of all countries, as a number that comes with a country's code may be of any; and whatever bare numbers of `regions`
    are looked up in, those of other regions with the same country code among them.
    """
    _all_plans()
    for region in regions:
        code = phonenumbers.country_code_for_region(region)
        for beside in phonenumbers.region_codes_for_country_code(code):
            _expressions_prepare(beside)
            example = phonenumbers.example_number(beside)
            if example is not None:
                is_phone(phonenumbers.national_significant_number(example), (region,), international=False)


@lru_cache(maxsize=1)
def _all_plans() -> None:
    # There are more expressions than the `re` module keeps: it would compile them again and again.
    enable_pattern_cache()
    phonenumbers.PhoneMetadata.load_all()
    for region in phonenumbers.SUPPORTED_REGIONS:
        example = phonenumbers.example_number(region)
        if example is not None:
            digits = f"{example.country_code}{phonenumbers.national_significant_number(example)}"
            is_phone(digits, (), international=True)


def _expressions_prepare(region: str) -> None:
    """Compile what numbers of every sort look like in `region`."""
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    for sort in _SORTS if plan is not None else ():
        known = getattr(plan, sort)
        if known is not None and known.national_number_pattern:
            re_compile(known.national_number_pattern)


def classify(digits: str, *, written: str, international: bool, regions: tuple[str, ...]) -> Verdict:
    """Say what `digits` are when nothing was announced. `written` is the text that they stood in."""
    count = len(digits)
    if is_card(digits):
        return Verdict("CREDIT_CARD", 0.99, "card number, checksum right")
    if count > 16 and (is_card(digits[:16]) or is_card(digits[:15])):
        return Verdict("CREDIT_CARD", 0.95, "card number with more digits behind it")
    if count == 9 and is_ssn_as_written(written):
        return Verdict("SSN", 0.9, "nine digits in groups of 3, 2 and 4")
    if is_phone(digits, regions, international=international):
        return Verdict("PHONE", 0.85, "valid in the numbering plan")
    if 15 <= count <= 16:
        return Verdict("CREDIT_CARD", 0.6, "as long as a card number, checksum wrong")
    return Verdict("NUMBER", 0.7, UNEXPLAINED)
