"""Meaning told by examples, in calls: the models of the revisions that a call goes by, read once a process.

A model that fails is counted and, after three times in one call, all of them are left out of it; the call's other
moments go on.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError

from accounts.errors import error_place
from engines.intents import UnusableModel
from engines.intents.languages import is_english
from engines.intents.meaning import MeaningModel, Meanings, telling
from engines.intents.meaning_training import Learned, UnusableExamples, learn
from engines.rules import Heard, MomentSpec, Occurrence
from moments.models import MomentRevision, StoredMeaning

log = structlog.get_logger(__name__)

KEPT_SETS = 64
FAILURES_A_CALL = 3


def meaning_learn(examples: Sequence[str], near_misses: Sequence[str]) -> Learned:
    """What sentences teach. Raises `ValidationError`, in words, where they teach nothing."""
    try:
        return learn(_lines(examples), _lines(near_misses))
    except UnusableExamples as error:
        raise ValidationError({"examples": error.sentences}) from error


def meaning_store(*, revision: MomentRevision, learned: Learned) -> StoredMeaning:
    """Keep what was learned with its revision. Call it in the transaction that writes the revision."""
    data = learned.model.to_bytes()
    return StoredMeaning.objects.create(
        revision=revision, sha256=hashlib.sha256(data).hexdigest(), data=data, figures=learned.figures
    )


@dataclass(frozen=True, slots=True)
class Tried:
    """What a moment makes of a text: whether it is heard, its score 0..1, and the example that is most like it."""

    heard: bool
    score: float
    nearest: str
    likeness: float


def meaning_try(*, learned: Learned, text: str, least_score: float | None = None) -> Tried:
    """Try a text. Nothing of it is kept."""
    model, vector = learned.model, telling().read(text)
    margin = model.margin(vector)
    score = model.score(margin)
    nearest, likeness = model.nearest(vector)
    heard = margin > model.threshold and (least_score is None or score >= least_score)
    return Tried(heard, round(score, 3), nearest, round(likeness, 3))


class _Models:
    """Models of this process, together by set of revisions; the longest unused leaves first."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[str, ...], tuple[tuple[str, ...], Meanings]] = OrderedDict()
        self._lock = Lock()

    def of(self, revisions: tuple[str, ...]) -> tuple[tuple[str, ...], Meanings]:
        """The revisions whose models can be read, and those models. No query for a set that was met before."""
        with self._lock:
            if revisions in self._sets:
                self._sets.move_to_end(revisions)
                return self._sets[revisions]
        found = _read(revisions)
        with self._lock:
            self._sets[revisions] = found
            while len(self._sets) > KEPT_SETS:
                self._sets.popitem(last=False)
        return found


def _read(revisions: tuple[str, ...]) -> tuple[tuple[str, ...], Meanings]:
    rows = {str(row.pk): row for row in StoredMeaning.objects.filter(pk__in=map(UUID, revisions))}
    models = {}
    for one in revisions:
        try:
            models[one] = _model(rows.get(one))
        except UnusableModel as error:
            log.error("meaning.unusable_model", revision=one, error=str(error))
    return tuple(models), Meanings(list(models.values()))


def _model(row: StoredMeaning | None) -> MeaningModel:
    if row is None:
        raise UnusableModel("there is no model")
    data = bytes(row.data)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise UnusableModel("the stored model was changed")
    return MeaningModel.from_bytes(data)


_models = _Models()


class MeaningSession:
    """Tells what is meant in the utterances of one call. At most one query, when it is made.

    What is learned in English is silent in calls in another `language`: it would only be wrong there.
    """

    def __init__(self, specs: Sequence[MomentSpec], language: str = "en") -> None:
        self.listens = is_english(language)
        by_revision = {spec.revision_id: spec for spec in specs if spec.kind == "examples" and self.listens}
        self._specs: list[MomentSpec] = []
        self._meanings: Meanings | None = None
        if by_revision:
            revisions, self._meanings = _models.of(tuple(by_revision))
            self._specs = [by_revision[one] for one in revisions]
        self._failed = 0

    def tell(self, heard: Heard) -> list[Occurrence]:
        """The moments that an utterance means."""
        if self._meanings is None or not self._specs or self._failed >= FAILURES_A_CALL:
            return []
        try:
            found = self._meanings.heard(heard.text)
        except Exception as error:
            # Whatever is wrong with one set of models: the call's other guidance goes on.
            self._failed += 1
            log.error("meaning.failed", error=error_place(error))
            return []
        return [
            Occurrence(
                spec.key,
                spec.revision_id,
                heard.start_ms,
                heard.sequence,
                heard.speaker,
                ((0, len(heard.text)),),
                until_ms=heard.end_ms,
                score=round(score, 4),
            )
            for at, score in found
            if (spec := self._specs[at]).speaker in (heard.speaker, "any")
            and (spec.least_score is None or score >= spec.least_score)
        ]


def _lines(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in given if line.strip())
