"""How a score is shown to whoever follows a conversation."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from conversations.events import person, register, stamp
from qa.answers import NA, OPEN, choices_of, label_of
from qa.models import Answer, Evaluation


def evaluation_rows() -> QuerySet[Evaluation]:
    """Evaluations with all that showing them touches. Two queries."""
    answers = Answer.objects.select_related("overridden_by").order_by("position")
    rows = Evaluation.objects.select_related("revision", "evaluator", "agent")
    return rows.prefetch_related(Prefetch("answers", answers)).order_by("created_at", "id")


def released_rows() -> QuerySet[Evaluation]:
    """Those that their agents may see: what goes out by events and snapshots."""
    rows = evaluation_rows().filter(released_at__isnull=False, replaced_at__isnull=True)
    return rows.exclude(kind__in=[Evaluation.Kind.SECOND, Evaluation.Kind.CALIBRATION])


def evaluation_shown(row: Evaluation) -> dict[str, Any]:
    spec = row.revision.spec
    criteria = {criterion["key"]: criterion for criterion in spec["criteria"]}
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
        "answers": [_answer(answer, criteria[answer.criterion_key]) for answer in row.answers.all()],
    }


def _answer(answer: Answer, criterion: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(answer.pk),
        "key": answer.criterion_key,
        "section": criterion["section"],
        "question": criterion["question"],
        "guideline": criterion["guideline"],
        "coaching_tip": criterion["coaching_tip"],
        "kind": criterion["kind"],
        "method": criterion["method"],
        "weight": criterion["weight"],
        "auto_fail": criterion["auto_fail"],
        "value": answer.value,
        "label": label_of(criterion, answer.value),
        "score": answer.score,
        "choices": choices_shown(criterion),
        "automatic": answer.automatic,
        "automatic_label": label_of(criterion, answer.automatic),
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


def choices_shown(criterion: dict[str, Any]) -> list[dict[str, str]]:
    """What can be chosen, N/A last where it is allowed: `[{"value", "label"}]`; empty for numbers and text."""
    found = [{"value": one["value"], "label": str(one["label"])} for one in choices_of(criterion)]
    return (
        [*found, {"value": NA, "label": label_of(criterion, NA)}]
        if found and criterion["allow_na"]
        else found
    )


def sureness(confidence: float | None) -> str:
    """How sure an automatic answer is, as people are told: sure, less_sure, check; "" where that is not known."""
    if confidence is None:
        return ""
    return "sure" if confidence >= 0.85 else "less_sure" if confidence >= 0.6 else "check"


def register_own() -> None:
    register("score", rows=released_rows, render=evaluation_shown)
