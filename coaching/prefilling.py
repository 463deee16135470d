"""Values that rules offer for a form: accepted, one is written to the conversation's metadata, with all checks of that.

A field is named as conditions name it (`metadata.order`) or alone (`order`); dots lead into what is nested.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from coaching.models import Guidance
from conversations.amending import conversation_amend
from conversations.live.metadata import redacted
from conversations.models import Conversation

PREFIX = "metadata."
# What other systems and rules keep there for themselves, and what decides what may be done with the call.
OWN = frozenset({"tags", "consent", "region"})


def may_fill(field: str) -> bool:
    """Whether a value can be written to a field of this name."""
    path = _parts(field)
    return bool(path) and path[0] not in OWN


def prefill_write(guidance: Guidance, user: User) -> None:
    """Write an accepted value. Nothing for other guidance. Raises `ValidationError` where it may not be kept there.

    Within the transaction that settles the guidance. A field that had another value is written over.
    """
    if guidance.kind != Guidance.Kind.PREFILL:
        return
    path, value = _path(guidance), guidance.payload.get("value")
    before = _at(guidance.conversation.metadata, path)
    conversation_amend(conversation=guidance.conversation, actor=user, metadata=_patch(path, value))
    # Never the value itself: that has one home.
    replaced = before is not None and before != _stored(path, value)
    payload = guidance.payload | {"written": "over" if replaced else "kept" if before is not None else "new"}
    Guidance.objects.filter(pk=guidance.pk).update(payload=payload)


def prefill_take_back(guidance: Guidance, user: User) -> None:
    """Take out what accepting had written, unless somebody has changed it since.

    Within the transaction that opens the guidance again. Raises `Conflict` where another value was written over.
    """
    written = guidance.payload.get("written") if guidance.kind == Guidance.Kind.PREFILL else None
    if written is None:
        return
    if written == "over":
        raise Conflict(
            _("It took the place of another value, which is not kept. Please change the field itself.")
        )
    path = _path(guidance)
    conversation = Conversation.objects.get(pk=guidance.conversation_id)
    if written == "new" and _at(conversation.metadata, path) == _stored(path, guidance.payload.get("value")):
        conversation_amend(conversation=conversation, actor=user, metadata=_patch(path, None))
    payload = {name: value for name, value in guidance.payload.items() if name != "written"}
    Guidance.objects.filter(pk=guidance.pk).update(payload=payload)


def _path(guidance: Guidance) -> list[str]:
    field = str(guidance.payload.get("field", ""))
    path = _parts(field)
    if not path or path[0] in OWN:
        raise ValidationError(_("“%(field)s” is no field that can be filled in."), params={"field": field})
    return path


def _parts(field: str) -> list[str]:
    return [part for part in field.removeprefix(PREFIX).split(".") if part]


def _patch(path: list[str], value: Any) -> dict[str, Any]:
    patch: Any = value
    for part in reversed(path):
        patch = {part: patch}
    return dict(patch)


def _at(values: Any, path: list[str]) -> Any:
    for part in path:
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _stored(path: list[str], value: Any) -> Any:
    """The value as it is kept under its name, which may say what is to be hidden."""
    return _at(redacted(_patch(path, value)), path)
