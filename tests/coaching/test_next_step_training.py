"""Training of the next step as a job: begun by page and API, done in parts, cancelled, gone on with, lost, failed."""

from __future__ import annotations

import io
import json
import lzma
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.errors import Conflict
from coaching.models import NextStepTraining, NextStepVersion
from coaching.next_step_files import given_read, playbooks_of
from coaching.next_step_training import (
    next_step_trainings_wake,
    next_steps_cancel,
    next_steps_learn,
    next_steps_resume,
)
from coaching.next_steps import next_steps_promote
from engines.next_step.trial import Piece
from tests.conftest import World
from tests.next_steps_made import playbook, quickened, spoken, talk, training_made

TASKS = ("flight", "ride")
LINES = "".join(json.dumps(talk(task, number)) + "\n" for task in TASKS for number in range(6)).encode()


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts take a moment; the messages that would have begun them, in their order."""
    quickened(monkeypatch)
    sent: list[str] = []
    monkeypatch.setattr(
        "coaching.tasks.next_step_learn_job.delay", lambda *, version_id: sent.append(version_id)
    )
    return sent


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for task in TASKS:
            file.writestr(f"books/{task}.json", json.dumps(playbook(task)))
            file.writestr(f"books/{task}.responses.json", json.dumps(spoken(task)))
    return target.getvalue()


def test_the_api_begins_a_training_that_is_done_in_parts(
    world: World, begun: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    admin = world.northwind.client("admin")
    files = {
        "file": SimpleUploadedFile("calls.jsonl", LINES),
        "playbooks": SimpleUploadedFile("books.zip", zipped()),
    }
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin.post("/api/v1/next-steps/", files | {"note": "by API"})
    assert answer.status_code == 201 and answer.json()["state"] == "training"
    address = f"/api/v1/next-steps/{answer.json()['id']}/"
    again = {"file": SimpleUploadedFile("calls.jsonl", LINES)}
    assert admin.post("/api/v1/next-steps/", again).status_code == 409
    assert admin.post(f"{address}promote/").status_code == 409
    progress = []
    with world.northwind.scope():
        while begun:
            with django_capture_on_commit_callbacks(execute=True):
                next_steps_learn(version_id=begun.pop())
            shown = admin.get(address).json()
            progress.append((shown["state"], shown["progress"]))
    # Two folds; too few tasks to leave one out; and all together.
    assert progress == [("training", 33), ("training", 66), ("candidate", 100)]
    assert shown["figures"]["decisions"] > 50 and shown["figures"]["seen_accuracy"] > 0.8
    with world.northwind.scope():
        version = NextStepVersion.objects.get()
        assert set(version.playbooks) == set(TASKS) and version.playbooks["ride"]["responses"]
        # What it was given is gone, and it can be used.
        assert not NextStepTraining.objects.exists()
        next_steps_promote(version_id=version.pk, actor=None)
        with pytest.raises(Conflict, match="nothing left to learn"):
            next_steps_resume(version_id=version.pk, actor=None)
        # Without playbooks those of the live version are taken.
        assert given_read(dialogues=LINES, name="x").playbooks == version.playbooks


def test_a_cancelled_training_goes_on_where_it_was(
    world: World, begun: list[str], monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    parts: list[str] = []
    work = Piece.done

    def done(self: Piece, schemas: Any) -> Any:
        parts.append(self.name)
        return work(self, schemas)

    monkeypatch.setattr(Piece, "done", done)
    with world.northwind.scope(), django_capture_on_commit_callbacks(execute=True):
        version = training_made()
        next_steps_learn(version_id=version.pk)
        assert next_steps_cancel(version_id=version.pk, actor=None).state == "cancelled"
        # A message that was under way.
        assert next_steps_learn(version_id=version.pk).progress == 33
        with pytest.raises(Conflict, match="Only a version that has been trained"):
            next_steps_promote(version_id=version.pk, actor=None)
        other = training_made()
        with pytest.raises(Conflict, match="Another version is being trained"):
            next_steps_resume(version_id=version.pk, actor=None)
        next_steps_cancel(version_id=other.pk, actor=None)
        next_steps_resume(version_id=version.pk, actor=None)
        assert next_steps_learn(version_id=version.pk, told=lambda _done: None).state == "candidate"
    assert parts == ["tasks of the past: part 1 of 2", "tasks of the past: part 2 of 2"]


def test_a_part_that_fails_is_told_and_can_be_tried_again(
    world: World, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.northwind.scope():
        version = training_made()
        with monkeypatch.context() as broken:
            broken.setattr(Piece, "done", lambda *_: {}["my card is 4111"])
            failed = next_steps_learn(version_id=version.pk)
        assert failed.state == "failed" and "KeyError at" in failed.problem and "4111" not in failed.problem
        next_steps_resume(version_id=version.pk, actor=None, dispatch=False)
        learned = next_steps_learn(version_id=version.pk, told=lambda _done: None)
        assert (learned.state, learned.problem) == ("candidate", "")


def test_a_training_whose_worker_went_away_is_begun_again(
    world: World, begun: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with world.northwind.scope(), django_capture_on_commit_callbacks(execute=True):
        version = training_made()
        assert next_step_trainings_wake() == 0
        long_ago = timezone.now() - timedelta(hours=1)
        NextStepVersion.objects.filter(pk=version.pk).update(seen_at=long_ago)
        assert next_step_trainings_wake() == 1
    assert begun == [str(version.pk)]


def test_what_a_training_was_given_leaves_when_nobody_goes_on_with_it(world: World) -> None:
    with world.northwind.scope():
        version = training_made(state="cancelled")
        next_step_trainings_wake()
        assert NextStepTraining.objects.exists()
        NextStepVersion.objects.filter(pk=version.pk).update(seen_at=timezone.now() - timedelta(days=8))
        next_step_trainings_wake()
        assert not NextStepTraining.objects.exists()
        with pytest.raises(Conflict, match="nothing left to learn"):
            next_steps_resume(version_id=version.pk, actor=None)


def test_the_page_begins_a_training_and_says_what_is_wrong(
    world: World, begun: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    admin = world.northwind.client("admin")
    add = "/admin/coaching/nextstepversion/add/"
    bad = admin.post(add, {"file": SimpleUploadedFile("calls.jsonl", LINES + b"{}\n")}).content.decode()
    assert "calls.jsonl, line 13: a dialogue needs an id" in bad
    files = {"file": SimpleUploadedFile("c.jsonl", LINES), "books": SimpleUploadedFile("b.json", b"[]")}
    assert "playbooks is no JSON object" in admin.post(add, files).content.decode()
    few = {"file": SimpleUploadedFile("c.jsonl", LINES[: LINES.index(b"\n")])}
    assert "Give 10 to" in admin.post(add, few).content.decode()
    books = {task: playbook(task) for task in TASKS}
    files = {
        "file": SimpleUploadedFile("calls.jsonl", LINES),
        "books": SimpleUploadedFile("books.json", json.dumps(books).encode()),
    }
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(add, files).status_code == 302
    assert len(begun) == 1
    with world.northwind.scope():
        version = NextStepVersion.objects.get()
        assert bytes(version.training.dialogues) and version.dialogues == 12
    page = f"/admin/coaching/nextstepversion/{version.pk}/"
    shown = admin.get(f"{page}change/")
    assert shown["Refresh"] and "Cancel training" in shown.content.decode()
    assert "Promote" not in shown.content.decode()
    admin.post(f"{page}cancel/", {"_form_submitted": "on"})
    shown = admin.get(f"{page}change/")
    assert "Resume training" in shown.content.decode() and "Refresh" not in shown
    # A second one is refused on its form while this goes on.
    admin.post(f"{page}resume/", {"_form_submitted": "on"})
    files["file"] = SimpleUploadedFile("calls.jsonl", LINES)
    assert "Another version is being trained" in admin.post(add, files).content.decode()
    assert "delete" not in admin.get(f"{page}change/").content.decode().split("submit-row")[-1].lower()


def test_playbooks_that_cannot_be_read(world: World) -> None:
    for data, words in (
        (b"[1]", "no JSON object"),
        (json.dumps(playbook("ride")).encode(), "one playbook"),
        (b"PK\x03\x04 nothing", "zip cannot be read"),
        (b"x" * 5_000_000, "larger than 4 MB"),
    ):
        with pytest.raises(ValueError, match=words):
            playbooks_of(data)
    with world.northwind.scope(), pytest.raises(ValidationError, match="larger than 32 MB"):
        given_read(dialogues=b"x" * (32 * 2**20 + 1), name="x")


def test_labels_of_calls_are_learned_from(
    world: World, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = [talk("ride", 99) | {"events": [{"role": "customer", "text": "a ride", "rejected": ["hello"]}]}]
    monkeypatch.setattr("coaching.next_step_training.labelled_dialogues", lambda: iter(called))
    with world.northwind.scope():
        version = training_made(with_labels=True)
        for _part in range(2):
            # Looked for once, whatever comes later.
            assert next_steps_learn(version_id=version.pk).dialogues == 13
        kept = lzma.decompress(bytes(NextStepTraining.objects.get().dialogues)).decode()
        assert kept.count('"rejected": ["hello"]') == 1
