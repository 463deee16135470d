"""What happens in a company's conversations that other systems want to know, told within the transaction it happens in.

Unlike the events of one conversation (`events`), which show everything, and the outbox, which is work for ourselves,
news are few and meant for outside. Higher rooms that pass them on follow here.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import connection

STARTED = "conversation.started"
COMPLETED = "conversation.completed"
INCOMPLETE = "conversation.incomplete"
SUMMARY_READY = "summary.ready"
SUMMARY_CONFIRMED = "summary.confirmed"
EVALUATION_RELEASED = "evaluation.released"
ALERT_RAISED = "alert.raised"
GUIDANCE_RULE = "guidance.rule"
ALERT_ESCALATED = "alert.escalated"
KINDS = (
    STARTED,
    COMPLETED,
    INCOMPLETE,
    SUMMARY_READY,
    SUMMARY_CONFIRMED,
    EVALUATION_RELEASED,
    ALERT_RAISED,
    GUIDANCE_RULE,
    ALERT_ESCALATED,
)

# Takes the kind, the conversation's id, and the id of what it is about (None: the conversation itself).
Follower = Callable[[str, UUID, UUID | None], None]

_FOLLOWERS: list[Follower] = []


def follow(handler: Follower) -> None:
    """Have `handler` run with all news, within their transaction. Called from an app's `ready()`."""
    if handler not in _FOLLOWERS:
        _FOLLOWERS.append(handler)


def tell(*, kind: str, conversation_id: UUID, ref: UUID | None = None) -> None:
    """Say that something happened, in the transaction in which it did. Keep it rare: not for every utterance."""
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of news")
    if not connection.in_atomic_block:
        raise RuntimeError("news are told in the transaction of what they are about")
    for handler in _FOLLOWERS:
        handler(kind, conversation_id, ref)
