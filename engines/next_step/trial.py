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

    def take(self, other: Count) -> None:
        """Count what another counted, too."""
        for task, hits in other.hits.items():
            self.hits[task] += hits
        self.sure += other.sure
        self.took_ns += other.took_ns

    def kept(self) -> dict[str, Any]:
        """What was counted, as JSON; without how long it took."""
        return {"hits": self.hits, "sure": self.sure}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Count:
        """Read what `kept` gave."""
        count = cls()
        for task, hits in kept["hits"].items():
            count.hits[task] = [(bool(one), bool(two), bool(three)) for one, two, three in hits]
        count.sure = [(float(share), bool(right)) for share, right in kept["sure"]]
        return count

    def share(self, which: int = 0) -> float | None:
        """The share of right ones (0: first, 1: among the first three, 2: the same words), None without any."""
        every = [hit[which] for hits in self.hits.values() for hit in hits]
        return sum(every) / len(every) if every else None

    def by_task(self) -> dict[str, float]:
        """The share of right ones by task."""
        return {task: sum(hit[0] for hit in hits) / len(hits) for task, hits in sorted(self.hits.items())}


@dataclass(frozen=True)
class Piece:
    """A part of a trial, which can be done by itself: learn from `training`, count on `test`."""

    name: str
    is_seen: bool
    training: Sequence[Dialogue]
    test: Sequence[Dialogue]

    def done(self, schemas: Mapping[str, TaskSchema]) -> Count:
        """Do it; a minute for 500 dialogues."""
        past, playbook = (PAST, None) if self.is_seen else (None, PLAYBOOK)
        count = Count()
        count.add(train(self.training, schemas, past=past, playbook=playbook), schemas, self.test)
        return count


def pieces(
    training: Sequence[Dialogue], test: Sequence[Dialogue], *, seed: int
) -> tuple[list[Piece], dict[str, str]]:
    """The parts of a trial in their order, and how seen and unseen tasks are taken. The same for the same dialogues."""
    tasks = {dialogue.task for dialogue in training}
    known = [dialogue for dialogue in test if dialogue.task in tasks]
    new = [dialogue for dialogue in test if dialogue.task not in tasks]
    found: list[Piece] = []
    how: dict[str, str] = {}
    ids = {(dialogue.task, dialogue.id) for dialogue in training}
    shared = any((dialogue.task, dialogue.id) in ids for dialogue in known)
    if known and shared:
        how["seen"] = f"cross-validation over dialogues, {FOLDS} parts"
        found += _folds(training, known, seed)
    elif known:
        how["seen"] = "trained on all of the training file"
        found.append(Piece("tasks of the past", True, training, known))
    if new:
        how["unseen"] = "tasks that are not in the training file"
        found.append(Piece("new tasks", False, training, new))
    elif len(tasks) > 2:
        how["unseen"] = "each task left out of training in turn"
        for task in sorted({dialogue.task for dialogue in known}):
            rest = [dialogue for dialogue in training if dialogue.task != task]
            own = [dialogue for dialogue in known if dialogue.task == task]
            found.append(Piece(f"new tasks: without {task}", False, rest, own))
    return found, how


def measure(
    training: Sequence[Dialogue],
    test: Sequence[Dialogue],
    schemas: Mapping[str, TaskSchema],
    *,
    seed: int,
    say: Say,
) -> tuple[Count, Count, dict[str, Any]]:
    """Return the counts for seen and for unseen tasks, and how each was taken."""
    seen, unseen = Count(), Count()
    parts, how = pieces(training, test, seed=seed)
    for piece in parts:
        say(piece.name)
        (seen if piece.is_seen else unseen).take(piece.done(schemas))
    return seen, unseen, dict(how)


def _folds(training: Sequence[Dialogue], test: Sequence[Dialogue], seed: int) -> list[Piece]:
    order = sorted({(d.task, d.id) for d in (*training, *test)})
    random.Random(seed).shuffle(order)
    part = {key: i % FOLDS for i, key in enumerate(order)}
    found = []
    for fold in range(FOLDS):
        rest = [d for d in training if part[d.task, d.id] != fold]
        own = [d for d in test if part[d.task, d.id] == fold]
        if rest and own:
            found.append(Piece(f"tasks of the past: part {fold + 1} of {FOLDS}", True, rest, own))
    return found
