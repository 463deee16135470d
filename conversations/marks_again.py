"""Marks that a live call's worker could not be told, because the buffer was away: told again, all of them.

Without it a call whose end of hold was lost would stay on hold, for its worker, until another one takes over.
"""

from __future__ import annotations

from uuid import UUID

from conversations import consent, lifecycle
from conversations.models import Conversation


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
    lifecycle.marks_append(conversation_id, [*marks, now_with])
