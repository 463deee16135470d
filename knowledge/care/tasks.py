"""Celery's way to the care of knowledge: run search tests, look through documents, sort questions without an answer."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task

from tenants.companies import each_company

WAIT_S = 5
# One at a time in each worker process: the other threads are left to the short jobs after calls.
_place = threading.BoundedSemaphore(1)


@shared_task
def search_tests_run(*, run_id: str) -> None:
    """Do one run of a collection's tests; later, while this process is at another long job."""
    from knowledge.care.tests_running import search_tests_do

    if not _place.acquire(blocking=False):
        search_tests_run.apply_async(kwargs={"run_id": run_id}, countdown=WAIT_S)
        return
    try:
        search_tests_do(run_id=UUID(run_id))
    finally:
        _place.release()


@shared_task
def knowledge_sweep() -> None:
    """Each minute: run the tests of collections that changed and have come to rest, see to lost jobs."""
    from knowledge.care.reviews import reviews_wake
    from knowledge.care.tests_running import search_tests_wake

    def work() -> None:
        search_tests_wake()
        reviews_wake()

    each_company(work)


@shared_task
def knowledge_review(*, review_id: str) -> None:
    """Look through a company's documents and questions; later, while this process is at another long job."""
    from knowledge.care.reviews import review_do

    if not _place.acquire(blocking=False):
        knowledge_review.apply_async(kwargs={"review_id": review_id}, countdown=WAIT_S)
        return
    try:
        review_do(review_id=UUID(review_id))
    finally:
        _place.release()


@shared_task
def knowledge_nightly() -> None:
    """Each night: have every company's knowledge looked through."""
    from knowledge.care.reviews import review_start

    each_company(review_start)
