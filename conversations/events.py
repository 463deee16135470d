"""What happens in a conversation, as everybody who follows it sees it.

An event names a kind and a row; the row's room says here how it is shown. Pages hold items by kind and id, and an
event replaces one item, so that a snapshot with the events after it equals a later snapshot, whatever arrives twice.

On the wire (browser sockets, API, webhooks alike):
`{"seq": 12, "kind": "utterance", "at": "2026-11-20T10:00:00.000000Z", "data": {"id": "…", …}}`
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import models

from conversations.models import CallPhase, Conversation, ConversationEvent, Utterance

Payload = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """How rows of one model are read and shown. `rows` must load all that `render` touches (no query a row)."""

    name: str
    rows: Callable[[], models.QuerySet[Any]]
    render: Callable[[Any], Payload]
    conversation_field: str
    # The one channel that has such items; "" for all.
    channel: str = ""


_KINDS: dict[str, Kind] = {}


def register(
    name: str,
    *,
    rows: Callable[[], models.QuerySet[Any]],
    render: Callable[[Any], Payload],
    conversation_field: str = "conversation_id",
    channel: str = "",
) -> None:
    """Declare a kind of item. Called from the owning app's `ready()`."""
    if name in _KINDS and _KINDS[name].render is not render:
        raise ValueError(f"event kind {name} is declared twice")
    _KINDS[name] = Kind(name, rows, render, conversation_field, channel)


def envelope(sequence: int, kind: str, at: datetime, data: Payload) -> Payload:
    return {"seq": sequence, "kind": kind, "at": stamp(at), "data": data}


def stamp(at: datetime | None) -> str | None:
    """ISO 8601, UTC, microseconds."""
    return (
        None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def rows(kind: str) -> models.QuerySet[Any]:
    """All rows of a kind, with everything that showing them touches."""
    return _KINDS[kind].rows()


def render(kind: str, row: Any) -> Payload:
    """Show a row that is at hand (with its relations) as the data of an event."""
    return _KINDS[kind].render(row)


def events_after(conversation_id: UUID, sequence: int, *, limit: int = 500) -> list[Payload]:
    """Read the events after `sequence` in order, with their items as they are now: one query a kind, not a row."""
    events = list(
        ConversationEvent.objects.filter(conversation_id=conversation_id, sequence__gt=sequence).order_by(
            "sequence"
        )[:limit]
    )
    refs: dict[str, set[UUID]] = {}
    for event in events:
        if event.ref is not None:
            refs.setdefault(event.kind, set()).add(event.ref)
    items = {
        kind: {row.pk: _KINDS[kind].render(row) for row in _KINDS[kind].rows().filter(pk__in=ids)}
        for kind, ids in refs.items()
    }
    return [
        envelope(event.sequence, event.kind, event.occurred_at, items[event.kind][event.ref])
        for event in events
        if event.ref in items.get(event.kind, {})
    ]


def snapshot(conversation: Conversation) -> Payload:
    """Everything there is to show now: `{"head": N, "items": {kind: [data, …]}}`, one query a kind."""
    # The head is read first: what changes while the items are read comes again as an event, which is harmless.
    head = head_of(conversation.pk)
    items: dict[str, list[Payload]] = {}
    for kind in _KINDS.values():
        if kind.channel not in {"", conversation.channel}:
            items[kind.name] = []
            continue
        rows = kind.rows().filter(**{kind.conversation_field: conversation.pk})
        items[kind.name] = [kind.render(row) for row in rows]
    return {"head": head, "items": items}


def head_of(conversation_id: UUID) -> int:
    """The last event's sequence number, 0 where nothing happened yet."""
    from conversations.models import CallOwner

    return CallOwner.objects.filter(pk=conversation_id).values_list("head", flat=True).first() or 0


def heads_of(conversation_ids: Collection[UUID]) -> dict[UUID, int]:
    """The same of many, in one query; those without are left out."""
    from conversations.models import CallOwner

    rows = CallOwner.objects.filter(pk__in=conversation_ids)
    return dict(rows.values_list("conversation_id", "head"))


def person(user: Any) -> Payload | None:
    return None if user is None else {"id": str(user.pk), "name": user.name}


def evidence_ids(evidence: Iterable[Any]) -> Sequence[str]:
    return [str(item) for item in evidence]


# --- The kinds of this room -----------------------------------------------------------------------------


def _conversation_rows() -> models.QuerySet[Conversation]:
    return Conversation.objects.select_related("agent", "customer", "queue", "disposition").prefetch_related(
        models.Prefetch("phases", CallPhase.objects.filter(refused=False))
    )


def phases_of(row: Conversation) -> list[Payload]:
    """What the call has been through, in order, as its telephony told: `[{"phase", "at", "from_ms"}, …]`."""
    told = sorted((one for one in row.phases.all() if not one.refused), key=lambda one: (one.at, one.pk))
    return [{"phase": one.phase, "at": stamp(one.at), "from_ms": one.from_ms} for one in told]


def _conversation(row: Conversation) -> Payload:
    customer = row.customer
    phases = phases_of(row)
    return {
        "id": str(row.pk),
        "state": row.state,
        "end_reason": row.end_reason,
        "channel": row.channel,
        "direction": row.direction,
        "phase": phases[-1]["phase"] if phases else None,
        "phase_since": phases[-1]["at"] if phases else None,
        "phases": phases,
        "language": row.language,
        "queue": row.queue.name if row.queue else None,
        "agent": person(row.agent),
        "unmatched": row.provider_agent_id if row.is_unmatched else None,
        "customer": None
        if customer is None
        else {
            "reference": customer.reference,
            "name": customer.name,
            "segment": customer.segment,
            "fields": customer.fields,
        },
        "disposition": row.disposition.name if row.disposition else None,
        "announced_at": stamp(row.announced_at),
        "started_at": stamp(row.started_at),
        "ended_at": stamp(row.ended_at),
        "closed_at": stamp(row.closed_at),
        "words_erased_at": stamp(row.words_erased_at),
    }


def _utterance(row: Utterance) -> Payload:
    return {
        "id": str(row.pk),
        "n": row.sequence,
        "speaker": row.speaker,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "text": row.text,
        "sentiment": row.sentiment,
        "revision": row.revision,
    }


def _handover_rows() -> models.QuerySet[Any]:
    from conversations.models import Handover

    return Handover.objects.select_related("from_agent", "to_agent").order_by("at_ms", "pk")


def _handover(row: Any) -> Payload:
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "kind_label": str(row.get_kind_display()),
        "from": person(row.from_agent),
        "to": person(row.to_agent),
        "at": stamp(row.at),
        "at_ms": row.at_ms,
        "brief": row.brief,
    }


def _consent_rows() -> models.QuerySet[Any]:
    from conversations.models import ConsentRecord

    return ConsentRecord.objects.order_by("at", "pk")


def _consent(row: Any) -> Payload:
    return {
        "id": str(row.pk),
        "purpose": row.purpose,
        "state": row.state,
        "label": f"{row.get_purpose_display()}: {row.get_state_display()}".capitalize(),
        "source": row.source,
        "at": stamp(row.at),
        "at_ms": row.at_ms,
    }


def _summary_rows() -> models.QuerySet[Any]:
    from conversations.models import Summary

    return Summary.objects.select_related("confirmed_by", "template__template").prefetch_related("lines")


def _summary(row: Any) -> Payload:
    from conversations.summary_shown import fields_shown, line_shown
    from conversations.summary_templates import sections_shown

    revision, sections = row.template, {one.key: one for one in row.sections}
    shown = sections_shown(revision)
    labels = {one["key"]: one["label"] for one in shown}
    return {
        "id": str(row.pk),
        "origin": row.origin,
        "origin_label": str(row.get_origin_display()),
        "model": row.model if row.origin == row.Origin.MODEL else "",
        "prompt_revision": row.prompt_revision,
        "template": None
        if revision is None
        else {"id": str(revision.template_id), "name": revision.template.name, "revision": revision.number},
        "sections": shown,
        "fields": fields_shown(row.lines.all(), sections),
        "state": row.state,
        "created_at": stamp(row.created_at),
        "confirm_by": stamp(row.confirm_by),
        "confirmed_at": stamp(row.confirmed_at),
        "confirmed_by": person(row.confirmed_by),
        "lines": [line_shown(line, sections, labels) for line in row.lines.all()],
    }


def _message_rows() -> models.QuerySet[Any]:
    from conversations.models import ChatMessage

    rows = ChatMessage.objects.exclude(origin=ChatMessage.Origin.SYSTEM)
    return rows.select_related("author").order_by("received_at", "pk")


def _message(row: Any) -> Payload:
    return {
        "id": str(row.pk),
        "message_id": row.message_id,
        "utterance": str(row.utterance_id),
        "origin": row.origin,
        "from": person(row.author),
        "sent_at": stamp(row.sent_at),
        "delivered_at": stamp(row.delivered_at),
        "failed_at": stamp(row.failed_at),
    }


def register_own() -> None:
    from conversations import pci

    register("conversation", rows=_conversation_rows, render=_conversation, conversation_field="id")
    register("utterance", rows=lambda: Utterance.objects.order_by("sequence"), render=_utterance)
    register("consent", rows=_consent_rows, render=_consent)
    register("pci", rows=pci.rows, render=pci.shown)
    register("handover", rows=_handover_rows, render=_handover)
    # Messages of a chat that were written here: who wrote them, and whether they have gone out.
    register("message", rows=_message_rows, render=_message, channel=Conversation.Channel.CHAT)
    register("summary", rows=_summary_rows, render=_summary)
