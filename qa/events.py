"""How a score is shown to whoever follows a conversation."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from conversations.events import person, register, stamp
from qa.answers import OPEN
from qa.models import Answer, Asked, Evaluation


def evaluation_rows() -> QuerySet[Evaluation]:
    """Evaluations with all that showing them touches. Two queries."""
    answers = Answer.objects.select_related("overridden_by").order_by("position")
    rows = Evaluation.objects.select_related("revision", "evaluator", "agent")
    return rows.prefetch_related(Prefetch("answers", answers)).order_by("created_at", "id")


def evaluation_list(rows: QuerySet[Evaluation]) -> QuerySet[Evaluation]:
    """The same rows for a list: a revision that many of them were judged by is read once. One query more."""
    return rows.select_related(None).select_related("evaluator", "agent").prefetch_related("revision")


def released_rows() -> QuerySet[Evaluation]:
    """Those that their agents may see: what goes out by events and snapshots."""
    rows = evaluation_rows().filter(released_at__isnull=False, replaced_at__isnull=True)
    return rows.exclude(kind__in=[Evaluation.Kind.SECOND, Evaluation.Kind.CALIBRATION])


def evaluation_shown(row: Evaluation) -> dict[str, Any]:
    spec, asked = row.revision.spec, row.revision.asked
    return {
        "id": str(row.pk),
        "revision": {"name": spec["name"], "number": row.revision.number},
        "agent": person(row.agent),
        "kind": row.kind,
        "state": row.state,
        "total": None if row.total is None else float(row.total),
        "auto_failed": row.auto_failed,
        "unscored": row.unscored,
        "unscored_label": str(row.get_unscored_display()) if row.unscored else "",
        "needs_person": row.needs_person,
        "retry_at": stamp(row.retry_at),
        "segments": row.segments,
        "comment": row.comment,
        "evaluator": person(row.evaluator),
        "released_at": stamp(row.released_at),
        "answers": [_answer(answer, asked[answer.criterion_key]) for answer in row.answers.all()],
    }


def _answer(answer: Answer, asked: Asked) -> dict[str, Any]:
    labels = asked.labels
    return {
        "id": str(answer.pk),
        **asked.shown,
        "value": answer.value,
        "label": labels.get(answer.value, answer.value),
        "score": answer.score,
        "automatic": answer.automatic,
        "automatic_label": labels.get(answer.automatic, answer.automatic),
        "sureness": sureness(answer.confidence),
        "evidence": answer.evidence,
        "reason": answer.reason,
        "judge": answer.judge,
        "open_why": answer.open_why if answer.value == OPEN else "",
        "open_label": str(answer.get_open_why_display()) if answer.open_why and answer.value == OPEN else "",
        "comment": answer.comment,
        "override_reason": answer.override_reason,
        "overridden_by": person(answer.overridden_by),
        "overridden_at": stamp(answer.overridden_at),
    }


def sureness(confidence: float | None) -> str:
    """How sure an automatic answer is, as people are told: sure, less_sure, check; "" where that is not known."""
    if confidence is None:
        return ""
    return "sure" if confidence >= 0.85 else "less_sure" if confidence >= 0.6 else "check"


def register_own() -> None:
    register("score", rows=released_rows, render=evaluation_shown)
