"""Celery's way to knowledge: vectors of passages."""

from __future__ import annotations

import threading

from celery import shared_task

from knowledge.search.vectors import vectors_dispatch, vectors_due, vectors_make
from tenants.companies import each_company

# One at a time in a worker; its other threads are left to the jobs after calls.
_making = threading.BoundedSemaphore(1)


@shared_task
def vectors_fill() -> None:
    """Make vectors for a while in the company whose schema the message carries; then it is others' turn.

    Without a free place nothing is done; the sweep comes again.
    """
    if not _making.acquire(blocking=False):
        return
    try:
        more = vectors_make()
    finally:
        _making.release()
    if more:
        vectors_dispatch()


@shared_task
def vectors_sweep() -> None:
    """Every few seconds: start on passages without a vector in every company that has a server for them."""
    each_company(_start_what_is_due)


def _start_what_is_due() -> None:
    if vectors_due():
        vectors_dispatch()
