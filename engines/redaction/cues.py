"""Phrases after which something private is due: "card number", "who am I speaking with"."""

from __future__ import annotations

from dataclasses import dataclass

from engines.redaction.tokens import Utterance


@dataclass(frozen=True, slots=True)
class Cue:
    """One phrase found: tokens `first` to `last`, and the type that it announces (or `ANY`)."""

    first: int
    last: int
    type: str


# A phrase that announces digits without saying which: they belong to what was asked for before, if anything
# was.
ANY = ""

_PHRASES: dict[str, str] = {
    "CREDIT_CARD": (
        "card number|card numbers|card's number|card is|card details|long number|long card|sixteen digit|"
        "sixteen digits|16 digit|16 digits|sixteen numbers|number on the card|number on your card|"
        "number on the front|number on it|numbers on the front|numbers across the front|front of the card|"
        "front of your card|card ending|ending in|ends in|ending with|ends with|expiry|expiry date|"
        "expiration|expiration date|expires|visa number|read me the card|read out the card|start date"
    ),
    "SECURITY_CODE": (
        "security code|security number|cvv|cvc|cvv2|c v v|c v c|back of the card|back of your card|"
        "on the back|pin|pin number|pin code|passcode|pass code|verification code|one time code|"
        "one time password|otp|access code|three digit|three digits|password"
    ),
    "PHONE": (
        "phone number|telephone number|mobile number|cell number|cell phone number|contact number|"
        "callback number|call back number|number to reach|number to call|best number|number i can reach|"
        "reach you on|reach you at|reach me on|reach me at|call you back on|call you back at|call me on|"
        "call me at|text me at|"
        "text me on|ring me on|ring me at|get me on|call you on|call you at|mobile is|phone is|cell is|telephone is|landline|phone's|"
        "home number|work number|number you're calling from|number you are calling from"
    ),
    "SSN": (
        "social security number|social security|ssn|s s n|social is|your social|my social|"
        "your social security number|my social security number"
    ),
    "ACCOUNT_NUMBER": (
        "account number|account is|account ending|sort code|routing number|iban|bank account|account's number"
    ),
    "DATE_OF_BIRTH": (
        "date of birth|d o b|dob|born on|born in|were you born|birthday|birth date|birthdate|i was born"
    ),
    "NUMBER": (
        "reference number|reference is|reference|order number|order id|booking number|booking reference|"
        "policy number|claim number|member number|member id|membership number|membership id|"
        "customer number|customer id|confirmation number|confirmation code|tracking number|ticket number|"
        "case number|invoice number|serial number|license number|licence number|passport number|id number|"
        "employee number|employee id|registration number|meter number"
    ),
    ANY: (
        "my number|your number|the number is|number is|code is|last four|last 4|last two|first four|"
        "first six|next four|the digits|four digits|four digit|4 digits|4 digit"
    ),
    "EMAIL": (
        "email address|e mail address|mail address|email is|e mail is|email it's|your email|your e mail|"
        "my email|my e mail|email for you"
    ),
    "NAME": (
        "your name|your full name|your first name|your last name|your surname|the name please|name please|"
        "who am i speaking|who i am speaking|who i'm speaking|who's calling|who is calling|name on the card|"
        "name on the account|name on your|spell that|spell it|spell your|spell the|and your name|maiden name"
    ),
}

_BY_FIRST: dict[str, list[tuple[tuple[str, ...], str]]] = {}
for _type, _phrases in _PHRASES.items():
    for _phrase in _phrases.split("|"):
        _words = tuple(_phrase.split())
        _BY_FIRST.setdefault(_words[0], []).append((_words, _type))
for _options in _BY_FIRST.values():
    _options.sort(key=lambda option: -len(option[0]))


def find_cues(utterance: Utterance) -> list[Cue]:
    """Return the cues of `utterance` in order, none overlapping: the first wins, then the longest."""
    found: list[Cue] = []
    tokens = utterance.tokens
    for i, token in enumerate(tokens):
        if found and i <= found[-1].last:
            continue
        for phrase, type_name in _BY_FIRST.get(token.low, ()):
            if len(phrase) <= len(tokens) - i and all(tokens[i + k].low == w for k, w in enumerate(phrase)):
                found.append(Cue(i, i + len(phrase) - 1, type_name))
                break
    return found
