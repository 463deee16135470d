"""What stands for a finding: masks, last digits, keyed hashes, words that some may see."""

from __future__ import annotations

import json
import pickle
import re

import pytest

from engines.redaction.actions import Action, hashed, normalised, render
from engines.redaction.custom import CustomType
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.stream import StreamRedactor
from engines.redaction.text import RawText
from engines.redaction.tokens import tokenise
from engines.redaction.vocabulary import PLACEHOLDER, PROFILES, chip_words, kind, placeholder
from engines.speech.types import HeardWord

KEY = b"a key of 32 bytes, one a company"
CARD = "4111 1111 1111 1111"
CARD_SAID = "four one one one one one one one one one one one one one one one"


def config(**actions: Action) -> RedactionConfig:
    return RedactionConfig(actions=tuple(actions.items()), hash_key=KEY, model=False)


def shown(text: str, settings: RedactionConfig) -> str:
    return redact(RawText(text), settings).text


def test_the_last_four_digits_of_a_whole_number_stay() -> None:
    settings = config(CREDIT_CARD=Action.LAST_FOUR, ACCOUNT_NUMBER=Action.LAST_FOUR, PHONE=Action.LAST_FOUR)
    assert shown(f"card {CARD} ok", settings) == "card [CREDIT_CARD 1111] ok"
    assert shown(f"card number {CARD_SAID}", settings) == "card number [CREDIT_CARD 1111]"
    assert shown("card number four two four two", settings) == "card number [CREDIT_CARD]"
    assert shown("account number 1234567", settings) == "account number [ACCOUNT_NUMBER]"
    assert shown("account number 12345678", settings) == "account number [ACCOUNT_NUMBER 5678]"
    name = config(NAME=Action.LAST_FOUR)
    assert shown("my name is john smith", name) == "my name is [NAME]"


def test_parts_of_a_number_do_not_show_the_last_four_of_each() -> None:
    settings = config(ACCOUNT_NUMBER=Action.LAST_FOUR, CREDIT_CARD=Action.LAST_FOUR, NUMBER=Action.LAST_FOUR)
    call = StreamRedactor(settings)

    def say(speaker: str, text: str, at: int) -> str:
        return call.redact_final(speaker, RawText(text), (), at, at + 2000).redacted.text

    say("agent", "what is your account number", 0)
    assert say("customer", "12345678", 3000) == "[ACCOUNT_NUMBER 5678]"
    assert say("customer", "and then 87654321", 6000) == "and then [ACCOUNT_NUMBER]"
    # Nothing was asked for: eight digits may be half a card.
    bare = StreamRedactor(settings)
    assert bare.redact_final("customer", RawText("41111111"), (), 0, 900).redacted.text == "[NUMBER]"
    assert bare.redact_final("customer", RawText(CARD), (), 2000, 2900).redacted.text == "[CREDIT_CARD 1111]"


def test_a_partial_shows_nothing_of_what_grows() -> None:
    settings = config(CREDIT_CARD=Action.LAST_FOUR, NAME=Action.KEEP, PHONE=Action.HASH)
    call = StreamRedactor(settings)
    words = f"my name is john smith and my card number is {CARD_SAID}".split()
    for count in range(1, len(words) + 1):
        partial = call.redact_partial("customer", RawText(" ".join(words[:count])))
        assert not re.search(r"john|smith|\d", partial.text) and not partial.kept


def test_a_hash_is_the_same_for_the_same_value_said_or_written() -> None:
    settings = config(CREDIT_CARD=Action.HASH, NAME=Action.HASH, PHONE=Action.HASH)
    written, said = shown(f"card {CARD}", settings), shown(f"card {CARD_SAID}", settings)
    assert written == said and re.fullmatch(r"card \[CREDIT_CARD #[0-9a-f]{8}\]", written)
    assert shown("My name is John Smith.", settings)[11:] == shown("my name is john  smith.", settings)[11:]
    assert shown("my name is john smith", settings) != shown("my name is joan smith", settings)
    assert hashed(KEY, "NAME", "john") != hashed(b"another", "NAME", "john")
    assert hashed(KEY, "NAME", "john") != hashed(KEY, "USERNAME", "john")


@pytest.mark.parametrize(
    ("type_name", "one", "other"),
    [
        ("SSN", "123-45-6789", "one two three four five six seven eight nine"),
        ("PHONE", "(415) 555-0100", "four one five triple five oh one double oh"),
        ("BOOKING_REFERENCE", "G75F34", "g seven five f as in foxtrot thirty four"),
        ("BOOKING_REFERENCE", "G75 F34", "golf seven five foxtrot three four"),
        ("PHONE", "+1 415 629 3187", "(415) 629-3187"),
        ("PHONE", "plus one four one five six two nine three one eight seven", "1-415-629-3187"),
        ("PHONE", "07911 123456", "+44 7911 123456"),
        ("PHONE", "011 44 7911 123456", "447911123456"),
        ("PHONE", "0049 30 1234567", "030 1234567"),
        ("DATE_OF_BIRTH", "March 4, 1980", "the fourth of march nineteen eighty"),
        ("DATE_OF_BIRTH", "1980-03-04", "4th Mar 80"),
        ("DATE_OF_BIRTH", "13/02/1985", "o two thirteen eighty five"),
        ("DATE_OF_BIRTH", "21 May 2001", "may twenty first two thousand and one"),
        ("DATE_OF_BIRTH", "03.04.80", "three four nineteen eighty"),
        ("NAME", "Zoë  KRAUSE", "zoë krause"),
        ("EMAIL", "A.B@example.com.", "a.b@example.com"),
    ],
)
def test_values_are_normalised(type_name: str, one: str, other: str) -> None:
    assert normalised(type_name, one) == normalised(type_name, other)


@pytest.mark.parametrize(
    ("type_name", "one", "other"),
    [
        # Which is the day, depends on the country; which century, on the caller.
        ("DATE_OF_BIRTH", "3/4/1980", "4/3/1980"),
        ("DATE_OF_BIRTH", "3/4/1980", "3 April 1980"),
        ("DATE_OF_BIRTH", "may 5 25", "may 5 1925"),
        ("DATE_OF_BIRTH", "31/02/1980", "03/02/1980"),
        ("PHONE", "+1 415 629 3187", "+1 415 629 3188"),
        ("PHONE", "629 3187", "415 629 3187"),
    ],
)
def test_what_may_be_another_value_stays_another(type_name: str, one: str, other: str) -> None:
    assert normalised(type_name, one) != normalised(type_name, other)


def test_other_values_stay_apart() -> None:
    assert normalised("BOOKING_REFERENCE", "AB1234") != normalised("BOOKING_REFERENCE", "CD1234")
    assert normalised("SSN", "123-45-6789") != normalised("SSN", "123-45-6780")


def test_what_is_kept_stays_in_the_text_and_only_some_see_it() -> None:
    kept = redact(RawText("my name is john smith, card 4111 1111 1111 1111 ok"), config(NAME=Action.KEEP))
    assert kept.text == "my name is john smith, card [CREDIT_CARD] ok"
    assert [kept.text[span.start : span.end] for span in kept.kept] == ["john smith"]
    assert render(kept.text, kept.kept, frozenset({"NAME"})) == kept.text
    assert render(kept.text, kept.kept, frozenset()) == "my name is [NAME], card [CREDIT_CARD] ok"


def test_the_sound_of_what_is_kept_is_silenced_all_the_same() -> None:
    words = [
        HeardWord(RawText(one), i * 300, i * 300 + 300, 0.9)
        for i, one in enumerate(["my", "name", "is", "john"])
    ]
    final = StreamRedactor(config(NAME=Action.KEEP)).redact_final(
        "customer", RawText("my name is john"), words, 0, 1200
    )
    assert [word.text for word in final.words] == ["my", "name", "is", "john"]
    assert final.audio_intervals == ((750, 1350),)


@pytest.mark.parametrize(
    "stand_in",
    ["[CREDIT_CARD]", "[CREDIT_CARD 1111]", "[NAME #3fa9c1d2]", "[BADGE_NUMBER]", "[BADGE_NUMBER 1234]"],
)
def test_a_placeholder_is_one_word_and_redacting_twice_changes_nothing(stand_in: str) -> None:
    tokens = tokenise(f"is {stand_in} ok").tokens
    assert len(tokens) == 3 and tokens[1].is_placeholder and PLACEHOLDER.fullmatch(stand_in)
    settings = config(CREDIT_CARD=Action.LAST_FOUR, NAME=Action.HASH)
    text = f"my name is {stand_in} and my card number is {stand_in}"
    assert shown(text, settings) == text


def test_a_company_has_types_of_its_own() -> None:
    own = CustomType("BADGE_NUMBER", "badge number", patterns=(r"B-\d{5}",))
    settings = RedactionConfig(
        custom=(own,), actions=(("BADGE_NUMBER", Action.HASH),), hash_key=KEY, model=False
    )
    assert re.fullmatch(r"it is \[BADGE_NUMBER #[0-9a-f]{8}\]", shown("it is B-12345", settings))
    assert kind("BADGE_NUMBER").priority == 65 and not kind("BADGE_NUMBER").numeric
    assert placeholder("BADGE_NUMBER") == "[BADGE_NUMBER]" and kind("BADGE_NUMBER").label == "badge number"
    assert chip_words("badge number", "#3fa9c1d2") == "badge number #3fa9"
    for name in ("", "A", "1A", "lower", "A B", "X" * 40):
        with pytest.raises(ValueError, match="name"):
            kind(name)


def test_a_configuration_is_a_value_and_hides_its_key() -> None:
    settings = config(NAME=Action.HASH)
    assert settings == pickle.loads(pickle.dumps(settings)) and hash(settings) == hash(
        config(NAME=Action.HASH)
    )
    assert "key of" not in repr(settings) and json.dumps(settings.actions)
    with pytest.raises(ValueError, match="key"):
        RedactionConfig(actions=(("NAME", Action.HASH),))
    with pytest.raises(ValueError, match="SHOE_SIZE"):
        RedactionConfig(actions=(("SHOE_SIZE", Action.KEEP),))
    with pytest.raises(ValueError, match="plug-ins"):
        RedactionConfig(extra=("nobody",))


def test_a_card_in_breaths_does_not_leak_where_numbers_stay() -> None:
    for settings in (
        RedactionConfig(enabled_types=PROFILES["standard"] - {"NUMBER"}, model=False),
        RedactionConfig(actions=(("NUMBER", Action.KEEP),), model=False),
    ):
        call, seen = StreamRedactor(settings), []
        for at, breath in enumerate(("four", "one one one", "um one one one one", "1111", "one one one one")):
            raw = RawText(breath)
            seen.append(call.redact_partial("customer", raw).text)
            seen.append(call.redact_final("customer", raw, (), at * 3000, at * 3000 + 2000).redacted.text)
        assert not re.search(r"one|four|\d", " ".join(seen)), seen
        # What was asked for as a number of another kind stays, as told.
        asked = StreamRedactor(settings)
        asked.redact_final("agent", RawText("what is your ticket number"), (), 0, 1000)
        assert asked.redact_final("customer", RawText("12345"), (), 1500, 2500).redacted.text == "12345"
