"""Marks that a live call's worker could not be told, because the buffer was away: told again, all of them.

Without it a call whose end of hold was lost would stay on hold, for its worker, until another one takes over.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from conversations import consent, lifecycle
from conversations.live.buffer import Mark
from conversations.models import Conversation

_ALSO: list[Callable[[Conversation], list[Mark]]] = []


def also(marks_of: Callable[[Conversation], list[Mark]]) -> None:
    """Have these told again, too: what higher rooms tell the worker of a call."""
    if marks_of not in _ALSO:
        _ALSO.append(marks_of)


def marks_retell(conversation_id: UUID) -> None:
    """Tell everything that is known of a live call's phases, consent and agent. An outbox handler: it may run again.

    The worker has most of it already, and what is told last for a moment counts. Raises redis errors and `OSError`.
    """
    conversation = Conversation.objects.select_related("agent").filter(pk=conversation_id).first()
    if conversation is None or not conversation.is_live:
        return
    agent = conversation.agent
    now_with = {
        "kind": "agent",
        "agent_id": str(agent.pk) if agent else None,
        "team_id": str(agent.team_id) if agent and agent.team_id else None,
    }
    marks = lifecycle.marks_of(conversation_id) + consent.marks_of(conversation)
    more = [mark for marks_of in _ALSO for mark in marks_of(conversation)]
    lifecycle.marks_append(conversation_id, [*marks, now_with, *more])
