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
def quality_sweep() -> None:
    """Every minute, in every company: go on with re-scorings whose worker went away, and draw what is due."""
    from qa.rescoring import runs_wake
    from qa.work import plans_draw

    def work() -> None:
        runs_wake()
        plans_draw()

    each_company(work)
