"""Small dialogues and playbooks for tests, and a model of the next step learned from them."""

from __future__ import annotations

import hashlib
import random
from functools import cache
from typing import Any

from engines.next_step.dialogue import Dialogue, dialogue_from
from engines.next_step.fitting import Strength
from engines.next_step.model import NextStepModel, pack, train
from engines.next_step.schema import TaskSchema, schema_from

QUICK = Strength(cross=1, pair=1, least=2, rounds=15)
QUICK_PLAYBOOK = Strength(cross=3, pair=3, least=2, groups=2, rounds=15)
THINGS = {"flight": ("flight", "seat"), "ride": ("ride", "driver"), "table": ("table", "guests")}


def quickened(monkeypatch: Any) -> None:
    """Let a company's training take a moment."""
    monkeypatch.setattr("engines.next_step.trial.FOLDS", 2)
    for room in ("engines.next_step.trial", "coaching.next_step_training"):
        monkeypatch.setattr(f"{room}.PAST", QUICK)
        monkeypatch.setattr(f"{room}.PLAYBOOK", QUICK_PLAYBOOK)


def playbook(task: str) -> dict[str, Any]:
    """A task that asks for a name and a number, looks it up, and says whether it could be done."""
    thing, more = THINGS[task]
    return {
        "task": task,
        "replies": {
            "hello": "Hello, how can I help?",
            "ask_name": "May I have your name, please?",
            f"{task}_ask_{more}": f"Which {more} would you like, please?",
            f"{task}_booked": f"Your {thing} is booked.",
            f"{task}_refused": f"Unfortunately the {thing} is not available.",
            "goodbye": "Thank you and goodbye.",
            "query": "Query",
            "query_success": "Succeeded",
            "query_failure": "Failed",
        },
        "graph": {
            "hello": "ask_name",
            "ask_name": f"{task}_ask_{more}",
            f"{task}_ask_{more}": "query",
            "query_success": f"{task}_booked",
            "query_failure": f"{task}_refused",
            f"{task}_booked": "goodbye",
            f"{task}_refused": "goodbye",
        },
    }


def spoken(task: str) -> dict[str, str]:
    return {name: words for name, words in playbook(task)["replies"].items() if not name.startswith("query")}


def schema(task: str) -> TaskSchema:
    return schema_from(task, playbook(task), spoken(task))


def talk(task: str, number: int) -> dict[str, Any]:
    """A dialogue by the playbook; every other look-up fails, some customers do not greet."""
    lot = random.Random(f"{task} {number}")
    thing, more = THINGS[task]
    good = number % 2 == 0
    words = spoken(task)

    def agent(action: str) -> dict[str, Any]:
        return {"role": "agent", "action": action, "text": words[action]}

    def customer(*choice: str) -> dict[str, Any]:
        return {"role": "customer", "text": lot.choice(choice)}

    events = [customer("hello", "hi there"), agent("hello")] if lot.random() < 0.7 else []
    events += [
        *(customer(f"I need a {thing}", f"a {thing} please"), agent("ask_name")),
        *(
            customer("I am Susan", "John"),
            agent(f"{task}_ask_{more}"),
            customer("number 12", "7", "I would say 31"),
        ),
        {"role": "agent", "action": "query", "constraints": [{"Name": "Susan"}, {"id": "12"}]},
        {"role": "system", "result": {"Status": "Reservation confirmed" if good else "Reservation failed"}},
        agent(f"{task}_booked" if good else f"{task}_refused"),
        *(customer("thanks, bye", "ok thank you"), agent("goodbye")),
    ]
    return {"id": number, "task": task, "events": events}


def talks(*tasks: str, count: int = 12) -> list[Dialogue]:
    return [dialogue_from(talk(task, number)) for task in tasks for number in range(count)]


@cache
def learned() -> NextStepModel:
    """Learned from flights and rides; tables are new to it."""
    schemas = {task: schema(task) for task in ("flight", "ride")}
    return train(talks("flight", "ride"), schemas, past=QUICK, playbook=QUICK_PLAYBOOK)


def training_made(*, state: str = "training", with_labels: bool = False) -> Any:
    """A version in the current company whose training has begun; nothing is learned of it yet."""
    from coaching.models import NextStepVersion
    from coaching.next_step_training import next_steps_begin

    version = next_steps_begin(
        dialogues=talks("flight", "ride", count=6),
        playbooks={task: playbook(task) for task in ("flight", "ride")},
        source="made.jsonl",
        sha256="0" * 64,
        actor=None,
        with_labels=with_labels,
        dispatch=False,
    )
    NextStepVersion.objects.filter(pk=version.pk).update(state=state)
    version.refresh_from_db()
    return version


def version_made(*, state: str = "candidate", threshold: float = 0.5) -> Any:
    """A version in the current company, without training; a live one replaces what was live."""
    from coaching.models import NextStepFile, NextStepVersion

    if state == "live":
        NextStepVersion.objects.filter(state="live").update(state="retired")
    data = pack(learned())
    version = NextStepVersion.objects.create(
        version=NextStepVersion.objects.count() + 1,
        state=state,
        source="made.jsonl",
        sha256="0" * 64,
        dialogues=24,
        playbooks={task: playbook(task) | {"responses": spoken(task)} for task in THINGS},
        threshold=threshold,
        figures={"seen_accuracy": 0.9},
    )
    NextStepFile.objects.create(version=version, sha256=hashlib.sha256(data).hexdigest(), data=data)
    return version
