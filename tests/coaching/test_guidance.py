"""Guidance in a call: what agents are shown and why, when it leaves, and a call that another worker goes on with."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

from django.utils import timezone

from coaching.models import Alert, Guidance, Policy
from coaching.services import policy_draft_save, policy_publish
from conversations import events, news
from conversations.models import Utterance
from tests.coaching.conftest import THREAT, hint
from tests.understanding import call_begin, hint_action, policy_make, rule


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
        rule(
            {"missing": {"heard": "offer"}, "after": {"heard": "threat"}, "within_ms": 10_000},
            hint_action("Offer now"),
        ),
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


def test_a_moment_in_words_not_final_shows_what_the_final_confirms_or_takes_back(
    world, heard, make_conversation
):
    early = rule("threat", hint_action("Early"), on_partials=True)
    policy_make(early)
    call = call_begin("northwind", make_conversation(state="live"))
    call.sequence = 2
    call.partial("customer", f"well {THREAT}", 1_000, 3_000)
    row = hint()
    assert (row.title, row.state, row.evidence) == ("Early", "open", [])
    call.take_over()
    said = call.say("customer", f"well {THREAT}", 1_000, 3_500)
    row.refresh_from_db()
    assert (row.state, row.cause_id) == ("open", said.pk)
    assert row.evidence[0]["utterance"] == str(said.pk)

    other = call_begin("northwind", make_conversation(state="live"))
    other.sequence = 2
    other.partial("customer", THREAT, 1_000, 3_000)
    other.say("customer", "i want to cancer research", 1_000, 3_500)
    assert Guidance.objects.get(conversation=other.conversation, kind="hint").state == "withdrawn"


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
            "waiting_since",
            "sent_at",
            "spoken_at",
            "latency_ms",
        )
        return [(kind, {k: v for k, v in data.items() if k not in volatile}) for kind, data in call.shown]

    assert played(takes_over=True) == played(takes_over=False)


def test_a_change_is_effective_for_the_next_conversation(call, policy, heard, make_conversation):
    call.tick(100)
    changed = deepcopy(policy.document)
    changed["rules"][1]["then"][0]["title"] = "Changed"
    policy_draft_save(policy=policy.policy, document=changed, actor=None)
    policy_publish(policy=policy.policy, actor=None)
    call.take_over()
    call.say("customer", THREAT, 1000)
    assert hint().title == "Ask what would make them stay"
    fresh = call_begin("northwind", make_conversation(state="live"))
    fresh.sequence = 2
    fresh.say("customer", THREAT, 1000)
    assert Guidance.objects.get(kind="hint", conversation=fresh.conversation).title == "Changed"


def test_opening_and_taking_over_cost_few_queries(call, django_assert_max_num_queries):
    call.say("customer", THREAT, 1000)
    # One of them is the stage before; documents are compiled already.
    with django_assert_max_num_queries(8):
        call.take_over()


def test_showing_costs_no_query(call, django_assert_num_queries):
    call.tick(100)
    call.say("customer", THREAT, 1000)
    rows = list(Guidance.objects.all())
    found = list(events._KINDS["guidance"].rows().filter(pk__in=[row.pk for row in rows]))
    with django_assert_num_queries(0):
        assert [events.render("guidance", row)["kind"] for row in found] == ["checklist", "hint"]


def test_a_call_that_goes_to_another_team_goes_on_with_what_is_for_that_team(world, call, heard):
    theirs = world.northwind.other_team
    policy_make(rule("recap", hint_action("Theirs")), name="Theirs", scope={"teams": [str(theirs.pk)]})
    call.say("customer", THREAT, 0, 3000)
    Policy.objects.exclude(name="Theirs").update(state="retired", in_use_from=None)
    call.context = replace(call.context, team_id=theirs.pk)
    call.take_over()
    call.say("agent", "let me repeat that", 5000)
    # What the first team's policy had shown is still followed, and shows nothing more than that.
    assert set(Guidance.objects.filter(kind="hint").values_list("title", flat=True)) == {
        "Ask what would make them stay",
        "Theirs",
    }
    call.say("agent", "i can offer you a discount", 9000)
    assert Guidance.objects.get(title="Ask what would make them stay").state == "withdrawn"
