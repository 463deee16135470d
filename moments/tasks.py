"""Celery's way to classifiers: learn one, watch whether the live ones drift. Each opens its company by the message."""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task

from tenants.companies import each_company

WAIT_S = 15
# Learning takes a processor for minutes. The process' other threads are left to the short jobs after calls.
learning = threading.BoundedSemaphore(1)


@shared_task
def classifier_learn_job(*, classifier_id: str) -> None:
    """Learn one version; later, while this process is learning another."""
    from moments.training import classifier_learn

    if not learning.acquire(blocking=False):
        classifier_learn_job.apply_async(kwargs={"classifier_id": classifier_id}, countdown=WAIT_S)
        return
    try:
        classifier_learn(classifier_id=UUID(classifier_id))
    finally:
        learning.release()


@shared_task
def classifiers_watch() -> None:
    """Every quarter of an hour: sum up what classifiers told, say where they drift, see to lost trainings."""
    from moments.drifting import classifiers_look
    from moments.training import trainings_wake

    def work() -> None:
        trainings_wake()
        classifiers_look()

    each_company(work)
