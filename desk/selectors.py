"""What the desk shows, read at once: no query more for a hundred calls than for one.

Everything here is plain data, ready for JSON: times as `events.stamp`, lengths in milliseconds.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from coaching.playbooks import playbooks_offered
from conversations.access import conversations_visible
from conversations.chat_lines import is_connected
from conversations.consent import consent_meaning
from conversations.events import Payload, snapshot, stamp
from conversations.models import Conversation, Disposition, Note, Summary, SummaryLine
from conversations.selectors import items_visible
from tenants.companies import company_zone
from tenants.scope import current_schema

State = Conversation.State
LIVE = (State.ANNOUNCED, State.LIVE)
TRAY_MAX = 20
CONTACTS = 5


def now_ms() -> int:
    """The server's clock, for pages to set theirs by: milliseconds since 1970."""
    return round(timezone.now().timestamp() * 1000)


def today_start() -> datetime:
    """When today began where the company is."""
    local = timezone.localtime(timezone=company_zone())
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


# --- The agent's desk -----------------------------------------------------------------------------------


def desk_state(user: User) -> Payload:
    """Read the agent's live calls, oldest first, and what waits for them: `{"now", "calls", "tray"}`.

    The tray holds ended calls whose summary is still to be written or confirmed, newest first.
    """
    mine = Conversation.objects.filter(agent=user).exclude(provider=Conversation.UPLOADED)
    mine = mine.select_related("customer", "queue", "summary")
    calls = mine.filter(state__in=LIVE).order_by("announced_at")
    tray = mine.filter(Q(state=State.WRAP_UP) | Q(summary__state=Summary.State.DRAFT)).exclude(state__in=LIVE)
    return {
        "now": now_ms(),
        "calls": [_call(row) for row in calls],
        "tray": [_call(row) for row in tray.order_by("-announced_at")[:TRAY_MAX]],
    }


def _call(row: Conversation) -> Payload:
    summary: Summary | None = getattr(row, "summary", None)
    return {
        "id": str(row.pk),
        "state": row.state,
        "customer": str(row.customer) if row.customer else None,
        "queue": row.queue.name if row.queue else None,
        "started_at": stamp(row.started_at or row.announced_at),
        "ended_at": stamp(row.ended_at),
        "summary": summary.state if summary else None,
        "confirm_by": stamp(summary.confirm_by) if summary else None,
        "erased": row.words_erased_at is not None,
    }


def call_open(user: User, conversation: Conversation) -> Payload:
    """All that a page needs to show one call: snapshot, note, last contacts, what consent means, how it can end.

    The caller has checked that this person may read the conversation.
    """
    shown = snapshot(conversation)
    shown["items"] = items_visible(user, shown["items"])
    note = Note.objects.filter(conversation=conversation).first()
    return {
        "now": now_ms(),
        "id": str(conversation.pk),
        **shown,
        "note": None if note is None else {"text": note.text, "updated_at": stamp(note.updated_at)},
        "contacts": last_contacts(user, conversation),
        "consent": consent_meaning(conversation),
        "disposition": str(conversation.disposition_id) if conversation.disposition_id else None,
        # Whether what is written here can go out now; of a call there is nothing to write.
        "writable": conversation.channel == Conversation.Channel.CHAT and is_connected(current_schema()),
        # What may be begun by hand, by whose call it is.
        "playbooks": [one.shown() for one in playbooks_offered(conversation)]
        if conversation.agent_id == user.pk
        else [],
        "dispositions": [
            {"id": str(row.pk), "name": row.name} for row in Disposition.objects.filter(active=True)
        ],
    }


def last_contacts(user: User, conversation: Conversation) -> list[Payload]:
    """That customer's earlier conversations, newest first, as far as this person may read them."""
    if conversation.customer_id is None:
        return []
    rows = list(
        conversations_visible(user)
        .filter(customer=conversation.customer_id, ended_at__isnull=False)
        .exclude(pk=conversation.pk)
        .select_related("queue", "disposition")
        .order_by("-announced_at")[:CONTACTS]
    )
    lines = (
        SummaryLine.objects.filter(summary__conversation__in=[row.pk for row in rows], removed=False)
        .order_by("summary__conversation", "position")
        .distinct("summary__conversation")
        .values_list("summary__conversation", "text")
    )
    titles: dict[UUID, str] = dict(lines) if rows else {}
    return [
        {
            "id": str(row.pk),
            "at": stamp(row.announced_at),
            "channel": row.channel,
            "title": titles.get(row.pk)
            or (row.disposition.name if row.disposition else "")
            or str(row.queue or ""),
            "duration_ms": _length_ms(row.started_at, row.ended_at),
        }
        for row in rows
    ]


def _length_ms(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))
