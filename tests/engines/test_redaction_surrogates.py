"""Made-up values: same type and shape, the same for the same value, and nobody's."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from stdnum import iban

from engines.redaction.actions import digits_of
from engines.redaction.context import Context
from engines.redaction.detectors.checks import is_card
from engines.redaction.redactor import RedactionConfig, redactor_for
from engines.redaction.surrogates import Surrogates
from engines.redaction.vocabulary import TYPES

SEED = b"one export"
MADE = Surrogates(SEED)
CARDS = (
    "4929 1234 5678 9012",
    "4929-1234-5678-9012",
    "378282246310005",
    "four nine two nine one two three four five six seven eight nine oh one two",
)


@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_of_the_test_range_and_passes_luhn(card: str) -> None:
    made = MADE.value("CREDIT_CARD", card)
    assert is_card(digits_of(made)) and digits_of(made).startswith("411111")
    assert len(digits_of(made)) == len(digits_of(card))
    assert re.sub(r"\d", "", made) == re.sub(r"\d", "", card) or not re.search(r"\d", card + made)


@pytest.mark.parametrize(
    ("phone", "fiction"),
    [
        ("(415) 867-5309", r"\(\d{3}\) 555-01\d\d"),
        ("+1 415 867 5309", r"\+1 \d{3} 555 01\d\d"),
        ("07911 123456", r"07700 900\d{3}"),
        ("+44 7911 123456", r"\+44 7700 900\d{3}"),
    ],
)
def test_a_phone_number_is_of_a_range_for_fiction(phone: str, fiction: str) -> None:
    made = MADE.value("PHONE", phone)
    assert re.fullmatch(fiction, made), made
    assert phonenumbers.is_possible_number(phonenumbers.parse(made, "GB" if made[0] == "0" else "US"))


def test_the_same_value_keeps_its_stand_in_said_or_written() -> None:
    assert MADE.value("NAME", "John Smith").lower() == MADE.value("NAME", "john  smith")
    assert MADE.value("NAME", "John Smith") == Surrogates(SEED).value("NAME", "John Smith")
    others = {Surrogates(bytes([i])).value("NAME", "John Smith") for i in range(20)}
    assert len(others) > 10
    written = MADE.value("PHONE", "415 867 5309")
    said = MADE.value("PHONE", "four one five eight six seven five three oh nine")
    assert digits_of(written) == digits_of(said) and not re.search(r"\d", said)


@pytest.mark.parametrize(
    ("type_name", "said", "shape"),
    [
        ("NAME", "John Smith", r"[A-Z][a-z]+ [A-Z][a-z]+"),
        ("NAME", "john smith", r"[a-z]+ [a-z]+"),
        ("NAME", "JOHN", r"[A-Z]+"),
        ("NAME", "s m i t h", r"([a-z] )+[a-z]"),
        ("SSN", "123-45-6789", r"666-\d\d-\d{4}"),
        ("EMAIL", "john.smith@gmail.com", r"[a-z]+\.[a-z]+@example\.(com|org|net)"),
        ("EMAIL", "john smith at gmail dot com", r"[a-z]+ dot [a-z]+ at example dot (com|org|net)"),
        ("BOOKING_REFERENCE", "G75F34", r"[A-Z]\d\d[A-Z]\d\d"),
        ("BOOKING_REFERENCE", "g seven five f as in foxtrot", r"[a-z] \w+ \w+ [a-z] \w+ \w+ \w+"),
        ("DATE_OF_BIRTH", "31/12/1985", r"(0\d|1[0-2])/(0\d|1[0-2])/(19[4-9]\d|200[0-4])"),
        ("ADDRESS", "221 Baker Street", r"[1-9]\d\d [A-Z][a-z]+ Street"),
        ("IP_ADDRESS", "10.0.0.1", r"192\.0\.2\.\d+"),
        ("URL", "https://shop.acme.co.uk/user/4711", r"https://[a-z]+\.example\.com/[a-z]{4}/\d{4}"),
        ("PASSWORD", "Hunter2!", r"[A-Z][a-z]{5}\d!"),
        ("BADGE_NUMBER", "B-12345", r"[A-Z]-\d{5}"),
    ],
)
def test_the_shape_stays(type_name: str, said: str, shape: str) -> None:
    made = MADE.value(type_name, said)
    assert re.fullmatch(shape, made), made
    assert made.casefold() != said.casefold()


def test_an_iban_has_its_checksum() -> None:
    made = MADE.value("IBAN", "GB82 WEST 1234 5698 7654 32")
    assert iban.is_valid(made, check_country=False) and made.startswith("GB") and made[4] == " "


def test_a_text_keeps_all_but_what_was_found() -> None:
    text = "my name is john smith, card 4111 1111 1111 1111 and mail john@gmail.com"
    spans = redactor_for(RedactionConfig(model=False)).examine(text, Context()).spans
    made = MADE.in_place_of(text, spans)
    assert made.text.startswith("my name is ") and ", card 4111 11" in made.text and "smith" not in made.text
    assert [span.type for span in made.spans] == [span.type for span in spans]
    kept = text
    for span in reversed(spans):
        kept = kept[: span.start] + "|" + kept[span.end :]
    shown = made.text
    for span in reversed(made.spans):
        shown = shown[: span.start] + "|" + shown[span.end :]
    assert shown == kept


@pytest.mark.parametrize("spoken", [False, True])
def test_every_placeholder_can_be_filled(spoken: bool) -> None:
    text = " and ".join(f"[{name}]" for name in (*TYPES, "BADGE_NUMBER"))
    made = MADE.filled(text, place="call 1", spoken=spoken)
    assert "[" not in made.text and len(made.spans) == len(TYPES) + 1
    assert made == MADE.filled(text, place="call 1", spoken=spoken)
    assert made.text != MADE.filled(text, place="call 2", spoken=spoken).text
    if spoken:
        assert not re.search(r"\d", made.text)


def test_one_hash_is_one_value_and_masks_are_values_of_their_own() -> None:
    made = MADE.filled(
        "[NAME #3fa9c1d2] is [NAME #3fa9c1d2], not [NAME #00000000]; [PHONE] [PHONE]", place="x"
    )
    first, second, third, one, other = (made.text[span.start : span.end] for span in made.spans)
    assert first == second and first != third and one != other
