"""Contacts of one call: a transfer makes a new one, the conversation stays. Whose the call is follows from all of them.

Connect says of each contact when an agent came and when it ended, not how they belong together. A contact whose agent
comes while the agent of an earlier one is still there is a consultation; when that one leaves, the call is the next
agent's. The call is over when its last contact is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from conversations.phases import LifecycleEvent, Phase, Transfer
from integrations.models import TelephonyConnection
from integrations.telephony.connect.models import KvsStream

# A contact that was transferred more often than this is no contact.
LEGS = 50
# The customer went, not an agent: whoever is left is nobody's next agent.
CUSTOMER_LEFT = "CUSTOMER_DISCONNECT"


def contacts_follow(*, connection: TelephonyConnection, events: list[LifecycleEvent]) -> list[LifecycleEvent]:
    """Note what happened to contacts, and say what it means for their calls. Of contacts without audio: as said."""
    return [meant for event in events for meant in _followed(connection, event)]


def _followed(connection: TelephonyConnection, event: LifecycleEvent) -> list[LifecycleEvent]:
    contact = event.identifiers.get("contact", "")
    with transaction.atomic():
        stream = (
            KvsStream.objects.select_for_update()
            .filter(connection=connection, contacts__overlap=list(event.identifiers.values()))
            .order_by("-pk")
            .first()
        )
        if stream is None:
            return [event]
        if contact not in stream.contacts:
            if len(stream.contacts) >= LEGS:
                return []
            # The sound of a contact that was passed on goes on in the stream under the next one's id.
            stream.contacts = [*stream.contacts, contact]
        said = stream.talks.setdefault(contact, {})
        if "ended" in said:
            meant = [event] if event.phase is Phase.ENDED and stream.ended_at is not None else []
        elif event.phase is Phase.ENDED:
            meant = _ended(stream, contact, event)
        else:
            meant = [_going_on(stream, contact, event)]
        stream.save(update_fields=["contacts", "talks", "ended_at", "updated_at"])
    return meant


def _going_on(stream: KvsStream, contact: str, event: LifecycleEvent) -> LifecycleEvent:
    """What a contact that is not over says of the call."""
    owner, said = _owner(stream), stream.talks[contact]
    if event.phase is not None:
        said["phase"] = event.phase.value
    comes = event.phase is Phase.CONNECTED and bool(event.agent)
    if comes and "agent" not in said:
        said |= {"agent": event.agent, "at": event.at.isoformat()}
    if owner and owner != contact:
        # The customer is with another agent, who asks this one, or waits for a queue to bring one.
        return replace(event, phase=Phase.CONSULT if comes else None, agent="", transfer=Transfer.NONE)
    if comes and contact != stream.contacts[0]:
        return replace(event, transfer=Transfer.BLIND if event.transfer is Transfer.NONE else event.transfer)
    return event


def _ended(stream: KvsStream, contact: str, event: LifecycleEvent) -> list[LifecycleEvent]:
    """A contact is over: the call is, too, or it is the next one's."""
    was_owner, said = _owner(stream) == contact, stream.talks[contact]
    said["ended"] = event.at.isoformat()
    left = [each for each in stream.contacts if "ended" not in _said(stream, each)]
    # Where no agent is known to be left, the last contact's end is the call's, whatever was not said of earlier ones.
    if not left or (contact == stream.contacts[-1] and not _owner(stream)):
        stream.ended_at = stream.ended_at or event.at
        return [event]
    if not was_owner:
        # Who was asked has gone again; the customer's agent goes on.
        return [_next(event, Phase.CONNECTED)] if "agent" in said and _owner(stream) else []
    metadata: Any = event.fields.get("metadata", {})
    if metadata.get("disconnectReason") == CUSTOMER_LEFT:
        return []
    heir = _owner(stream)
    if heir:
        came = datetime.fromisoformat(_said(stream, heir)["at"])
        kind = Transfer.CONSULT if came < event.at else Transfer.BLIND
        agent = _said(stream, heir)["agent"]
        return [_next(event, Phase.CONNECTED, at=max(came, event.at), agent=agent, transfer=kind)]
    waits = _said(stream, left[-1]).get("phase", "")
    return [_next(event, Phase(waits))] if waits in (Phase.QUEUE, Phase.IVR, Phase.RINGING) else []


def _next(event: LifecycleEvent, phase: Phase, **changes: Any) -> LifecycleEvent:
    """What follows from the end of a contact: it has a reference of its own, and none of the contact's fields."""
    reference = f"{event.reference}:next" if event.reference else ""
    return replace(event, phase=phase, fields={}, reference=reference, **changes)


def _owner(stream: KvsStream) -> str:
    """The contact whose agent has the customer: the earliest that has one and is not over. "" where none has."""
    for contact in stream.contacts:
        said = _said(stream, contact)
        if "agent" in said and "ended" not in said:
            return str(contact)
    return ""


def _said(stream: KvsStream, contact: str) -> dict[str, Any]:
    return dict(stream.talks.get(contact, {}))
