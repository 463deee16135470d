"""Fields of a call that change in mid-call: what its worker is told of them, as marks behind the call's audio."""

from __future__ import annotations

from uuid import UUID

from conversations.lifecycle import marks_tell
from conversations.live.buffer import Mark
from conversations.live.tidings import word
from conversations.models import Conversation
from moments.models import MomentDefinition
from moments.selectors import call_fields

STAGE, FIELDS = "moments", "fields"


def fields_tell(conversation_id: UUID) -> None:
    """Tell the worker that follows the call what is now known of it; only the fields that moments ask about.

    One query where none does.
    """
    if marks := _marks(conversation_id):
        marks_tell(conversation_id, marks)


def marks_again(conversation: Conversation) -> list[Mark]:
    """What a worker that may have missed it should know."""
    return _marks(conversation.pk)


def _marks(conversation_id: UUID) -> list[Mark]:
    asking = MomentDefinition.objects.filter(kind=MomentDefinition.Kind.METADATA, active=True)
    asked = set(asking.values_list("field", flat=True))
    if not asked:
        return []
    known = {name: value for name, value in call_fields(conversation_id).items() if name in asked}
    return [word(STAGE, do=FIELDS, fields=known)]
