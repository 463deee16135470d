"""What Genesys Cloud's notifications say about a call, as our lifecycle events. No I/O.

Audio does not say who the agent is; notifications do. Two kinds are read, in any of their envelopes:

- conversations, topics `v2.users.{id}.conversations(.calls)`, `v2.routing.queues.{id}.conversations(.calls)` and
  `v2.conversations.{id}`: the whole conversation as it is now, with every participant and the state of their calls.
  The phase is read from it afresh each time, so none that is missed or comes twice does harm.
- detail events, topics `v2.detail.events.conversation.{id}.*` (Amazon EventBridge only): one thing that happened. They
  say less: an agent who starts may still be ringing, and hold is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from conversations.phases import LifecycleEvent, Phase, Transfer
from integrations.mapping import bounded
from integrations.telephony.genesys.attributes import CONVERSATION

DETAIL_EVENTS = "v2.detail.events.conversation."
CUSTOMERS = frozenset({"customer", "external"})
AGENTS = frozenset({"agent", "user"})
QUEUES = frozenset({"acd"})
MENUS = frozenset({"ivr", "botflow", "workflow", "voicemail"})


class CallState(Enum):
    """What one participant's call is about, to us."""

    WAITS = "waits"
    TALKS = "talks"
    GONE = "gone"
    SILENT = "silent"  # nothing that a call on the line goes through


# Every state of a call in Genesys's notifications (ConversationCallEventTopicCallMediaParticipant); others are SILENT.
CALL_STATES: Mapping[str, CallState] = {
    "alerting": CallState.WAITS,
    "dialing": CallState.WAITS,
    "contacting": CallState.WAITS,
    "offering": CallState.WAITS,
    "scheduled": CallState.WAITS,
    "connected": CallState.TALKS,
    "disconnected": CallState.GONE,
    "terminated": CallState.GONE,
    "none": CallState.GONE,
    "converting": CallState.SILENT,
    "uploading": CallState.SILENT,
    "transmitting": CallState.SILENT,
    "unknown": CallState.SILENT,
}
# Detail events to what they begin; None: whoever is named has the call, of the phase it says nothing.
STATES: Mapping[str, Phase | None] = {
    "flow.start": Phase.IVR,
    "acd.start": Phase.QUEUE,
    "user.start": None,
    "customer.end": Phase.ENDED,
}
# Somebody who only listens, or whispers to the agent, holds no call.
_WATCHES = ("monitoredParticipantId", "coachedParticipantId")
# Somebody's pick-up that is older than this is not what a notification is about.
_NEWS = timedelta(seconds=10)
MAX_NOTIFICATIONS = 100


def translate(body: object, *, received_at: datetime) -> list[LifecycleEvent]:
    """Read a notification (or a list of them) as it was posted; what is of no use to us gives nothing.

    `received_at`: when it came, for those that do not say when it was.
    """
    events = []
    for topic, said, at in _notifications(body, received_at):
        if topic.startswith(DETAIL_EVENTS):
            event = _detail(topic, said, at)
        else:
            event = _conversation(said, at)
        if event is not None:
            events.append(event)
    return events


def _notifications(body: object, received_at: datetime) -> Iterator[tuple[str, Mapping[str, Any], datetime]]:
    """Topic, event and time of each notification, out of the envelopes that the ways of delivery put around it."""
    listed = body if isinstance(body, list) else [body]
    for item in listed[:MAX_NOTIFICATIONS]:
        if not isinstance(item, dict):
            continue
        at = _time(item.get("time")) or received_at
        detail = item.get("detail")
        if isinstance(detail, dict):  # Amazon EventBridge
            item, at = detail, _time(detail.get("timestamp")) or at
        said = item.get("eventBody", item)
        if isinstance(said, dict):
            yield _text(item.get("topicName")), said, at


# --- The whole conversation -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leg:
    """One participant with their latest call."""

    participant: Mapping[str, Any]
    call: Mapping[str, Any]

    @property
    def state(self) -> CallState:
        return _state(self.call)

    @property
    def talks(self) -> bool:
        return self.state is CallState.TALKS

    @property
    def waits(self) -> bool:
        return self.state is CallState.WAITS

    @property
    def gone(self) -> bool:
        return self.state is CallState.GONE

    @property
    def user(self) -> str:
        return _text(self.participant.get("userId"))

    @property
    def since(self) -> datetime | None:
        return _time(self.call.get("connectedTime")) or _time(self.participant.get("connectedTime"))

    @property
    def until(self) -> datetime | None:
        return _time(self.call.get("disconnectedTime")) or _time(self.participant.get("endTime"))

    @property
    def left_by(self) -> str:
        return _text(self.call.get("disconnectType")).lower()


def _conversation(said: Mapping[str, Any], at: datetime) -> LifecycleEvent | None:
    ident, participants = _text(said.get("id")), said.get("participants")
    if not ident or not isinstance(participants, list):
        return None
    legs = [leg for item in participants if isinstance(item, dict) and (leg := _leg(item)) is not None]
    customers = [leg for leg in legs if leg.participant.get("purpose") in CUSTOMERS]
    agents = [
        leg
        for leg in legs
        if leg.participant.get("purpose") in AGENTS
        and not any(leg.participant.get(name) for name in _WATCHES)
    ]
    if not customers and not agents:
        return None
    phase, owner, when = _phase(legs, customers, agents, at)
    return LifecycleEvent(
        identifiers={CONVERSATION: ident.lower()},
        at=when,
        phase=phase,
        agent=owner.user if owner else "",
        transfer=_transfer(said, agents, owner) if owner and phase is not Phase.ENDED else Transfer.NONE,
        fields=_fields(customers, agents, legs),
        is_state=True,
    )


def _leg(participant: Mapping[str, Any]) -> Leg | None:
    calls = participant.get("calls")
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if not calls:
        return None  # a chat, a message, a screen: no voice
    alive = [call for call in calls if _state(call) is not CallState.GONE]
    return Leg(participant, (alive or calls)[-1])


def _state(call: Mapping[str, Any]) -> CallState:
    return CALL_STATES.get(_text(call.get("state")).lower(), CallState.SILENT)


def _phase(
    legs: Sequence[Leg], customers: Sequence[Leg], agents: Sequence[Leg], at: datetime
) -> tuple[Phase | None, Leg | None, datetime]:
    """The phase, the agent whose call it is, and since when."""
    if all(leg.gone for leg in customers or agents):
        ended = [leg.until for leg in customers or agents if leg.until]
        return Phase.ENDED, None, max(ended, default=at)
    talking = sorted((leg for leg in agents if leg.talks), key=lambda leg: leg.since or at)
    asked = [leg for leg in agents if leg.waits]
    if not talking:
        if asked:
            return Phase.RINGING, None, at
        for purposes, phase in ((QUEUES, Phase.QUEUE), (MENUS, Phase.IVR)):
            found = [leg for leg in legs if leg.participant.get("purpose") in purposes and not leg.gone]
            if found:
                return phase, None, _news(found[-1].since, at)
        return (Phase.RINGING if any(leg.waits for leg in customers) else None), None, at
    # Who was there first asks the others, until they leave the call to them.
    owner = talking[0]
    consults = any(leg.participant.get("consultParticipantId") for leg in (*talking, *asked))
    held = any(leg.call.get("held") is True for leg in talking) or any(
        leg.call.get("held") is True or leg.call.get("confined") is True for leg in customers if leg.talks
    )
    others = len(talking) + len(asked) > 1
    if (held and others) or (consults and others):
        return Phase.CONSULT, owner, at
    if held:
        began = [_time(leg.call.get("startHoldTime")) for leg in talking]
        return Phase.HOLD, owner, max((time for time in began if time), default=at)
    if len(talking) > 1 or sum(leg.talks for leg in customers) > 1:
        return Phase.CONFERENCE, owner, _news(talking[-1].since, at)
    return Phase.CONNECTED, owner, _news(owner.since, at)


def _news(since: datetime | None, at: datetime) -> datetime:
    """When it began if the notification can be about that, else when it was sent: a hold may have ended just now."""
    return since if since is not None and at - _NEWS <= since <= at else at


def _transfer(said: Mapping[str, Any], agents: Sequence[Leg], owner: Leg) -> Transfer:
    """How the call came to its agent, by how the agent before them left."""
    left = [leg for leg in agents if leg is not owner and leg.gone and leg.until and leg.user != owner.user]
    if not left:
        return Transfer.NONE
    before = max(left, key=lambda leg: leg.until or datetime.min.replace(tzinfo=UTC))
    if "transfer" not in before.left_by:
        return Transfer.NONE
    moved = said.get("recentTransfers")
    kinds = [
        _text(item.get("transferType")).lower()
        for item in (moved if isinstance(moved, list) else [])
        if isinstance(item, dict) and _text(item.get("state")).lower() == "complete"
    ]
    asked_first = (
        "consult" in before.left_by
        or kinds[-1:] == ["attended"]
        or bool(owner.participant.get("consultParticipantId"))
        or bool(before.participant.get("consultParticipantId"))
    )
    return Transfer.CONSULT if asked_first else Transfer.BLIND


def _fields(customers: Sequence[Leg], agents: Sequence[Leg], legs: Sequence[Leg]) -> dict[str, object]:
    fields: dict[str, object] = {}
    queues = [
        queue
        for leg in legs
        if leg.participant.get("purpose") in QUEUES | AGENTS
        and (queue := _text(leg.participant.get("queueId")))
    ]
    if queues:
        fields["queue"] = queues[-1][:60]
    direction = _text((customers or agents)[0].call.get("direction")).lower()
    if direction in ("inbound", "outbound"):
        fields["direction"] = direction
    metadata: dict[str, object] = {}
    for leg in customers[:1]:
        attributes = leg.participant.get("attributes")
        if isinstance(attributes, dict) and attributes:
            metadata["attributes"] = dict(attributes)
        contact = _text(leg.participant.get("externalContactId"))
        if contact:
            metadata["external_contact_id"] = contact
    if metadata:
        fields["metadata"] = bounded(metadata)
    return fields


# --- One thing that happened ----------------------------------------------------------------------------


def _detail(topic: str, said: Mapping[str, Any], at: datetime) -> LifecycleEvent | None:
    ident = _text(said.get("conversationId"))
    kind = ".".join(topic.split(".")[-2:])
    if not ident or _text(said.get("mediaType")).upper() not in ("", "VOICE"):
        return None
    phase = STATES.get(kind)
    agent = _text(said.get("userId")) if kind == "user.start" else ""
    if phase is None and not agent:
        return None
    fields: dict[str, object] = {}
    if _text(said.get("queueId")):
        fields["queue"] = _text(said.get("queueId"))[:60]
    direction = _text(said.get("direction")).lower()
    if direction in ("inbound", "outbound"):
        fields["direction"] = direction
    return LifecycleEvent(
        identifiers={CONVERSATION: ident.lower()},
        at=_time(said.get("eventTime")) or at,
        phase=phase,
        agent=agent,
        fields=fields,
        reference=f"{ident}:{kind}:{_text(said.get('sessionId'))}:{said.get('eventTime', '')}"[:200],
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    """A time as Genesys writes it: ISO 8601, or milliseconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
