"""Celery's way into this room: write down what models took, remove what is old, try a prompt on its evaluation set."""

from __future__ import annotations

from uuid import UUID

import redis
import structlog
from celery import shared_task

from tenants.companies import each_company

log = structlog.get_logger(__name__)


@shared_task
def model_calls_sweep() -> None:
    """Every few seconds: write down each company's calls, and look at its budgets."""
    from providers.language_records import model_calls_keep

    each_company(model_calls_keep, failing=(redis.RedisError,))


@shared_task
def model_calls_clean() -> None:
    """Every hour: remove calls that are older than they are kept."""
    from providers.language_records import model_calls_remove

    each_company(model_calls_remove)


@shared_task
def prompt_evaluate(*, revision_id: str) -> None:
    """Try a revision of a prompt on its task's evaluation set. The company is that of the message."""
    from providers.evaluating import revision_evaluate
    from providers.models import PromptRevision

    row = PromptRevision.objects.filter(pk=UUID(revision_id)).first()
    if row is not None and row.changeable:
        revision_evaluate(revision=row)
