"""For whom a policy is: what fits, what is nearer, what is wrong with a scope. No database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from coaching.scopes import Audience, combined, fits, nearness, scope_clean, share_of

AGENT = UUID("01a1fb5b-0000-7000-8000-000000000001")
MONDAY = datetime(2026, 11, 23, 10, 0)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, True),
        ({"agents": [str(AGENT)]}, True),
        ({"agents": ["somebody else"]}, False),
        ({"teams": ["t"], "agents": [str(AGENT)]}, False),
        ({"queues": ["billing", "sales"]}, True),
        ({"channels": ["chat"]}, False),
        ({"languages": ["en"]}, True),
        ({"languages": ["en-US"]}, False),
        ({"time": {"days": ["mon"], "from": "09:00", "until": "17:00"}}, True),
        ({"time": {"days": ["tue"]}}, False),
        ({"time": {"from": "10:00"}}, True),
        ({"time": {"until": "10:00"}}, False),
    ],
)
def test_all_that_is_named_must_fit(scope, expected):
    audience = Audience(agent_id=AGENT, queue="billing", language="en-GB", at=MONDAY)
    assert fits(scope, audience) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 23, 23, 0), True),
        (datetime(2026, 11, 24, 3, 0), True),  # the night of Monday
        (datetime(2026, 11, 23, 3, 0), False),
        (datetime(2026, 11, 24, 23, 0), False),
        (datetime(2026, 11, 23, 12, 0), False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_began(at, expected):
    window = {"time": {"days": ["mon"], "from": "22:00", "until": "06:00"}}
    assert fits(window, Audience(at=at)) is expected


def test_nearness_goes_agent_team_queue_channel_language_time_everyone():
    one = [{"agents": ["a"]}, {"teams": ["t"]}, {"queues": ["q"]}, {"channels": ["c"]}, {"languages": ["l"]}]
    one += [{"time": {"from": "08:00"}}, {}]
    assert [nearness(scope) for scope in one] == sorted((nearness(scope) for scope in one), reverse=True)
    assert nearness({"teams": ["t"]}) > nearness({"queues": ["q"], "channels": ["c"], "languages": ["l"]})
    assert nearness({"teams": ["t"], "queues": ["q"]}) > nearness({"teams": ["t"]})


@dataclass
class _Policy:
    name: str
    scope: Any
    combine: str = "also"


def test_what_is_equally_near_stays_beside_what_stands_instead():
    rows = [
        _Policy("all", {}),
        _Policy("queue", {"queues": ["q"]}, "instead"),
        _Policy("same", {"queues": ["q", "p"]}),
        _Policy("team", {"teams": ["t"]}),
    ]
    assert [row.name for row in combined(rows)] == ["queue", "same", "team"]


def test_a_share_differs_from_policy_to_policy_and_is_even():
    people = [Audience(key=str(number)) for number in range(2_000)]
    first, second = ([share_of(salt, one) for one in people] for salt in ("a", "b"))
    assert first == [share_of("a", one) for one in people]
    assert abs(sum(first) / len(first) - 50) < 3
    both = sum(a < 50 and b < 50 for a, b in zip(first, second, strict=True))
    assert 420 < both < 580


@pytest.mark.parametrize(
    ("scope", "word"),
    [
        ([], "object"),
        ({"planet": ["earth"]}, "planet"),
        ({"queues": "billing"}, "list"),
        ({"time": {"days": ["someday"]}}, "Days are"),
        ({"time": {"from": "8 o'clock"}}, "08:30"),
        ({"time": {"from": "08:00", "until": "08:00"}}, "begins when it ends"),
    ],
)
def test_what_is_no_scope_is_refused_in_words(scope, word):
    with pytest.raises(ValueError, match=word):
        scope_clean(scope)


def test_a_scope_is_kept_without_what_names_nothing():
    given = {
        "queues": ["b", "a", "b"],
        "agents": [],
        "time": {"days": ["tue", "mon"], "from": "8:00".zfill(5)},
    }
    assert scope_clean(given) == {"queues": ["a", "b"], "time": {"days": ["mon", "tue"], "from": "08:00"}}
