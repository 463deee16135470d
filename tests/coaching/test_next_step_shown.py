"""The learned next step in a live call: shown where sure, used, withdrawn; its labels; its page."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from coaching.models import Guidance, NextStepVersion
from coaching.next_step_labels import label_counts, labelled_dialogues
from coaching.next_step_live import task_of
from conversations import events
from conversations.consent import consent_record
from engines.next_step.dialogue import dialogue_from
from engines.next_step.recognising import Recogniser
from tests.budgets import query_budget
from tests.conftest import World
from tests.next_steps_made import version_made
from tests.understanding import Call, call_begin


@pytest.fixture
def call(world: World, make_conversation: Any) -> Any:
    with world.northwind.scope():
        version_made(state="live", threshold=0.3)
        fields = {"metadata": {"task": "Ride"}, "lines": [("agent", "one moment")]}
        conversation = make_conversation(state="live", agent=world.northwind.people["agent"], **fields)
        begun = call_begin("northwind", conversation)
        begun.sequence = 1
        yield begun


def shown(call: Call) -> list[tuple[str, str, str]]:
    rows = Guidance.objects.filter(conversation=call.conversation).order_by("at_ms", "pk")
    return [(row.payload["next_step"]["action"], row.say, row.outcome) for row in rows]


def test_a_sure_step_is_shown_and_used(call: Call) -> None:
    call.say("customer", "I need a ride", 10_000)
    [(action, say, _outcome)] = shown(call)
    assert (action, say) == ("ask_name", "May I have your name, please?")
    [(kind, data)] = call.shown
    assert kind == "guidance" and data["title"] == "Next step" and data["reason"].startswith("Because ")
    assert data["revision"] == {"policy": "Learned next step", "number": 1}
    assert events.snapshot(call.conversation)["items"]["guidance"][0]["id"] == data["id"]
    call.take_over()
    call.say("agent", "Sure, may I have your name please?", 15_000)
    [(_action, _say, outcome)] = shown(call)
    assert outcome == "used"
    call.tick(40_000)
    call.say("customer", "John", 41_000)
    assert [one[0] for one in shown(call)][1:] == ["ride_ask_driver"]


def test_what_the_talk_has_left_behind_is_withdrawn_and_not_pressed(call: Call) -> None:
    call.say("customer", "I need a ride", 10_000)
    call.say("agent", "Which driver would you like, please?", 15_000)
    call.say("customer", "number 12", 40_000)
    call.say("customer", "I need a ride", 70_000)
    first, *rest = shown(call)
    assert first == ("ask_name", "May I have your name, please?", "withdrawn")
    assert "ask_name" not in [one[0] for one in rest]


def test_it_leaves_when_its_time_is_over(call: Call) -> None:
    call.say("customer", "I need a ride", 10_000)
    call.tick(200_000)
    assert Guidance.objects.get(conversation=call.conversation).state == Guidance.State.EXPIRED


def test_an_unsure_one_is_not_shown(world: World, make_conversation: Any) -> None:
    with world.northwind.scope():
        version_made(state="live", threshold=1.1)
        unsure = call_begin("northwind", make_conversation(state="live", metadata={"task": "ride"}))
        unsure.sequence = 2
        unsure.say("customer", "I need a ride", 10_000)
        version_made(state="live", threshold=0.1)
        other = call_begin("northwind", make_conversation(state="live"))
        other.sequence = 2
        other.say("customer", "I need a ride", 10_000)
        assert not Guidance.objects.filter(revision__isnull=True).exists()


def test_the_task_of_a_call() -> None:
    assert task_of({"metadata.task": " RIDE "}, ["flight", "ride"]) == "ride"
    assert task_of({"metadata.task": "x", "queue": "flight"}, ["flight", "ride"]) == "flight"
    assert task_of({"queue": "sales"}, ["flight", "ride"]) is None
    assert task_of({}, ["ride"]) == "ride" and task_of({}, []) is None


def test_what_an_agent_said_is_told_by_its_words() -> None:
    told = Recogniser(
        {"ask": "What is your booking reference?", "ok": "Your booking is confirmed.", "query": ""}
    )
    assert told.of("so what's your booking reference number") == "ask"
    assert told.of("great your booking is confirmed now") == "ok"
    assert told.of("your booking") is None and told.of("") is None


def test_answers_become_examples(call: Call, tmp_path: Path) -> None:
    call.say("customer", "I need a ride", 10_000)
    call.say("agent", "May I have your name please?", 15_000)
    call.say("customer", "John", 41_000)
    Guidance.objects.filter(payload__next_step__action="ride_ask_driver").update(
        state=Guidance.State.DISMISSED, settled_at=timezone.now()
    )
    assert label_counts() == {1: {"shown": 2, "used": 1, "dismissed": 1}}
    [row] = labelled_dialogues()
    labelled = dialogue_from(row)
    assert [action for _place, action in labelled.decisions()] == ["ask_name"] and labelled.task == "ride"
    assert [event["rejected"] for event in row["events"] if "rejected" in event] == [["ride_ask_driver"]]
    path, said = tmp_path / "labels.jsonl", StringIO()
    call_command("export_next_step_labels", str(path), "--company", "northwind", stdout=said)
    assert "suggestions: 1" in said.getvalue() and json.loads(path.read_text()) == row
    # A caller who does not want models to be trained.
    consent_record(conversation=call.conversation, purpose="train", state="refused", source="agent")
    assert list(labelled_dialogues()) == []
    with pytest.raises(CommandError, match="no such company"):
        call_command("export_next_step_labels", str(path), "--company", "nobody")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_next_step_labels", str(tmp_path), "--company", "northwind")


def test_the_page_promotes_and_rolls_back(world: World) -> None:
    with world.northwind.scope():
        first, second = version_made(), version_made()
        NextStepVersion.objects.filter(pk=second.pk).update(
            figures={"seen_accuracy": 0.8, "tasks": {"ride": 0.7, "flight": 0.6}, "decisions": 40}
        )
    client, base = world.northwind.client("admin"), "/admin/coaching/nextstepversion"
    client.post(f"{base}/{first.pk}/promote/", {"_form_submitted": "on"})
    client.post(f"{base}/{first.pk}/roll-back/", {"_form_submitted": "on"})
    assert "No other version has been live" in client.get(f"{base}/{first.pk}/change/").content.decode()
    client.post(f"{base}/{second.pk}/promote/", {"_form_submitted": "on"})
    with query_budget("next step versions"):
        assert "Version 2" in client.get(f"{base}/").content.decode()
    page = client.get(f"{base}/{second.pk}/change/").content.decode()
    assert "80.0" in page and page.index(">flight<") < page.index(">ride<")
    client.post(f"{base}/{second.pk}/roll-back/", {"_form_submitted": "on"})
    with world.northwind.scope():
        assert NextStepVersion.objects.get(state="live").pk == first.pk
    client.post(f"{base}/{first.pk}/roll-back/", {"_form_submitted": "on"})
    with world.northwind.scope():
        assert NextStepVersion.objects.get(state="live").pk == second.pk
