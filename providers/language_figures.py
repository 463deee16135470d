"""Reads of what models' work came to: figures per task, model and revision, and what prompts reached when tried."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.utils import timezone

from engines.language.registry import TASKS
from engines.language.tasks import Prompt, Task
from providers.language_selectors import (
    budget_share,
    is_spent,
    language_rows_all,
    month_now,
    revision_prompt,
)
from providers.models import (
    EvaluationCase,
    ModelBudget,
    ModelCall,
    ModelSpend,
    PromptEvaluation,
    PromptRevision,
)
from tenants.aggregates import Percentile

ANSWERED = ("answered", "repaired", "remembered")
PERIODS = (1, 7, 30, 90)


@dataclass(frozen=True, slots=True)
class Figure:
    """A task by one model with one revision of its prompt, in a period. Times in ms, None where nothing was timed."""

    task: str
    model: str
    revision: int
    calls: int
    answered: int
    repaired: int
    remembered: int
    tokens_in: int
    tokens_out: int
    cost: Decimal
    p50_ms: int | None
    p95_ms: int | None
    first_p50_ms: int | None
    last: datetime

    @property
    def label(self) -> str:
        return TASKS[self.task].label if self.task in TASKS else self.task


def figures(*, days: int, now: datetime | None = None) -> list[Figure]:
    """What each task took by model and revision in the last days. One query."""
    since = (now or timezone.now()) - timedelta(days=days)
    # What came from memory, or was refused before it was sent, took no time of a server.
    timed = Q(outcome__in=("answered", "repaired"))
    rows = (
        ModelCall.objects.filter(at__gte=since)
        .order_by()
        .values("task", "model", "revision")
        .annotate(
            calls=Count("pk"),
            answered=Count("pk", filter=Q(outcome__in=ANSWERED)),
            repaired=Count("pk", filter=Q(outcome="repaired")),
            remembered=Count("pk", filter=Q(outcome="remembered")),
            tokens_sent=Sum("tokens_in"),
            tokens_told=Sum("tokens_out"),
            spent=Sum("cost"),
            p50=Percentile("took_ms", 0.5, filter=timed),
            p95=Percentile("took_ms", 0.95, filter=timed),
            first_p50=Percentile("first_ms", 0.5, filter=timed),
            last=Max("at"),
        )
        .order_by("task", "-calls", "model", "revision")
    )
    return [
        Figure(
            task=row["task"],
            model=row["model"],
            revision=row["revision"],
            calls=row["calls"],
            answered=row["answered"],
            repaired=row["repaired"],
            remembered=row["remembered"],
            tokens_in=row["tokens_sent"],
            tokens_out=row["tokens_told"],
            cost=row["spent"],
            p50_ms=_whole(row["p50"]),
            p95_ms=_whole(row["p95"]),
            first_p50_ms=_whole(row["first_p50"]),
            last=row["last"],
        )
        for row in rows
    ]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


# --- Tasks as they stand --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Who does a task now. `way` is "model", or the name of its own way without one; `why` says why there is none."""

    task: Task[Any]
    models: tuple[str, ...]
    way: str
    why: str
    revisions: tuple[PromptRevision, ...]

    @property
    def by_model(self) -> bool:
        return not self.why


def standings() -> list[Standing]:
    """How all tasks stand. Five queries at most, however many there are."""
    rows = language_rows_all()
    budgets = list(ModelBudget.objects.filter(active=True))
    spent = list(ModelSpend.objects.filter(month=month_now())) if budgets else []
    published: dict[str, list[PromptRevision]] = {}
    for row in PromptRevision.objects.filter(state=PromptRevision.State.PUBLISHED).order_by("-share"):
        published.setdefault(row.task, []).append(row)
    found = []
    for task in TASKS.values():
        models = tuple(
            f"{(row.model if row else '') or server.model} ({server.name})" for server, row in rows[task.name]
        )
        why = "no_model" if not models else "over_budget" if is_spent(task, budgets, spent) else ""
        found.append(
            Standing(task, models, task.without if why else "model", why, tuple(published.get(task.name, ())))
        )
    return found


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget and how much of it is spent in this month, 1.0 being all of it."""

    budget: ModelBudget
    share: float

    @property
    def percent(self) -> int:
        return int(100 * self.share)


def budgets_standing() -> list[BudgetStanding]:
    """The budgets that hold, with what is spent. Two queries."""
    spent = list(ModelSpend.objects.filter(month=month_now()))
    return [BudgetStanding(one, budget_share(one, spent)) for one in ModelBudget.objects.filter(active=True)]


# --- Evaluations ----------------------------------------------------------------------------------------


def cases_of(task: str) -> list[EvaluationCase]:
    """The evaluation set of a task. One query."""
    return list(EvaluationCase.objects.filter(task=task, active=True).order_by("created_at", "pk"))


def set_mark(cases: Sequence[EvaluationCase]) -> str:
    """What an evaluation set is: the same for the same cases, in whichever order."""
    rows = sorted(json.dumps([one.variables, one.expectation], sort_keys=True) for one in cases)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def prompt_mark(prompt: Prompt) -> str:
    """What a prompt is: the same for the same words."""
    return hashlib.sha256(json.dumps([prompt.system, prompt.user]).encode()).hexdigest()


def prompt_whole(task: str, *, besides: PromptRevision | None = None) -> tuple[PromptRevision | None, Prompt]:
    """What a task goes by where nothing is tried: the revision that is published for all calls, or the code's words."""
    rows = PromptRevision.objects.filter(task=task, state=PromptRevision.State.PUBLISHED, share=100)
    row = rows.exclude(pk=besides.pk).first() if besides is not None else rows.first()
    return (None, TASKS[task].prompt) if row is None else (row, revision_prompt(row))


def evaluation_of(*, task: str, revision: PromptRevision) -> PromptEvaluation | None:
    """The last figures of a revision as it is, on the evaluation set as it is."""
    return PromptEvaluation.objects.filter(
        task=task,
        revision=revision,
        prompt_mark=prompt_mark(revision_prompt(revision)),
        set_mark=set_mark(cases_of(task)),
    ).first()


def evaluation_like(*, task: str, prompt: Prompt, like: PromptEvaluation) -> PromptEvaluation | None:
    """The last figures of some words on the same set by the same model."""
    return PromptEvaluation.objects.filter(
        task=task, prompt_mark=prompt_mark(prompt), set_mark=like.set_mark, model=like.model
    ).first()


def task_baseline(*, task: str, besides: PromptRevision, like: PromptEvaluation) -> PromptEvaluation | None:
    """The figures of what holds now, to compare with those of a revision."""
    return evaluation_like(task=task, prompt=prompt_whole(task, besides=besides)[1], like=like)
