"""Classifiers that learn from vectors of texts, too: trained, told beside a call, and by words where none come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from moments import training
from moments.classifying import model_of
from moments.models import Classifier, MomentOccurrence
from moments.training import classifier_learn, classifier_promote, classifier_train
from moments.vectors import typed_vector
from providers.models import SearchServer
from tests.intents_made import QUICK, as_jsonl
from tests.live_calls import wait_for
from tests.peers.vectors import VectorServer, vector_server
from tests.understanding import Call, call_begin, definition_make

PREFIX = "query: "
SAID = "please cancel my subscription"


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    monkeypatch.setattr(training, "Settings", lambda **given: QUICK)


@pytest.fixture
def company(world: Any) -> Iterator[Any]:
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def vectors(company: Any, settings: Any) -> Iterator[VectorServer]:
    """A server of the company's."""
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with vector_server() as server:
        SearchServer.objects.create(
            name="Ours",
            base_url=server.url,
            model="words",
            dimensions=server.dimensions,
            query_prefix=PREFIX,
            # As long as a loaded machine may take; what is late is late by the test's own word.
            deadline_ms=5_000,
        )
        yield server


def begun(**given: Any) -> Classifier:
    values: dict[str, Any] = {"task": "reasons", "data": as_jsonl(), "source": "reasons.jsonl", "actor": None}
    return classifier_train(**(values | {"dispatch": False, "with_vectors": True} | given))


def live() -> Classifier:
    made = classifier_learn(classifier_id=begun().pk)
    assert made.state == Classifier.State.CANDIDATE, made.problem
    return classifier_promote(classifier_id=made.pk, actor=None)


def call_with_moment(conversation: Any) -> Call:
    definition_make("wants_out", kind="intent", task="reasons", intent="cancel", speaker="customer")
    call = call_begin("northwind", conversation)
    call.sequence = conversation.utterances.count()
    return call


def heard_while_time_passes(call: Call) -> MomentOccurrence:
    now = iter(range(5_000, 10_000_000, 100))

    def passes() -> MomentOccurrence | None:
        call.tick(next(now))
        return MomentOccurrence.objects.first()

    return wait_for(passes, what="the intent")


def test_examples_are_sent_redacted_and_as_questions(vectors: VectorServer) -> None:
    card = json.dumps({"text": "my card is 4111 1111 1111 1111", "intent": "card_lost"}).encode()
    made = classifier_learn(classifier_id=begun(data=as_jsonl() + b"\n" + card).pk)
    assert made.state == Classifier.State.CANDIDATE, made.problem
    assert all(text.startswith(PREFIX) for text in vectors.texts)
    assert f"{PREFIX}my card is [CREDIT_CARD]" in vectors.texts
    assert made.figures["words_alone"]["accuracy"] is not None
    assert model_of(made.pk).beside is not None


def test_an_intent_is_told_when_its_vector_is_there(vectors: VectorServer, make_conversation: Any) -> None:
    live()
    call = call_with_moment(make_conversation(state="live"))
    asked = len(vectors.requests)
    said = call.say("customer", SAID, 2_000)
    found = heard_while_time_passes(call)
    assert (found.utterance, found.start, found.end) == (said, 0, len(SAID))
    assert vectors.texts[-1] == PREFIX + SAID and len(vectors.requests) == asked + 1
    call.end(20_000)
    assert MomentOccurrence.objects.count() == 1


@pytest.mark.parametrize("order", ["late", "400", "short"])
def test_where_no_vector_comes_words_decide(
    vectors: VectorServer, make_conversation: Any, monkeypatch: Any, order: str
) -> None:
    live()
    monkeypatch.setattr("moments.classifying.VECTOR_SECONDS", 0.05)
    call = call_with_moment(make_conversation(state="live"))
    vectors.script = [order]
    said = call.say("customer", "i want to cancel my subscription", 2_000)
    assert heard_while_time_passes(call).utterance == said


def test_what_waits_when_the_call_ends_is_told_then(vectors: VectorServer, make_conversation: Any) -> None:
    live()
    call = call_with_moment(make_conversation(state="live"))
    vectors.script = ["late"]
    said = call.say("customer", "how do i cancel my subscription", 2_000)
    call.end(6_000)
    assert MomentOccurrence.objects.get().utterance == said


def test_another_model_of_vectors_is_not_asked(vectors: VectorServer, make_conversation: Any) -> None:
    live()
    SearchServer.objects.update(model="another")
    call = call_with_moment(make_conversation(state="live"))
    asked = len(vectors.requests)
    said = call.say("customer", SAID, 2_000)
    assert MomentOccurrence.objects.get().utterance == said
    assert len(vectors.requests) == asked


def test_a_sentence_is_tried_with_its_vector_and_goes_out_redacted(
    vectors: VectorServer, company: Any
) -> None:
    made = live()
    client = company.client("admin")
    given = {"text": "please cancel my subscription 4111 1111 1111 1111"}
    answer = client.post(f"/api/v1/classifiers/{made.pk}/try/", given, content_type="application/json").json()
    assert (answer["intent"], answer["by_vector"]) == ("cancel", True)
    assert vectors.texts[-1] == f"{PREFIX}please cancel my subscription [CREDIT_CARD]"
    vectors.script = ["400"]
    assert typed_vector(model_of(made.pk), "something else") is None


def test_without_a_server_it_says_so(company: Any, vectors: VectorServer) -> None:
    waiting = begun()
    vectors.script = ["401"] * 5
    failed = classifier_learn(classifier_id=waiting.pk)
    assert failed.state == Classifier.State.FAILED and "key" in failed.problem
    SearchServer.objects.update(active=False)
    with pytest.raises(ValidationError, match="no active server for vectors"):
        begun()
    given = {"task": "reasons", "refuse_cost": "0.01", "with_vectors": "on"}
    page = company.client("admin").post("/admin/moments/classifier/add/", given).text
    assert "no active server for vectors" in page
