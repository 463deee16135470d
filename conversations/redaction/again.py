"""Reading history again when the policy became stricter: in slices, each of which may be cut off and go on.

One run at a time goes through the conversations that are over, in the order of their keys, and remembers the last one
it has read. Who was read by the same policy already is passed over, so that a run may be started twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from conversations.models import Conversation, Redaction, RedactionCheck, RedactionRun
from conversations.redaction.policy import redaction_config, redaction_policy
from conversations.redaction.policy_changes import history_done
from conversations.redaction.second_pass import conversation_read, failed_at, policy_mark
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

State = RedactionRun.State
SLICE_SECONDS = 20.0
# A step that was not heard of for so long was lost with its worker.
LOST_AFTER = timedelta(minutes=2)


def history(*, since: datetime | None, until: datetime | None = None) -> QuerySet[Conversation]:
    """Conversations that are over and have words, announced in a period."""
    rows = Conversation.objects.filter(words_erased_at__isnull=True).exclude(
        state__in=[Conversation.State.ANNOUNCED, Conversation.State.LIVE]
    )
    if since is not None:
        rows = rows.filter(announced_at__gte=since)
    return rows.filter(announced_at__lt=until) if until is not None else rows


def still_to_read(*, since: datetime | None) -> int:
    """How many conversations were not read by the policy of now."""
    mark = policy_mark(redaction_config())
    done = Q(redaction_check__policy=mark, redaction_check__state=RedactionCheck.State.DONE)
    return history(since=since).exclude(done).count()


def run_start(
    *,
    actor: User | None,
    since: datetime | None = None,
    reason: str = "",
    address: str | None = None,
    dispatch: bool = True,
) -> RedactionRun:
    """Begin to read history again by the policy of now. Raises `Conflict` while another run is under way."""
    now = timezone.now()
    try:
        with transaction.atomic():
            run = RedactionRun.objects.create(
                reason=reason[:200],
                since=since,
                until=now,
                policy=policy_mark(redaction_config()),
                total=history(since=since, until=now).count(),
                started_by=actor,
            )
            audit(
                actor=actor,
                action="redaction.again",
                thing=run,
                changes={"conversations": run.total, "since": since.isoformat() if since else None},
                address=address,
            )
            if dispatch:
                _next(run.pk)
    except IntegrityError:
        raise Conflict(_("History is being read again already. Wait for it, or cancel it.")) from None
    return run


def run_cancel(*, run_id: UUID, actor: User | None, address: str | None = None) -> RedactionRun:
    """Stop a run after the conversation it is at; what is hidden stays hidden. One that has ended stays as it is."""
    with transaction.atomic():
        run = RedactionRun.objects.select_for_update().get(pk=run_id)
        if run.is_open:
            run.state, run.is_open, run.ended_at = State.CANCELLED, False, timezone.now()
            run.save(update_fields=["state", "is_open", "ended_at"])
            audit(actor=actor, action="redaction.again_cancel", thing=run, address=address)
    return run


def run_resume(*, run_id: UUID, actor: User | None, address: str | None = None) -> RedactionRun:
    """Go on with a run where it was: one that was cancelled, or one that is open and of which nothing is heard.

    It reads by the policy of now. Raises `Conflict` for one that is done, and while another is under way.
    """
    try:
        with transaction.atomic():
            run = RedactionRun.objects.select_for_update().get(pk=run_id)
            if run.state == State.DONE:
                raise Conflict(_("This run is done. Start another one."))
            if not run.is_open:
                run.state, run.is_open, run.ended_at = State.RUNNING, True, None
                run.policy = policy_mark(redaction_config())
                run.save(update_fields=["state", "is_open", "ended_at", "policy"])
                audit(actor=actor, action="redaction.again_resume", thing=run, address=address)
            _next(run.pk)
    except IntegrityError:
        raise Conflict(_("History is being read again already. Wait for it, or cancel it.")) from None
    return run


def run_step(*, run_id: UUID, seconds: float = SLICE_SECONDS, told: Callable[[], Any] | None = None) -> bool:
    """Read on for `seconds`, then hand on. Returns whether the run has ended. Safe to call twice at once.

    `told` is called after each conversation. With it the caller goes on by itself, and nothing is handed to Celery.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"{current_schema()}:again:{run_id}"]
        )
        if not cursor.fetchone()[0]:
            return False
    try:
        ended = _step(run_id, monotonic() + seconds, told)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"{current_schema()}:again:{run_id}"]
            )
    if not ended and told is None:
        with transaction.atomic():
            _next(run_id)
    return ended


def _step(run_id: UUID, until: float, told: Callable[[], Any] | None) -> bool:
    runs = RedactionRun.objects.filter(pk=run_id, is_open=True)
    while True:
        run = runs.first()
        if run is None:
            return True
        rows = history(since=run.since, until=run.until).order_by("pk")
        following = rows.filter(pk__gt=run.cursor) if run.cursor else rows
        conversation_id = following.values_list("pk", flat=True).first()
        now = timezone.now()
        if conversation_id is None:
            runs.update(state=State.DONE, is_open=False, ended_at=now, seen_at=now)
            if run.since is None and not run.failed and run.policy == policy_mark(redaction_config()):
                history_done(revision=redaction_policy().revision)
            log.info("redaction.again_done", run=str(run_id), read=run.done, found=run.found)
            return True
        found, error = _read(conversation_id)
        changed: dict[str, Any] = {"cursor": conversation_id, "seen_at": now, "state": State.RUNNING}
        if error:
            changed |= {"failed": F("failed") + 1, "last_error": error}
        runs.update(done=F("done") + 1, found=F("found") + found, **changed)
        if told is not None:
            told()
        if monotonic() >= until:
            return False


def _read(conversation_id: UUID) -> tuple[int, str]:
    """Read one unless it was read by this policy already; the error's kind and place where it cannot be."""
    mark = policy_mark(redaction_config())
    done = RedactionCheck.objects.filter(
        conversation=conversation_id, policy=mark, state=RedactionCheck.State.DONE
    )
    if done.exists():
        return 0, ""
    try:
        return conversation_read(conversation_id, found_in=Redaction.Pass.AGAIN), ""
    except Exception as error:
        # One that cannot be read must not keep the others from it; it is counted, and the next run tries it anew.
        place = failed_at(error)
        log.error("redaction.again_failed", conversation=str(conversation_id), error=place)
        return 0, place


def runs_wake() -> int:
    """Go on with a run whose worker went away, or whose message was lost. Returns whether there was one."""
    quiet = timezone.now() - LOST_AFTER
    lost = RedactionRun.objects.filter(is_open=True).filter(
        Q(seen_at__lt=quiet) | Q(seen_at__isnull=True, created_at__lt=quiet)
    )
    woken = 0
    for run in lost:
        # Not again with the next sweep, which is seconds away.
        RedactionRun.objects.filter(pk=run.pk).update(seen_at=timezone.now())
        with transaction.atomic():
            _next(run.pk)
        woken += 1
    return woken


def _next(run_id: UUID) -> None:
    from conversations.tasks import redaction_run_step

    schema = current_schema()

    def hand_on() -> None:
        with schema_scope(schema):
            try:
                redaction_run_step.delay(run_id=str(run_id))
            except (OSError, redaction_run_step.OperationalError) as error:
                log.warning("redaction.broker_away", run=str(run_id), error=type(error).__name__)

    transaction.on_commit(hand_on)
