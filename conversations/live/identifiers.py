"""The ids that a call goes by elsewhere, as they may be kept: what is a person's number becomes a code of it.

Some telephony puts the caller's number, or whatever an IVR asked for, where an id belongs. The code is always the same
for the same number within a company, so that what comes later under it still finds its call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from django.utils.crypto import salted_hmac

from conversations.live.field_names import holds, type_of
from engines.redaction.detectors.checks import is_card
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.text import RawText
from tenants.scope import current_schema

CODED = "hidden-"
# By form alone, and the same for all companies: an id must mean the same whatever a policy says later.
_ANY = RedactionConfig(
    enabled_types=frozenset({"CREDIT_CARD", "SSN", "PHONE", "EMAIL", "IBAN", "NATIONAL_ID"}), model=False
)
# What looks like an id is one, unless it is a card's number by issuer, length and checksum.
_BARE = re.compile(r"[A-Za-z0-9_:.-]*")
_CARD = re.compile(r"(?<!\d)(?:4\d{15}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|[45]\d\d)\d{12})(?!\d)")
_SSN = re.compile(r"\d{3}-\d\d-\d{4}")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[-.](?=\d)")


def code_of(value: str, kind: str = "id") -> str:
    """A code for `value` that is the same within the company, and that nobody without our secret can turn back."""
    return CODED + salted_hmac(f"{kind}:{current_schema()}", value).hexdigest()[:24]


@lru_cache(maxsize=4096)
def _is_personal(value: str) -> bool:
    if _BARE.fullmatch(value):
        cards = _CARD.findall(_BETWEEN_DIGITS.sub("", value))
        return any(is_card(digits) for digits in cards) or _SSN.fullmatch(value) is not None
    return redact(RawText(value), _ANY).text != value


def known_as(value: str, *, kind: str = "") -> str:
    """`value` if it is an id, and its code if it is a card's, a person's or a phone's number.

    `kind`: what it is called where it comes from; "ani" says that any digits are a phone number. Twice is once.
    """
    if not value or value.startswith(CODED):
        return value
    named = type_of(kind) if kind else ""
    return code_of(value) if (named and holds(named, value)) or _is_personal(value) else value


def all_known_as(identifiers: Mapping[str, str]) -> dict[str, str]:
    """Ids by their kinds, each as `known_as`, the kinds too."""
    return {known_as(kind): known_as(value, kind=kind) for kind, value in identifiers.items()}
