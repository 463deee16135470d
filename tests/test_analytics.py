"""Facts and reports: figures from what is stored, written anew on changes, seen by who may see the conversations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.ids import new_id
from analytics.models import ConversationFact
from analytics.selectors import report_agents, report_daily
from analytics.services import company_today, fact_write
from coaching.models import Alert, Guidance
from conversations.models import Utterance
from conversations.summaries import summary_confirm, summary_write
from qa.models import Evaluation, ScorecardRevision, ScorecardTemplate
from tenants.models import Tenant
from tests.understanding import definition_make, hint_action, policy_make, rule


@pytest.fixture
def north(world):
    with world.northwind.scope():
        yield world.northwind


def _figured(conversation, revision, *, total="80.00"):
    """Give a conversation guidance, an alert and a score."""
    now = timezone.now()
    common = {"conversation": conversation, "revision": revision, "at_ms": 0, "title": "x"}
    for kind, state in [("hint", "accepted"), ("hint", "expired"), ("checklist", "accepted")]:
        Guidance.objects.create(
            **common, kind=kind, state=state, label="Say", decided_at=now, rule_key=str(new_id())
        )
    Alert.objects.create(**common, severity="bad", raised_at=now)
    card, _made = ScorecardTemplate.objects.get_or_create(name="Card")
    judged_by, _made = ScorecardRevision.objects.get_or_create(
        template=card, number=1, defaults={"spec": {"name": "Card", "criteria": []}}
    )
    Evaluation.objects.create(conversation=conversation, revision=judged_by, total=Decimal(total))
    Utterance.objects.filter(conversation=conversation, speaker="customer").update(sentiment=-0.5)


@pytest.fixture
def revision(north):
    definition_make("any", phrases=["hello"])
    return policy_make(rule("any", hint_action("x")))


def test_a_fact_adds_up_what_is_stored(north, revision, make_conversation):
    conversation = make_conversation(agent=north.people["agent"], state="wrap_up")
    _figured(conversation, revision)
    fact = fact_write(conversation.pk)
    assert (fact.agent_talk_ms, fact.customer_talk_ms) == (4000, 4000)
    assert (fact.hints_shown, fact.hints_accepted, fact.alerts) == (2, 1, 1)
    assert (fact.sentiment, fact.score, fact.handle_seconds) == (-0.5, Decimal("80"), 10)
    Evaluation.objects.update(total=Decimal("60"))
    assert fact_write(conversation.pk).score == Decimal("60")
    assert ConversationFact.objects.count() == 1


def test_a_call_under_way_has_no_fact(north, make_conversation):
    assert fact_write(make_conversation(state="live").pk) is None
    assert fact_write(new_id()) is None


def test_the_day_is_the_company_s(north, make_conversation):
    Tenant.objects.filter(schema_name="northwind").update(time_zone="Pacific/Auckland")
    conversation = make_conversation(at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC))
    assert fact_write(conversation.pk).day.isoformat() == "2026-03-02"


def test_handle_time_runs_to_the_confirmation_but_not_to_an_expiry(north, make_conversation):
    began = timezone.now() - timedelta(seconds=100)
    worked = make_conversation(agent=north.people["agent"], state="wrap_up", at=began)
    summary_confirm(summary=summary_write(conversation_id=worked.pk), user=north.people["agent"])
    assert 99 <= fact_write(worked.pk).handle_seconds <= 160

    left = make_conversation(state="completed", at=began, closed_at=timezone.now())
    summary_write(conversation_id=left.pk)
    assert fact_write(left.pk).handle_seconds == 10


def test_reports_count_by_day_and_agent(north, revision, make_conversation, django_assert_max_num_queries):
    people = north.people
    now = timezone.now()
    for agent, age, total in [
        ("agent", 0, "80"),
        ("agent", 0, "60"),
        ("teammate", 1, "90"),
        ("outsider", 1, "10"),
    ]:
        conversation = make_conversation(agent=people[agent], at=now - timedelta(days=age))
        _figured(conversation, revision, total=total)
        fact_write(conversation.pk)
    with django_assert_max_num_queries(3):
        days = report_daily(people["analyst"], 3)
    assert [one.figures.conversations for one in days] == [0, 2, 2]
    assert days[-1].day == company_today()
    assert (days[-1].figures.score, days[-1].figures.accepted_share) == (70.0, 0.5)
    assert (days[0].figures.score, days[0].figures.accepted_share) == (None, None)
    assert [one.figures.conversations for one in report_daily(people["analyst"], 3, north.other_team)] == [
        0,
        1,
        0,
    ]

    with django_assert_max_num_queries(3):
        agents = report_agents(people["analyst"], 3)
    assert [(one.name, one.team, one.figures.score) for one in agents] == [
        ("Agent", "Billing", 70.0),
        ("Outsider", "Sales", 10.0),
        ("Teammate", "Billing", 90.0),
    ]
    assert [one.name for one in report_agents(people["supervisor"], 3)] == ["Agent", "Teammate"]
    assert [one.name for one in report_agents(people["other_supervisor"], 3)] == ["Outsider"]
    assert report_agents(people["agent"], 3) == []


def test_reports_are_of_one_company(world, north, make_conversation):
    fact_write(make_conversation(agent=north.people["agent"]).pk)
    with world.acme.scope():
        assert report_agents(world.acme.people["admin"], 3) == []
        assert sum(one.figures.conversations for one in report_daily(world.acme.people["admin"], 3)) == 0
