"""What is known of a call besides its words has changed: higher rooms are told after the transaction.

As `hiding.follow` does for words, so that this room needs not know who asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import transaction

from conversations.models import Conversation

_FOLLOWERS: list[Callable[[UUID], None]] = []


def follow(work: Callable[[UUID], None]) -> None:
    """Have `work(conversation_id)` run whenever the fields of a call that goes on were written."""
    if work not in _FOLLOWERS:
        _FOLLOWERS.append(work)


def fields_written(conversation: Conversation) -> None:
    """Tell who follows, once the caller's transaction is through; of a call that is over nobody."""
    if conversation.is_live:
        for work in _FOLLOWERS:
            transaction.on_commit(partial(work, conversation.pk))
