"""Celery's way into this room: run one outbox job, sweep for overdue ones. Each opens its company by the message."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from conversations import outbox
from tenants.companies import each_company

log = structlog.get_logger(__name__)

JOBS_KEPT = timedelta(days=7)


@shared_task
def job_run(*, job_id: str) -> None:
    """Run one job of the company whose schema the message carries."""
    outbox.job_execute(job_id=UUID(job_id))


@shared_task
def jobs_run(*, job_ids: list[str]) -> None:
    """Run several jobs in the background, one after the other. One that fails falls due again by itself."""
    for job_id in job_ids:
        outbox.job_execute(job_id=UUID(job_id))


@shared_task
def sweep() -> None:
    """Every few seconds: start overdue jobs, close summaries nobody confirmed, announce stray calls, see to checks."""
    from conversations.chats import chats_idle_end
    from conversations.live.stray import calls_announce_stray
    from conversations.pci import pci_forgotten
    from conversations.redaction.again import runs_wake
    from conversations.redaction.second_pass import checks_given_up
    from conversations.summaries import summaries_expire

    def work() -> None:
        outbox.jobs_dispatch(job_ids=outbox.jobs_overdue())
        summaries_expire(older_than_seconds=settings.SUMMARY_CONFIRM_SECONDS)
        chats_idle_end(older_than=timedelta(minutes=settings.CHAT_IDLE_MINUTES))
        calls_announce_stray()
        pci_forgotten()
        checks_given_up()
        runs_wake()

    each_company(work)


@shared_task
def redaction_run_step(*, run_id: str) -> None:
    """Read a slice of history again, and hand on to the next."""
    from conversations.redaction.again import run_step

    run_step(run_id=UUID(run_id))


@shared_task
def tidy() -> None:
    """Every hour: remove sessions that have expired, jobs done a week ago, segments of superseded workers."""
    from conversations.recordings import segments_tidy
    from conversations.stored import StorageError

    def work() -> None:
        Session.objects.filter(expire_date__lt=timezone.now()).delete()
        outbox.jobs_forget(done_before=timezone.now() - JOBS_KEPT)
        try:
            segments_tidy()
        except StorageError as error:
            # What lies there cannot be opened by anybody; the next hour is soon enough.
            log.warning("segments.tidy_failed", error=type(error).__name__)

    each_company(work)


@shared_task
def retention() -> None:
    """Every night: remove what companies keep no longer."""
    from conversations.retention import RetentionRunning, retention_enforce

    def work() -> None:
        try:
            retention_enforce()
        except RetentionRunning:
            return  # another worker is at it

    each_company(work)
