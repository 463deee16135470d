"""What other systems know better: a conversation's metadata and how it ended, written from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from conversations import consent
from conversations.field_changes import fields_written
from conversations.live import metadata as fields
from conversations.models import Conversation, Disposition
from conversations.outbox import jobs_announce
from conversations.services import conversation_lock, event_append
from conversations.summaries import CLOSED


def conversation_amend(
    *,
    conversation: Conversation,
    actor: User,
    metadata: Mapping[str, Any] | None = None,
    disposition: str | None = None,
    disposition_clear: bool = False,
    address: str | None = None,
) -> Conversation:
    """Merge metadata (None removes a field, as in RFC 7396; values are redacted), set the disposition by its key.

    What is so already changes nothing: no event, no entry in the log. Returns the conversation as it is then.
    Raises `ValidationError`.
    """
    # Redaction takes a while on long metadata; it needs no transaction.
    patch = {} if metadata is None else _redacted(metadata)
    chosen = _disposition(disposition) if disposition else None
    with transaction.atomic():
        row = conversation_lock(conversation.pk)
        changed: list[str] = []
        merged = _merged(row.metadata, patch)
        if merged != row.metadata:
            _check(merged)
            row.metadata = merged
            changed.append("metadata")
        if (chosen is not None or disposition_clear) and row.disposition != chosen:
            if chosen is not None and not chosen.active:
                raise ValidationError({"disposition": _("This disposition is not in use any more.")})
            row.disposition = chosen
            changed.append("disposition")
        if changed:
            row.save(update_fields=changed)
            fields_written(row)
            entry = audit(
                actor=actor,
                action="conversation.amend",
                thing=row,
                # Names only: values may speak of a customer.
                changes={"fields": changed, "metadata": sorted(patch)},
                address=address,
            )
            event_append(conversation_id=row.pk, kind="conversation", row=row)
            if row.closed_at is not None:
                # What was reckoned of it when it closed is not so any more.
                jobs_announce(event=CLOSED, conversation_id=row.pk, because=str(entry.pk))
    if patch.keys() & {consent.CONSENT_KEY, consent.REGION_KEY}:
        # Also where nothing changed: a first try may have been cut off before it came to this.
        consent.consent_from_metadata(conversation_id=row.pk, fields=patch, source="api")
    return row


def _redacted(patch: Mapping[str, Any]) -> dict[str, Any]:
    _check(patch)
    clean: dict[str, Any] = fields.redacted(dict(patch))
    return clean


def _check(values: Mapping[str, Any]) -> None:
    try:
        fields.check(dict(values))
    except ValueError as error:
        raise ValidationError({"metadata": str(error)}) from None


def _disposition(key: str) -> Disposition:
    found = Disposition.objects.filter(key=key).first()
    if found is None:
        raise ValidationError({"disposition": _("There is no such disposition.")})
    return found


def _merged(now: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Merge Patch (RFC 7396): objects are merged, None removes, everything else replaces."""
    result = dict(now) if isinstance(now, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(result.get(name), value)
        else:
            result[name] = value
    return result
