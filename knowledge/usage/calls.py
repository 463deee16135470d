"""The call or chat in which somebody asks. A higher room knows whose it is, and says so when it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from accounts.models import User
from knowledge.documents.audience import Audience, audience_of

# What is known of a conversation that this person may read: queue, channel, language; None for any other.
Find = Callable[[User, UUID], Audience | None]


def _none(user: User, conversation_id: UUID) -> Audience | None:
    return None


_find: Find = _none


def find_with(find: Find) -> None:
    """Have calls looked up by this function from now on."""
    global _find
    _find = find


def asked_within(user: User, conversation_id: UUID | None) -> tuple[UUID | None, Audience]:
    """In which call somebody asks and for whom: their own team, the call's queue, channel and language.

    A call that is not theirs is none. A query where one is named.
    """
    about = None if conversation_id is None else _find(user, conversation_id)
    audience = audience_of(user)
    if about is None:
        return None, audience
    return conversation_id, replace(about, team=audience.team)
