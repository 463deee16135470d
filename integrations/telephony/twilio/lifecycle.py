"""What Twilio's status callbacks say about a call, as our lifecycle events. No I/O.

Three kinds come to one address: of the customer's own call; of a leg that was dialled from it (`ParentCallSid`), by
which an agent is rung; and of a conference, the only place where Twilio knows hold. Twilio does not know agents: who is
rung is said by the address (`?agent=`, `&transfer=blind` or `consult`), or by a participant's label.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from conversations.phases import LifecycleEvent, Phase, Transfer

# Every state of a call, and what it begins if it is the customer's; that it was answered does not say by whom.
STATES: Mapping[str, Phase | None] = {
    "queued": None,
    "initiated": Phase.RINGING,
    "ringing": Phase.RINGING,
    "in-progress": None,
    "completed": Phase.ENDED,
    "busy": Phase.ENDED,
    "failed": Phase.ENDED,
    "no-answer": Phase.ENDED,
    "canceled": Phase.ENDED,
}
# The same of a leg that was dialled from it: where that ends, the customer's call may go on.
LEG_STATES: Mapping[str, Phase | None] = {
    "queued": None,
    "initiated": Phase.RINGING,
    "ringing": Phase.RINGING,
    "in-progress": Phase.CONNECTED,
    "completed": None,
    "busy": None,
    "failed": None,
    "no-answer": None,
    "canceled": None,
}
# Every event of a conference.
CONFERENCE_STATES: Mapping[str, Phase | None] = {
    "conference-start": None,
    "conference-end": None,
    "participant-join": Phase.CONNECTED,
    "participant-leave": None,
    "participant-mute": None,
    "participant-unmute": None,
    "participant-hold": Phase.HOLD,
    "participant-unhold": Phase.CONNECTED,
    "participant-modify": None,
    "participant-speech-start": None,
    "participant-speech-stop": None,
    "announcement-end": None,
    "announcement-fail": None,
}
_ID_CHARACTERS = 120


def translate(
    fields: Mapping[str, str], asked: Mapping[str, str], *, received_at: datetime
) -> list[LifecycleEvent]:
    """Read a callback: `fields` that were posted, `asked` of its address. What is of no use to us gives nothing."""
    if fields.get("StatusCallbackEvent", "").startswith(("conference-", "participant-", "announcement-")):
        return _conference(fields, asked, received_at)
    call, parent, state = (_id(fields.get(name)) for name in ("CallSid", "ParentCallSid", "CallStatus"))
    phase = (LEG_STATES if parent else STATES).get(state)
    if not call or phase is None:
        return []
    return [
        LifecycleEvent(
            {"call_sid": parent, "leg_sid": call} if parent else {"call_sid": call},
            _time(fields, received_at),
            phase=phase,
            agent=_id(asked.get("agent")) if parent and phase is Phase.CONNECTED else "",
            transfer=Transfer.read(asked.get("transfer", ""))
            if parent and phase is Phase.CONNECTED
            else Transfer.NONE,
            reference=f"{call}:{state}",
        )
    ]


def _conference(
    fields: Mapping[str, str], asked: Mapping[str, str], received_at: datetime
) -> list[LifecycleEvent]:
    event, conference = fields["StatusCallbackEvent"], _id(fields.get("ConferenceSid"))
    phase, agent = CONFERENCE_STATES.get(event), _id(fields.get("ParticipantLabel"))
    identifiers = {"leg_sid": _id(fields.get("CallSid")), "conference_sid": conference}
    if phase is None or not all(identifiers.values()):
        return []
    joins = event == "participant-join"
    if joins and not agent:
        phase = None  # the customer waits in the room; which room it is will find the call again
    elif agent and not joins:
        return []  # an agent on hold hears nothing; the customer is held, or not, by an event of their own
    return [
        LifecycleEvent(
            identifiers,
            _time(fields, received_at),
            phase=phase,
            agent=agent if joins else "",
            transfer=Transfer.read(asked.get("transfer", "")) if joins and agent else Transfer.NONE,
            reference=f"{conference}:{event}:{_id(fields.get('SequenceNumber'))}:{identifiers['leg_sid']}",
        )
    ]


def _id(value: str | None) -> str:
    return value if value and len(value) <= _ID_CHARACTERS and value.isprintable() else ""


def _time(fields: Mapping[str, str], received_at: datetime) -> datetime:
    """When it happened, to the second, as Twilio writes it (RFC 2822)."""
    try:
        at = parsedate_to_datetime(fields.get("Timestamp", ""))
    except (ValueError, TypeError):
        return received_at
    return min(at if at.tzinfo else at.replace(tzinfo=UTC), received_at)
