"""Pauses while a card is given: begun and ended by the agent, a supervisor, another system, the telephony, or the call
itself. Until it goes on nothing of the sound is recorded, and no words are shown while they are spoken.

A pause has an end from its beginning, so that a forgotten one costs minutes of a call and not the rest of it.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Role
from accounts.services import audit
from conversations.events import Payload, person, stamp
from conversations.lifecycle import marks_tell, position_ms
from conversations.live.buffer import Mark
from conversations.models import Conversation, PciPause
from conversations.redaction.policy import redaction_policy
from conversations.services import conversation_lock, event_append

Source = PciPause.Source
KIND = "pci"
_AT_ONCE = 200


def mark_of(row: PciPause) -> Mark:
    """A pause as the worker is told of it; told again with its end, it replaces what was told before."""
    # How far the call's own reaches while it is open, the worker knows from what it hears.
    open_ms = row.from_ms if row.source == Source.AUTO else row.until_ms
    to_ms = open_ms if row.to_ms is None else row.to_ms
    return {"kind": KIND, "pause": str(row.pk), "at_ms": row.from_ms, "to_ms": to_ms, "hears": row.hears}


def marks_of(conversation_id: UUID) -> list[Mark]:
    """All pauses of a call, for a worker that claims it."""
    return [mark_of(row) for row in PciPause.objects.filter(conversation=conversation_id)]


def pci_pause(
    *, conversation: Conversation, source: str, actor: User | None = None, address: str | None = None
) -> PciPause:
    """Pause a live call. One that is paused already stays so, from where it was. Raises `Conflict` after the call."""
    policy = redaction_policy()
    at_ms = position_ms(conversation.pk, timezone.now())
    with transaction.atomic():
        row = conversation_lock(conversation.pk)
        if not row.is_live:
            raise Conflict(_("The call is over."))
        known = _open(row.pk).first()
        if known is not None:
            return known
        now, longest = timezone.now(), timedelta(minutes=policy.pci_minutes)
        pause = PciPause.objects.create(
            conversation=row,
            from_ms=at_ms,
            until_ms=at_ms + round(longest.total_seconds() * 1000),
            hears=policy.pci_hears,
            source=source,
            paused_by=actor,
            paused_at=now,
            due_at=now + longest,
        )
        _tell(pause, actor, "pci.pause", address)
    return pause


def pci_resume(
    *, conversation: Conversation, source: str, actor: User | None = None, address: str | None = None
) -> PciPause | None:
    """Let a paused call go on; None where it was not paused by anybody.

    A pause that the call made by itself ends by itself, with the card.
    """
    at_ms = position_ms(conversation.pk, timezone.now())
    with transaction.atomic():
        row = conversation_lock(conversation.pk)
        pause = _open(row.pk).first()
        if pause is None:
            return None
        # Audio may have stood still since.
        pause.to_ms = min(max(at_ms, pause.from_ms), pause.until_ms)
        pause.ended_by, pause.resumed_by, pause.resumed_at = source, actor, timezone.now()
        pause.save(update_fields=["to_ms", "ended_by", "resumed_by", "resumed_at"])
        _tell(pause, actor, "pci.resume", address)
    return pause


def pci_forgotten() -> int:
    """End pauses whose longest time is over, and those of calls that are. Returns how many; part of the sweep."""
    due = Q(due_at__lte=timezone.now()) | Q(conversation__ended_at__isnull=False)
    ended = 0
    for pause in PciPause.objects.filter(due, to_ms__isnull=True).select_related("conversation")[:_AT_ONCE]:
        if pause.source == Source.AUTO and pause.conversation.is_live:
            continue  # the worker that follows the call ends it
        with transaction.atomic():
            live = conversation_lock(pause.conversation_id).is_live
            row = PciPause.objects.filter(pk=pause.pk, to_ms__isnull=True).first()
            if row is None:
                continue
            row.to_ms, row.resumed_at = row.until_ms, timezone.now()
            row.ended_by = Source.LIMIT if live else Source.END
            row.save(update_fields=["to_ms", "ended_by", "resumed_at"])
            event_append(conversation_id=row.conversation_id, kind=KIND, row=row)
            ended += 1
    return ended


def _open(conversation_id: UUID) -> QuerySet[PciPause]:
    return PciPause.objects.filter(conversation=conversation_id, to_ms__isnull=True).exclude(
        source=Source.AUTO
    )


def _tell(pause: PciPause, actor: User | None, action: str, address: str | None) -> None:
    event_append(conversation_id=pause.conversation_id, kind=KIND, row=pause)
    if actor is not None:
        audit(actor=actor, action=action, thing=pause, address=address)
    transaction.on_commit(partial(marks_tell, pause.conversation_id, [mark_of(pause)]))


def source_of(user: User, *, by_key: bool = False) -> str:
    """Who a pause comes from, by who asks for it."""
    if by_key:
        return Source.API
    return Source.AGENT if user.role == Role.AGENT else Source.SUPERVISOR


# --- As pages see it --------------------------------------------------------------------------------------


def rows() -> QuerySet[Any]:
    return PciPause.objects.select_related("paused_by").order_by("from_ms", "pk")


def shown(row: PciPause) -> Payload:
    """`to_ms` and `resumed_at` are null while it goes on."""
    return {
        "id": str(row.pk),
        "from_ms": row.from_ms,
        "to_ms": row.to_ms,
        "until_ms": row.until_ms,
        "at": stamp(row.paused_at),
        "resumed_at": stamp(row.resumed_at),
        "hears": row.hears,
        "source": row.source,
        "label": str(row.get_source_display()),
        "by": person(row.paused_by),
        "ended_by": row.ended_by,
        "ended_label": str(row.get_ended_by_display()) if row.ended_by else "",
    }
