"""Guidance: policies published as revisions, what agents are shown and when it leaves, answers, who may answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.access import alert_for, alerts_visible, guidance_for, guidance_visible
from coaching.answers import alert_assign, alert_resolve, guidance_answer
from coaching.models import Alert, Guidance, Policy, PolicyRevision, Rule
from coaching.selectors import effective_revisions
from coaching.services import policy_publish, policy_retire
from conversations import events, news
from conversations.models import ConversationEvent, Utterance
from moments.services import moment_save
from tests.understanding import call_begin, definition_make, policy_make

THREAT = "i want to cancel my service"


@pytest.fixture
def heard(world):
    """The moments of these tests, by key."""
    with world.northwind.scope():
        yield {
            "threat": definition_make(
                "threat", speaker="customer", phrases=["want to cancel"], name="Threat"
            ),
            "offer": definition_make("offer", speaker="agent", phrases=["offer you"], name="Offer to stay"),
            "recap": definition_make("recap", speaker="agent", phrases=["let me repeat"], name="Recap"),
        }


@pytest.fixture
def policy(heard):
    return policy_make(
        {"kind": "checklist", "when": heard["recap"], "title": "Repeat what was agreed"},
        {
            "kind": "hint",
            "when": heard["threat"],
            "title": "Ask what would make them stay",
            "say": "Before you decide, may I look?",
            "withdraw_on": heard["offer"],
            "expires_seconds": 30,
            "priority": 90,
        },
        {
            "kind": "alert",
            "when": heard["threat"],
            "title": "Customer threatens to cancel",
            "severity": "bad",
        },
    )


@pytest.fixture
def call(world, policy, make_conversation):
    conversation = make_conversation(
        agent=world.northwind.people["agent"], state="live", at=timezone.now(), lines=[("agent", "hello")]
    )
    begun = call_begin("northwind", conversation, team_id=world.northwind.team.pk)
    begun.sequence = 1
    return begun


def hint():
    return Guidance.objects.get(kind="hint")


# --- Publishing ------------------------------------------------------------------------------------------


def test_publishing_writes_a_revision_when_something_changed(world, heard, policy):
    admin = world.northwind.people["admin"]
    draft = policy.policy
    assert policy_publish(policy=draft, actor=admin) == policy
    draft.rules.filter(kind="hint").update(title="Ask why")
    second = policy_publish(policy=draft, actor=admin)
    assert (second.number, second.published_by) == (2, admin)
    policy.refresh_from_db()
    assert [rule["title"] for rule in policy.spec["rules"]][1] == "Ask what would make them stay"
    assert AuditEvent.objects.filter(action="policy.publish").count() == 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda policy, heard: policy.rules.all().delete(), "no rules"),
        (
            lambda policy, heard: policy.rules.filter(kind="hint").update(withdraw_on=heard["threat"]),
            "same moment",
        ),
        (lambda policy, heard: policy.rules.update(wait_seconds=5), "unless"),
    ],
)
def test_a_policy_that_cannot_work_is_refused_in_words(heard, policy, change, word):
    change(policy.policy, heard)
    with pytest.raises(ValidationError, match=word):
        policy_publish(policy=policy.policy, actor=None)
    assert PolicyRevision.objects.count() == 1


def test_a_rule_about_what_nobody_listens_for_is_refused(heard, policy):
    heard["offer"].active = False
    moment_save(definition=heard["offer"], actor=None)
    with pytest.raises(ValidationError, match="switched off"):
        policy_publish(policy=policy.policy, actor=None)


def test_a_call_goes_by_what_is_for_everyone_and_for_its_team(
    world, heard, policy, django_assert_num_queries
):
    own = policy_make({"when": heard["recap"], "title": "Ours"}, name="Team", team=world.northwind.team)
    policy_make({"when": heard["recap"], "title": "Theirs"}, name="Other", team=world.northwind.other_team)
    retired = policy_make({"when": heard["recap"], "title": "Gone"}, name="Gone")
    policy_retire(policy=retired.policy, actor=None)
    # A draft change of scope is not in effect before it is published.
    Policy.objects.filter(pk=own.policy_id).update(scope="all", team=None)
    with django_assert_num_queries(1):
        found = effective_revisions(team_id=world.northwind.team.pk)
    assert set(found) == {policy, own}
    assert effective_revisions(team_id=None) == [policy]


# --- During a call ---------------------------------------------------------------------------------------


def test_the_checklist_opens_with_the_call_and_ticks_itself(call):
    call.tick(100)
    item = Guidance.objects.get()
    assert (item.kind, item.state, item.at_ms, item.expires_ms) == ("checklist", "open", 0, None)
    assert item.sent_at is not None
    said = call.say("agent", "let me repeat what we do now", 5000)
    item.refresh_from_db()
    assert (item.state, item.cause_id, item.settled_ms) == ("ticked", said.pk, said.end_ms)
    assert [data["state"] for kind, data in call.shown if kind == "guidance"] == ["open", "ticked"]
    assert call.shown[-1][1]["reason"] == "Because the agent said “let me repeat” at 0:05"


def test_a_threat_brings_a_hint_and_an_alert_with_reason_evidence_and_times(call):
    call.tick(100)
    said = call.say("customer", f"if this goes on {THREAT}", 48_000, 52_000)
    row = hint()
    assert row.evidence == [{"utterance": str(said.pk), "start": 18, "end": 32}]
    assert said.text[18:32] == "want to cancel"
    # The words have one home: the row holds their place.
    assert "cancel" not in row.reason
    shown = dict(call.shown[-2:])["guidance"]
    assert shown["reason"] == "Because the customer said “want to cancel” at 0:48"
    assert (shown["at_ms"], shown["expires_ms"]) == (52_000, 82_000)
    assert shown["revision"] == {"policy": "Test", "number": 1}
    assert row.spoken_at < row.decided_at <= row.sent_at
    alert = Alert.objects.get()
    assert (alert.severity, alert.state, alert.cause_id) == ("bad", "open", said.pk)
    assert dict(call.shown)["alert"]["reason"] == shown["reason"]


def test_an_alert_is_news_for_other_systems(call, monkeypatch):
    told = []
    monkeypatch.setattr(news, "_FOLLOWERS", [lambda *news: told.append(news)])
    call.say("customer", THREAT, 48_000, 52_000)
    alert = Alert.objects.get()
    assert told == [(news.ALERT_RAISED, alert.conversation_id, alert.pk)]


def test_a_later_redaction_reaches_the_quotation(call):
    said = call.say("customer", THREAT, 0)
    Utterance.objects.filter(pk=said.pk).update(text="i [REDACTED_TEXT] my service")
    shown = events.snapshot(call.conversation)["items"]["guidance"]
    assert "cancel" not in shown[-1]["reason"]


def test_a_hint_leaves_when_its_time_is_over_or_when_it_is_pointless(call):
    call.say("customer", THREAT, 0, 3000)
    call.tick(32_999)
    assert hint().state == "open"
    call.tick(33_000)
    assert (hint().state, hint().settled_ms) == ("expired", 33_000)

    call.tick(70_000)
    call.say("customer", THREAT, 70_000, 72_000)
    call.say("agent", "i can offer you a discount", 73_000)
    second = Guidance.objects.filter(kind="hint").latest("at_ms")
    assert (second.state, second.settled_ms) == ("withdrawn", 76_000)
    assert call.shown[-1][1]["reason"].startswith("Because the customer said")


def test_the_end_of_the_call_closes_hints_and_leaves_the_checklist(call):
    call.tick(100)
    call.say("customer", THREAT, 0)
    call.end(9000)
    assert dict(Guidance.objects.values_list("kind", "state")) == {"hint": "expired", "checklist": "open"}


def test_several_utterances_in_one_batch_count_once_each(call):
    from tests.understanding import Batch, FinalUtterance

    batch = Batch(call.conversation.pk)
    now = timezone.now()
    for number, text in enumerate([THREAT, "nothing at all", THREAT], 2):
        row = Utterance(
            conversation=call.conversation, sequence=number, speaker="customer", channel_index=1,
            start_ms=number * 1000, end_ms=number * 1000 + 500, text=text, provider="test",
        )  # fmt: skip
        batch.create(row)
        for _key, session in call.sessions:
            session.utterance(FinalUtterance(row, now, now), batch)
    call.commit(batch)
    assert Guidance.objects.filter(kind="hint").count() == 1
    assert Alert.objects.count() == 1
    assert call.conversation.moments.count() == 2


def test_a_rule_that_waits_acts_when_nothing_follows(world, heard, make_conversation):
    policy_make(
        {"when": heard["threat"], "unless": heard["offer"], "wait_seconds": 10, "title": "Offer now"},
        name="Waits",
    )
    quiet = call_begin("northwind", make_conversation(state="live"))
    quiet.sequence = 2
    said = quiet.say("customer", THREAT, 0, 3000)
    assert "cancel" not in str(quiet.states["guidance"])
    quiet.take_over()  # the words that it waits with are read back
    quiet.tick(13_000)
    row = hint()
    assert (row.at_ms, row.cause_id, row.spoken_at) == (13_000, said.pk, None)
    assert quiet.shown[-1][1]["reason"] == (
        "Because the customer said “want to cancel” at 0:00 and no offer to stay followed within 0:10"
    )
    assert set(quiet.shown[-1][1]["latency_ms"].values()) == {None}


def test_a_taken_over_call_goes_on_as_if_nothing_had_happened(world, policy, make_conversation):
    def played(takes_over):
        call = call_begin("northwind", make_conversation(state="live", lines=[("agent", "hello")]))
        call.sequence = 1
        for speaker, text, start in [
            ("customer", THREAT, 1000),
            ("agent", "let me repeat that", 5000),
            ("customer", THREAT, 9000),
            ("agent", "i offer you a discount", 20_000),
        ]:
            call.tick(start)
            call.say(speaker, text, start)
            if takes_over:
                call.take_over()
        call.end(30_000)
        volatile = (
            "id",
            "utterance",
            "evidence",
            "decided_at",
            "raised_at",
            "sent_at",
            "spoken_at",
            "latency_ms",
        )
        return [(kind, {k: v for k, v in data.items() if k not in volatile}) for kind, data in call.shown]

    assert played(takes_over=True) == played(takes_over=False)


def test_a_change_is_effective_for_the_next_conversation(call, policy, heard, make_conversation):
    call.tick(100)
    Rule.objects.filter(policy=policy.policy, kind="hint").update(title="Changed")
    policy_publish(policy=policy.policy, actor=None)
    call.take_over()
    call.say("customer", THREAT, 1000)
    assert hint().title == "Ask what would make them stay"
    fresh = call_begin("northwind", make_conversation(state="live"))
    fresh.sequence = 2
    fresh.say("customer", THREAT, 1000)
    assert Guidance.objects.get(kind="hint", conversation=fresh.conversation).title == "Changed"


def test_opening_costs_two_queries_and_taking_over_few(call, django_assert_max_num_queries):
    call.say("customer", THREAT, 1000)
    with django_assert_max_num_queries(3):
        call.take_over()


def test_showing_costs_no_query(call, django_assert_num_queries):
    call.tick(100)
    call.say("customer", THREAT, 1000)
    rows = list(Guidance.objects.all())
    found = list(events._KINDS["guidance"].rows().filter(pk__in=[row.pk for row in rows]))
    with django_assert_num_queries(0):
        assert [events.render("guidance", row)["kind"] for row in found] == ["checklist", "hint"]


# --- Answers ---------------------------------------------------------------------------------------------


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
        assert effective_revisions(team_id=None) == []
        with pytest.raises(Http404):
            alert_for(world.acme.people["admin"], alert_id)


# --- The admin -------------------------------------------------------------------------------------------


def _form(heard, **fields):
    return {
        "name": "Calls",
        "scope": "all",
        "rules-TOTAL_FORMS": "1",
        "rules-INITIAL_FORMS": "0",
        "rules-0-kind": "hint",
        "rules-0-label": "Say",
        "rules-0-severity": "warn",
        "rules-0-when": str(heard["threat"].pk),
        "rules-0-wait_seconds": "0",
        "rules-0-title": "Ask why",
        "rules-0-priority": "50",
        "rules-0-cooldown_seconds": "60",
        "rules-0-expires_seconds": "60",
        "rules-0-position": "0",
        "revisions-TOTAL_FORMS": "0",
        "revisions-INITIAL_FORMS": "0",
    } | fields


def _messages(response):
    return [str(message) for message in response.context["messages"]]


def test_an_admin_saves_and_publishes_in_one_go(world, heard):
    client = world.northwind.client("admin")
    fields = _form(heard, _save="1", coaching_policy_save_and_publish="1")
    response = client.post(reverse("admin:coaching_policy_add"), fields, follow=True)
    assert any("Revision 1 is published" in message for message in _messages(response)), _messages(response)
    with world.northwind.scope():
        revision = PolicyRevision.objects.get()
        assert [rule["title"] for rule in revision.spec["rules"]] == ["Ask why"]
        assert revision.published_by == world.northwind.people["admin"]
        url = reverse("admin:coaching_policy_change", args=[revision.policy_id])
    page = client.get(url).content.decode()
    assert "Revision 1 is in effect, as shown here." in page
    assert "When “Threat” comes up, show the agent “Ask why”" in page


def test_publishing_asks_once_and_never_by_a_link(world, heard):
    client = world.northwind.client("admin")
    client.post(reverse("admin:coaching_policy_add"), _form(heard, _save="1"))
    with world.northwind.scope():
        policy = Policy.objects.get()
    url = reverse("admin:coaching_policy_publish", args=[policy.pk])
    assert b"Publish as it was last saved?" in client.get(url).content
    with world.northwind.scope():
        assert not PolicyRevision.objects.exists()
    response = client.post(url, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"].endswith(f"/{policy.pk}/change/")
    with world.northwind.scope():
        assert PolicyRevision.objects.count() == 1
    client.post(reverse("admin:coaching_policy_retire", args=[policy.pk]), {"_form_submitted": "on"})
    with world.northwind.scope():
        assert effective_revisions(team_id=None) == []
    assert (
        b"Retired: no effect on new conversations."
        in client.get(reverse("admin:coaching_policy_change", args=[policy.pk])).content
    )


def test_the_admin_says_why_a_policy_is_not_published(world, heard):
    client = world.northwind.client("admin")
    fields = _form(heard, _save="1", coaching_policy_save_and_publish="1") | {"rules-TOTAL_FORMS": "0"}
    response = client.post(reverse("admin:coaching_policy_add"), fields, follow=True)
    assert "The policy has no rules yet." in _messages(response)
    with world.northwind.scope():
        assert Policy.objects.get().state == "draft"


def test_the_list_of_policies_counts_in_few_queries(world, heard, policy, django_assert_max_num_queries):
    client = world.northwind.client("admin")
    with django_assert_max_num_queries(14):
        page = client.get(reverse("admin:coaching_policy_changelist")).content.decode()
    assert "Test" in page


@pytest.mark.parametrize("persona", ["agent", "supervisor", "analyst"])
def test_who_does_not_configure_publishes_nothing(world, heard, policy, persona):
    Rule.objects.filter(policy=policy.policy).update(title="Changed")
    url = reverse("admin:coaching_policy_publish", args=[policy.policy_id])
    assert world.northwind.client(persona).post(url, {"_form_submitted": "on"}).status_code == 403
    with world.northwind.scope():
        assert PolicyRevision.objects.count() == 1
