"""Suggestions for the next step, and the file of a trained model.

Two sets of weights are learned from the same dialogues. The one for tasks of the past may use the names of their
actions. The other, for tasks of which only the playbook is known, is fitted as if each task's own dialogues told
nothing of its actions' names, and uses only what at least two tasks share.

The file is `MAGIC`, then LZMA over a line of JSON and the arrays it names. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.next_step.dialogue import QUERY, Dialogue, Event
from engines.next_step.features import Candidate, Learned, candidates, learn_actions, pairs, questions
from engines.next_step.fitting import Floats, Places, Step, Strength, Weights, fit
from engines.next_step.schema import TaskSchema
from engines.next_step.situation import Situation
from engines.next_step.ways import Ways
from engines.next_step.words import kind_of

MAGIC = b"next-step-1\n"
# Chosen by cross-validation on the dev half of STAR, over dialogues and over tasks.
PAST = Strength(cross=40, pair=40, least=4, rounds=60)
PLAYBOOK = Strength(cross=400, general=200, pair=30, even=0.5, least=3, groups=2, rounds=50)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An action that may come next, its words, how probable it is (0 to 1), and why."""

    action: str
    words: str
    probability: float
    reason: str


@dataclass(frozen=True)
class NextStepModel:
    """Suggests an agent's next step. `playbook` is None where fewer than two tasks were learned from."""

    learned: Learned
    past: Weights
    playbook: Weights | None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks it has seen dialogues of."""
        return frozenset(task for tasks in self.learned.tasks.values() for task in tasks)

    def follow(self, task: str, schema: TaskSchema | None) -> Follower:
        """Return what follows one dialogue of a task."""
        return Follower(self, task, schema)

    def suggest(
        self, task: str, schema: TaskSchema | None, events: Iterable[Event], most: int = 3
    ) -> list[Suggestion]:
        """The most probable next steps after these events, best first. Empty if nothing is known of the task."""
        follower = self.follow(task, schema)
        for event in events:
            follower.add(event)
        return follower.suggest(most)


class Follower:
    """Follows one dialogue, event by event. The cost of an event does not grow with the dialogue's length.

    Of what the agent does it takes on his own ways (`ways`).
    """

    def __init__(self, model: NextStepModel, task: str, schema: TaskSchema | None) -> None:
        unseen = task not in model.tasks
        self.candidates = candidates(task, schema, model.learned, unseen=unseen)
        weights = model.playbook if unseen else model.past
        self._named = model.learned.named() if unseen else None
        self._now = _situation(schema, self.candidates, model.learned)
        self._marks = [candidate.marks for candidate in self.candidates]
        self._place = {candidate.action: i for i, candidate in enumerate(self.candidates)}
        self._ways = Ways(weights) if weights is not None else None
        # What is most likely now, while nothing has happened since.
        self._looked: tuple[Places, Floats] | None = None

    def add(self, event: Event) -> None:
        """Take the next event in; of what the agent does, too, how he does things."""
        done = self._place.get(event.action) if event.role == "agent" and event.action is not None else None
        if done is not None and self._ways is not None:
            self._ways.learn(*self._look(self._ways), done)
        self._now.add(event)
        self._looked = None

    def probabilities(self) -> Floats:
        """How probable each of `candidates` is next."""
        if self._ways is None or not self.candidates:
            return np.zeros(len(self.candidates))
        return self._look(self._ways)[1]

    def _look(self, ways: Ways) -> tuple[Places, Floats]:
        if self._looked is None:
            contexts = self._now.contexts(self._named)
            places = ways.weights.places(contexts, self._marks, pairs(self._now, self.candidates))
            scores = ways.scores(places)
            power = np.exp(scores - scores.max())
            self._looked = places, np.asarray(power / power.sum())
        return self._looked

    def suggest(self, most: int = 3) -> list[Suggestion]:
        """The most probable next steps, best first."""
        shares = self.probabilities()
        if not shares.any():
            return []
        best = np.argsort(-shares, kind="stable")[:most]
        return [self._suggestion(self.candidates[i], float(shares[i])) for i in best]

    def _suggestion(self, candidate: Candidate, share: float) -> Suggestion:
        return Suggestion(candidate.action, candidate.words, share, reason(self._now, candidate))


def reason(now: Situation, candidate: Candidate) -> str:
    """Say in a sentence what an action follows: a look-up's answer, the playbook, or past conversations."""
    times = f"{candidate.times} times in past conversations of this kind" if candidate.times else ""
    schema = now.schema
    if now.last_role == "system" and candidate.kind != QUERY:
        news = {"good": "good news", "bad": "bad news"}.get(now.result_news, "an answer")
        return f"Because the look-up brought {news}" + (f"; so done {times}." if times else ".")
    if schema and now.nodes:
        nodes = schema.nodes(candidate.action)
        if any(node in schema.graph.get(now.nodes[-1], ()) for node in nodes):
            return "Because the playbook goes on with it" + (f"; so done {times}." if times else ".")
    if candidate.action in now.asked.actions and not now.done[candidate.action]:
        return "Because the playbook asks for it and it has not been asked yet."
    if times:
        return f"Because agents did so {times}."
    return "Because agents did so at this point of other tasks."


def steps(dialogue: Dialogue, schema: TaskSchema | None, learned: Learned, *, unseen: bool) -> Iterator[Step]:
    """Yield a dialogue's decisions for the fit, and what was refused where; without actions that are no candidates."""
    every = candidates(dialogue.task, schema, learned, unseen=unseen)
    place = {candidate.action: i for i, candidate in enumerate(every)}
    marks = tuple(candidate.marks for candidate in every)
    named = learned.named(dialogue.task) if unseen else None
    now = _situation(schema, every, learned)
    labels = dict(dialogue.decisions())
    for i, event in enumerate(dialogue.events):
        if labels.get(i) in place:
            found = tuple(tuple(names) for names in pairs(now, every))
            yield Step(tuple(now.contexts(named)), marks, found, place[labels[i]], dialogue.task)
        now.add(event)
        # A step that was dismissed and then taken all the same was not wrong.
        next_done = next((labels[later] for later in sorted(labels) if later > i), None)
        wrong = tuple(
            place[one] for one in dict.fromkeys(event.rejected) if one in place and one != next_done
        )
        if wrong:
            found = tuple(tuple(names) for names in pairs(now, every))
            yield Step(tuple(now.contexts(named)), marks, found, -1, dialogue.task, wrong)


def train(
    dialogues: Sequence[Dialogue],
    schemas: Mapping[str, TaskSchema],
    *,
    past: Strength | None = PAST,
    playbook: Strength | None = PLAYBOOK,
    about: Mapping[str, Any] | None = None,
) -> NextStepModel:
    """Train on labelled dialogues. A strength of None leaves these weights out.

    Raises:
        ValueError: if no dialogue has a labelled action.
    """
    learned = learn_actions(dialogues, schemas)
    if not learned.tasks:
        raise ValueError("nothing to learn from: no labelled action")

    def every(unseen: bool) -> list[Step]:
        return [
            step
            for dialogue in dialogues
            for step in steps(dialogue, schemas.get(dialogue.task), learned, unseen=unseen)
        ]

    many = len({dialogue.task for dialogue in dialogues}) > 1
    return NextStepModel(
        learned,
        fit(every(False), past) if past else _EMPTY,
        fit(every(True), playbook) if playbook and many else None,
        {"dialogues": len(dialogues), **(about or {})},
    )


def pack(model: NextStepModel) -> bytes:
    """Return the model file's bytes: the same model gives the same bytes."""
    parts: list[bytes] = []
    header: dict[str, Any] = {
        "tasks": model.learned.tasks,
        "words": model.learned.words,
        "about": model.about,
        "past": _weights_out(model.past, parts),
        "playbook": _weights_out(model.playbook, parts) if model.playbook else None,
    }
    body = json.dumps(header, ensure_ascii=False).encode() + b"\n" + b"".join(parts)
    return MAGIC + lzma.compress(body, preset=6)


def unpack(data: bytes) -> NextStepModel:
    """Return the model in a file. Raises ValueError if it is none or of another version."""
    if not data.startswith(MAGIC):
        raise ValueError("not a next-step model of this version")
    try:
        line, _, body = lzma.decompress(data[len(MAGIC) :]).partition(b"\n")
        header = json.loads(line)
        past, at = _weights_in(header["past"], body, 0)
        playbook = _weights_in(header["playbook"], body, at)[0] if header["playbook"] else None
        return NextStepModel(Learned(header["tasks"], header["words"]), past, playbook, header["about"])
    except (lzma.LZMAError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("the next-step model is damaged") from error


_EMPTY = Weights({}, {}, {}, np.zeros((0, 0)), np.zeros(0))


def _weights_out(weights: Weights, parts: list[bytes]) -> dict[str, list[str]]:
    parts += [weights.cross.astype("<f2").tobytes(), weights.pair.astype("<f4").tobytes()]
    return {name: list(getattr(weights, name)) for name in ("marks", "contexts", "features")}


def _weights_in(names: Mapping[str, list[str]], body: bytes, at: int) -> tuple[Weights, int]:
    marks, contexts, features = (
        {n: i for i, n in enumerate(names[k])} for k in ("marks", "contexts", "features")
    )
    size = len(marks) * len(contexts)
    cross = np.frombuffer(body, "<f2", size, at).astype(float).reshape(len(marks), len(contexts))
    pair = np.frombuffer(body, "<f4", len(features), at + 2 * size).astype(float)
    return Weights(marks, contexts, features, cross, pair), at + 2 * size + 4 * len(features)


def _situation(schema: TaskSchema | None, every: list[Candidate], learned: Learned) -> Situation:
    kinds = {action: kind_of(action, words) for action, words in learned.words.items()}
    kinds |= {candidate.action: candidate.kind for candidate in every}
    return Situation(schema, kinds, questions(every))
