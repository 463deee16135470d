"""Answers to guidance and alerts: what each does, and who may see and give them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from coaching.access import alert_for, alerts_visible, guidance_for, guidance_visible
from coaching.alerts import alert_assign, alert_resolve
from coaching.answers import guidance_answer
from coaching.models import Alert, Guidance
from coaching.scopes import Audience
from coaching.selectors import effective_revisions
from conversations import events
from conversations.models import ConversationEvent
from tests.coaching.conftest import THREAT, hint


def test_answers_come_back_as_events(world, call):
    agent = world.northwind.people["agent"]
    call.say("customer", THREAT, 1000)
    row = guidance_for(agent, hint().pk)
    shown_at = row.decided_at + timedelta(milliseconds=80)
    seen = guidance_answer(guidance=row, user=agent, action="seen", shown_at=shown_at)
    assert seen.shown_at == min(shown_at, seen.shown_at)
    again = guidance_answer(guidance=row, user=agent, action="seen")
    assert again.shown_at == seen.shown_at

    accepted = guidance_answer(guidance=row, user=agent, action="accept")
    assert (accepted.state, accepted.settled_ms is not None) == ("accepted", True)
    guidance_answer(guidance=row, user=agent, action="accept")
    with pytest.raises(Conflict):
        guidance_answer(guidance=row, user=agent, action="dismiss", reason="no")
    assert guidance_answer(guidance=row, user=agent, action="undo").state == "open"
    dismissed = guidance_answer(
        guidance=row, user=agent, action="dismiss", reason="card is 4012 8888 8888 1881, not now"
    )
    assert dismissed.state == "dismissed"
    assert "4012" not in dismissed.dismiss_reason
    kinds = ConversationEvent.objects.filter(conversation=call.conversation).values_list("kind", flat=True)
    assert list(kinds) == ["guidance"] * 4  # seen, accepted, open again, dismissed


def test_an_unknown_action_is_refused(world, call):
    call.say("customer", THREAT, 1000)
    with pytest.raises(ValidationError):
        guidance_answer(guidance=hint(), user=world.northwind.people["agent"], action="like")


def test_the_rules_do_not_overwrite_an_answer(world, call):
    agent = world.northwind.people["agent"]
    call.say("customer", THREAT, 1000)
    guidance_answer(guidance=hint(), user=agent, action="dismiss", reason="not now")
    call.say("agent", "i can offer you a discount", 5000)
    assert hint().state == "dismissed"
    assert (call.shown[-1][1]["state"], call.shown[-1][1]["dismiss_reason"]) == ("dismissed", "not now")


def test_undoing_after_its_time_lets_the_hint_go(world, call):
    agent = world.northwind.people["agent"]
    call.say("customer", THREAT, 1000)
    guidance_answer(guidance=hint(), user=agent, action="dismiss")
    Guidance.objects.filter(kind="hint").update(decided_at=timezone.now() - timedelta(seconds=31))
    assert guidance_answer(guidance=hint(), user=agent, action="undo").state == "expired"


def test_what_was_seen_shows_both_latencies(world, call):
    agent = world.northwind.people["agent"]
    call.say("customer", THREAT, 1000)
    row = guidance_answer(guidance=hint(), user=agent, action="seen")
    latency = events.render("guidance", row)["latency_ms"]
    assert 40 <= latency["heard_to_sent"] <= latency["heard_to_shown"]


@pytest.mark.parametrize("persona", ["teammate", "outsider", "supervisor", "analyst", "admin"])
def test_nobody_else_answers_an_agent_s_guidance(world, call, persona):
    call.say("customer", THREAT, 1000)
    with pytest.raises(Http404):
        guidance_for(world.northwind.people[persona], hint().pk)
    with pytest.raises(Http404):
        guidance_for(world.northwind.people["agent"], "no uuid")


@pytest.mark.parametrize(
    ("persona", "sees"),
    [
        ("agent", True),
        ("teammate", False),
        ("supervisor", True),
        ("other_supervisor", False),
        ("analyst", True),
    ],
)
def test_guidance_is_read_by_who_may_read_the_conversation(world, call, persona, sees):
    call.say("customer", THREAT, 1000)
    assert guidance_visible(world.northwind.people[persona]).exists() is sees


# --- Alerts ----------------------------------------------------------------------------------------------


def test_an_alert_is_assigned_and_resolved_once(world, call):
    people = world.northwind.people
    call.say("customer", THREAT, 1000)
    alert = alert_for(people["supervisor"], Alert.objects.get().pk)
    with pytest.raises(ValidationError):
        alert_assign(alert=alert, assignee=people["agent"], actor=people["supervisor"])
    alert_assign(alert=alert, assignee=people["admin"], actor=people["supervisor"])
    alert_resolve(alert=alert, user=people["supervisor"])
    row = alert_resolve(alert=alert, user=people["admin"])
    assert (row.state, row.assignee, row.resolved_by) == ("resolved", people["admin"], people["supervisor"])
    with pytest.raises(Conflict):
        alert_assign(alert=alert, assignee=None, actor=people["supervisor"])
    assert ConversationEvent.objects.filter(kind="alert").count() == 2


@pytest.mark.parametrize(
    ("persona", "sees"),
    [
        ("agent", False),
        ("supervisor", True),
        ("other_supervisor", False),
        ("analyst", False),
        ("admin", True),
    ],
)
def test_alerts_are_for_who_watches_over_the_call(world, call, persona, sees):
    call.say("customer", THREAT, 1000)
    user, alert_id = world.northwind.people[persona], Alert.objects.get().pk
    assert alerts_visible(user).exists() is sees
    if sees:
        assert alert_for(user, alert_id).pk == alert_id
    else:
        with pytest.raises(Http404):
            alert_for(user, alert_id)


def test_another_company_sees_none_of_it(world, call):
    call.say("customer", THREAT, 1000)
    alert_id = Alert.objects.get().pk
    with world.acme.scope():
        assert effective_revisions(audience=Audience()) == []
        with pytest.raises(Http404):
            alert_for(world.acme.people["admin"], alert_id)
