"""What rules do beside hints: each action leaves what it should, and only that."""

from __future__ import annotations

from concurrent.futures import Future
from uuid import uuid5

import pytest

from coaching import live as guidance_live
from coaching.beside import Asked, Lookups, question
from coaching.live import GuidanceStage
from coaching.models import OUTCOME, BehaviourOutcome, Guidance, PolicyRevision, RuleEffect, RuleFault
from conversations import news
from conversations.models import Conversation, Disposition
from engines.rules import MomentEngine
from engines.rules.engine import RuleEngine
from engines.rules.entities import ENTITIES
from moments.live import MomentStage
from moments.models import MomentOccurrence
from tests import understanding
from tests.coaching.conftest import THREAT
from tests.understanding import call_begin, definition_make, hint_action, policy_make, rule

CARD = {"title": "Refunds", "text": "Within five days.", "path": "Money", "passage": "p", "document": "d"}


@pytest.fixture
def begin(world, heard, make_conversation):
    """Begin a call under policies that are made before."""

    def call():
        begun = call_begin(
            "northwind", make_conversation(agent=world.northwind.people["agent"], state="live")
        )
        begun.sequence = 2
        return begun

    return call


def test_tags_dispositions_and_messages_to_other_systems(begin, monkeypatch):
    told = []
    monkeypatch.setattr(news, "_FOLLOWERS", [lambda *news: told.append(news)])
    chosen = Disposition.objects.create(key="leaving", name="Leaving")
    policy_make(
        rule(
            "threat",
            {"do": "tag", "tag": "churn"},
            {"do": "disposition", "value": "leaving"},
            {"do": "disposition", "value": "nobody-knows"},
            {"do": "webhook", "note": "win back"},
            id="act",
        )
    )
    call = begin()
    said = call.say("customer", THREAT, 0)
    row = Conversation.objects.get(pk=call.conversation.pk)
    assert (row.metadata["tags"], row.disposition) == (["churn"], chosen)
    done = {(one.kind, one.value): one.refused for one in RuleEffect.objects.all()}
    assert done == {
        ("tag", "churn"): "",
        ("disposition", "leaving"): "",
        ("disposition", "nobody-knows"): "one is chosen already",
        ("webhook", "win back"): "",
    }
    effect = RuleEffect.objects.get(kind="webhook")
    assert (effect.cause, effect.reason) == (said, "Because the customer said “{quote}” at 0:00")
    assert told == [(news.GUIDANCE_RULE, row.pk, effect.pk)]
    assert call.shown[-1][1]["disposition"] == "Leaving"


def test_lines_values_and_praise_are_shown_as_what_they_are(begin):
    policy_make(
        rule("threat", {"do": "line", "title": "Notice", "say": "You may withdraw within two weeks."}),
        rule("threat", {"do": "prefill", "field": "reason", "value": "price"}, optional=False),
        rule("recap", {"do": "praise", "title": "Well summed up"}),
    )
    call = begin()
    call.say("customer", THREAT, 0)
    call.say("agent", "let me repeat that", 5000)
    shown = {row.kind: row for row in Guidance.objects.all()}
    assert shown["line"].say.startswith("You may")
    assert shown["prefill"].payload == {"field": "reason", "value": "price"}
    assert (shown["prefill"].title, shown["prefill"].optional) == ("reason: price", False)
    assert shown["praise"].title == "Well summed up"
    assert call.shown[-1][1]["outcome"] == "unseen"


def test_an_item_that_was_missed_says_so(begin):
    policy_make(
        rule("recap", {"do": "check", "title": "Repeat"}, id="done"),
        rule(
            {"missing": {"heard": "recap"}, "after": {"heard": "threat"}, "within_ms": 5_000},
            {"do": "check", "title": "Repeat", "missed": True},
            id="missed",
        ),
    )
    call = begin()
    call.tick(10)
    assert Guidance.objects.filter(kind="checklist").count() == 1
    call.say("customer", THREAT, 0, 1000)
    call.tick(7_000)
    item = Guidance.objects.get()
    assert (item.state, item.outcome) == ("missed", "missed")


# --- Used without a click ---------------------------------------------------------------------------------


def test_words_that_were_said_after_a_hint_are_recognised(call):
    call.say("customer", THREAT, 0, 3000)
    call.say("agent", "okay one moment please", 4000)
    used = call.say("agent", "before you decide may i look", 8000, 11_000)
    row = Guidance.objects.get(kind="hint")
    assert (row.state, row.outcome, row.used_ms, row.used_in_id) == ("used", "used", 11_000, used.pk)
    assert call.shown[-1][1]["used_ms"] == 11_000


def test_a_successor_still_recognises_them_and_an_acceptance_stays(call):
    call.say("customer", THREAT, 0, 3000)
    Guidance.objects.filter(kind="hint").update(state="accepted")
    call.take_over()
    call.say("agent", "before you decide may i look", 8000, 11_000)
    row = Guidance.objects.get(kind="hint")
    assert (row.state, row.outcome) == ("accepted", "used")


def test_what_makes_a_hint_pointless_by_following_it_is_use(world, heard, begin):
    policy_make(
        rule(
            "threat", hint_action("Offer", say="i can offer you a discount"), withdraw_when={"heard": "offer"}
        )
    )
    call = begin()
    call.say("customer", THREAT, 0, 3000)
    call.say("agent", "i can offer you a discount", 4000)
    assert Guidance.objects.get().outcome == "used"


def test_outcomes_are_the_same_in_a_query(call):
    call.say("customer", THREAT, 0)
    row = Guidance.objects.get(kind="hint")
    for state in Guidance.State.values:
        for values in ({}, {"shown_at": row.decided_at}, {"used_at": row.decided_at, "shown_at": None}):
            Guidance.objects.filter(pk=row.pk).update(
                **({"shown_at": None, "used_at": None, "state": state} | values)
            )
            one = Guidance.objects.annotate(became=OUTCOME).get(pk=row.pk)
            assert one.became == one.outcome, (state, values)


# --- Behaviours and playbooks -----------------------------------------------------------------------------


def test_behaviours_are_done_or_missed_with_their_evidence(begin):
    policy_make(
        behaviours=[
            {
                "id": "keep",
                "name": "Offer when somebody wants to leave",
                "situation": {"heard": "threat"},
                "expected": {"heard": "offer"},
                "within_ms": 10_000,
                "praise": "Good offer",
                "missed": {"do": "hint", "label": "Do", "title": "Make an offer"},
                "weight": 2,
            }
        ]
    )
    call = begin()
    call.say("customer", THREAT, 0, 2000)
    offered = call.say("agent", "i can offer you a discount", 4000)
    done = BehaviourOutcome.objects.get()
    assert (done.result, done.weight, done.behaviour_key) == ("done", 2, "keep")
    assert str(offered.pk) in {one["utterance"] for one in done.evidence}
    assert Guidance.objects.get(kind="praise").title == "Good offer"
    call.say("customer", THREAT, 60_000, 62_000)
    call.tick(90_000)
    assert list(BehaviourOutcome.objects.values_list("result", flat=True)) == ["done", "missed"]
    assert Guidance.objects.get(kind="hint").title == "Make an offer"


def test_a_playbook_moves_by_itself_and_leaves_its_steps_as_rows(begin):
    policy_make(
        playbooks=[
            {
                "id": "stay",
                "name": "Keep them",
                "start": {"heard": "threat"},
                "steps": [
                    {"id": "ask", "title": "Ask why", "done": {"heard": "recap"}, "next": [{"to": "offer"}]},
                    {"id": "offer", "title": "Offer", "say": "I can offer you", "done": {"heard": "offer"}},
                ],
            }
        ]
    )
    call = begin()
    call.say("customer", THREAT, 0)
    assert [(row.step, row.state) for row in Guidance.objects.all()] == [("ask", "open")]
    call.take_over()
    call.say("agent", "let me repeat that", 5000)
    rows = Guidance.objects.order_by("at_ms", "id")
    assert [(row.playbook, row.step, row.state) for row in rows] == [
        ("stay", "ask", "ticked"),
        ("stay", "offer", "open"),
    ]


# --- Words that are not final -----------------------------------------------------------------------------


def _partial(call, text, end_ms=1500):
    batch = call._batch()
    for _key, session in call.sessions:
        if hasattr(session, "partial"):
            session.partial("customer", text, 0, end_ms, batch)
    call.commit(batch)


def test_a_hint_on_words_that_are_not_final_is_confirmed_or_taken_back(begin):
    policy_make(
        rule(
            {"phrases": ["cancel my service"], "speaker": "customer"},
            hint_action("Ask why"),
            on_partials=True,
            cooldown_ms=0,
        )
    )
    call = begin()
    _partial(call, "i want to cancel my service")
    row = Guidance.objects.get()
    assert (row.state, row.cause_id, row.evidence) == ("open", None, [])
    said = call.say("customer", THREAT, 0)
    row.refresh_from_db()
    assert (row.state, row.cause_id) == ("open", said.pk)
    assert row.final_at is not None
    other = begin()
    _partial(other, "i want to cancel my service")
    other.say("customer", "i want to cancel my surface", 0)
    row = Guidance.objects.get(conversation=other.conversation)
    assert row.state == "withdrawn"
    fault = RuleFault.objects.get()
    assert (fault.kind, fault.count, fault.rule_key) == ("unconfirmed", 1, "rule-0")


# --- Beside the call --------------------------------------------------------------------------------------


class _Answers(Lookups):
    """Answers at once, with what is set."""

    def __init__(self, card=None, error=None, late=False):
        super().__init__()
        self.card, self.error, self.late, self.queries, self.noted = card, error, late, [], []

    def note(self, call, name, query, card):
        self.noted.append((query, card))
        return uuid5(call.conversation_id, name)

    def ask(self, schema, query):
        self.queries.append((schema, query))
        future = Future()
        if self.error:
            future.set_exception(self.error)
        elif not self.late:
            future.set_result(self.card)
        return Asked(future, 0 if self.late else float("inf"))


@pytest.fixture
def lookup(begin, monkeypatch):
    policy_make(rule("threat", {"do": "knowledge", "query": "refund days"}, id="look"))

    def call(**answer):
        answers = _Answers(**answer)
        stage = type(
            "Stage", (GuidanceStage,), {"__init__": lambda self: GuidanceStage.__init__(self, answers)}
        )
        monkeypatch.setattr(understanding, "STAGES", (MomentStage, stage))
        begun = begin()
        begun.say("customer", THREAT, 0)
        begun.tick(4000)
        begun.say("agent", "one moment", 5000)
        return answers

    return call


def test_knowledge_comes_as_a_card(lookup):
    # With what the customer has said, which says what of it is meant; and for whom it is.
    answers = lookup(card=CARD)
    [(schema, asked)] = answers.queries
    assert schema == "northwind" and asked.startswith(question("refund days", [THREAT]))
    row = Guidance.objects.get()
    assert (row.kind, row.title, row.payload) == ("knowledge", "Refunds", row.payload)
    assert row.payload == CARD | {"question": row.payload["question"]}
    assert answers.noted == [("refund days", CARD)]
    assert "want to cancel" not in row.reason and row.evidence


@pytest.mark.parametrize(
    ("answer", "kind"),
    [({"late": True}, "late"), ({"error": ValueError("secret words")}, "error"), ({"card": None}, None)],
)
def test_an_answer_that_is_late_fails_or_is_none_shows_nothing(lookup, answer, kind):
    answers = lookup(**answer)
    assert not Guidance.objects.exists()
    # Nothing was found: a question without an answer. Late or broken: nobody knows.
    assert answers.noted == ([] if kind else [("refund days", None)])
    assert [row.kind for row in RuleFault.objects.all()] == ([kind] if kind else [])
    assert not RuleFault.objects.filter(last__contains="secret").exists()


# --- What goes wrong --------------------------------------------------------------------------------------


def test_an_action_that_throws_leaves_the_others_and_is_counted(call, monkeypatch):
    def throws(*args, **kwargs):
        raise KeyError("what the customer said")

    monkeypatch.setattr(guidance_live, "alert_add", throws)
    call.say("customer", THREAT, 0)
    call.say("customer", THREAT, 100_000)
    assert Guidance.objects.filter(kind="hint").count() == 2
    fault = RuleFault.objects.get()
    assert (fault.kind, fault.rule_key, fault.count) == ("error", "alert", 2)
    assert fault.last.startswith("KeyError") and "customer" not in fault.last


def test_an_engine_that_throws_does_not_end_the_call(call, monkeypatch):
    def throws(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(RuleEngine, "hear", throws)
    call.say("customer", THREAT, 0)
    assert RuleFault.objects.get().rule_key == ""


def test_moments_that_cannot_be_looked_for_leave_the_rules_their_own_ears(begin, monkeypatch):
    policy_make(rule({"phrases": ["cancel my service"]}, hint_action("Ask why"), id="own"))

    def throws(*args, **kwargs):
        raise RuntimeError("what the customer said")

    call = begin()
    monkeypatch.setattr(MomentEngine, "hear", throws)
    call.say("customer", THREAT, 0)
    assert Guidance.objects.get().title == "Ask why"
    fault = RuleFault.objects.get()
    assert (fault.rule_key, fault.count) == ("", 1)
    assert fault.last.startswith("RuntimeError") and "customer" not in fault.last


def test_one_moment_whose_detector_throws_leaves_the_others_and_is_named(begin, heard, monkeypatch):
    asked = []

    def throws(text):
        asked.append(text)
        raise RuntimeError("what the customer said")

    definition_make("amount", kind="entity", entity="amount", speaker="customer")
    policy_make(
        rule("threat", hint_action("Ask why"), on_partials=True, cooldown_ms=0),
        rule("amount", hint_action("Say what it costs")),
    )
    monkeypatch.setitem(ENTITIES, "amount", throws)
    call = begin()
    call.partial("customer", THREAT, 0, 1_000)
    assert Guidance.objects.get(kind="hint").title == "Ask why"
    for at in range(4):
        call.say("customer", THREAT, at * 10_000)
    assert MomentOccurrence.objects.filter(definition__key="threat").count() == 4
    fault = RuleFault.objects.get()
    assert (fault.last, fault.count) == ("amount: RuntimeError", 3)
    # All together, then each alone, three times; then it is left out of the call.
    assert len(asked) == 6


@pytest.mark.parametrize("broken", ["look", "advance", "fields", "finish"])
def test_whatever_fails_in_moments_the_call_goes_on(begin, heard, monkeypatch, broken):
    policy_make(rule({"phrases": ["cancel my service"]}, hint_action("Ask why"), on_partials=True))

    def throws(*args, **kwargs):
        raise RuntimeError("what the customer said")

    definition_make("urgent", kind="metadata", field="queue", field_test="present")
    definition_make("late", kind="absence", expected=heard["offer"], within_seconds=5)
    monkeypatch.setattr(MomentEngine, broken, throws)
    call = begin()
    call.partial("customer", THREAT, 0, 1_000)
    call.say("customer", THREAT, 0)
    call.tick(20_000)
    call.end(21_000)
    assert Guidance.objects.get(kind="hint").title == "Ask why"


def test_a_revision_that_cannot_be_read_any_more_is_left_out_and_counted(world, heard, policy, begin):
    broken = policy_make(rule("recap", hint_action("x")), name="Broken")
    PolicyRevision.objects.filter(pk=broken.pk).update(document={"format": 99})
    call = begin()
    call.say("customer", THREAT, 0)
    assert Guidance.objects.filter(kind="hint").count() == 1
    assert RuleFault.objects.get().revision == broken
