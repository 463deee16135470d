"""What is kept for no longer than the company wants: removed every night, but for what a legal hold keeps.

It may be cut off and run again at any time: what went is not found any more, what is left is found the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.errors import error_place
from conversations.erasure import followers_tell, recording_erase, words_erase
from conversations.models import (
    CallLedger,
    Conversation,
    ConversationEvent,
    LegalHold,
    Recording,
    RetentionRule,
    RetentionRun,
    WaitingMetadata,
)
from conversations.recordings import recording_remove
from conversations.summary_case_words import summary_case_drop
from tenants.locks import held_alone

log = structlog.get_logger(__name__)

Kind = RetentionRule.Kind
AT_ONCE = 200
REASON = "retention"

# Removes what is older than events are kept, but for these conversations; returns how much went.
Also = Callable[[datetime, Collection[UUID]], int]
_ALSO: list[Also] = []


def also(work: Also) -> None:
    """Have a room beside or above remove what it keeps for as long as events. Called from an app's `ready()`."""
    if work not in _ALSO:
        _ALSO.append(work)


class RetentionRunning(Exception):
    """Another process is at it in this company."""


def held() -> Q:
    """Conversations that a legal hold keeps, by themselves or with their customer."""
    standing = LegalHold.objects.filter(lifted_at__isnull=True)
    return Q(Exists(standing.filter(conversation=OuterRef("pk")))) | Q(
        Exists(standing.filter(customer=OuterRef("customer")))
    )


def due(kind: str, now: datetime) -> QuerySet[Conversation]:
    """Ended conversations whose time for this kind of data is over, held ones included; none without a rule."""
    rules = list(RetentionRule.objects.filter(kind=kind))
    over = Q()
    for rule in rules:
        of_queue = (
            Q(queue=rule.queue_id)
            if rule.queue_id
            else ~Q(queue__in=[one.queue_id for one in rules if one.queue_id]) | Q(queue__isnull=True)
        )
        over |= of_queue & Q(ended_at__lt=now - timedelta(days=rule.days))
    if not rules:
        return Conversation.objects.none()
    # What ended badly has no wrap-up; what goes on has no end.
    return Conversation.objects.filter(over, ended_at__isnull=False)


def _with_data(kind: str, rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Of these, those that still have what shall go."""
    if kind == Kind.AUDIO:
        # Also sound that never became a recording: its key is still there.
        return rows.filter(
            Q(Exists(Recording.objects.filter(conversation=OuterRef("pk"))))
            | Q(owner__wrapped_key__isnull=False)
        )
    if kind == Kind.TRANSCRIPT:
        return rows.filter(words_erased_at__isnull=True)
    if kind == Kind.EVENTS:
        return rows.filter(Exists(ConversationEvent.objects.filter(conversation=OuterRef("pk"))))
    return rows


def _audio(conversation_id: UUID) -> None:
    recording_erase(conversation_id=conversation_id, reason=REASON)


def _transcript(conversation_id: UUID) -> None:
    words_erase(conversation_id=conversation_id, reason=REASON)


def _events(conversation_id: UUID) -> None:
    ConversationEvent.objects.filter(conversation_id=conversation_id).delete()


def _metadata(conversation_id: UUID) -> None:
    followers_tell(conversation_id)
    recording_remove(conversation_id)
    summary_case_drop(conversation_id)
    LegalHold.objects.filter(conversation_id=conversation_id, lifted_at__isnull=False).delete()
    Conversation.objects.filter(pk=conversation_id).delete()


# In this order: a conversation that goes as a whole is found by none of the others any more.
_WORK: dict[str, Callable[[UUID], None]] = {
    Kind.METADATA: _metadata,
    Kind.AUDIO: _audio,
    Kind.TRANSCRIPT: _transcript,
    Kind.EVENTS: _events,
}


def retention_enforce(*, now: datetime | None = None) -> RetentionRun:
    """Remove what the current company's rules say. Returns the report, which grows while it works.

    What cannot be removed now (a recording that is being written, storage that is away) is counted and left for the
    next time. Raises `RetentionRunning` while another does it.
    """
    now = now or timezone.now()
    with held_alone("retention") as mine:
        if not mine:
            raise RetentionRunning
        run = RetentionRun.objects.create()
        for kind, remove in _WORK.items():
            rows = _with_data(kind, due(kind, now))
            run.held[kind] = rows.filter(held()).count()
            run.removed[kind] = run.failed[kind] = 0
            failed: list[UUID] = []
            while batch := list(
                rows.exclude(held())
                .exclude(pk__in=failed)
                .order_by("pk")
                .values_list("pk", flat=True)[:AT_ONCE]
            ):
                for conversation_id in batch:
                    try:
                        remove(conversation_id)
                        run.removed[kind] += 1
                    except Exception as error:
                        # One conversation's trouble must not keep the others' data; it is tried again tomorrow.
                        failed.append(conversation_id)
                        log.error(
                            "retention.failed",
                            conversation=str(conversation_id),
                            kind=str(kind),
                            error=type(error).__name__,
                            where=error_place(error),
                        )
                run.failed[kind] = len(failed)
                run.save(update_fields=["removed", "held", "failed"])
        run.removed["unmet"] = _without_call(now)
        run.finished_at = timezone.now()
        run.save()
    return run


def _without_call(now: datetime) -> int:
    """Metadata that met no call, and lines that were refused: no queue is theirs, so the general rules hold."""
    count = 0
    days = dict(RetentionRule.objects.filter(queue__isnull=True).values_list("kind", "days"))
    if Kind.EVENTS in days:
        before = now - timedelta(days=days[Kind.EVENTS])
        count += WaitingMetadata.objects.filter(received_at__lt=before).delete()[0]
        kept = set(Conversation.objects.filter(held()).values_list("pk", flat=True)) if _ALSO else set()
        count += sum(work(before, kept) for work in _ALSO)
    if Kind.METADATA in days:
        before = now - timedelta(days=days[Kind.METADATA])
        count += CallLedger.objects.filter(conversation__isnull=True, announced_at__lt=before).delete()[0]
    return count


def preview(now: datetime | None = None) -> dict[str, dict[str, int]]:
    """What the next run would remove and what it would leave to a hold, by kind."""
    now = now or timezone.now()
    found = {}
    for kind in _WORK:
        rows = _with_data(kind, due(kind, now))
        kept = rows.filter(held()).count()
        found[str(kind)] = {"remove": rows.count() - kept, "held": kept}
    return found
