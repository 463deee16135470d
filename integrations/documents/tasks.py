"""Celery's way to documents: read what was uploaded, fetch what is due from elsewhere, tidy up."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from conversations.stored import StorageError
from integrations.documents.services import file_read, file_take, files_dispatch, files_due, files_tidy
from integrations.documents.source_services import sources_dispatch, sources_due
from integrations.documents.syncing import source_sync, source_take
from tenants.companies import each_company

# Each reads in a process of its own; the worker's other threads are left to the jobs after calls.
_places = threading.BoundedSemaphore(2)
AT_ONCE = 20
_fetching = threading.BoundedSemaphore(1)


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
def knowledge_sources_sync() -> None:
    """Fetch a slice of what is due in the company whose schema the message carries; then it is others' turn.

    Without a free place nothing is done; the sweep comes again.
    """
    if not _fetching.acquire(blocking=False):
        return
    try:
        source_id = source_take()
        more = source_id is not None and source_sync(source_id=source_id)
    finally:
        _fetching.release()
    if more:
        sources_dispatch()


@shared_task
def documents_sweep() -> None:
    """Every few seconds: start on what waits, and on what nobody is at any more, in every company."""
    each_company(_start_what_is_due)


def _start_what_is_due() -> None:
    if files_due():
        files_dispatch()
    if sources_due():
        sources_dispatch()


@shared_task
def documents_clean() -> None:
    """Every hour: remove files that nobody needs any more."""
    each_company(lambda: files_tidy(now=timezone.now()), failing=(StorageError,))
