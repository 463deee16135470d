"""What the detectors by rule find in one text by themselves, without the trained model, and what they leave."""

from __future__ import annotations

import pytest

from bench.redaction_numbers import cases, measure_generated
from engines.redaction.context import Context, Due, Strength
from engines.redaction.cues import find_cues
from engines.redaction.detectors.digits import DigitDetector
from engines.redaction.detectors.rules import RULES
from engines.redaction.resolve import settle
from engines.redaction.tokens import tokenise

DETECTORS = (DigitDetector(("US", "GB")), *RULES)


def shown(text: str, context: Context | None = None) -> str:
    utterance = tokenise(text)
    spans = settle(span for detector in DETECTORS for span in detector.find(utterance, context or Context()))
    for span in reversed(spans):
        text = f"{text[: span.start]}[{span.type}]{text[span.end :]}"
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a number that pauses part
        ("two. ninety four ninety one seven. dash forty eight. er three", "[NUMBER]"),
        ("five five, hold on 6 six 1 four five one", "[NUMBER]"),
        ("sixteen three and then seventy eight ninety six", "[NUMBER]"),
        # numbers with letters, by their cue
        ("policy number is ssk 698745124", "policy number is [POLICY_NUMBER]"),
        ("and claim number ghf 852", "and claim number [CLAIM_NUMBER]"),
        ("claim number b as in bravo 7 c for charlie 3", "claim number [CLAIM_NUMBER]"),
        ("booking reference golf 75 foxtrot 34", "booking reference [BOOKING_REFERENCE]"),
        ("confirmation number is k 3 x 7 g 5 okay", "confirmation number is [BOOKING_REFERENCE] okay"),
        ("order id is psre 253 thanks", "order id is [ORDER_NUMBER] thanks"),
        ("passport number is 533380006", "passport number is [PASSPORT]"),
        ("my driver's license number is d 123 4567 8901", "my driver's license number is [DRIVING_LICENCE]"),
        ("customer number 12 34 56", "customer number [ACCOUNT_NUMBER]"),
        ("zip code is nine oh two one oh", "zip code is [POSTCODE]"),
        ("my postcode is g 2 6 5 w b", "my postcode is [POSTCODE]"),
        # what is spelled, without a cue
        ("s as in sierra m for mike i as in india", "[NAME]"),
        ("sure k 3 x 7 g 5", "sure [NUMBER]"),
        ("it is X7K2P99 thanks", "it is [NUMBER] thanks"),
        # written ids
        ("pay to GB82 WEST 1234 5698 7654 32 today", "pay to [IBAN] today"),
        ("pay to de89370400440532013000 now", "pay to [IBAN] now"),
        ("it is AB 12 34 56 C and AB123456D", "it is [NATIONAL_ID] and [NATIONAL_ID]"),
        ("RSSMRA85T10A562S, 12345678Z, ABCPE1234F", "[NATIONAL_ID], [NATIONAL_ID], [NATIONAL_ID]"),
        ("at SW1A 1AA or K1A 0B1 or 12345-6789", "at [POSTCODE] or [POSTCODE] or [POSTCODE]"),
        ("i live in Austin, TX 78701", "i live in Austin, TX [POSTCODE]"),
        ("she was born 03/04/1982", "she was born [DATE_OF_BIRTH]"),
        ("02/22/1977 is hers", "[DATE_OF_BIRTH] is hers"),
        ("dob 4 March 1982 ok", "dob [DATE_OF_BIRTH] ok"),
        # addresses of machines and pages
        ("192.168.0.1 or 192 dot 168 dot one dot one", "[IP_ADDRESS] or [IP_ADDRESS]"),
        ("fe80::1ff:fe23:4567:890a and 00:1a:2b:3c:4d:5e", "[IP_ADDRESS] and [IP_ADDRESS]"),
        ("go to w w w dot acme dot com slash help and log in", "go to [URL] and log in"),
        ("visit acme dot co dot uk please", "visit [URL] please"),
        ("see https://acme.com/reset?t=abc123, ok", "see [URL], ok"),
        ("our site is acme.com.", "our site is [URL]."),
        # e-mail as recognition writes it
        ("nila 90 gmailcom", "[EMAIL]"),
        ("kavigmailcom and five passengers", "[EMAIL] and five passengers"),
        ("its anthony mail com", "its [EMAIL]"),
        ("my mail is rathik 67 gmail", "my mail is [EMAIL]"),
        ("my email is ann.miles at example", "my email is [EMAIL]"),
        ("my email is ann dot miles at", "my email is [EMAIL]"),
        ("my email is down at work", "my email is down at work"),
        ("john at the rate gmail dot com", "[EMAIL]"),
        ("john underscore smith at the rate of yahoo dot co dot uk ok", "[EMAIL] ok"),
        # passwords and user names
        ("my password is hunter2!$ ok", "my password is [PASSWORD] ok"),
        ("password is blue horse 42 thanks", "password is [PASSWORD] thanks"),
        ("name nataya and password 2436", "name nataya and password [PASSWORD]"),
        ("company and password is prathik", "company and password is [PASSWORD]"),
        ("user name is karan_77 and more", "user name is [USERNAME] and more"),
        ("one time password is 3578", "one time password is [SECURITY_CODE]"),
    ],
)
def test_found(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "my password is wrong",
        "i forgot my password can you reset it",
        "can you change my password it is not working",
        "what is your user name",
        "the model is 4runner iphone12 and mp3",
        "i want 3 g or 4 g network",
        "b 2 b sales and a to z",
        "plan a or plan b for 2 lines",
        "at 10:30:15 on 12/05/2024",
        "on 25062018 to 28062018",
        "the polka dot dress",
        "there is no point in it",
        "golf at the hotel in november",
        "who was it for fred",
        "account number please",
        "it is 1500pounds and 20th",
        "mail me the form",
    ],
)
def test_left_alone(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("asked", "text", "expected"),
    [
        ("PASSWORD", "sure it's bluebird seven", "sure it's [PASSWORD]"),
        ("PASSWORD", "i don't remember", "i don't remember"),
        ("USERNAME", "j smith 45", "[USERNAME]"),
    ],
)
def test_an_answer_is_what_was_asked_for(asked: str, text: str, expected: str) -> None:
    assert shown(text, Context(asked=asked)) == expected


def test_letters_belong_to_the_number_that_is_due() -> None:
    due = Due("POLICY_NUMBER", Strength.DUE)
    assert shown("a b as in bravo c", Context(due=due)) == "[POLICY_NUMBER]"
    assert shown("let me look for it", Context(due=due)) == "let me look for it"


def test_the_longest_cue_wins_and_is_found_once() -> None:
    utterance = tokenise("your e mail address and the one time password")
    assert [cue.type for cue in find_cues(utterance)] == ["EMAIL", "SECURITY_CODE"]
    assert find_cues(utterance) is find_cues(utterance)


def test_cards_and_social_security_numbers_are_hidden_however_they_are_given() -> None:
    measured = measure_generated(600, seed=99)
    for kind in ("card", "ssn"):
        for form in ("written", "spoken", "turns"):
            assert measured[f"{kind}_{form}"]["recall"] >= 0.995, (kind, form, measured)
    assert list(cases(20, 5)) == list(cases(20, 5)) != list(cases(20, 6))
