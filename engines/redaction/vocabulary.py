"""The one list of what can be found: names, words for people, placeholders and who wins an overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class InformationType:
    """One kind of information.

    `label` is lower case, for chips ("card number"). `numeric` says that it is made of digits. `complete_at`
    is the count of digits after which a number that was asked for counts as given. Of two overlapping spans
    the one with the higher `priority` gives the type.
    """

    name: str
    label: str
    priority: int
    numeric: bool
    complete_at: int = 0

    @property
    def placeholder(self) -> str:
        """What stands in the text instead of the words, e.g. `[CREDIT_CARD]`."""
        return f"[{self.name}]"


TYPES: Mapping[str, InformationType] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            InformationType("CREDIT_CARD", "card number", 90, True, 15),
            InformationType("SSN", "social security number", 80, True, 9),
            InformationType("SECURITY_CODE", "security code", 75, True, 3),
            InformationType("EMAIL", "e-mail address", 70, False),
            InformationType("ACCOUNT_NUMBER", "account number", 60, True, 8),
            InformationType("PHONE", "phone number", 50, True, 10),
            InformationType("DATE_OF_BIRTH", "date of birth", 40, True, 6),
            InformationType("NAME", "name", 30, False),
            InformationType("NUMBER", "number", 10, True, 8),
        )
    }
)

NUMERIC_TYPES: frozenset[str] = frozenset(kind.name for kind in TYPES.values() if kind.numeric)


def placeholder(type_name: str) -> str:
    """Return what stands in the text for `type_name`. Raises KeyError for a name that is not in `TYPES`."""
    return TYPES[type_name].placeholder
