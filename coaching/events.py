"""How guidance and alerts are shown to whoever follows a conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from coaching.models import HAND, Alert, Guidance, Whisper
from coaching.replies import reply_rows, reply_shown
from conversations.events import person, register, stamp
from conversations.models import Conversation
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


def guidance_told() -> QuerySet[Guidance]:
    """What pages are told of: what is held back comes with the event that opens it, and in no snapshot before."""
    return guidance_rows().exclude(state=Guidance.State.HELD)


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
        "optional": row.optional,
        "playbook": row.playbook,
        "step": row.step,
        "state": row.state,
        "dismiss_reason": row.dismiss_reason,
        "wrong": row.wrong_at is not None,
        "used_ms": row.used_ms,
        "outcome": row.outcome,
        "payload": row.payload,
        "at_ms": row.at_ms,
        "expires_ms": row.expires_ms,
        "spoken_at": stamp(row.spoken_at),
        "decided_at": stamp(row.decided_at),
        "sent_at": stamp(row.sent_at),
        "shown_at": stamp(row.shown_at),
        "settled_ms": row.settled_ms,
        "rule": row.rule_key,
        "latency_ms": {
            "heard_to_sent": _between(row.spoken_at, row.sent_at),
            "heard_to_shown": _between(row.spoken_at, row.shown_at),
            "final_to_sent": _between(row.final_at, row.sent_at),
            "final_to_shown": _between(row.final_at, row.shown_at),
        },
        "revision": _came_of(row),
    }


def _came_of(row: Guidance) -> dict[str, Any]:
    """The policy and its revision, the model of the next step, or a document, and its version."""
    if row.revision is not None:
        return {"policy": row.revision.policy.name, "number": row.revision.number}
    if "next_step" not in row.payload:
        return {"policy": _("Knowledge by itself"), "number": row.payload.get("version", 0)}
    return {"policy": _("Learned next step"), "number": row.payload["next_step"]["version"]}


def alert_shown(row: Alert) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "kind": row.kind,
        "title": row.title,
        "reason": reason_in_words(row),
        "evidence": row.evidence,
        "severity": row.severity,
        "state": row.state,
        "count": row.count,
        "at_ms": row.at_ms,
        "last_at_ms": row.last_at_ms,
        "raised_at": stamp(row.raised_at),
        "waiting_since": stamp(row.waiting_since),
        "assignee": person(row.assignee),
        "claimed_at": stamp(row.claimed_at),
        "escalated_at": stamp(row.escalated_at),
        "resolved_at": stamp(row.resolved_at),
        "resolved_by": person(row.resolved_by),
        "closed_at": stamp(row.closed_at),
    }


def hand_rows() -> QuerySet[Alert]:
    return alert_rows().filter(rule_key=HAND)


def hand_shown(row: Alert) -> dict[str, Any]:
    """A raised hand as its agent sees it: `open`, and who comes; `resolved` or `closed` when it is down again."""
    return {
        "id": str(row.pk),
        "state": row.state,
        "raised_at": stamp(row.raised_at),
        "waiting_since": stamp(row.waiting_since),
        "by": person(row.assignee),
        "claimed_at": stamp(row.claimed_at),
        "resolved_by": person(row.resolved_by),
    }


def whisper_rows() -> QuerySet[Whisper]:
    return Whisper.objects.select_related("author").order_by("sent_at", "id")


def whisper_shown(row: Whisper) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "text": row.text,
        "from": person(row.author),
        "at_ms": row.at_ms,
        "sent_at": stamp(row.sent_at),
        "shown_at": stamp(row.shown_at),
        "answer": row.answer,
        "answered_at": stamp(row.answered_at),
    }


def register_own() -> None:
    register("guidance", rows=guidance_told, render=guidance_shown)
    register("alert", rows=alert_rows, render=alert_shown)
    register("hand", rows=hand_rows, render=hand_shown)
    register("whisper", rows=whisper_rows, render=whisper_shown)
    register("reply", rows=reply_rows, render=reply_shown, channel=Conversation.Channel.CHAT)
