"""The one list of what can be found: names, words for people, placeholders and who wins an overlap.

A company may have types of its own beside `TYPES`; `kind` answers for both. A placeholder is `[CREDIT_CARD]`,
`[CREDIT_CARD 1111]` with the last four digits, or `[NAME #3fa9c1d2]` with a keyed hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Group(StrEnum):
    """Families of types that a company decides about together, the gravest first."""

    SECRETS = "secrets"
    IDENTIFIERS = "identifiers"
    CONTACT = "contact"
    PERSON = "person"
    CONTEXT = "context"


@dataclass(frozen=True, slots=True)
class InformationType:
    """One kind of information.

    `label` is lower case, for chips ("card number"). `numeric` says that it is made of digits, or of digits and
    letters that are spelled. `complete_at` is the count of digits after which a number that was asked for counts
    as given. Of two overlapping spans the one with the higher `priority` gives the type.
    """

    name: str
    label: str
    group: Group
    priority: int
    numeric: bool = False
    complete_at: int = 0

    @property
    def placeholder(self) -> str:
        """What stands in the text instead of the words, e.g. `[CREDIT_CARD]`."""
        return f"[{self.name}]"


TYPES: Mapping[str, InformationType] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            InformationType("CREDIT_CARD", "card number", Group.SECRETS, 90, True, 15),
            InformationType("IBAN", "IBAN", Group.IDENTIFIERS, 85, True, 15),
            InformationType("SSN", "social security number", Group.IDENTIFIERS, 80, True, 9),
            InformationType("NATIONAL_ID", "national id", Group.IDENTIFIERS, 78, True, 8),
            InformationType("PASSPORT", "passport number", Group.IDENTIFIERS, 77, True, 7),
            InformationType("DRIVING_LICENCE", "driving licence", Group.IDENTIFIERS, 76, True, 7),
            InformationType("SECURITY_CODE", "security code", Group.SECRETS, 75, True, 3),
            InformationType("PASSWORD", "password", Group.SECRETS, 72),
            InformationType("EMAIL", "e-mail address", Group.CONTACT, 70),
            InformationType("URL", "web address", Group.CONTACT, 68),
            InformationType("IP_ADDRESS", "IP address", Group.CONTACT, 66),
            InformationType("USERNAME", "user name", Group.PERSON, 64),
            InformationType("ACCOUNT_NUMBER", "account number", Group.IDENTIFIERS, 60, True, 8),
            InformationType("POLICY_NUMBER", "policy number", Group.IDENTIFIERS, 58, True, 6),
            InformationType("CLAIM_NUMBER", "claim number", Group.IDENTIFIERS, 57, True, 6),
            InformationType("BOOKING_REFERENCE", "booking reference", Group.IDENTIFIERS, 56, True, 6),
            InformationType("ORDER_NUMBER", "order number", Group.IDENTIFIERS, 55, True, 6),
            InformationType("PHONE", "phone number", Group.CONTACT, 50, True, 10),
            InformationType("DATE_OF_BIRTH", "date of birth", Group.PERSON, 40, True, 6),
            InformationType("ADDRESS", "address", Group.CONTACT, 36),
            InformationType("POSTCODE", "postcode", Group.CONTACT, 34, True, 5),
            InformationType("NAME", "name", Group.PERSON, 30),
            InformationType("AGE", "age", Group.CONTEXT, 25),
            InformationType("ORGANISATION", "organisation", Group.CONTEXT, 22),
            InformationType("LOCATION", "place", Group.CONTEXT, 20),
            InformationType("NATIONALITY", "nationality", Group.CONTEXT, 18),
            InformationType("TITLE", "form of address", Group.CONTEXT, 17),
            InformationType("DATE", "date", Group.CONTEXT, 15),
            InformationType("NUMBER", "number", Group.IDENTIFIERS, 10, True, 8),
        )
    }
)

# What a company may start from. "standard" leaves what only points at people in the company of other words.
PROFILES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "cards_and_secrets": frozenset(k.name for k in TYPES.values() if k.group is Group.SECRETS)
        | {"NUMBER"},
        "standard": frozenset(k.name for k in TYPES.values() if k.group is not Group.CONTEXT),
        "strict": frozenset(TYPES),
    }
)

NUMERIC_TYPES: frozenset[str] = frozenset(kind.name for kind in TYPES.values() if kind.numeric)


_CUSTOM_PRIORITY = 65
_NAME = re.compile(r"[A-Z][A-Z_]{1,31}")
# Every form of a placeholder: group 1 is the type's name, group 2 the last digits or the hash, if any.
PLACEHOLDER = re.compile(r"\[([A-Z][A-Z_]{1,31})(?: ([0-9]{4}|#[0-9a-f]{8}))?\]")
_SHOWN_OF_HASH = 5  # "#3fa9": enough for people to tell two apart


def is_name(name: str) -> bool:
    """Say whether `name` can be a type's: two to 32 capitals and underscores, a capital first."""
    return _NAME.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def kind(name: str) -> InformationType:
    """Return the type called `name`, of `TYPES` or a company's own. Raises ValueError if it cannot be a name."""
    known = TYPES.get(name)
    if known is not None:
        return known
    if not is_name(name):
        raise ValueError("not a name of a type of information")
    return InformationType(
        name, name.strip("_").replace("_", " ").lower(), Group.IDENTIFIERS, _CUSTOM_PRIORITY
    )


def placeholder(type_name: str) -> str:
    """Return what stands in the text for `type_name`. Raises ValueError if it cannot be a name."""
    return kind(type_name).placeholder


def chip_words(label: str, detail: str | None) -> str:
    """Return what people read for a placeholder: `label`, with "…1111" or "#3fa9" where it has a `detail`."""
    if not detail:
        return label
    return f"{label} {detail[:_SHOWN_OF_HASH]}" if detail[0] == "#" else f"{label} …{detail}"
