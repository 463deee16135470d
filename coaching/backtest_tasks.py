"""Celery's way into backtests. Each message opens its company by its headers."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from tenants.companies import each_company


@shared_task
def backtest_run_step(*, run_id: str) -> None:
    """Play a slice of past calls, and hand on to the next."""
    from coaching.backtest import backtest_step

    backtest_step(run_id=UUID(run_id))


@shared_task
def backtests_sweep() -> None:
    """Every minute, in every company: go on with backtests whose worker went away."""
    from coaching.backtest import backtests_wake

    each_company(backtests_wake)
