"""Fields of a call that change in mid-call: what its worker is told of them, as marks behind the call's audio."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.ids import new_id
from conversations.lifecycle import marks_tell
from moments.models import MomentDefinition
from moments.selectors import call_fields

STAGE, FIELDS = "moments", "fields"


def fields_tell(conversation_id: UUID) -> None:
    """Tell the worker that follows the call what is now known of it; only the fields that moments ask about.

    One query where none does.
    """
    asking = MomentDefinition.objects.filter(kind=MomentDefinition.Kind.METADATA, active=True)
    asked = set(asking.values_list("field", flat=True))
    if not asked:
        return
    known = {name: value for name, value in call_fields(conversation_id).items() if name in asked}
    mark: dict[str, Any] = {"kind": "word", "to": STAGE, "id": str(new_id()), "do": FIELDS, "fields": known}
    marks_tell(conversation_id, [mark])
