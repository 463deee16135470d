"""Celery's way into this room."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from coaching.escalation import alerts_escalate
from moments.tasks import WAIT_S, learning
from tenants.companies import each_company


@shared_task
def alerts_sweep() -> None:
    """Every few seconds, in every company: let alerts that nobody takes go further."""
    each_company(alerts_escalate)


@shared_task
def next_step_learn_job(*, version_id: str) -> None:
    """Do one part of a training and hand on to the next; later, while this process is learning something else."""
    from coaching.next_step_training import next_steps_learn

    if not learning.acquire(blocking=False):
        next_step_learn_job.apply_async(kwargs={"version_id": version_id}, countdown=WAIT_S)
        return
    try:
        next_steps_learn(version_id=UUID(version_id))
    finally:
        learning.release()


@shared_task
def next_steps_sweep() -> None:
    """Every quarter of an hour, in every company: go on with trainings whose worker went away."""
    from coaching.next_step_training import next_step_trainings_wake

    each_company(next_step_trainings_wake)
