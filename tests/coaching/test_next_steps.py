"""A company's model of the next step: trained by command, put into use, asked, taken out of use."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.models import NextStepFile, NextStepVersion
from coaching.models.next_steps import NEVER
from coaching.next_step_training import next_steps_train, sure_from
from coaching.next_steps import next_steps_promote, next_steps_retire, next_steps_suggest
from engines.next_step.dialogue import Dialogue, Event
from tests.budgets import query_budget
from tests.conftest import World
from tests.next_steps_made import THINGS, playbook, quickened, spoken, talk, version_made

ASKED = [
    {"role": "customer", "text": "I need a ride"},
    {"role": "agent", "text": "May I have your name, please?", "action": "ask_name"},
    {"role": "customer", "text": "John"},
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quickened(monkeypatch)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    for task in THINGS:
        (tmp_path / "playbooks" / f"{task}.json").write_text(json.dumps(playbook(task)))
        (tmp_path / "playbooks" / f"{task}.responses.json").write_text(json.dumps(spoken(task)))
    rows = [talk(task, number) for task in ("flight", "ride") for number in range(8)]
    # What nobody needs to learn, and what is to be hidden before anything is.
    rows[0]["events"][0]["text"] = "my card is 4111 1111 1111 1111"
    (tmp_path / "talks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def trained(files: Path, *more: str) -> str:
    out = StringIO()
    arguments = (
        str(files / "talks.jsonl"),
        "--playbooks",
        str(files / "playbooks"),
        "--company",
        "northwind",
    )
    call_command("train_next_step", *arguments, *more, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_trains_a_version_and_promotes_it(world: World, files: Path, quick: None) -> None:
    said = trained(files, "--promote", "--note", "first")
    assert said.startswith("Version 1: live") and "seen_accuracy: 0." in said
    with world.northwind.scope():
        version = NextStepVersion.objects.get()
        assert (version.note, version.dialogues, version.source) == ("first", 16, "talks.jsonl")
        assert set(version.playbooks) == set(THINGS) and 0 < version.threshold <= 1
        assert version.figures["shown_accuracy"] >= 0.8
        assert AuditEvent.objects.filter(action__in=["next_step.train", "next_step.promote"]).count() == 2
        advice = next_steps_suggest(task="ride", events=[Event("customer", "I need a ride")])
        assert advice.version == 1 and advice.suggestions[0].action in ("hello", "ask_name")
    with world.acme.scope():
        assert not NextStepVersion.objects.exists()
        with pytest.raises(Conflict, match="No model of the next step is live"):
            next_steps_suggest(task="ride", events=[])


@pytest.mark.parametrize(
    ("file", "words", "complaint"),
    [
        ("talks.jsonl", "{}", "line 1: a dialogue needs an id"),
        ("playbooks/ride.json", "{}", "“ride” needs replies and a graph"),
        ("playbooks/ride.json", "[3]", "ride.json is no JSON object"),
        ("talks.jsonl", json.dumps(talk("ride", 1)), "Give 10 to"),
    ],
)
def test_files_of_which_nothing_can_be_learned(
    world: World, files: Path, file: str, words: str, complaint: str
) -> None:
    (files / file).write_text(words)
    with pytest.raises(CommandError, match=complaint):
        trained(files)
    with world.northwind.scope():
        assert not NextStepVersion.objects.exists()


def test_dialogues_without_labels_are_refused(world: World) -> None:
    with world.northwind.scope(), pytest.raises(ValidationError, match="No action of an agent is labelled"):
        plain = [Dialogue(str(number), "ride", (Event("customer", "hello"),)) for number in range(10)]
        next_steps_train(dialogues=plain, playbooks={}, source="x", sha256="0" * 64, actor=None)


def test_an_unknown_company_or_file(world: World, files: Path) -> None:
    with pytest.raises(CommandError, match="no such company"):
        call_command("train_next_step", str(files / "talks.jsonl"), "--company", "nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("train_next_step", str(files / "none.jsonl"), "--company", "northwind")


def test_the_api_suggests_with_words_and_reasons(world: World) -> None:
    with world.northwind.scope():
        version_made(state="live")
    client = world.northwind.client("agent")
    question: dict[str, Any] = {"task": "ride", "events": ASKED, "most": 2}
    answer = client.post("/api/v1/next-steps/suggest/", question, content_type="application/json")
    assert answer.status_code == 200
    first, _second = answer.json()["suggestions"]
    assert (first["action"], first["words"]) == ("ride_ask_driver", "Which driver would you like, please?")
    assert (
        first["reason"].startswith("Because the playbook goes on with it") and answer.json()["sure"] is True
    )
    for wrong in ({"events": ASKED}, question | {"events": [{"role": "boss"}]}, question | {"most": 99}):
        refused = client.post("/api/v1/next-steps/suggest/", wrong, content_type="application/json")
        assert refused.status_code == 400
    assert (
        world.acme.client("agent")
        .post("/api/v1/next-steps/suggest/", question, content_type="application/json")
        .status_code
        == 404
    )


def test_below_its_threshold_a_suggestion_is_not_sure(world: World) -> None:
    with world.northwind.scope():
        version_made(state="live", threshold=NEVER)
        assert not next_steps_suggest(task="ride", events=[Event("customer", "hello")]).sure


def test_one_version_is_live_and_an_earlier_one_can_be_put_back(world: World) -> None:
    admin = world.northwind.client("admin")
    with world.northwind.scope():
        first, second = version_made(), version_made()
    for version in (first, second, first):
        assert admin.post(f"/api/v1/next-steps/{version.pk}/promote/").json()["state"] == "live"
        with world.northwind.scope():
            assert [row.pk for row in NextStepVersion.objects.filter(state="live")] == [version.pk]
    with query_budget("api-next-steps"):
        rows = admin.get("/api/v1/next-steps/").json()["results"]
    assert [(row["version"], row["state"]) for row in rows] == [(2, "retired"), (1, "live")]
    assert admin.post(f"/api/v1/next-steps/{first.pk}/retire/").json()["state"] == "retired"
    with world.northwind.scope():
        assert not NextStepVersion.objects.filter(state="live").exists()


def test_a_stored_model_that_was_changed_is_not_used(world: World) -> None:
    with world.northwind.scope():
        version = version_made()
        next_steps_promote(version_id=version.pk, actor=None)
        NextStepFile.objects.filter(pk=version.pk).update(data=b"something else")
        with pytest.raises(Conflict, match="was changed"):
            next_steps_suggest(task="ride", events=[])
        next_steps_retire(version_id=version.pk, actor=None)
        with pytest.raises(Conflict, match="No model"):
            next_steps_suggest(task="ride", events=[])


def test_a_threshold_keeps_four_of_five_right() -> None:
    sure = [(0.9, True)] * 8 + [(0.7, False)] * 2 + [(0.6, True)] * 5 + [(0.5, False)] * 20
    assert sure_from(sure) == 0.6
    assert sure_from([(0.9, False)] * 30) == NEVER and sure_from([(0.9, True)] * 3) == NEVER
