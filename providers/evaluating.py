"""Tries a prompt on its task's evaluation set, beside what holds now, so that the two can be compared."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from engines.language.grading import grade
from engines.language.registry import TASKS
from engines.language.tasks import Prompt
from providers.language import Plan, task_plan
from providers.language_figures import (
    cases_of,
    evaluation_like,
    prompt_mark,
    prompt_whole,
    set_mark,
)
from providers.language_selectors import revision_prompt
from providers.language_services import case_variables
from providers.models import EvaluationCase, PromptEvaluation, PromptRevision

MOST_CASES = 500


def revision_evaluate(*, revision: PromptRevision) -> tuple[PromptEvaluation, PromptEvaluation]:
    """Try a revision, and what holds now where that was not tried on this set; returns the figures of both.

    One request after the other, of the task's first route alone. Raises `ValidationError` where there is nothing to try
    it on, or nobody to ask. Must not be called within a transaction.
    """
    before = prompt_whole(revision.task, besides=revision)
    own = prompt_evaluate(task=revision.task, revision=revision)
    other = evaluation_like(task=revision.task, prompt=before[1], like=own)
    if other is None:
        other = prompt_evaluate(task=revision.task, revision=before[0])
    if revision.state == PromptRevision.State.DRAFT:
        revision.state = PromptRevision.State.EVALUATED
        PromptRevision.objects.filter(pk=revision.pk, state=PromptRevision.State.DRAFT).update(
            state=revision.state
        )
    return own, other


def prompt_evaluate(*, task: str, revision: PromptRevision | None) -> PromptEvaluation:
    """Try words on the evaluation set; those in the code without a revision. Raises `ValidationError`."""
    cases = cases_of(task)[:MOST_CASES]
    if not cases:
        raise ValidationError(_("There is no evaluation set. Add cases first."))
    made = TASKS[task]
    plan = task_plan(made)
    if not plan.possible:
        raise ValidationError(_("No model does this task, or what it may cost is spent."))
    prompt = made.prompt if revision is None else revision_prompt(revision)
    return _tried(plan, prompt, revision, cases)


def _tried(
    plan: Plan[Any], prompt: Prompt, revision: PromptRevision | None, cases: Sequence[EvaluationCase]
) -> PromptEvaluation:
    plan = replace(plan, prompt=prompt, routes=plan.routes[:1])
    judged = plan.task.grade or grade
    scores: list[float] = []
    times: list[int] = []
    failed, tokens, cost = 0, 0, Decimal(0)
    for case in cases:
        outcome = plan.run(case_variables(case), fresh=True)
        for record in outcome.records:
            tokens += record.tokens_in + record.tokens_out
            cost += record.cost
        if outcome.value is None:
            failed += 1
            scores.append(0.0)
            continue
        times.append(outcome.records[-1].took_ms)
        scores.append(judged(outcome.value, case.expectation))
    return PromptEvaluation.objects.create(
        task=plan.task.name,
        revision=revision,
        prompt_mark=prompt_mark(prompt),
        set_mark=set_mark(cases),
        model=plan.routes[0].model,
        cases=len(cases),
        failed=failed,
        score=statistics.fmean(scores),
        p50_ms=round(statistics.median(times)) if times else None,
        tokens=tokens,
        cost=cost.quantize(Decimal("1e-8")),
    )
