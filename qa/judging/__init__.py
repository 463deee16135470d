"""What answers criteria by itself: judges of one protocol, by key.

A judge sees what was said in one agent's part of a conversation and answers all criteria that name it, at once and
outside of any transaction, so that one which asks a server may do so. Rooms above add theirs with `judge_add` in
their `ready()`. A judge may quote (`{"quote": words}`): what is not literally in the transcript voids its answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.functional import Promise

from qa.judging.material import Material

PERSON = "person"
"""The method of criteria that only people answer."""

MODEL = "model"
"""The method of criteria that a language model answers: what asks it costs money and time."""

VOID, FAILED, NOT_ASKED = "void", "failed", "not_asked"
"""Why an answer is open: what it quoted is not there; its judge failed; it was not asked this time."""

Spec = Mapping[str, Any]
Evidence = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer with what it rests on. `value` "": it could not be told, so that people have to.

    `confidence`: 0-1, how sure; None where that is not known. `evidence`: see `qa.models.Answer`. `reason`: a sentence,
    redacted. `judge`: who answered, where that is more than the judge's revision. `open_why`: what kept it from being
    answered (`qa.models.Answer.OpenWhy`).
    """

    value: str
    evidence: Evidence = field(default_factory=list)
    confidence: float | None = None
    reason: str = ""
    judge: str = ""
    open_why: str = ""


class Judge(Protocol):
    """One way to answer. `label`: its name. `kinds`: of criteria that it can answer. `revision`: for the record."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str | Promise: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def revision(self) -> str: ...

    def complaints(self, criterion: Spec) -> list[str]:
        """What keeps it from answering this criterion, in words that go on after its question."""
        ...

    def answers(self, criteria: Sequence[Spec], material: Material) -> Mapping[str, Judged]:
        """Answers by the criterion's key. One that is left out was not answered."""
        ...


_JUDGES: dict[str, Judge] = {}


def judge_add(judge: Judge) -> None:
    """Have criteria whose method is `judge.key` answered by it. Called from an app's `ready()`."""
    _JUDGES[judge.key] = judge


def judges() -> Mapping[str, Judge]:
    """All judges by key, in the order they were added."""
    return _JUDGES
