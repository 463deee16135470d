"""What knowledge may be told of the call in which somebody asks."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from conversations.access import conversations_visible
from knowledge.documents.audience import Audience


def call_asked_in(user: User, conversation_id: UUID) -> Audience | None:
    """Queue, channel and language of a conversation that this person may read, None for any other. One query."""
    rows = conversations_visible(user).filter(pk=conversation_id)
    row = rows.values_list("queue_id", "channel", "language").first()
    return None if row is None else Audience(queue=row[0], channel=row[1], language=row[2])
