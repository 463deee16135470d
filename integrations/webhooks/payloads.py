"""What a message says, read at the time it is sent, so that what was hidden or erased meanwhile is not in it.

References and a few facts, all redacted; the addresses lead to the API, where permissions are asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from coaching.models import Alert, RuleEffect
from conversations import news
from conversations.events import person, stamp
from conversations.models import Conversation, Summary
from conversations.summary_shown import fields_shown
from integrations.webhooks.models import TEST_KIND, WebhookMessage
from qa.models import Evaluation
from tenants.companies import web_base

# What the specification advises receivers to expect at most.
MAX_BYTES = 20_000
# Vendors' ids of one call; more than a few are legs of transfers.
MAX_IDENTIFIERS = 40

Data = dict[str, Any]


class Gone(Exception):
    """What the message is about is not there any more: there is nothing to tell."""


def payload(message: WebhookMessage) -> bytes:
    """The body of a message: `{"type", "timestamp", "data"}` as JSON, below 20 kB. Raises `Gone`."""
    base = api_base()
    if message.kind == TEST_KIND:
        data: Data = {"message": "This is a test. Nothing happened."}
    else:
        data = {
            "conversation": _conversation(message, base),
            **_ABOUT.get(message.kind, _nothing)(message, base),
        }
    said = {"type": message.kind, "timestamp": stamp(message.created_at), "data": data}
    body = _json(said)
    if len(body) > MAX_BYTES and "summary" in data:
        data["summary"] = {**data["summary"], "lines": None}
        body = _json(said)
    return body


def api_base() -> str:
    """Where this company's API begins, for other systems: its own host, scheme and port of `WEB_URL`."""
    return f"{web_base()}/api/v1"


def _json(said: Data) -> bytes:
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def _ids(ident: UUID | None) -> list[UUID]:
    return [] if ident is None else [ident]


def _conversation(message: WebhookMessage, base: str) -> Data:
    row = (
        Conversation.objects.select_related("agent", "customer", "queue", "disposition")
        .prefetch_related("identifiers")
        .filter(pk__in=_ids(message.conversation_id))
        .first()
    )
    if row is None:
        raise Gone
    identifiers = sorted(row.identifiers.all(), key=lambda one: one.pk)[:MAX_IDENTIFIERS]
    return {
        "id": str(row.pk),
        "url": f"{base}/conversations/{row.pk}/",
        "state": row.state,
        "end_reason": row.end_reason,
        "channel": row.channel,
        "direction": row.direction,
        "language": row.language,
        "provider": row.provider,
        "identifiers": [
            {"provider": one.provider, "kind": one.kind, "value": one.value} for one in identifiers
        ],
        "queue": row.queue.key if row.queue else None,
        "agent": person(row.agent),
        "customer": row.customer.reference if row.customer else None,
        "disposition": row.disposition.key if row.disposition else None,
        "announced_at": stamp(row.announced_at),
        "started_at": stamp(row.started_at),
        "ended_at": stamp(row.ended_at),
    }


def _summary(message: WebhookMessage, base: str) -> Data:
    row = (
        Summary.objects.select_related("confirmed_by", "template__template")
        .prefetch_related("lines")
        .filter(pk__in=_ids(message.ref))
        .first()
    )
    if row is None:
        raise Gone
    return {
        "summary": {
            "id": str(row.pk),
            "url": f"{base}/summaries/{row.pk}/",
            "state": row.state,
            "origin": row.origin,
            "confirmed_at": stamp(row.confirmed_at),
            "confirmed_by": person(row.confirmed_by),
            "model": row.model if row.origin == Summary.Origin.MODEL else "",
            "template": row.template.template.name if row.template else None,
            "fields": fields_shown(row.lines.all(), {one.key: one for one in row.sections}),
            # Null where they are too long for a message: the address has them.
            "lines": [
                {
                    "section": line.section,
                    "text": line.text,
                    "who": line.who,
                    "due_on": line.due_on.isoformat() if line.due_on else None,
                }
                for line in row.lines.all()
                if not line.removed
            ],
        }
    }


def _evaluation(message: WebhookMessage, base: str) -> Data:
    row = Evaluation.objects.select_related("revision").filter(pk__in=_ids(message.ref)).first()
    if row is None:
        raise Gone
    return {
        "evaluation": {
            "id": str(row.pk),
            "url": f"{base}/scores/{row.pk}/",
            "scorecard": row.revision.spec["name"],
            "revision": row.revision.number,
            "total": None if row.total is None else float(row.total),
            "auto_failed": row.auto_failed,
            "changed_at": stamp(row.updated_at),
        }
    }


def _alert(message: WebhookMessage, base: str) -> Data:
    row = Alert.objects.filter(pk__in=_ids(message.ref)).first()
    if row is None:
        raise Gone
    return {
        "alert": {
            "id": str(row.pk),
            "url": f"{base}/alerts/{row.pk}/",
            "title": row.title,
            "severity": row.severity,
            "state": row.state,
            "at_ms": row.at_ms,
            "kind": row.kind,
            "count": row.count,
            "raised_at": stamp(row.raised_at),
            "escalated_at": stamp(row.escalated_at),
        }
    }


def _rule(message: WebhookMessage, base: str) -> Data:
    row = RuleEffect.objects.select_related("revision__policy").filter(pk__in=_ids(message.ref)).first()
    if row is None:
        raise Gone
    document = row.revision.document
    names = {rule["id"]: rule.get("name", "") for rule in document.get("rules", ())}
    return {
        "rule": {
            "id": row.rule_key,
            "name": names.get(row.rule_key, ""),
            "policy": row.revision.policy.name,
            "revision": row.revision.number,
            "note": row.value,
            "at_ms": row.at_ms,
            # Where the words are that caused it; the conversation's address leads to them.
            "evidence": row.evidence,
        }
    }


def _nothing(message: WebhookMessage, base: str) -> Data:
    return {}


_ABOUT: dict[str, Callable[[WebhookMessage, str], Data]] = {
    news.SUMMARY_READY: _summary,
    news.SUMMARY_CONFIRMED: _summary,
    news.EVALUATION_RELEASED: _evaluation,
    news.ALERT_RAISED: _alert,
    news.GUIDANCE_RULE: _rule,
    news.ALERT_ESCALATED: _alert,
}
