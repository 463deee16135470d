"""Suggested replies: reading them, and noting which one was taken."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from coaching.models import SuggestedReply
from conversations.events import stamp
from conversations.models import Speaker, Utterance
from conversations.services import call_lock, event_append
from knowledge.models import Chunk, PassageUse
from knowledge.usage.noting import passage_of, use_note

MOST = 3
_ANSWERS = (Speaker.AGENT, Speaker.SUPERVISOR)


def reply_rows() -> QuerySet[SuggestedReply]:
    return SuggestedReply.objects.order_by("after", "position")


def reply_shown(row: SuggestedReply) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "after": row.after,
        "position": row.position,
        "text": row.text,
        "source": row.source,
        "source_label": str(row.get_source_display()),
        "made_at": stamp(row.made_at),
        "accepted_at": stamp(row.accepted_at),
    }


def replies_now(conversation_id: UUID) -> list[SuggestedReply]:
    """What is suggested for the customer's last message; nothing once that is answered. At most two queries."""
    rows = list(
        SuggestedReply.objects.filter(conversation_id=conversation_id).order_by("-after", "position")[:MOST]
    )
    now = [row for row in rows if row.after == rows[0].after]
    answered = Utterance.objects.filter(conversation_id=conversation_id, speaker__in=_ANSWERS)
    return [] if not now or answered.filter(sequence__gt=now[0].after).exists() else now


def reply_accept(*, conversation_id: UUID, reply_id: UUID, user: User | None) -> SuggestedReply | None:
    """Note that a suggestion was taken. The first time counts; None: this chat has no such suggestion."""
    with transaction.atomic():
        call_lock(conversation_id)
        rows = SuggestedReply.objects.filter(pk=reply_id, conversation_id=conversation_id)
        changed = rows.filter(accepted_at__isnull=True).update(accepted_at=timezone.now(), accepted_by=user)
        row = rows.first()
        if changed and row is not None:
            event_append(conversation_id=conversation_id, kind="reply", row=row)
            _passage_used(row, user)
    return row


def _passage_used(row: SuggestedReply, user: User | None) -> None:
    """What was taken of a passage is a use of it, unless the passage was cut anew meanwhile."""
    if row.source != SuggestedReply.Source.KNOWLEDGE or user is None:
        return
    passage = Chunk.objects.filter(pk=row.source_ref).first()
    if passage is not None:
        use_note(
            passage=passage_of(passage),
            kind=PassageUse.Kind.USED,
            person=user,
            conversation_id=row.conversation_id,
        )
