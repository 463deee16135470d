"""Celery's way to uploaded calls: hear one, sweep for those that are due. Each opens its company by the message."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from conversations.stored import StorageError
from integrations.uploads.hearing import uploaded_call_hear as hear
from integrations.uploads.services import calls_dispatch, calls_due, uploads_tidy
from tenants.companies import each_company

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


@shared_task
def uploads_sweep() -> None:
    """Every few seconds: start what waits, and what nobody is at any more, in every company."""
    each_company(lambda: calls_dispatch(ids=calls_due(limit=settings.UPLOAD_CALLS_AT_ONCE)))


@shared_task
def uploads_clean() -> None:
    """Every hour: remove files that nobody needs any more."""
    each_company(lambda: uploads_tidy(now=timezone.now()), failing=(StorageError,))
