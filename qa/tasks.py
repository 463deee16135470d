"""Celery's way into this room. Each message opens its company by its headers."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from tenants.companies import each_company


@shared_task
def rescore_run_step(*, run_id: str) -> None:
    """Judge a slice of history anew, and hand on to the next."""
    from qa.rescoring import rescore_step

    rescore_step(run_id=UUID(run_id))


@shared_task
def model_answers_retry() -> None:
    """Ask again for answers that a language model could not give."""
    from qa.retries import answers_retry

    answers_retry()


@shared_task
def raters_sweep() -> None:
    """Every hour, in every company: remind raters of calibrations that are due, once a day each."""
    from qa.calibration_reminders import raters_remind

    each_company(raters_remind)


@shared_task
def quality_sweep() -> None:
    """Every minute, in every company: go on with re-scorings whose worker went away, draw what is due, ask again."""
    from qa.rescoring import runs_wake
    from qa.retries import retries_dispatch
    from qa.work import plans_draw

    def work() -> None:
        runs_wake()
        plans_draw()
        retries_dispatch()

    each_company(work)
