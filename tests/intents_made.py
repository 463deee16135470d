"""A small classifier for tests, learned once a process: four intents of a bank, with texts of none."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from itertools import product
from typing import Any

from engines.intents import Example
from engines.intents.training import Settings, Trained, train

INTENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cancel": (
        ("i want to", "please", "how do i", "can you", "i need to"),
        ("cancel my subscription", "close my account", "end the contract", "stop the service"),
    ),
    "card_lost": (
        ("i think", "help", "yesterday", "it seems", "sorry"),
        ("i lost my card", "my card was stolen", "my card is gone", "somebody took my card"),
    ),
    "balance": (
        ("tell me", "what is", "show me", "can i see", "give me"),
        ("my balance", "how much money i have", "the balance of my savings", "what is left there"),
    ),
    "transfer": (
        ("i want to", "please", "help me", "how can i", "today i"),
        ("send money to my sister", "make a wire transfer", "pay a friend", "move money abroad"),
    ),
}
NONE = (
    "what a lovely day it is",
    "who won the football match",
    "tell me a joke about cats",
    "the weather is terrible in may",
    "do you like pizza with olives",
    "my dog barks at the neighbour",
    "which film did you watch",
    "sing a song for the children",
    "the train was late again",
    "how tall is that mountain",
)
QUICK = Settings(folds=3)


def examples() -> list[Example]:
    """Eighty labelled texts and ten that are out of scope."""
    made = [
        Example(f"{one} {two}", intent)
        for intent, (before, after) in INTENTS.items()
        for one, two in product(before, after)
    ]
    return made + [Example(text, "oos") for text in NONE]


def as_jsonl(rows: list[Example] | None = None) -> bytes:
    """The examples as a file."""
    return "\n".join(
        json.dumps({"text": one.text, "intent": one.intent}) for one in rows or examples()
    ).encode()


@cache
def trained() -> Trained:
    """A classifier of `examples`."""
    return train(examples(), QUICK)


def classifier_made(*, task: str = "reasons", state: str = "candidate", version: int | None = None) -> Any:
    """A trained version in the current company, without a job."""
    from django.utils import timezone

    from moments.models import Classifier, StoredModel, TrainingSet

    made = trained()
    data = made.model.to_bytes()
    rows = TrainingSet.objects.create(task=task, source="made.jsonl", sha256="0" * 64, examples=90, intents=4)
    now = timezone.now()
    number = version or Classifier.objects.filter(task=task).count() + 1
    classifier = Classifier.objects.create(
        task=task,
        version=number,
        training_set=rows,
        state=state,
        figures=made.figures,
        progress=100,
        trained_at=now,
        live_from=now if state == "live" else None,
    )
    StoredModel.objects.create(classifier=classifier, sha256=hashlib.sha256(data).hexdigest(), data=data)
    return classifier
