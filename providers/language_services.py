"""Writes of models' work: routes, budgets, revisions of prompts from draft to rolled back, evaluation cases."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from engines.language.grading import expectation_check
from engines.language.registry import TASKS
from engines.language.tasks import Ours, Part, Value
from engines.redaction.redactor import redact
from engines.redaction.text import RawText, RedactedText
from providers.language_figures import evaluation_of, task_baseline
from providers.models import EvaluationCase, LanguageRoute, ModelBudget, PromptRevision

State = PromptRevision.State
OURS = "ours"


def route_save(*, route: LanguageRoute, actor: User | None) -> LanguageRoute:
    """Write a route. Raises `ValidationError`."""
    return _saved(route, actor)


def budget_save(*, budget: ModelBudget, actor: User | None) -> ModelBudget:
    """Write a budget. Raises `ValidationError`."""
    return _saved(budget, actor)


def language_remove(*, thing: LanguageRoute | ModelBudget | EvaluationCase, actor: User | None) -> None:
    """Take a route, a budget or a case away."""
    with transaction.atomic():
        audit(actor=actor, action=f"{thing._meta.model_name}.delete", thing=thing)
        thing.delete()


def _saved(thing: Any, actor: User | None) -> Any:
    made = thing._state.adding
    thing.full_clean()
    with transaction.atomic():
        thing.save()
        action = "create" if made else "update"
        audit(actor=actor, action=f"{thing._meta.model_name}.{action}", thing=thing)
    return thing


# --- Evaluation cases -----------------------------------------------------------------------------------


def case_save(*, case: EvaluationCase, actor: User | None) -> EvaluationCase:
    """Write a case; what it holds is redacted before. Raises `ValidationError`."""
    case_clean(case)
    saved: EvaluationCase = _saved(case, actor)
    return saved


def case_clean(case: EvaluationCase) -> None:
    """Redact a case, and raise `ValidationError` for one that its task cannot be tried on."""
    task = TASKS.get(case.task)
    if task is None:
        raise ValidationError({"task": _("There is no task of this name.")})
    try:
        case.variables = {name: _redacted(value) for name, value in case.variables.items()}
        given = case_variables(case)
    except (AttributeError, KeyError, TypeError, ValueError):
        words = _('Variables are names with texts, numbers, {"ours": text}, or lists of {"name", "text"}.')
        raise ValidationError({"variables": words}) from None
    if missing := task.prompt.names - given.keys():
        words = _("The prompt wants %s.") % ", ".join(sorted(missing))
        raise ValidationError({"variables": words})
    if task.grade is None:
        try:
            expectation_check(case.expectation)
        except ValueError:
            words = _('An expectation is like {"contains": ["five days"], "lacks": ["promise"]}.')
            raise ValidationError({"expectation": words}) from None


def case_variables(case: EvaluationCase) -> dict[str, Value]:
    """What a case gives to the prompt. Raises `TypeError`, `ValueError` for what is no variable."""
    return {name: _value(value) for name, value in case.variables.items()}


def _value(value: Any) -> Value:
    if isinstance(value, str):
        return RedactedText(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        return tuple(Part(str(one["name"]), RedactedText(str(one["text"]))) for one in value)
    if isinstance(value, dict) and set(value) == {OURS}:
        return Ours(value[OURS])
    raise TypeError("no variable")


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(RawText(value)).text
    if isinstance(value, list):
        return [{"name": one["name"], "text": _redacted(str(one["text"]))} for one in value]
    return value


# --- Revisions ------------------------------------------------------------------------------------------


def revision_create(
    *, task: str, system: str, user: str, note: str = "", actor: User | None
) -> PromptRevision:
    """Write a draft of new words for a task. Raises `ValidationError`."""
    row = PromptRevision(task=task, system=system, user=user, note=note, created_by=actor)
    return revision_save(revision=row, actor=actor)


def revision_save(*, revision: PromptRevision, actor: User | None) -> PromptRevision:
    """Write a draft; new words want to be evaluated anew. Raises `ValidationError`, also for a published one."""
    if not revision.changeable:
        raise ValidationError(_("Its words do not change any more. Write a new revision."))
    revision.state = State.DRAFT
    with transaction.atomic():
        if revision._state.adding:
            last = PromptRevision.objects.filter(task=revision.task).aggregate(last=Max("number"))["last"]
            revision.number = (last or 0) + 1
        saved: PromptRevision = _saved(revision, actor)
    return saved


def revision_publish(*, revision: PromptRevision, share: int = 100, actor: User | None) -> PromptRevision:
    """Have calls go by a revision: all of them, or a share of them beside what holds.

    Raises `ValidationError` unless it was evaluated as it is, on the evaluation set as it is, and was no worse there
    than what holds now.
    """
    if not 1 <= share <= 100:
        raise ValidationError(_("A share is 1 to 100 percent."))
    with transaction.atomic():
        row = PromptRevision.objects.select_for_update().get(pk=revision.pk)
        if row.state in {State.RETIRED, State.ROLLED_BACK}:
            raise ValidationError(_("Its time is over. Write a new revision."))
        _good_enough(row)
        live = PromptRevision.objects.select_for_update().filter(task=row.task, state=State.PUBLISHED)
        others = [one for one in live if one.pk != row.pk]
        if share == 100:
            row.replaced = next((one for one in others if one.share == 100), None)
            PromptRevision.objects.filter(pk__in=[one.pk for one in others]).update(state=State.RETIRED)
        elif sum(one.share for one in others if one.share < 100) + share > 99:
            raise ValidationError(_("Other revisions are tried on so many calls that this is too much."))
        row.state, row.share, row.published_at = State.PUBLISHED, share, timezone.now()
        row.save(update_fields=["state", "share", "published_at", "replaced"])
        audit(actor=actor, action="promptrevision.publish", thing=row, changes={"share": share})
    return row


def _good_enough(row: PromptRevision) -> None:
    reached = evaluation_of(task=row.task, revision=row)
    if reached is None:
        raise ValidationError(_("Evaluate it first: its words or the evaluation set are newer."))
    before = task_baseline(task=row.task, besides=row, like=reached)
    if before is None:
        raise ValidationError(_("Evaluate it first: what holds now was not tried on this set."))
    if reached.score < before.score:
        raise ValidationError(
            _("It is worse than what holds now: %(now).3f instead of %(before).3f on %(cases)d cases.")
            % {"now": reached.score, "before": before.score, "cases": reached.cases}
        )


def revision_roll_back(*, revision: PromptRevision, actor: User | None) -> PromptRevision | None:
    """Take a published revision back. What it replaced holds again; returns that, None for the words in the code.

    Raises `ValidationError` for one that is not published.
    """
    with transaction.atomic():
        row = PromptRevision.objects.select_for_update().get(pk=revision.pk)
        if row.state != State.PUBLISHED:
            raise ValidationError(_("Only what is published can be rolled back."))
        row.state = State.ROLLED_BACK
        row.save(update_fields=["state"])
        before = row.replaced if row.share == 100 else None
        if before is not None and before.state == State.RETIRED:
            before.state = State.PUBLISHED
            before.save(update_fields=["state"])
        audit(actor=actor, action="promptrevision.rollback", thing=row)
    revision.state = row.state
    return before
