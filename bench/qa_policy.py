"""What the text of a policy says in figures and conditions, as far as rules can hold a transcript against it.

A policy that lacks a sentence lacks the rule. Nothing here knows any transcript.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_N = r"(\d+|one|two|three|four|five|six|seven|eight|nine)"
_CABIN = r"for each (basic economy|economy|business) passenger"


@dataclass(frozen=True)
class Policy:
    """What a policy says; None, or empty, where it says nothing.

    `free_bags`: by (membership, cabin). `payments`: at most so many by kind. `gestures`: dollars a passenger for a
    complaint about flights that were "cancelled" or "delayed".
    """

    now: datetime | None = None
    confirm: bool = False
    cancel_within: timedelta | None = None
    cancel_conditions: bool = False
    whole_unflown: bool = False
    basic_stays: bool = False
    same_route: bool = False
    same_passengers: bool = False
    bags_stay: bool = False
    insurance_asked: bool = False
    most_passengers: int | None = None
    payments: Mapping[str, int] = field(default_factory=dict)
    own_payments: bool = False
    update_payments: frozenset[str] = frozenset()
    free_bags: Mapping[tuple[str, str], int] = field(default_factory=dict)
    gestures: Mapping[str, int] = field(default_factory=dict)
    transfer_only_if: bool = False


def policy_of(text: str) -> Policy:
    """Read a policy. Sentences that it does not have leave their rules out."""
    plain = " ".join(text.split())

    def says(pattern: str) -> bool:
        return re.search(pattern, plain, re.IGNORECASE) is not None

    now = re.search(r"current time is (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", plain, re.IGNORECASE)
    within = re.search(r"cancelled within (\d+) hours of booking", plain, re.IGNORECASE)
    most = re.search(rf"at most {_N} passengers", plain, re.IGNORECASE)
    paid = re.search(
        rf"at most {_N} travel certificates?, at most {_N} credit cards?, and at most {_N} gift cards?",
        plain,
        re.IGNORECASE,
    )
    kinds = ("certificate", "credit_card", "gift_card")
    update = says(r"provide one gift card or credit card for payment or refund")
    return Policy(
        now=datetime.fromisoformat(now.group(1)) if now else None,
        confirm=says(r"obtain explicit user confirmation"),
        cancel_within=timedelta(hours=int(within.group(1))) if within else None,
        cancel_conditions=says(r"economy flights can be cancelled only if travel insurance"),
        whole_unflown=says(r"only cancel the whole trip that is not flown"),
        basic_stays=says(r"basic economy flights cannot be modified"),
        same_route=says(r"without changing the origin, destination"),
        same_passengers=says(r"cannot modify the number of passengers"),
        bags_stay=says(r"add but not remove checked bags"),
        insurance_asked=says(r"should ask if the user wants to buy the travel insurance"),
        most_passengers=_number(most.group(1)) if most else None,
        payments=dict(zip(kinds, map(_number, paid.groups()), strict=True)) if paid else {},
        own_payments=says(r"payment methods must already be in user profile"),
        update_payments=frozenset({"gift_card", "credit_card"}) if update else frozenset(),
        free_bags=_free_bags(plain),
        gestures=_gestures(plain),
        transfer_only_if=says(r"transfer the user to a human agent if and only if"),
    )


def _number(words: str) -> int:
    return int(words) if words.isdigit() else _NUMBERS[words.lower()]


def _free_bags(plain: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for member, told in re.findall(r"booking user is a (\w+) member, ([^.]+)\.", plain, re.IGNORECASE):
        for count, cabin in re.findall(rf"(\d+) free checked bags? {_CABIN}", told, re.IGNORECASE):
            found[member.lower(), cabin.lower().replace(" ", "_")] = int(count)
    return found


def _gestures(plain: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind, dollars in re.findall(
        r"complains about (cancelled|delayed) flights[^.]*?amount being \$(\d+) times the number of passengers",
        plain,
        re.IGNORECASE,
    ):
        found[kind.lower()] = int(dollars)
    return found
