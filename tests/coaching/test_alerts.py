"""Alerts: one a call and kind, what reaches which team, who takes them, what happens to those that nobody takes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching import presence
from coaching.access import alert_for, alerts_visible
from coaching.alert_figures import alert_figures
from coaching.alerts import (
    alert_assign,
    alert_claim,
    alert_release,
    alert_resolve,
    alerts_close,
    hand_lower,
    hand_raise,
)
from coaching.escalation import alerts_escalate, escalated_mail
from coaching.models import HAND, Alert, ShiftMark, TeamAlerts
from coaching.shifts import on_shift, shift_mark, shifts_now
from coaching.tasks import alerts_sweep
from conversations import news
from conversations.access import conversations_visible
from conversations.models import OutboxJob
from tests import live_events as live
from tests.coaching.conftest import THREAT
from tests.understanding import call_begin, policy_make, rule


@pytest.fixture
def people(northwind):
    return northwind.people


@pytest.fixture
def live_call(people):
    return live.call_begin(people["agent"], ago_seconds=60)


@pytest.fixture
def told(monkeypatch):
    news_told = []
    followers = [*news._FOLLOWERS, lambda kind, _call, ref: news_told.append((kind, ref))]
    monkeypatch.setattr(news, "_FOLLOWERS", followers)
    return news_told


def waited(alert, seconds):
    Alert.objects.filter(pk=alert.pk).update(waiting_since=timezone.now() - timedelta(seconds=seconds))


def on_floor(user):
    presence.seen(presence.FLOOR, user.pk)


# --- One for each call and kind -------------------------------------------------------------------------


def test_a_repeat_counts_on_the_alert_that_is_there(world, heard, told):
    threat = {"do": "alert", "title": "Customer threatens to cancel", "severity": "bad"}
    for name in ("One", "Other"):
        # The same id in two policies is two rules.
        policy_make(rule("threat", threat, id="alert", cooldown_ms=1000), name=name)
    again = call_begin("northwind", live.call_begin(world.northwind.people["agent"]))
    again.say("customer", THREAT, 1000)
    again.tick(60_000)
    later = again.say("customer", f"really {THREAT}", 61_000)
    for alert in Alert.objects.filter(conversation=again.conversation):
        assert (alert.count, alert.at_ms, alert.last_at_ms) == (2, 4000, 64_000)
        assert alert.cause == later and alert.evidence[0]["start"] == 9
    shown = [data for kind, data in again.shown if kind == "alert"]
    assert [one["count"] for one in shown] == [1, 1, 2, 2] and len({one["id"] for one in shown}) == 2
    assert [kind for kind, _ref in told] == [news.ALERT_RAISED] * 2, "a repeat is no news"


def test_what_was_resolved_is_open_again_when_it_happens_again(people, live_call, told):
    first = live.alert(live_call, "Threat", rule_key="threat", severity="warn")
    alert_claim(alert=first, user=people["supervisor"])
    alert_resolve(alert=first, user=people["supervisor"])
    again = live.alert(live_call, "Threat", rule_key="threat", severity="bad")
    assert again.pk == first.pk and (again.state, again.count, again.severity) == ("open", 2, "bad")
    assert again.assignee is None and again.waiting_since is not None and again.first_claimed_at is not None
    assert [kind for kind, _ref in told] == [news.ALERT_RAISED] * 2
    closed = live.alert(live_call, "Other", rule_key="other")
    with transaction.atomic():
        alerts_close(news.COMPLETED, live_call.pk, None)
    assert live.alert(live_call, "Other", rule_key="other").state == "closed"
    closed.refresh_from_db()
    assert (closed.count, closed.state, closed.resolved_by, closed.assignee) == (2, "closed", None, None)


def test_settings_say_what_reaches_a_team(northwind, people, live_call, told):
    TeamAlerts.objects.create(team=None, least="warn")
    own = TeamAlerts.objects.create(team=northwind.team, least="bad", hands=False)
    own.silenced = [Alert(policy=live._revision().policy, rule_key="noise").key]
    own.save()
    quiet = [
        live.alert(live_call, "Only to be looked at", severity="warn"),
        live.alert(live_call, "Noise", rule_key="noise"),
    ]
    assert {one.state for one in quiet} == {"quiet"} and told == []
    assert live.alert(live_call, "Noise", rule_key="noise").count == 2
    assert not alerts_visible(people["supervisor"]).exists() and not alerts_visible(people["admin"]).exists()
    assert live.alert(live_call, "Grave").state == "open"
    with pytest.raises(ValidationError):
        hand_raise(conversation=live_call, agent=people["agent"])
    theirs = live.call_begin(people["outsider"])
    assert live.alert(theirs, "Only to be looked at", severity="warn").state == "open"
    own.emails = "not an address"
    with pytest.raises(ValidationError):
        own.full_clean()


# --- A raised hand --------------------------------------------------------------------------------------


def test_a_raised_hand_is_one_until_somebody_came(people, live_call):
    agent = people["agent"]
    first = hand_raise(conversation=live_call, agent=agent)
    assert hand_raise(conversation=live_call, agent=agent).pk == first.pk
    assert Alert.objects.get().count == 1 and first.kind == "hand"
    alert_claim(alert=first, user=people["supervisor"])
    lowered = hand_lower(conversation=live_call, agent=agent)
    assert (lowered.state, lowered.resolved_by) == ("resolved", agent)
    assert hand_raise(conversation=live_call, agent=agent).count == 2
    for persona in ("teammate", "supervisor"):
        with pytest.raises(ValidationError):
            hand_raise(conversation=live_call, agent=people[persona])
        with pytest.raises(ValidationError):
            hand_lower(conversation=live_call, agent=people[persona])
    live.call_end(live_call, summary=False)
    assert Alert.objects.get(rule_key=HAND).state == "closed"
    with pytest.raises(ValidationError):
        hand_raise(conversation=live_call, agent=agent)


# --- Taken, given back ----------------------------------------------------------------------------------


def test_one_of_two_gets_it_and_it_says_who(people, live_call):
    alert = live.alert(live_call, "Threat")
    taken = alert_claim(alert=alert, user=people["supervisor"])
    assert (taken.assignee, taken.waiting_since) == (people["supervisor"], None)
    assert alert_claim(alert=alert, user=people["supervisor"]).claimed_at == taken.claimed_at
    with pytest.raises(Conflict, match="Supervisor has it since"):
        alert_claim(alert=alert, user=people["admin"])
    with pytest.raises(Conflict, match="not you"):
        alert_release(alert=alert, user=people["admin"])
    free = alert_release(alert=alert, user=people["supervisor"])
    assert free.assignee is None and free.waiting_since > taken.claimed_at
    assert alert_release(alert=alert, user=people["supervisor"]).assignee is None
    assert alert_assign(alert=alert, assignee=people["admin"], actor=people["supervisor"]).claimed_at
    alert_resolve(alert=alert, user=people["admin"])
    for act in (alert_claim, alert_release):
        with pytest.raises(Conflict, match="over already"):
            act(alert=alert, user=people["admin"])
    actions = AuditEvent.objects.filter(object_id=str(alert.pk)).order_by("occurred_at")
    assert list(actions.values_list("action", flat=True)) == [
        *("alert.claim", "alert.release", "alert.assign", "alert.resolve")
    ]


# --- Nobody takes it ------------------------------------------------------------------------------------


def test_what_nobody_takes_goes_further_once(northwind, people, live_call, told):
    TeamAlerts.objects.create(team=northwind.team, escalate_seconds=60, emails="lead@x.test\nops@x.test")
    on_floor(people["supervisor"])
    alert = live.alert(live_call, "Threat")
    waited(alert, 59)
    assert alerts_escalate() == 0, "somebody is on shift, and its time is not over"
    assert not alerts_visible(people["other_supervisor"]).exists()
    waited(alert, 61)
    alerts_sweep()
    assert alerts_escalate() == 0, "once, whoever sweeps"
    assert told[1:] == [(news.ALERT_ESCALATED, alert.pk)]
    seen = alert_for(people["other_supervisor"], alert.pk)
    assert seen.escalated_at is not None and not seen.readable
    assert not conversations_visible(people["other_supervisor"]).exists()
    job = OutboxJob.objects.get(task="coaching.escalated_mail")
    for _ in range(2):
        escalated_mail(job.conversation_id)
    assert [one.to for one in mail.outbox] == [["lead@x.test", "ops@x.test"]]
    assert "Threat" in mail.outbox[0].body and "northwind.localhost" in mail.outbox[0].body
    # Whoever takes it may follow the call from then on; to others it is gone.
    alert_claim(alert=seen, user=people["other_supervisor"])
    assert list(conversations_visible(people["other_supervisor"])) == [live_call]
    assert alert_release(alert=alert, user=people["other_supervisor"]).escalated_at is None
    waited(alert, 61)
    assert alerts_escalate() == 1, "it waits anew after it was given back"


def test_where_nobody_is_on_shift_it_goes_further_at_once(northwind, people, live_call):
    alert = live.alert(live_call, "Threat")
    assert alerts_escalate() == 0, "the floor may just be opening"
    waited(alert, 6)
    assert alerts_escalate() == 1
    never = TeamAlerts.objects.create(team=northwind.team, escalate_seconds=0)
    second = live.alert(live_call, "Second")
    waited(second, 3600)
    assert alerts_escalate() == 0
    never.escalate_seconds, never.escalate_to_others = 60, False
    never.save()
    assert alerts_escalate() == 1
    with pytest.raises(Http404):
        alert_for(people["other_supervisor"], second.pk)


def test_taken_in_time_it_goes_nowhere(people, live_call):
    alert = live.alert(live_call, "Threat")
    waited(alert, 600)
    alert_claim(alert=alert, user=people["supervisor"])
    assert alerts_escalate() == 0
    check = live.alert(live_call, "Check", rule_key="redaction.check")
    live.call_end(live_call, summary=False)
    alert.refresh_from_db(), check.refresh_from_db()
    assert (alert.state, check.state) == ("closed", "open"), "a check begins when the call is over"


# --- Shifts ---------------------------------------------------------------------------------------------


def test_who_is_on_shift(people):
    sam, admin = people["supervisor"], people["admin"]
    ids = [sam.pk, admin.pk]
    assert on_shift(ids) == set()
    on_floor(sam)
    assert on_shift(ids) == {sam.pk}
    shift_mark(user=sam, on=False)
    shift_mark(user=admin, on=True)
    assert on_shift(ids) == {admin.pk}
    first, *others = shifts_now(sam)
    assert (first["person"]["name"], first["on_shift"], first["said"]) == ("Supervisor", False, False)
    assert [one["person"]["name"] for one in others] == [], "other teams' supervisors are not theirs to see"
    assert {one["person"]["name"] for one in shifts_now(admin)} >= {"Supervisor", "Other Supervisor", "Admin"}
    ShiftMark.objects.update(since=timezone.now() - timedelta(hours=13))
    assert on_shift(ids) == {sam.pk}, "what was said yesterday counts no more"
    shift_mark(user=sam, on=None)
    assert not ShiftMark.objects.filter(user=sam).exists()


def test_pages_that_are_open_and_a_redis_that_is_away(people, settings):
    agent = people["agent"].pk
    assert presence.seen(presence.DESK, agent) and not presence.seen(presence.DESK, agent)
    assert presence.present(presence.DESK, [agent]) == {str(agent)}
    assert presence.present(presence.FLOOR, [agent]) == set()
    presence.leaving(presence.DESK, agent)
    assert presence.present(presence.DESK, [agent]) == {str(agent)}, "another page of theirs may be open"
    settings.CACHES = {
        "default": {"BACKEND": settings.CACHES["default"]["BACKEND"], "LOCATION": "redis://127.0.0.1:1"}
    }
    assert presence.seen(presence.DESK, agent) is False
    assert presence.present(presence.DESK, [agent]) is None and on_shift([agent]) is None


# --- Figures --------------------------------------------------------------------------------------------


def test_rules_that_nobody_acts_on_could_go(people):
    for number in range(20):
        call = live.call_begin(people["agent"])
        live.alert(call, "Noise", rule_key="noise", severity="warn")
        alert = live.alert(call, "Threat", rule_key="threat")
        if number < 4:
            alert_claim(
                alert=Alert.objects.get(conversation=call, rule_key="noise"), user=people["supervisor"]
            )
        if number < 5:
            alert_resolve(alert=alert, user=people["supervisor"])
        with transaction.atomic():
            alerts_close(news.COMPLETED, call.pk, None)
    noise, threat = alert_figures(user=people["supervisor"])
    assert (noise.key.partition("/")[2], noise.over, noise.acted, noise.ignored, noise.could_go) == (
        "noise",
        20,
        4,
        16,
        True,
    )
    assert noise.advice == "Nobody acted on 16 of 20. Retire this rule, or make it rarer."
    assert noise.claim_seconds is not None and threat.claim_seconds is None
    assert (threat.resolved, threat.ignored, threat.could_go, threat.advice) == (5, 15, False, "")
    assert alert_figures(user=people["other_supervisor"]) == []
