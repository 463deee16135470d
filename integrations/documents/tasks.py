"""Celery's way to documents: read what was uploaded, fetch what is due from elsewhere, tidy up."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from conversations.stored import StorageError
from integrations.documents.services import file_read, file_take, files_dispatch, files_due, files_tidy
from tenants.companies import each_company

# Each reads in a process of its own; the worker's other threads are left to the jobs after calls.
_places = threading.BoundedSemaphore(2)
AT_ONCE = 20


@shared_task
def document_files_read() -> None:
    """Read files of the company whose schema the message carries, one after the other; a few, then it is others' turn.

    Without a free place nothing is done; the sweep comes again.
    """
    if not _places.acquire(blocking=False):
        return
    try:
        for _number in range(AT_ONCE):
            file_id: UUID | None = file_take()
            if file_id is None:
                return
            file_read(file_id=file_id)
    finally:
        _places.release()
    if files_due():
        files_dispatch()


@shared_task
def documents_sweep() -> None:
    """Every few seconds: start on what waits, and on what nobody is at any more, in every company."""
    each_company(lambda: files_dispatch() if files_due() else None)


@shared_task
def documents_clean() -> None:
    """Every hour: remove files that nobody needs any more."""
    each_company(lambda: files_tidy(now=timezone.now()), failing=(StorageError,))
