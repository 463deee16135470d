"""Classifiers of intents: from a file to a live call, versions, drift, the pages, the API, the command."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from engines.intents import BINS, Guess, IntentModel
from moments import training
from moments.classifier_page import page_of_classifier
from moments.drifting import classifiers_look
from moments.models import (
    Classifier,
    ClassifierTally,
    IntentExample,
    MomentOccurrence,
    StoredModel,
    TrainingSet,
)
from moments.selectors import keys_listened_for
from moments.training import (
    classifier_learn,
    classifier_promote,
    classifier_retire,
    classifier_roll_back,
    classifier_train,
    trainings_wake,
)
from tests.budgets import query_budget
from tests.intents_made import QUICK, as_jsonl, classifier_made, trained
from tests.understanding import call_begin, definition_make

State = Classifier.State


@pytest.fixture
def quick(monkeypatch):
    """Learning in a moment instead of minutes."""
    monkeypatch.setattr(training, "Settings", lambda **given: QUICK)


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


def begun(**given):
    values = {
        "task": "reasons",
        "data": as_jsonl(),
        "source": "reasons.jsonl",
        "actor": None,
        "dispatch": False,
    }
    return classifier_train(**(values | given))


def cancel_moment(**fields):
    return definition_make(
        "wants_out", kind="intent", task="reasons", intent="cancel", speaker="customer", **fields
    )


def _call(conversation):
    call = call_begin("northwind", conversation)
    call.sequence = conversation.utterances.count()
    return call


def test_a_file_becomes_a_candidate_with_figures(company, quick):
    extra = b'\n{"text": "my card is 4111 1111 1111 1111", "intent": "card_lost"}\nno json'
    made = begun(data=as_jsonl() + extra, actor=company.people["admin"])
    assert made.state == State.TRAINING
    assert made.training_set.complaints == [[92, "This is not one JSON object."]]
    assert IntentExample.objects.count() == 91
    assert "4111" not in IntentExample.objects.get(line=91).text
    told: list[float] = []
    done = classifier_learn(classifier_id=made.pk, told=told.append)
    assert (done.state, done.version, done.progress) == (State.CANDIDATE, 1, 100)
    assert done.figures["accuracy"] > 0.8
    assert told[-1] == 1.0
    model = IntentModel.from_bytes(bytes(StoredModel.objects.get(pk=made.pk).data))
    assert model.guess("please close my account").intent == "cancel"
    assert AuditEvent.objects.get(action="classifier.train").actor == company.people["admin"]
    assert begun().version == 2


def test_what_cannot_be_learned_is_refused_by_line(company):
    with pytest.raises(ValidationError) as error:
        begun(data=b'{"text": "one", "intent": "a"}\nno json')
    assert any("Line 2" in message for message in error.value.messages)
    with pytest.raises(ValidationError, match="small letters"):
        begun(task="No Such Name")
    with pytest.raises(ValidationError, match="Line 91"):
        begun(data=as_jsonl() + b"\nno json", strict=True)
    assert not TrainingSet.objects.exists()
    begun()
    begun()
    with pytest.raises(Conflict, match="being trained"):
        begun()


def test_a_training_that_breaks_off_says_so_and_the_live_one_stays(company, quick, monkeypatch):
    live = classifier_made(state="live")
    made = begun()

    def broken(*given):
        raise MemoryError("of 4111 1111 1111 1111")

    monkeypatch.setattr(training, "train", broken)
    failed = classifier_learn(classifier_id=made.pk)
    assert failed.state == State.FAILED
    assert "MemoryError" in failed.problem
    assert "4111" not in failed.problem
    with pytest.raises(Conflict, match="trained"):
        classifier_promote(classifier_id=made.pk, actor=None)
    lost = begun()
    Classifier.objects.filter(pk=lost.pk).update(seen_at=timezone.now() - timedelta(hours=1))
    assert trainings_wake() == 1
    lost.refresh_from_db()
    assert lost.state == State.FAILED
    live.refresh_from_db()
    assert live.state == State.LIVE


def test_promote_roll_back_and_retire(company):
    first, second, third = (classifier_made() for _ in range(3))
    with pytest.raises(Conflict, match="been live"):
        classifier_roll_back(task="reasons", actor=None)
    for one in (first, second, third):
        classifier_promote(classifier_id=one.pk, actor=None)
    assert Classifier.objects.get(state=State.LIVE) == third
    assert classifier_roll_back(task="reasons", actor=None) == second
    assert Classifier.objects.get(state=State.LIVE) == second
    # The last that was live before this one.
    assert classifier_roll_back(task="reasons", actor=None) == third
    classifier_retire(classifier_id=third.pk, actor=None)
    assert not Classifier.objects.filter(state=State.LIVE).exists()
    assert AuditEvent.objects.filter(action="classifier.roll_back").count() == 2


def test_an_intent_becomes_a_moment_with_its_score(company, make_conversation):
    live = classifier_made(state="live")
    cancel_moment()
    definition_make("offer", phrases=["special offer"], speaker="agent")
    conversation = make_conversation(state="live")
    call = _call(conversation)
    call.say("agent", "please cancel my subscription", 0)
    said = call.say("customer", "please cancel my subscription", 2000)
    call.say("customer", "what a lovely day it is at the neighbour", 6000)
    call.say("customer", "give me my balance", 9000)
    row = MomentOccurrence.objects.get()
    assert row.utterance == said
    assert row.score is not None
    assert row.score > 0.5
    assert (row.start, row.end) == (0, len(said.text))
    assert call.shown[0][1]["score"] == row.score
    call.take_over()
    call.end(20_000)
    tally = ClassifierTally.objects.get()
    assert tally.classifier == live
    assert sum(tally.scores) + tally.refused == 3
    assert keys_listened_for(conversation.pk) == {"wants_out", "offer"}


def test_a_call_keeps_the_version_it_began_with_and_needs_one(company, make_conversation):
    live = classifier_made(state="live")
    cancel_moment()
    call = _call(make_conversation(state="live"))
    call.tick(100)
    classifier_retire(classifier_id=live.pk, actor=None)
    call.take_over()
    call.say("customer", "please cancel my subscription", 2000)
    assert MomentOccurrence.objects.count() == 1
    later = make_conversation(state="live")
    without = _call(later)
    without.say("customer", "please cancel my subscription", 0)
    assert MomentOccurrence.objects.count() == 1
    # Nobody listened for it, so that it was not missed either.
    assert keys_listened_for(later.pk) == set()


def test_how_sure_it_must_be_and_something_missing_after_an_intent(company, make_conversation):
    classifier_made(state="live")
    intent = cancel_moment()
    definition_make("surely_out", kind="intent", task="reasons", intent="cancel", least_score=1.0)
    offer = definition_make("offer", phrases=["special offer"])
    definition_make("no_offer", kind="absence", expected=offer, after=intent, within_seconds=20)
    call = _call(make_conversation(state="live"))
    call.say("customer", "please cancel my subscription", 1000, 3000)
    call.tick(30_000)
    found = MomentOccurrence.objects.values_list("definition__key", flat=True)
    assert sorted(found) == ["no_offer", "wants_out"]


def test_a_classifier_that_fails_is_counted_and_left_out(company, make_conversation, monkeypatch):
    classifier_made(state="live")
    cancel_moment()
    definition_make("hello", phrases=["hello"])
    asked = []

    def broken(self, text, ranked=0, *, vector=None) -> Guess:
        asked.append(text)
        raise RuntimeError(text)

    monkeypatch.setattr(IntentModel, "guess", broken)
    call = _call(make_conversation(state="live"))
    for at in range(5):
        call.say("customer", "hello there", at * 4000)
    call.end(30_000)
    assert len(asked) == 3
    assert MomentOccurrence.objects.count() == 5
    assert ClassifierTally.objects.get().failed == 3


def test_a_classifier_that_takes_too_long_is_left_out_as_well(company, make_conversation, monkeypatch):
    classifier_made(state="live")
    cancel_moment()
    monkeypatch.setattr("moments.classifying.SLOW_SECONDS", 0)
    call = _call(make_conversation(state="live"))
    for at in range(5):
        call.say("customer", "please cancel my contract", at * 4000)
    call.end(30_000)
    tally = ClassifierTally.objects.get()
    assert (tally.failed, sum(tally.scores) + tally.refused) == (3, 3)


def test_a_stored_model_that_was_changed_is_not_used(company, make_conversation):
    made = classifier_made(state="live")
    StoredModel.objects.filter(pk=made.pk).update(data=b"something else")
    cancel_moment()
    call = _call(make_conversation(state="live"))
    call.say("customer", "please cancel my subscription", 0)
    assert not MomentOccurrence.objects.exists()


def test_a_moment_names_an_intent_that_is_told(company):
    with pytest.raises(ValidationError, match="Train one first"):
        cancel_moment()
    classifier_made()
    with pytest.raises(ValidationError, match="card_lost"):
        definition_make("odd", kind="intent", task="reasons", intent="no_such")
    with pytest.raises(ValidationError, match="which classifier"):
        definition_make("empty", kind="intent")
    assert cancel_moment().revisions.get().spec["intent"] == "cancel"


def test_a_large_drift_is_shown_and_told_once(company):
    made = classifier_made(state="live")
    Classifier.objects.filter(pk=made.pk).update(
        live_from=timezone.now() - timedelta(days=9),
        figures=made.figures | {"accepted_scores": [0] * 18 + [50, 450]},
    )
    today = timezone.now().date()
    for back in (0, 1, 1, 40):
        ClassifierTally.objects.create(
            classifier=made, day=today - timedelta(days=back), scores=[10] * BINS, refused=40, failed=1
        )
    classifiers_look()
    made.refresh_from_db()
    assert made.drift == Classifier.Drift.MUCH
    assert made.drift_figures["accepted"] == 600
    assert made.drift_figures["refused_share"] == round(120 / 720, 4)
    # Two of yesterday are one now, and what is too old is gone.
    assert ClassifierTally.objects.count() == 2
    assert [message.subject for message in mail.outbox] == ["Intent classifier “reasons” drifts"]
    assert company.people["admin"].email in mail.outbox[0].to
    classifiers_look()
    assert len(mail.outbox) == 1


def test_the_pages_train_show_and_promote(company, django_capture_on_commit_callbacks, quick, monkeypatch):
    begun_jobs = []
    monkeypatch.setattr("moments.tasks.classifier_learn_job.delay", lambda **given: begun_jobs.append(given))
    client = company.client("admin")
    page = "/admin/moments/classifier/"
    bad = SimpleUploadedFile("bad.csv", b"text,intent\nonly,one")
    answer = client.post(page + "add/", {"task": "reasons", "refuse_cost": "0.01", "file": bad})
    assert "At least 2 intents" in answer.text
    good = SimpleUploadedFile("good.jsonl", as_jsonl())
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(page + "add/", {"task": "reasons", "refuse_cost": "0.01", "file": good})
    assert answer.status_code == 302
    made = Classifier.objects.get()
    assert begun_jobs == [{"classifier_id": str(made.pk)}]
    waiting = client.get(f"{page}{made.pk}/change/")
    assert waiting["Refresh"] == "5"
    classifier_learn(classifier_id=made.pk)
    classifier_made(state="live", version=9)
    with query_budget("admin-classifier"):
        shown = client.get(f"{page}{made.pk}/change/").text
    assert "Refresh" not in shown
    assert "card_lost" in shown
    assert "version 9 is live" in shown
    client.post(f"{page}{made.pk}/promote/", {"_form_submitted": "on"})
    made.refresh_from_db()
    assert made.state == State.LIVE
    with query_budget("admin-classifiers"):
        assert "good.jsonl" not in client.get(page).text


def test_the_api_trains_tries_and_lists(company, quick, monkeypatch):
    monkeypatch.setattr("moments.tasks.classifier_learn_job.delay", lambda **given: None)
    client = company.client("admin")
    given = {"task": "reasons", "file": SimpleUploadedFile("a.jsonl", as_jsonl() + b"\nbad")}
    answer = client.post("/api/v1/classifiers/", given)
    assert answer.status_code == 201, answer.text
    assert answer.json()["complaints"] == [[91, "This is not one JSON object."]]
    given = {"task": "reasons", "file": SimpleUploadedFile("a.csv", b"a,b\n1,2")}
    refused = client.post("/api/v1/classifiers/", given)
    assert refused.status_code == 400
    assert "columns" in str(refused.json())
    made = classifier_made(version=7)
    guess = client.post(
        f"/api/v1/classifiers/{made.pk}/try/", {"text": "stop the service"}, content_type="application/json"
    ).json()
    assert guess["intent"] == "cancel"
    assert guess["ranked"][0][0] == "cancel"
    with query_budget("api-classifiers"):
        listed = client.get("/api/v1/classifiers/").json()
    assert [row["version"] for row in listed["results"]] == [7, 1]
    assert client.post(f"/api/v1/classifiers/{made.pk}/roll-back/").status_code == 409


def test_the_command_trains_and_promotes(company, quick, tmp_path):
    path = tmp_path / "reasons.jsonl"
    path.write_bytes(as_jsonl())
    out = io.StringIO()
    call_command(
        "train_intents", str(path), "--company", "northwind", "--promote", stdout=out, stderr=io.StringIO()
    )
    assert "reasons 1: live" in out.getvalue()
    assert "accuracy: " in out.getvalue()
    with pytest.raises(CommandError, match="no such company"):
        call_command("train_intents", str(path), "--company", "nobody")
    path.write_text("nothing")
    with pytest.raises(CommandError, match="columns"):
        call_command("train_intents", str(path), "--company", "northwind")


def test_a_model_of_one_company_is_not_another_s(world):
    with world.northwind.scope():
        made = classifier_made(state="live")
    with world.acme.scope():
        assert not Classifier.objects.exists()
        assert world.acme.client("admin").get(f"/api/v1/classifiers/{made.pk}/").status_code == 404
    assert trained().model.labels == ("balance", "cancel", "card_lost", "transfer")


def test_the_grid_of_what_is_taken_for_what(world):
    with world.northwind.scope():
        made = classifier_made()
        few = page_of_classifier(made)["grid"]
        assert [row["name"] for row in few["rows"]][:4] == ["balance", "cancel", "card_lost", "transfer"]
        assert few["names"][-1] == "refused" and few["left_out"] == 0
        made.figures = made.figures | {
            "per_intent": [{"intent": f"i{at:02}", "texts": 20, "recall": 0.9} for at in range(40)],
            "mixed_up": [
                {"intent": "i07", "guess": "i31", "texts": 3},
                {"intent": "i02", "guess": "oos", "texts": 1},
            ],
        }
        many = page_of_classifier(made)["grid"]
        assert many["names"] == ["i02", "i07", "i31", "refused"] and many["left_out"] == 37
        cells = {
            (row["name"], name): cell
            for row in many["rows"]
            for name, cell in zip(many["names"], row["cells"], strict=True)
        }
        assert cells["i07", "i31"] == {"texts": 3, "mark": "l3", "title": "i07, taken for i31: 3 of 20"}
        assert cells["i02", "i02"]["texts"] == 18 and cells["i02", "refused"]["mark"] == "l2"
        page = (
            world.northwind.client("admin")
            .get(f"/admin/moments/classifier/{made.pk}/change/")
            .content.decode()
        )
        assert f'data-try="/api/v1/classifiers/{made.pk}/try/"' in page and "ic-grid" in page
