"""How a score is shown to whoever follows a conversation."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from conversations.events import person, register, stamp
from qa.models import Answer, Evaluation


def evaluation_rows() -> QuerySet[Evaluation]:
    answers = Answer.objects.select_related("overridden_by").order_by("position")
    rows = Evaluation.objects.select_related("revision", "evaluator")
    return rows.prefetch_related(Prefetch("answers", answers)).order_by("created_at", "id")


def evaluation_shown(row: Evaluation) -> dict[str, Any]:
    spec = row.revision.spec
    criteria = {criterion["key"]: criterion for criterion in spec["criteria"]}
    return {
        "id": str(row.pk),
        "revision": {"name": spec["name"], "number": row.revision.number},
        "total": None if row.total is None else float(row.total),
        "auto_failed": row.auto_failed,
        "evaluator": person(row.evaluator),
        "answers": [_answer(answer, criteria[answer.criterion_key]) for answer in row.answers.all()],
    }


def _answer(answer: Answer, criterion: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(answer.pk),
        "key": answer.criterion_key,
        "section": criterion["section"],
        "question": criterion["question"],
        "guideline": criterion["guideline"],
        "weight": criterion["weight"],
        "auto_fail": criterion["auto_fail"],
        "value": answer.value,
        "automatic": answer.automatic,
        "evidence": answer.evidence,
        "override_reason": answer.override_reason,
        "overridden_by": person(answer.overridden_by),
        "overridden_at": stamp(answer.overridden_at),
    }


def register_own() -> None:
    register("score", rows=evaluation_rows, render=evaluation_shown)
