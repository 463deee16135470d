"""What Amazon Connect says of its contacts, in our words: contact events and agent events to lifecycle events. Pure.

Contact events come by EventBridge ("Amazon Connect Contact Event"); they say through which phases a contact goes and
which agent took it. Agent events come by a Kinesis data stream; of them only hold is news, and an agent who talks.
A transfer makes a contact of its own that names the one before. Whether the agents spoke first Connect does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from conversations.phases import LifecycleEvent, Phase, Transfer
from integrations.telephony.connect.contact import BadEvent

CONTACT_EVENT = "Amazon Connect Contact Event"
_OUTBOUND = {"OUTBOUND", "CALLBACK", "API", "AGENT_REPLY"}
_TRANSFERS = {"TRANSFER", "QUEUE_TRANSFER"}
# Every event type of a contact and every state of a contact in an agent's snapshot, and what each begins; None: nothing
# that a call goes through. The same word may mean another thing of a transfer or an outbound call (`_phase`).
STATES: Mapping[str, Phase | None] = {
    "INITIATED": Phase.RINGING,
    "CONNECTED_TO_SYSTEM": Phase.IVR,
    "QUEUED": Phase.QUEUE,
    "CONNECTED_TO_AGENT": Phase.CONNECTED,
    "DISCONNECTED": Phase.ENDED,
    "COMPLETED": None,
    "CONTACT_DATA_UPDATED": None,
    "AMD_DISABLED": None,
    "AMD_ERROR": None,
}
AGENT_STATES: Mapping[str, Phase | None] = {
    "INCOMING": Phase.RINGING,
    "CONNECTING": Phase.RINGING,
    "CONNECTED": Phase.CONNECTED,
    "CONNECTED_ONHOLD": Phase.HOLD,
    "PENDING": None,
    "MISSED": None,
    "PAUSED": None,
    "REJECTED": None,
    "ERROR": None,
    "ENDED": None,
}
_TIMES = {
    "INITIATED": "initiationTimestamp",
    "CONNECTED_TO_SYSTEM": "connectedToSystemTimestamp",
    "DISCONNECTED": "disconnectTimestamp",
}


def agent_id(arn: str) -> str:
    """The id at the end of an agent's ARN: what an agent's telephony identity holds. "" where there is none."""
    _head, agent, ident = arn.rpartition("/agent/")
    return ident if agent and ident.isascii() and "/" not in ident else ""


def translate(event: Any) -> list[LifecycleEvent]:
    """Translate one event of either kind; other events, and other channels than voice, say nothing.

    Raises `BadEvent` for what is neither.
    """
    said = _mapping(event)
    if "CurrentAgentSnapshot" in said or "AgentARN" in said:
        return _agent_event(said)
    if "detail-type" in said:
        return _contact_event(said) if said["detail-type"] == CONTACT_EVENT else []
    raise BadEvent("neither a contact event nor an agent event")


def instance_of(event: Any) -> str:
    """The ARN of the Connect instance that an event is from; "" where it does not say."""
    said = _mapping(event)
    return _text(_mapping(said.get("detail")).get("instanceArn")) or _text(said.get("InstanceARN"))


def _contact_event(said: Mapping[str, Any]) -> list[LifecycleEvent]:
    detail = _mapping(said.get("detail"))
    contact = _text(detail.get("contactId"))
    kind = _text(detail.get("eventType"))
    if not contact or not kind:
        raise BadEvent("no contact")
    if _text(detail.get("channel")) not in ("", "VOICE"):
        return []
    initiation = _text(detail.get("initiationMethod"))
    agent = _mapping(detail.get("agentInfo"))
    moved = initiation in _TRANSFERS
    phase, at = _phase(kind, initiation, detail)
    named = agent_id(_text(agent.get("agentArn"))) if kind == "CONNECTED_TO_AGENT" else ""
    transfer = Transfer.BLIND if named and moved else Transfer.NONE
    metadata = {
        "queueArn": _text(_mapping(detail.get("queueInfo")).get("queueArn")),
        "disconnectReason": _text(detail.get("disconnectReason")),
    }
    fields: dict[str, object] = {"metadata": kept} if (kept := _known(metadata)) else {}
    if initiation and not moved:
        fields["direction"] = "outbound" if initiation in _OUTBOUND else "inbound"
    return [
        LifecycleEvent(
            identifiers=_known(
                {
                    "contact": contact,
                    "initial_contact": _text(detail.get("initialContactId")),
                    "previous_contact": _text(detail.get("previousContactId")),
                }
            ),
            at=_moment(at) or _moment(said.get("time")) or _never(),
            phase=phase,
            agent=named,
            transfer=transfer,
            fields=fields,
            reference=_text(said.get("id")),
        )
    ]


def _phase(kind: str, initiation: str, detail: Mapping[str, Any]) -> tuple[Phase | None, Any]:
    """The phase that an event begins, and its time where the event has one for it."""
    phase = STATES.get(kind)
    # A transfer that begins: the customer is still where they were. Outbound, the system says that somebody answered,
    # whom the agent talks to next.
    quiet = {"INITIATED": _TRANSFERS, "CONNECTED_TO_SYSTEM": _TRANSFERS | _OUTBOUND}
    if initiation in quiet.get(kind, ()):
        phase = None
    if kind == "QUEUED":
        return phase, _mapping(detail.get("queueInfo")).get("enqueueTimestamp")
    if kind == "CONNECTED_TO_AGENT":
        return phase, _mapping(detail.get("agentInfo")).get("connectedToAgentTimestamp")
    return phase, detail.get(_TIMES.get(kind, ""))


def _agent_event(said: Mapping[str, Any]) -> list[LifecycleEvent]:
    if _text(said.get("EventType")) != "STATE_CHANGE":
        return []
    agent = agent_id(_text(said.get("AgentARN")))
    before = {
        _text(each.get("ContactId")): _text(each.get("State"))
        for each in _contacts(said.get("PreviousAgentSnapshot"))
    }
    events = []
    for contact in _contacts(said.get("CurrentAgentSnapshot")):
        ident, state = _text(contact.get("ContactId")), _text(contact.get("State"))
        phase = AGENT_STATES.get(state)
        if not ident or phase is None or before.get(ident) == state or contact.get("Channel") != "VOICE":
            continue
        if phase is Phase.RINGING and _text(contact.get("InitiationMethod")) in _OUTBOUND | _TRANSFERS:
            continue  # it rings at the agent, or at whom they call, while somebody talks to the customer
        initial = _text(contact.get("InitialContactId"))
        events.append(
            LifecycleEvent(
                identifiers=_known({"contact": ident, "initial_contact": initial}),
                at=_moment(contact.get("StateStartTimestamp"))
                or _moment(said.get("EventTimestamp"))
                or _never(),
                phase=phase,
                # Who it rings at has not got it yet.
                agent="" if phase is Phase.RINGING else agent,
                reference=f"{event_id}:{ident}" if (event_id := _text(said.get("EventId"))) else "",
            )
        )
    return events


def _contacts(snapshot: Any) -> list[Mapping[str, Any]]:
    contacts = _mapping(snapshot).get("Contacts") or []
    if not isinstance(contacts, list):
        raise BadEvent("not an agent event")
    return [_mapping(each) for each in contacts]


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEvent("not an event")
    return value


def _known(pairs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in pairs.items() if value}


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return text if len(text) <= 400 and text.isprintable() else ""


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _never() -> datetime:
    raise BadEvent("no time")
