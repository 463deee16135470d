"""The demo's definitions: installed once and left alone, and what they make of the demo's own calls."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

import demo
from coaching.models import Alert, BehaviourOutcome, Guidance, Policy, PolicyRevision
from conversations.models import Disposition
from demo.content import content_install
from demo.proof import ANSWERS
from demo.provision import handbook
from engines.redaction.redactor import redact
from engines.redaction.text import RawText
from knowledge.documents.services import document_save
from knowledge.models import Collection
from moments.models import MomentDefinition, MomentRevision
from qa.models import ScorecardRevision
from qa.scoring import conversation_score
from tests.understanding import call_begin, cards_at_once

CALLS = Path(demo.__file__).parent / "calls"


@pytest.fixture
def content(world, monkeypatch):
    cards_at_once(monkeypatch)
    with world.northwind.scope():
        content_install(team=world.northwind.team, actor=world.northwind.people["admin"])
        yield world.northwind


def _as_heard(text):
    """As the embedded recogniser writes it (lower case, no punctuation), redacted."""
    words = "".join(letter for letter in text.lower() if letter.isalnum() or letter in " '")
    return redact(RawText(words)).text


@pytest.fixture
def played(content, make_conversation):
    """Play a demo call through both stages, and score it."""

    def play(key):
        lines = json.loads((CALLS / f"{key}.json").read_text())["lines"]
        times = json.loads((CALLS / f"{key}.times.json").read_text())
        begun = timezone.now() - timedelta(minutes=10)
        conversation = make_conversation(
            agent=content.people["agent"], state="live", at=begun, lines=[("agent", "hello")]
        )
        conversation.utterances.all().delete()
        call = call_begin("northwind", conversation, team_id=content.team.pk)
        call.play(
            (line["speaker"], _as_heard(line["text"]), at["start_ms"], at["end_ms"])
            for line, at in zip(lines, times, strict=True)
        )
        conversation.state, conversation.ended_at = (
            "wrap_up",
            begun + timedelta(milliseconds=times[-1]["end_ms"]),
        )
        conversation.save()
        (evaluation,) = conversation_score(conversation_id=conversation.pk)
        return call, evaluation

    return play


def test_installing_again_leaves_everything_as_it_is(content):
    MomentDefinition.objects.filter(key="recap").update(name="Wrap it up")
    before = (
        MomentRevision.objects.count(),
        PolicyRevision.objects.count(),
        ScorecardRevision.objects.count(),
    )
    content_install(team=content.team)
    after = (
        MomentRevision.objects.count(),
        PolicyRevision.objects.count(),
        ScorecardRevision.objects.count(),
    )
    assert after == before
    assert MomentDefinition.objects.get(key="recap").name == "Wrap it up"
    assert Policy.objects.filter(state="published").count() == 3
    assert Disposition.objects.count() == 6


def test_a_company_without_the_team_gets_the_policy_for_everyone(world):
    with world.acme.scope():
        content_install()
        assert [policy.name for policy in Policy.objects.all()] == ["Every call", "Every chat"]


def test_what_is_for_a_chat_says_nothing_of_calls(content, make_conversation):
    """The checklist and the hints of a chat fit what is written, and none of those of calls stands beside them."""
    written = make_conversation(state="live", lines=[("customer", "hello")], channel="chat")
    chat = call_begin("northwind", written)
    chat.sequence = 1
    chat.play(
        [
            ("agent", "hi my name is amy how can i help", 1_000, 2_000),
            ("customer", "i want to cancel", 9_000, 10_000),
            ("agent", "please give me your card number", 40_000, 41_000),
        ]
    )
    rows = Guidance.objects.filter(conversation=written)
    checks = dict(rows.filter(kind="checklist").order_by("position").values_list("title", "state"))
    assert list(checks)[:2] == ["Greet them and offer help", "Check who is writing"] and len(checks) == 5
    assert checks["Greet them and offer help"] == "ticked"
    shown = set(rows.values_list("title", flat=True))
    assert {
        "Acknowledge first, then ask what would make them stay",
        "Make an offer now: 20 percent off for six months",
        "Send the secure form instead of asking for the card here",
    } <= shown
    said = " ".join(f"{row.title} {row.say}" for row in rows).lower()
    assert not {"recorded", "calling", "voice", "aloud"} & set(said.split())


def test_the_sample_call_brings_up_what_answers(content, played):
    handbook_of = Collection.objects.create(name="Handbook")
    for title, body in handbook("northwind"):
        document_save(collection=handbook_of, title=title, body=body)
    played("cancellation")
    shown = {row.payload["title"] for row in Guidance.objects.filter(kind="knowledge")}
    assert shown and shown <= ANSWERS


@pytest.mark.parametrize("key", ["billing", "cancellation"])
def test_the_sample_calls_bring_guidance_that_explains_itself(played, key):
    call, evaluation = played(key)
    titles = set(Guidance.objects.values_list("title", flat=True))
    assert "Acknowledge first, then ask what would make them stay" in titles
    assert "Stop the customer and use the secure form" in titles
    # Both agents announce the recording and make an offer in time.
    assert "Tell the customer now that the call is recorded" not in titles
    assert "Make an offer now: 20 percent off for six months" not in titles
    assert [alert.title for alert in Alert.objects.all()] == ["Customer threatens to cancel"]
    for kind, data in call.shown:
        if kind in {"guidance", "alert"}:
            assert data["reason"]
            assert "{quote}" not in data["reason"]
    ticked = Guidance.objects.filter(kind="checklist", state="ticked").count()
    assert ticked == (5 if key == "cancellation" else 4)
    outcomes = BehaviourOutcome.objects.filter(name="Offers something to who wants to leave")
    assert set(outcomes.values_list("result", flat=True)) == {"done"}
    assert 60 < evaluation.total < 100
    assert not evaluation.auto_failed
    values = {answer.criterion_key: answer.value for answer in evaluation.answers.all()}
    asked = {one["key"]: one["question"] for one in evaluation.revision.spec["criteria"]}
    no = {asked[key] for key, value in values.items() if value == "no"}
    expected = {"Was the card number kept off the line?"}
    if key == "billing":
        expected.add("Was what had been agreed repeated?")
    assert no == expected
    assert "na" not in values.values()


def test_a_bad_call_brings_what_a_good_one_does_not(content, make_conversation):
    call = call_begin("northwind", make_conversation(state="live", lines=[("agent", "hello")]))
    call.sequence = 1
    call.play(
        [
            ("customer", "this is the third time i have called nobody helps me", 1000, 6000),
            ("agent", "and what do you want", 7000, 9000),
            (
                "customer",
                "if you do not fix this i am going to cancel let me speak to your manager",
                25_000,
                30_000,
            ),
            ("agent", "well calm down please", 31_000, 33_000),
            ("customer", "another company offered me a better deal", 60_000, 64_000),
        ]
    )
    titles = set(Guidance.objects.filter(kind="hint").values_list("title", flat=True))
    assert titles >= {
        "Tell the customer now that the call is recorded",
        "Own it: they have been here before",
        "Make an offer now: 20 percent off for six months",
        "Offer one try, then hand over without a fight",
        "Compare the whole price, not the monthly one",
    }
    assert {alert.severity for alert in Alert.objects.all()} == {"bad", "warn"}


@pytest.mark.parametrize(
    "page",
    ["moments_momentoccurrence", "coaching_guidance", "coaching_alert", "qa_evaluation", "coaching_policy"],
)
def test_an_admin_reads_what_came_of_it(played, content, page, django_assert_max_num_queries):
    played("cancellation")
    client = content.client("admin")
    with django_assert_max_num_queries(20):
        listing = client.get(reverse(f"admin:{page}_changelist"))
    assert listing.status_code == 200
    row = listing.context["cl"].result_list[0]
    changed = client.get(reverse(f"admin:{page}_change", args=[row.pk]))
    assert changed.status_code == 200
    assert content.client("supervisor").get(reverse(f"admin:{page}_changelist")).status_code == 403
