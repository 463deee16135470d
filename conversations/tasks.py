"""Celery's way into this room: run one outbox job, sweep for overdue ones. Each opens its company by the message."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from conversations import outbox
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope


@shared_task
def job_run(*, job_id: str) -> None:
    """Run one job of the company whose schema the message carries."""
    outbox.job_execute(job_id=UUID(job_id))


@shared_task
def sweep() -> None:
    """Every few seconds, over all companies: start overdue jobs, close summaries nobody confirmed, find stray calls."""
    from conversations.live.stray import calls_announce_stray
    from conversations.summaries import summaries_expire

    with schema_scope(PUBLIC):
        schemas = list(
            Tenant.objects.filter(state=Tenant.State.ACTIVE)
            .exclude(schema_name=PUBLIC)
            .values_list("schema_name", flat=True)
        )
    failures = []
    for schema in schemas:
        try:
            with schema_scope(schema):
                outbox.jobs_dispatch(job_ids=outbox.jobs_overdue())
                summaries_expire(older_than_seconds=settings.SUMMARY_CONFIRM_SECONDS)
                calls_announce_stray()
        except DatabaseError as error:  # one company's trouble must not hold up the others
            failures.append((schema, error))
    if failures:
        raise ExceptionGroup("sweep failed for some companies", [error for _schema, error in failures])
