"""How often the suggested next step is what the agent did.

Counted is every labelled action of an agent, look-ups ("query") and "custom" included, by its exact name; unlabelled
turns are not. What the agent really did before is given, as it is in a live call.

A task is seen if training has dialogues of it. Its dialogues are then predicted by a model that was not trained on
them: where training and test share dialogues, by cross-validation. A task is unseen if training has none: then its
playbook is all that is known. Where every task of the test is in training, each is left out of it in turn, as the STAR
and SAM papers do for zero-shot transfer; every task counts by its decisions.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.next_step.dialogue import Dialogue
from engines.next_step.model import PAST, PLAYBOOK, NextStepModel, train
from engines.next_step.schema import TaskSchema

FOLDS = 5
Say = Callable[[str], None]


@dataclass
class Count:
    """Decisions by task: right ones, right among the first three, right by their words, all."""

    hits: dict[str, list[tuple[bool, bool, bool]]] = field(default_factory=lambda: defaultdict(list))
    sure: list[tuple[float, bool]] = field(default_factory=list)
    took_ns: list[int] = field(default_factory=list)

    def add(
        self, model: NextStepModel, schemas: Mapping[str, TaskSchema], dialogues: Iterable[Dialogue]
    ) -> None:
        """Predict the decisions of dialogues and count them."""
        for dialogue in dialogues:
            schema = schemas.get(dialogue.task)
            follower = model.follow(dialogue.task, schema)
            labels = dict(dialogue.decisions())
            for i, event in enumerate(dialogue.events):
                if i in labels:
                    began = time.perf_counter_ns()
                    found = follower.suggest(3)
                    self.took_ns.append(time.perf_counter_ns() - began)
                    first = found[0] if found else None
                    right = first is not None and first.action == labels[i]
                    words = model.learned.words.get(labels[i]) or (
                        schema.replies.get(labels[i]) if schema else ""
                    )
                    same = right or (
                        first is not None and bool(first.words) and first.words in (words, event.text)
                    )
                    near = any(each.action == labels[i] for each in found)
                    self.hits[dialogue.task].append((right, near, same))
                    self.sure.append((first.probability if first else 0.0, right))
                follower.add(event)

    def share(self, which: int = 0) -> float | None:
        """The share of right ones (0: first, 1: among the first three, 2: the same words), None without any."""
        every = [hit[which] for hits in self.hits.values() for hit in hits]
        return sum(every) / len(every) if every else None

    def by_task(self) -> dict[str, float]:
        """The share of right ones by task."""
        return {task: sum(hit[0] for hit in hits) / len(hits) for task, hits in sorted(self.hits.items())}


def measure(
    training: Sequence[Dialogue],
    test: Sequence[Dialogue],
    schemas: Mapping[str, TaskSchema],
    *,
    seed: int,
    say: Say,
) -> tuple[Count, Count, dict[str, Any]]:
    """Return the counts for seen and for unseen tasks, and how each was taken."""
    tasks = {dialogue.task for dialogue in training}
    known = [dialogue for dialogue in test if dialogue.task in tasks]
    new = [dialogue for dialogue in test if dialogue.task not in tasks]
    seen, unseen = Count(), Count()
    how: dict[str, Any] = {}
    ids = {(dialogue.task, dialogue.id) for dialogue in training}
    shared = any((dialogue.task, dialogue.id) in ids for dialogue in known)
    if known and shared:
        how["seen"] = f"cross-validation over dialogues, {FOLDS} parts"
        _folds(training, known, schemas, seed, seen, say)
    elif known:
        how["seen"] = "trained on all of the training file"
        say("tasks of the past: training")
        seen.add(train(training, schemas, past=PAST, playbook=None), schemas, known)
    if new:
        how["unseen"] = "tasks that are not in the training file"
        say("new tasks: training")
        unseen.add(train(training, schemas, past=None, playbook=PLAYBOOK), schemas, new)
    elif len(tasks) > 2:
        how["unseen"] = "each task left out of training in turn"
        for task in sorted({dialogue.task for dialogue in known}):
            say(f"new tasks: training without {task}")
            rest = [dialogue for dialogue in training if dialogue.task != task]
            own = [dialogue for dialogue in known if dialogue.task == task]
            unseen.add(train(rest, schemas, past=None, playbook=PLAYBOOK), schemas, own)
    return seen, unseen, how


def _folds(
    training: Sequence[Dialogue],
    test: Sequence[Dialogue],
    schemas: Mapping[str, TaskSchema],
    seed: int,
    count: Count,
    say: Say,
) -> None:
    order = sorted({(d.task, d.id) for d in (*training, *test)})
    random.Random(seed).shuffle(order)
    part = {key: i % FOLDS for i, key in enumerate(order)}
    for fold in range(FOLDS):
        say(f"tasks of the past: part {fold + 1} of {FOLDS}")
        rest = [d for d in training if part[d.task, d.id] != fold]
        own = [d for d in test if part[d.task, d.id] == fold]
        if rest and own:
            count.add(train(rest, schemas, past=PAST, playbook=None), schemas, own)
