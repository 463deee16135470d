"""Celery's way to uploaded calls: hear one, sweep for those that are due. Each opens its company by the message."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from conversations.stored import StorageError
from integrations.uploads.hearing import uploaded_call_hear as hear
from integrations.uploads.services import calls_dispatch, calls_due, uploads_tidy
from tenants.models import Tenant
from tenants.scope import PUBLIC, schema_scope

# Hearing takes a processor for minutes. The process' other threads are left to the short jobs after calls.
_places = threading.BoundedSemaphore(settings.UPLOAD_CALLS_AT_ONCE)


@shared_task
def uploaded_call_hear(*, uploaded_call_id: str) -> None:
    """Hear one call of the company whose schema the message carries, then start on the next that is due.

    Without a free place nothing is done; the sweep comes again.
    """
    if not _places.acquire(blocking=False):
        return
    try:
        hear(call_id=UUID(uploaded_call_id))
    finally:
        _places.release()
    calls_dispatch(ids=calls_due(limit=1))


def _companies() -> list[str]:
    with schema_scope(PUBLIC):
        rows = Tenant.objects.filter(state=Tenant.State.ACTIVE).exclude(schema_name=PUBLIC)
        return list(rows.values_list("schema_name", flat=True))


@shared_task
def uploads_sweep() -> None:
    """Every few seconds: start what waits, and what nobody is at any more, in every company."""
    failures = []
    for schema in _companies():
        try:
            with schema_scope(schema):
                calls_dispatch(ids=calls_due(limit=settings.UPLOAD_CALLS_AT_ONCE))
        except DatabaseError as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("failed for some companies", failures)


@shared_task
def uploads_clean() -> None:
    """Every hour: remove files that nobody needs any more."""
    failures: list[Exception] = []
    for schema in _companies():
        try:
            with schema_scope(schema):
                uploads_tidy(now=timezone.now())
        except (DatabaseError, StorageError) as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("failed for some companies", failures)
