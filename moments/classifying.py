"""Intents in a live call: the classifiers that were live when it began tell them, and what they tell is counted.

One that learned from vectors too is asked when the vector of the words is there, some tenths of a second after them;
where none comes in time it tells by the words alone.

A classifier that fails, or takes too long, is counted and, after three times in one call, left out of it; the call's
other moments go on.
Nothing here reads the database while a call goes on: models are read when it is opened, once a process and version.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from accounts.errors import error_place
from engines.intents import BINS, IntentModel, UnusableModel, bin_of
from engines.rules import Heard, MomentSpec, Occurrence
from moments.models import Classifier, ClassifierTally, StoredModel
from moments.vectors import SaidVectors, Vector

log = structlog.get_logger(__name__)

KEPT_MODELS = 16
FAILURES_A_CALL = 3
# Guessing takes a millisecond; one that takes this long counts as having failed.
SLOW_SECONDS = 0.25
# For a vector, whatever its server's deadline is: guidance that comes later than this belongs to what was said before.
VECTOR_SECONDS = 1.0


class _Models:
    """Models of this process by classifier; the longest unused leaves first. A version never changes."""

    def __init__(self) -> None:
        self._models: OrderedDict[UUID, IntentModel] = OrderedDict()
        self._lock = Lock()

    def of(self, classifier_id: UUID) -> IntentModel:
        """Raises `UnusableModel` when what is stored is none, or is not what was stored."""
        with self._lock:
            found = self._models.get(classifier_id)
            if found is not None:
                self._models.move_to_end(classifier_id)
                return found
        stored = StoredModel.objects.filter(pk=classifier_id).first()
        if stored is None:
            raise UnusableModel("there is no model")
        data = bytes(stored.data)
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            raise UnusableModel("the stored model was changed")
        model = IntentModel.from_bytes(data)
        with self._lock:
            self._models[classifier_id] = model
            while len(self._models) > KEPT_MODELS:
                self._models.popitem(last=False)
        return model


_models = _Models()


def model_of(classifier_id: UUID) -> IntentModel:
    """The model of a classifier, read once a process. Raises `UnusableModel`."""
    return _models.of(classifier_id)


def live_classifiers(
    specs: Iterable[MomentSpec], told: Mapping[str, Any] | None
) -> dict[str, tuple[UUID, IntentModel]]:
    """The classifier of each task that `specs` need: the live one, or, in a call taken over, the one it began with.

    A task without a live classifier, or whose model cannot be read, is left out. No query without intents.
    """
    tasks = {spec.task for spec in specs if spec.kind == "intent"}
    if not tasks:
        return {}
    if told is None:
        rows = Classifier.objects.filter(task__in=tasks, state=Classifier.State.LIVE)
        ids = dict(rows.values_list("task", "id"))
    else:
        ids = {task: UUID(one) for task, one in told.get("classifiers", {}).items() if task in tasks}
    found = {}
    for task, classifier_id in sorted(ids.items()):
        try:
            found[task] = classifier_id, model_of(classifier_id)
        except UnusableModel as error:
            log.error("intents.unusable_model", classifier=str(classifier_id), error=str(error))
    return found


class _Tally:
    """What one classifier told in one call."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        self.scores: list[int] = list(kept.get("scores") or [0] * BINS)
        self.refused = int(kept.get("refused", 0))
        self.failed = int(kept.get("failed", 0))

    def state(self) -> dict[str, Any]:
        return {"scores": self.scores, "refused": self.refused, "failed": self.failed}

    @property
    def any(self) -> bool:
        return bool(sum(self.scores) or self.refused or self.failed)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An utterance whose vector is asked for."""

    task: str
    heard: Heard
    vector: Future[Vector]
    until: float


class IntentSession:
    """Follows one call. `tell` returns the occurrences of intents in an utterance, `late` those that took longer."""

    def __init__(
        self,
        specs: Sequence[MomentSpec],
        classifiers: Mapping[str, tuple[UUID, IntentModel]],
        told: Mapping[str, Any] | None,
        vectors: SaidVectors | None = None,
    ) -> None:
        self._classifiers = classifiers
        self._vectors = vectors
        self._waiting: deque[_Waiting] = deque()
        self._wanted: dict[str, dict[str, list[MomentSpec]]] = {}
        for spec in specs:
            if spec.kind == "intent" and spec.task in classifiers:
                self._wanted.setdefault(spec.task, {}).setdefault(spec.intent, []).append(spec)
        kept = (told or {}).get("tallies", {})
        self._tallies = {task: _Tally(kept.get(task)) for task in self._wanted}
        self._sequence = int((told or {}).get("sequence", -1))
        self._finished = False

    def tell(self, heard: Heard) -> list[Occurrence]:
        """What is meant in an utterance; nothing for one that was heard before."""
        if not self._wanted or heard.sequence <= self._sequence or not heard.text.strip():
            return []
        self._sequence = heard.sequence
        found: list[Occurrence] = []
        asked: Future[Vector] | None = None
        for task in self._wanted:
            if not self._specs(task, heard) or self._tallies[task].failed >= FAILURES_A_CALL:
                continue
            beside = self._classifiers[task][1].beside
            if self._vectors is None or beside is None or beside.space != self._vectors.space:
                found += self._told(task, heard, None)
                continue
            asked = asked or self._vectors.ask(heard.text)
            self._waiting.append(_Waiting(task, heard, asked, time.monotonic() + VECTOR_SECONDS))
        return found

    def late(self, *, over: bool = False) -> list[tuple[Heard, list[Occurrence]]]:
        """What was meant in utterances whose vector has come, or has not in time; with `over`, in all that wait."""
        told = []
        while self._waiting:
            first = self._waiting[0]
            if not (over or first.vector.done() or time.monotonic() > first.until):
                break
            self._waiting.popleft()
            is_there = first.vector.done() and first.vector.exception() is None
            vector = first.vector.result() if is_there else None
            told.append((first.heard, self._told(first.task, first.heard, vector)))
        return told

    @property
    def waits(self) -> bool:
        """Whether something that was said may still be told to mean something."""
        return bool(self._waiting)

    def _specs(self, task: str, heard: Heard) -> list[MomentSpec]:
        wanted = self._wanted[task].values()
        return [spec for each in wanted for spec in each if spec.speaker in (heard.speaker, "any")]

    def _told(self, task: str, heard: Heard, vector: Vector | None) -> list[Occurrence]:
        classifier_id, model = self._classifiers[task]
        tally = self._tallies[task]
        begun = time.perf_counter()
        try:
            guess = model.guess(heard.text, vector=vector)
        except Exception as error:
            # Whatever is wrong with one model: the call's other guidance goes on.
            tally.failed += 1
            log.error("intents.failed", classifier=str(classifier_id), error=error_place(error))
            return []
        took = time.perf_counter() - begun
        if took > SLOW_SECONDS:
            # Every call of this process stood still meanwhile. What it told is told; it is counted all the same.
            tally.failed += 1
            log.error("intents.slow", classifier=str(classifier_id), seconds=round(took, 3))
        if guess.refused:
            tally.refused += 1
            return []
        tally.scores[bin_of(guess.score)] += 1
        return [
            _occurrence(spec, heard, guess.score)
            for spec in self._specs(task, heard)
            if spec.intent == guess.intent and (spec.least_score is None or guess.score >= spec.least_score)
        ]

    def tallies(self) -> list[ClassifierTally]:
        """Rows of what was told, not saved; once a call."""
        if self._finished:
            return []
        self._finished = True
        today = timezone.now().date()
        return [
            ClassifierTally(classifier_id=self._classifiers[task][0], day=today, **tally.state())
            for task, tally in self._tallies.items()
            if tally.any
        ]

    def state(self) -> dict[str, Any]:
        """What a successor needs: which classifiers, and counts. No words."""
        if not self._wanted:
            return {}
        return {
            "classifiers": {task: str(self._classifiers[task][0]) for task in self._wanted},
            "tallies": {task: tally.state() for task, tally in self._tallies.items()},
            "sequence": self._sequence,
        }


def _occurrence(spec: MomentSpec, heard: Heard, score: float) -> Occurrence:
    return Occurrence(
        spec.key,
        spec.revision_id,
        heard.start_ms,
        heard.sequence,
        heard.speaker,
        ((0, len(heard.text)),),
        until_ms=heard.end_ms,
        score=round(score, 4),
    )
