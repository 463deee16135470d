"""Sampling: who and what is drawn, quotas over a period, and who gets the work."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError

from accounts.errors import Conflict
from qa.models import Assignment, Evaluation, SamplingPlan
from qa.sampling import Candidate, drawn
from qa.work import (
    assignment_create,
    assignment_drop,
    assignment_give,
    assignment_take,
    period_start,
    plan_draw,
    plans_draw,
)
from tests.qa.conftest import OFFER

ANN, BEN, CEM = (UUID(int=n) for n in (1, 2, 3))


def calls(**counts):
    """Candidates: ann=5 gives five of Ann's."""
    people = {"ann": ANN, "ben": BEN, "cem": CEM}
    return [
        Candidate(UUID(int=1000 * number + n), people[name], queue="a" if n % 2 else "b", risk=n % 4)
        for number, (name, count) in enumerate(counts.items())
        for n in range(count)
    ]


def draw(candidates, **fields):
    given = {"strata": "none", "most": 10, "per_agent": 100, "taken": {}, "chance": random.Random(7)} | fields
    return drawn(candidates, **given)


def test_quotas_hold_whatever_is_there():
    found = draw(calls(ann=50, ben=2), per_agent=3)
    assert Counter(one.agent_id for one in found) == {ANN: 3, BEN: 2}
    assert len(draw(calls(ann=50), most=4)) == 4
    # What was taken before in the period counts.
    assert Counter(one.agent_id for one in draw(calls(ann=50, ben=50), per_agent=3, taken={ANN: 2}))[ANN] == 1
    assert draw([]) == []


def test_strata_get_their_share():
    even = draw(calls(ann=90, ben=6, cem=3), strata="agent", most=9)
    assert Counter(one.agent_id for one in even) == {ANN: 3, BEN: 3, CEM: 3}
    # Who has had the fewest comes first.
    (first,) = draw(calls(ann=9, ben=9), strata="agent", most=1, taken={ANN: 1})
    assert first.agent_id == BEN
    queues = draw([*calls(ann=40), Candidate(UUID(int=9), BEN, "c")], strata="queue", most=3)
    assert {one.queue for one in queues} == {"a", "b", "c"}
    risky = draw(calls(ann=40), strata="risk", most=12)
    assert sorted((one.risk for one in risky), reverse=True) == [3] * 10 + [2] * 2
    assert draw(calls(ann=40)) != draw(calls(ann=40), chance=random.Random(8))


@pytest.mark.parametrize(
    ("period", "start"), [("day", "2026-03-05"), ("week", "2026-03-02"), ("month", "2026-03-01")]
)
def test_periods(period, start):
    found = period_start(period, datetime(2026, 3, 5, 15, 4, tzinfo=UTC))
    assert found.date().isoformat() == start and found.hour == 0


@pytest.fixture
def plan(card, revision, company):
    row = SamplingPlan.objects.create(
        name="Weekly", template=card, per_agent=2, period="month", shortest_seconds=30, second_percent=100
    )
    row.evaluators.set([company.people["analyst"], company.people["supervisor"], company.people["agent"]])
    return row


def test_a_plan_draws_its_quota_once_and_shares_it_out(company, plan, moments, ended, monkeypatch):
    # The first of a month at midnight has no past of its own.
    monkeypatch.setattr("qa.work.period_start", lambda period, now: now.replace(year=now.year - 1))
    for _call in range(3):
        ended(("agent", OFFER, 9_000))
    other = ended(("agent", "no", 9_000), agent=company.people["outsider"])
    ended(("agent", OFFER, 5_000), duration_ms=20_000)
    rows = plan_draw(plan=plan, seed=1)
    first = [row for row in rows if row.kind == Evaluation.Kind.PERSON]
    assert Counter(row.agent for row in first) == {company.people["agent"]: 2, company.people["outsider"]: 1}
    # A supervisor gets what their own team has; nobody gets both reviews of one call; agents evaluate nobody.
    assert {row.assignee for row in rows if row.conversation_id == other.pk} == {
        company.people["analyst"],
        None,
    }
    for row in first:
        (second,) = [
            one for one in rows if one.kind == "second" and one.conversation_id == row.conversation_id
        ]
        assert second.assignee != row.assignee
    assert company.people["agent"] not in {row.assignee for row in rows}
    assert plan_draw(plan=plan, seed=2) == []
    # Of a moment, only where it was heard; what is assigned already is not drawn again.
    Assignment.objects.all().delete()
    SamplingPlan.objects.update(moment=moments["offer"], drawn_at=None, per_agent=9)
    assert plans_draw() == 6
    assert other.pk not in Assignment.objects.values_list("conversation_id", flat=True)
    assert plans_draw() == 0


def test_work_is_given_taken_and_dropped_by_who_may(company, card, revision, ended):
    row, people = ended(("agent", OFFER, 9_000)), company.people
    given = assignment_create(conversation=row, template=card, actor=people["analyst"])
    with pytest.raises(Conflict):
        assignment_create(conversation=row, template=card, actor=people["analyst"])
    for persona in ("agent", "teammate", "other_supervisor"):
        with pytest.raises(ValidationError):
            assignment_give(assignment=given, assignee=people[persona], actor=people["analyst"])
    assert assignment_take(assignment=given, user=people["supervisor"]).assignee == people["supervisor"]
    with pytest.raises(Conflict):
        assignment_take(assignment=given, user=people["analyst"])
    assignment_drop(assignment=given, actor=people["analyst"])
    with pytest.raises(Conflict):
        assignment_drop(assignment=given, actor=people["analyst"])
