"""What a field's name says of its value: a bare "536228190" is a social security number where the field is `ssn`.

Only names that mean one thing are here; values of other fields are read by themselves.
"""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

_BY_NAME: dict[str, tuple[str, ...]] = {
    "CREDIT_CARD": (
        *("card", "card number", "card no", "cc number", "credit card", "credit card number", "debit card"),
        *("debit card number", "pan", "payment card"),
    ),
    "SECURITY_CODE": ("cvv", "cvc", "cvv 2", "cvc 2", "csc", "security code", "card code"),
    "SSN": ("ssn", "social security", "social security number", "ssn last 4"),
    "PASSWORD": (
        *("password", "pass word", "passcode", "pass code", "pass phrase", "passphrase", "pin", "pin code"),
        *("secret answer", "security answer", "secret word", "memorable word", "otp", "one time password"),
        *("access code", "verification code"),
    ),
    "DATE_OF_BIRTH": ("dob", "date of birth", "birth date", "birthdate", "birthday"),
    "IBAN": ("iban",),
    "ACCOUNT_NUMBER": ("bank account", "bank account number", "sort code", "routing number"),
    "PASSPORT": ("passport", "passport number", "passport no"),
    "DRIVING_LICENCE": (
        *("driving licence", "driving license", "drivers license", "driver license", "driver s license"),
    ),
    "NATIONAL_ID": ("national id", "tax id", "tin", "nino", "national insurance number", "nhs number"),
    "EMAIL": ("email", "e mail", "email address", "mail address"),
    "PHONE": (
        *("phone", "phone number", "telephone", "telephone number", "mobile", "mobile number", "cell", "fax"),
        *("cell phone", "callback number", "call back number", "ani", "caller", "caller id", "caller number"),
    ),
    "ADDRESS": ("address", "street", "street address", "home address", "billing address", "shipping address"),
}
_TYPES = {words: kind for kind, names in _BY_NAME.items() for words in names}


def type_of(name: str) -> str:
    """Return the type of information that a field of this name holds, "" where its name does not say.

    Names are read as words, however they are written: `cardNumber`, `card_number` and "Card Number" are one. Words
    before ("customer ssn") and dotted paths do not matter.
    """
    words = [word.lower() for word in _WORDS.findall(name[:120])]
    for start in range(len(words)):
        if kind := _TYPES.get(" ".join(words[start:])):
            return kind
    return ""


# What values of these types have to hold, or else the field means something else by its name: `card` may be "gold".
_DIGITS = re.compile(r"\d.*\d.*\d")
_FORMS = {
    "EMAIL": re.compile(r"@"),
    "ADDRESS": re.compile(r"\d|\w\W+\w"),
    "PASSWORD": re.compile(r"\S"),
    "DATE_OF_BIRTH": re.compile(r"\d.*\d"),
}
_NOTHING = re.compile(
    r"(?:|-|n/?a|none|null|unknown|yes|no|true|false|0|x+|\*+|\[[A-Z_]+[^\]]*\])", re.IGNORECASE
)


def says_something(value: str) -> bool:
    """Whether a value is more than the note that there is none, that there is one, or that it was hidden."""
    return _NOTHING.fullmatch(value.strip()) is None


def holds(kind: str, value: str) -> bool:
    """Whether a value under a name of this type can be such a value: digits, or what else the type has."""
    return says_something(value) and _FORMS.get(kind, _DIGITS).search(value) is not None
