"""How guidance and alerts are shown to whoever follows a conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from coaching.models import Alert, Guidance
from conversations.events import person, register, stamp
from engines.rules.explain import fill, quote

# Large columns that showing a row does not touch.
_UNUSED = (
    "revision__document",
    "revision__names",
    "revision__policy__draft",
    "cause__words",
    "cause__search",
)


def reason_in_words(row: Guidance | Alert) -> str:
    """The reason as a sentence, with the words that caused it read from where they are kept."""
    words = ""
    if row.cause is not None and row.evidence and row.evidence[0]["utterance"] == str(row.cause_id):
        words = quote(row.cause.text, ((row.evidence[0]["start"], row.evidence[0]["end"]),))
    return fill(row.reason, words)


def guidance_rows() -> QuerySet[Guidance]:
    rows = Guidance.objects.select_related("revision__policy", "cause")
    return rows.defer(*_UNUSED).order_by("at_ms", "position", "id")


def alert_rows() -> QuerySet[Alert]:
    rows = Alert.objects.select_related("assignee", "resolved_by", "cause")
    return rows.defer(*_UNUSED[3:]).order_by("at_ms", "id")


def _between(begin: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds from one time to the other, None while either is unknown."""
    return None if begin is None or end is None else round((end - begin).total_seconds() * 1000)


def guidance_shown(row: Guidance) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "label": row.label,
        "title": row.title,
        "say": row.say,
        "reason": reason_in_words(row),
        "evidence": row.evidence,
        "priority": row.priority,
        "position": row.position,
        "state": row.state,
        "dismiss_reason": row.dismiss_reason,
        "at_ms": row.at_ms,
        "expires_ms": row.expires_ms,
        "spoken_at": stamp(row.spoken_at),
        "decided_at": stamp(row.decided_at),
        "sent_at": stamp(row.sent_at),
        "shown_at": stamp(row.shown_at),
        "settled_ms": row.settled_ms,
        "latency_ms": {
            "heard_to_sent": _between(row.spoken_at, row.sent_at),
            "heard_to_shown": _between(row.spoken_at, row.shown_at),
            "final_to_sent": _between(row.final_at, row.sent_at),
            "final_to_shown": _between(row.final_at, row.shown_at),
        },
        "revision": {"policy": row.revision.policy.name, "number": row.revision.number},
    }


def alert_shown(row: Alert) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "title": row.title,
        "reason": reason_in_words(row),
        "evidence": row.evidence,
        "severity": row.severity,
        "state": row.state,
        "at_ms": row.at_ms,
        "raised_at": stamp(row.raised_at),
        "assignee": person(row.assignee),
        "resolved_at": stamp(row.resolved_at),
        "resolved_by": person(row.resolved_by),
    }


def register_own() -> None:
    register("guidance", rows=guidance_rows, render=guidance_shown)
    register("alert", rows=alert_rows, render=alert_shown)
