"""Work after a commit. A row in the outbox guarantees it; the broker only makes it soon.

Higher rooms subscribe to an event by name in their `ready()`. The service that announces writes one job a
subscription in its own transaction, and hands them to Celery once that is committed. A sweep starts what is overdue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.errors import error_place, sqlstate
from conversations.models import OutboxJob
from tenants.locks import held_alone
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

Handler = Callable[[UUID], None]

ENDED = "conversation.ended"
MAX_ATTEMPTS = 8
# How long a job may be under way or lost before the sweep starts it again; doubles with each attempt.
RETRY_AFTER = timedelta(seconds=30)
# When the sweep takes a job of background work that nobody has done.
BEHIND_AFTER = timedelta(minutes=10)
# What PostgreSQL says to a transaction that it ends for another one: serialization_failure, deadlock_detected.
GIVEN_WAY = ("40001", "40P01")


@dataclass(frozen=True)
class Subscription:
    event: str
    task: str
    handler: Handler


_SUBSCRIPTIONS: dict[str, Subscription] = {}


def subscribe(event: str, task: str, handler: Handler) -> None:
    """Have `handler(conversation_id)` run after `event`. It must survive running twice. `task` names it for good."""
    _SUBSCRIPTIONS[task] = Subscription(event, task, handler)


def jobs_announce(*, event: str, conversation_id: UUID, because: str = "") -> list[OutboxJob]:
    """Write the jobs of an event, within the caller's transaction. Announcing twice writes them once.

    An event that can come about several times in one conversation says `because` of what (an id): once for each.
    """
    return _announced(jobs_dispatch, event, [conversation_id], because, timezone.now())


def jobs_announce_behind(
    *, event: str, conversation_ids: Iterable[UUID], because: str = ""
) -> list[OutboxJob]:
    """The same for many conversations at once, for history that is worked on: in the queue of background work.

    The sweep leaves them alone for a while, so that they do not stand in the way of calls that end now.
    """
    return _announced(jobs_dispatch_behind, event, conversation_ids, because, timezone.now() + BEHIND_AFTER)


def _announced(
    dispatch: Callable[..., None],
    event: str,
    conversation_ids: Iterable[UUID],
    because: str,
    due_at: datetime,
) -> list[OutboxJob]:
    told = f"{event}:{because}" if because else event
    jobs = [
        OutboxJob(task=item.task, event=told, conversation_id=one, due_at=due_at)
        for one in conversation_ids
        for item in _SUBSCRIPTIONS.values()
        if item.event == event
    ]
    OutboxJob.objects.bulk_create(jobs, ignore_conflicts=True)
    schema = current_schema()

    def hand_over() -> None:
        # An outer transaction may be committed after the company's scope was left; the message must still name it.
        with schema_scope(schema):
            dispatch(job_ids=[job.pk for job in jobs])

    transaction.on_commit(hand_over)
    return jobs


def jobs_dispatch_behind(*, job_ids: list[UUID]) -> None:
    """Hand jobs to the workers in the background, in one message. The sweep finds them if the broker is away."""
    from conversations.tasks import jobs_run

    if job_ids:
        try:
            jobs_run.delay(job_ids=[str(one) for one in job_ids])
        except (OSError, jobs_run.OperationalError) as error:
            log.warning("outbox.broker_away", jobs=len(job_ids), error=type(error).__name__)


def jobs_dispatch(*, job_ids: list[UUID]) -> None:
    """Hand jobs to Celery. A broker that is away is no error: the sweep finds them."""
    from conversations.tasks import job_run

    for job_id in job_ids:
        try:
            job_run.delay(job_id=str(job_id))
        except (OSError, job_run.OperationalError) as error:
            log.warning("outbox.broker_away", job=str(job_id), error=type(error).__name__)
            return


def job_execute(*, job_id: UUID) -> bool:
    """Run a job unless it is done or under way elsewhere. Returns whether it is done now.

    A lock on the job keeps a second worker out. When a handler fails, whatever with, that is noted and the job falls
    due again later.
    """
    with held_alone(str(job_id)) as mine:
        return mine and _run(job_id)


def _run(job_id: UUID) -> bool:
    job = OutboxJob.objects.filter(pk=job_id).first()
    if job is None or job.done_at is not None:
        return job is not None
    subscription = _SUBSCRIPTIONS.get(job.task)
    delay = RETRY_AFTER * (2**job.attempts)
    OutboxJob.objects.filter(pk=job_id).update(attempts=F("attempts") + 1, due_at=timezone.now() + delay)
    if subscription is None:
        OutboxJob.objects.filter(pk=job_id).update(last_error="nobody handles this task any more")
        return False
    try:
        _handle(subscription, job.conversation_id)
    except Exception as error:
        # Not the message, which may quote what people said.
        place = f"{type(error).__name__} at {error_place(error)}"
        OutboxJob.objects.filter(pk=job_id).update(last_error=place[:200])
        log.error("outbox.failed", job=str(job_id), task=job.task, attempt=job.attempts + 1, error=place)
        return False
    OutboxJob.objects.filter(pk=job_id).update(done_at=timezone.now(), last_error="")
    return True


def _handle(subscription: Subscription, conversation_id: UUID) -> None:
    """Run a handler; once more where the database let it go for another transaction's sake, which is over then."""
    try:
        subscription.handler(conversation_id)
    except OperationalError as error:
        if sqlstate(error) not in GIVEN_WAY:
            raise
        log.warning("outbox.gave_way", task=subscription.task, error=error_place(error))
        subscription.handler(conversation_id)


def jobs_overdue(*, limit: int = 200) -> list[UUID]:
    """Take the jobs that should have run by now and may be tried again, for the caller to dispatch.

    Each falls due again later, so that the sweeps of a busy time do not fill the broker with the same jobs.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = OutboxJob.objects.filter(
            done_at__isnull=True, due_at__lte=now - timedelta(seconds=5), attempts__lt=MAX_ATTEMPTS
        )
        locked = rows.order_by("due_at").select_for_update(skip_locked=True, no_key=True)
        taken = list(locked.values_list("pk", flat=True)[:limit])
        OutboxJob.objects.filter(pk__in=taken).update(due_at=now + RETRY_AFTER)
    return taken


def jobs_forget(*, done_before: datetime) -> int:
    """Remove jobs that were done before then. What waits or was given up stays, for people to see."""
    return OutboxJob.objects.filter(done_at__lt=done_before).delete()[0]


def outbox_figures() -> dict[str, Any]:
    """How much waits and how much was given up, for the operators' page."""
    waiting = OutboxJob.objects.filter(done_at__isnull=True)
    return {
        "waiting": waiting.filter(attempts__lt=MAX_ATTEMPTS).count(),
        "given_up": waiting.filter(attempts__gte=MAX_ATTEMPTS).count(),
    }
