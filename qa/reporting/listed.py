"""The evaluations behind a figure, each with the answer that is asked about and the words that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from conversations.models import Utterance
from conversations.redaction.labels import Labels
from conversations.review import Quote, quotes
from qa.answers import label_of
from qa.models import Answer, Evaluation, ScorecardRevision
from qa.reporting.asked import Asked
from qa.reporting.figures import BIN, BINS

PAGE = 50
# Rows of a long file that are read at once.
CHUNK = 10_000
QUOTES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which of the scores asked for: those with an answer to `criterion` that is worth something (`lost`: those that
    lost points on it), those of one `bin` of the distribution (0-9), those that failed outright."""

    criterion: str = ""
    lost: bool = False
    bin: int | None = None
    failed: bool = False
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, str]:
        found = {
            "criterion": self.criterion,
            "lost": "1" if self.lost else "",
            "bin": "" if self.bin is None else str(self.bin),
            "failed": "1" if self.failed else "",
        }
        return {name: value for name, value in found.items() if value}


def narrowed_from(given: Mapping[str, Any]) -> Narrowed:
    """Read from an address; what makes no sense is left out and said in `wrong`."""
    wrong = {}
    number = str(given.get("bin") or "")
    if number and not (number.isdecimal() and int(number) < BINS):
        wrong["bin"] = _("A part of the distribution is a number from 0 to 9.")
        number = ""
    return Narrowed(
        criterion=str(given.get("criterion") or "")[:40],
        lost=str(given.get("lost") or "").lower() in {"1", "true"},
        bin=int(number) if number else None,
        failed=str(given.get("failed") or "").lower() in {"1", "true"},
        wrong=wrong,
    )


def evaluations_behind(user: User, asked: Asked, narrowed: Narrowed) -> QuerySet[Evaluation]:
    """The scores behind a figure, the newest first, with whom and what they are about."""
    rows = asked.rows(user)
    if narrowed.criterion:
        answered = Q(answers__criterion_key=narrowed.criterion, answers__score__isnull=False)
        rows = rows.filter(answered & Q(answers__score__lt=100) if narrowed.lost else answered)
    if narrowed.bin is not None:
        rows = rows.filter(total__gte=narrowed.bin * BIN)
        if narrowed.bin < BINS - 1:
            rows = rows.filter(total__lt=(narrowed.bin + 1) * BIN)
    if narrowed.failed:
        rows = rows.filter(auto_failed=True)
    return rows.select_related(
        "conversation__customer", "conversation__queue", "agent", "team", "revision", "evaluator"
    ).order_by("-pk")


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that is asked about: in words, what it is worth, and what it rests on."""

    id: UUID
    label: str
    score: float | None
    evidence: list[dict[str, Any]]
    comment: str
    quotes: list[Quote] = field(default_factory=list)

    @property
    def at_ms(self) -> int | None:
        """Where in the conversation the first of it is."""
        return self.quotes[0].at_ms if self.quotes else None


def answers_given(rows: Iterable[Evaluation], key: str) -> dict[UUID, Given]:
    """The answers of these evaluations to one criterion, by evaluation, with the words. Two queries.

    The words are read from where they are kept, so that what was hidden since is hidden here.
    """
    shown = {row.pk: row for row in rows}
    if not key or not shown:
        return {}
    answers = list(Answer.objects.filter(evaluation__in=shown, criterion_key=key))
    wanted = {str(one["utterance"]) for answer in answers for one in answer.evidence if one.get("utterance")}
    spoken: dict[str, dict[str, Any]] = {
        str(row["id"]): dict(row)
        for row in Utterance.objects.filter(pk__in=wanted).values("id", "text", "start_ms")
    }
    label = Labels()
    found = {}
    for answer in answers:
        evaluation = shown[answer.evaluation_id]
        spec = next(one for one in evaluation.revision.spec["criteria"] if one["key"] == key)
        found[evaluation.pk] = Given(
            answer.pk,
            label_of(spec, answer.value),
            answer.score,
            answer.evidence,
            answer.comment,
            quotes(answer.evidence, spoken, label)[:QUOTES_SHOWN],
        )
    return found


def criterion_question(key: str) -> str:
    """How a criterion asks in the newest revision that has it; empty for one that there is not. One query."""
    if not key:
        return ""
    found = (
        ScorecardRevision.objects.filter(spec__criteria__contains=[{"key": key}])
        .order_by("-number")
        .values_list("spec", flat=True)
        .first()
    )
    return next((one["question"] for one in found["criteria"] if one["key"] == key), "") if found else ""


# What a file tells of each, in this order; with a criterion, its answer and what that is worth at the end.
TOLD = (
    *("pk", "conversation_id", "conversation__announced_at", "agent__name", "team__name"),
    *("conversation__queue__name", "conversation__channel", "revision__template__name", "revision__number"),
    *("kind", "evaluator__name", "total", "auto_failed", "state", "released_at", "spent_seconds"),
)
ANSWERED = ("answers__value", "answers__score")


def all_behind(user: User, asked: Asked, narrowed: Narrowed) -> Iterator[dict[str, Any]]:
    """What is told of each of them (`TOLD`), read in pieces: many take no more memory than few."""
    fields = TOLD + (ANSWERED if narrowed.criterion else ())
    rows, last = evaluations_behind(user, asked, narrowed).select_related(None).values(*fields), None
    while True:
        chunk = list((rows if last is None else rows.filter(pk__lt=last))[:CHUNK])
        yield from chunk
        if len(chunk) < CHUNK:
            return
        last = chunk[-1]["pk"]
