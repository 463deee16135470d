"""A draft tried on a dialogue and on past calls: what acts, what is held back, and why."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from coaching.models import Policy
from coaching.trying import draft_try
from tests.editing.documents import CANCEL, OFFER, document, moment_make, rule
from tests.intents_made import classifier_made
from tests.past_calls import SCRIPT, past_call

TALK = """
customer: I want to cancel my service
agent: May I ask why?
customer: I said cancel my service
(70 s)
customer: please cancel the account now
"""


@pytest.fixture(autouse=True)
def company(world):
    with world.northwind.scope():
        yield


def events(trial, kind):
    return [
        (step.turn.sequence if step.turn else None, event.title, event.why)
        for step in trial.steps
        for event in step.events
        if event.kind == kind
    ]


def tried(world, *rules, talk=TALK, **more):
    return draft_try(document=document(*rules), user=world.northwind.people["admin"], dialogue=talk, **more)


def test_it_fires_and_says_why(world):
    trial = tried(world, rule("stay", CANCEL, cooldown_ms=60_000, expires_ms=10_000))
    fired = events(trial, "fired")
    assert [one[0] for one in fired] == [1, 4]
    assert "cancel my service" in fired[0][2]
    assert trial.fired == (("Stay", 2),)
    assert trial.hints == 2
    marked = [words for words, is_marked in trial.steps[0].parts if is_marked]
    assert marked == ["cancel my service"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"cooldown_ms": 60_000, "expires_ms": 1_000}, "rests until"),
        ({"once": True, "expires_ms": 1_000}, "once per call"),
        ({"most": 1, "cooldown_ms": 0, "expires_ms": 1_000}, "as often as it may"),
        ({"cooldown_ms": 0, "expires_ms": 60_000}, "still stands on the agent's screen"),
    ],
)
def test_what_was_held_back_says_why(world, limits, words):
    held = events(tried(world, rule("stay", CANCEL, **limits)), "held")
    assert held[0][0] == 3
    assert words in held[0][2]


def test_a_part_that_is_not_so_yet_is_named(world):
    trial = tried(world, rule("both", {"all": [CANCEL, OFFER, {"not": {"field": "queue", "is": ["x"]}}]}))
    held = events(trial, "held")
    assert held[0][0] == 1
    assert "offer you" in held[0][2]
    assert "queue" not in held[0][2]
    assert trial.silent == ("Both",)


def test_something_missing_fires_when_its_time_is_over(world):
    missing = {"missing": OFFER, "after": CANCEL, "within_ms": 20_000}
    trial = tried(world, rule("offer", missing, title="Make an offer"))
    step = next(step for step in trial.steps if any(event.kind == "fired" for event in step.events))
    assert step.turn is None
    late = tried(
        world, rule("offer", missing), talk=TALK.replace("May I ask why", "I can offer you a discount")
    )
    assert "offer you" in TALK.replace("May I ask why", "I can offer you a discount")
    assert len(events(late, "fired")) < len(events(trial, "fired")) or events(late, "fired")[0][0] is None


def test_moments_of_the_library_are_heard(world):
    moment_make("threat", speaker="customer", phrases=["cancel my service"], name="Threat")
    trial = tried(world, rule("stay", {"heard": "threat"}))
    assert [one[1] for one in events(trial, "moment")] == ["Threat", "Threat"]
    assert events(trial, "fired")[0][0] == 1


def test_what_is_known_of_the_call_counts(world):
    asked = rule("sales", {"all": [CANCEL, {"field": "queue", "is": ["sales"]}]})
    assert not events(tried(world, asked), "fired")
    assert events(tried(world, asked, fields={"queue": "sales"}), "fired")


def test_a_past_call_is_played_for_who_may_read_it(world):
    past = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
    said = document(rule("stay", CANCEL))
    who = world.northwind.people
    trial = draft_try(document=said, user=who["admin"], conversation_id=str(past.conversation.pk))
    assert events(trial, "fired")
    with pytest.raises(ValidationError, match="may not read"):
        draft_try(document=said, user=who["outsider"], conversation_id=str(past.conversation.pk))


@pytest.mark.parametrize("wrong", [{"format": 2}, document({"id": "x"}), []])
def test_a_document_that_cannot_run_is_refused_in_words(world, wrong):
    with pytest.raises(ValidationError):
        draft_try(document=wrong, user=world.northwind.people["admin"], dialogue="agent: hi")


def test_the_pages_answer_in_the_builder_and_without_a_script(world):
    client = world.northwind.client("admin")
    policy = Policy.objects.create(name="Save", draft=document(rule("stay", CANCEL)))
    past = past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)
    sent = {"document": json.dumps(policy.draft), "dialogue": "", "conversation": str(past.conversation.pk)}
    part = client.post("/admin/coaching/policy/draft/try/", sent)
    assert part.status_code == 200
    html = part.content.decode()
    assert "rb-event fired" in html
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html
    page = client.get(f"/admin/coaching/policy/{policy.pk}/try/?conversation={past.conversation.pk}")
    assert "rb-event fired" in page.content.decode()
    wrong = client.post("/admin/coaching/policy/draft/try/", {"document": "{", "dialogue": "agent: hi"})
    assert wrong.status_code == 400
    assert "This is not JSON" in wrong.content.decode()


def test_the_api_tells_the_same(world):
    client = world.northwind.client("admin")
    sent = {"document": document(rule("stay", CANCEL)), "dialogue": TALK}
    answer = client.post("/api/v1/policy-trials/", json.dumps(sent), content_type="application/json")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["fired"] == {"Stay": 1}
    assert {event["kind"] for step in told["steps"] for event in step["events"]} == {"fired", "held"}
    empty = client.post("/api/v1/policy-trials/", "{}", content_type="application/json")
    assert empty.status_code == 400


def test_a_hold_is_lived_through_in_a_typed_dialogue(world):
    hold = rule("back", {"measure": "hold_ms", "above": 60_000})
    trial = tried(world, hold, talk="agent: one moment\n(hold 90 s)\nagent: here I am\n(hold 30 s)")
    assert [(step.at_ms, event.why) for step in trial.steps for event in step.events] == [
        (60_800, "Because the hold took 1:00")
    ]


def test_an_intent_is_told_as_in_a_live_call(world):
    classifier_made(state="live")
    moment_make("wants_out", kind="intent", task="reasons", intent="cancel", speaker="customer")
    talk = "customer: please cancel my subscription\nagent: please cancel my subscription\ncustomer: show me my balance"
    trial = tried(world, rule("stay", {"heard": "wants_out"}, cooldown_ms=0, expires_ms=1_000), talk=talk)
    assert [one[0] for one in events(trial, "moment")] == [1]
    assert trial.fired == (("Stay", 1),)
