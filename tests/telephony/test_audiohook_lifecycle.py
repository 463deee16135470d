"""What Genesys's notifications say about a call: one call from the menu to a consulted colleague and a conference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.correlation import fields_read
from conversations.phases import LifecycleEvent, Phase, Transfer, may_follow
from integrations.telephony.genesys.lifecycle import CALL_STATES, CallState, translate

CONVERSATION = "5b3ca5ab-f0ff-4d7a-9a7b-6e5d3ab4a5d2"
ANN, BEN = "2c4a3a5e-96f6-4ac5-8b0c-9cf9bd40a1a1", "7f0f2b1e-51b9-4b73-9f4d-3b1cc9a7d2b2"
QUEUE = "c1f1b1a0-1111-4222-8333-944445555666"
T0 = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def leg(purpose: str, state: str, *, since: float | None = None, **more: Any) -> dict[str, Any]:
    """A participant with one call, as `v2.users.{id}.conversations` has them."""
    call: dict[str, Any] = {
        "id": "8a0f3f6c-0000-4000-8000-000000000001",
        "state": state,
        "recording": False,
        "muted": False,
        "confined": more.pop("confined", False),
        "held": more.pop("held", False),
        "direction": more.pop("direction", "inbound"),
        "provider": "Edge",
    }
    if since is not None:
        call["connectedTime"] = at(since)
    if "until" in more:
        call |= {"disconnectedTime": at(more.pop("until")), "disconnectType": more.pop("left_by", "client")}
    if "hold_since" in more:
        call["startHoldTime"] = at(more.pop("hold_since"))
    return {"id": f"p-{purpose}", "purpose": purpose, "calls": [call], **more}


def agent(user: str, state: str, **more: Any) -> dict[str, Any]:
    return leg("agent", state, userId=user, queueId=QUEUE, **more)


def notification(*participants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "topicName": f"v2.users.{ANN}.conversations",
        "version": "2",
        "eventBody": {"id": CONVERSATION.upper(), "participants": list(participants), **more},
        "metadata": {"CorrelationId": "c"},
    }


def said(*participants: dict[str, Any], seconds: float = 0, **more: Any) -> LifecycleEvent:
    events = translate(notification(*participants, **more), received_at=T0 + timedelta(seconds=seconds))
    assert len(events) == 1
    assert events[0].identifiers == {"conversation_id": CONVERSATION}
    # What it says beside the phase is what correlation takes.
    fields_read(events[0].fields)
    return events[0]


CUSTOMER = leg("customer", "connected", since=0, attributes={"tier": "gold"}, externalContactId="contact-7")
IVR_LEFT = leg("ivr", "disconnected", since=0, until=20, left_by="transfer")
ACD_LEFT = leg("acd", "disconnected", since=20, until=40, left_by="transfer")


def test_a_call_with_a_consulted_transfer() -> None:
    before = (CUSTOMER, IVR_LEFT, ACD_LEFT)
    ann = agent(ANN, "connected", since=40)
    held = agent(ANN, "connected", since=40, held=True, hold_since=60)
    customer_waits = leg("customer", "connected", since=0, confined=True)
    story = [
        (said(CUSTOMER, leg("ivr", "connected", since=0), seconds=1), Phase.IVR, "", "", 0),
        (said(CUSTOMER, IVR_LEFT, leg("acd", "connected", since=20), seconds=21), Phase.QUEUE, "", "", 20),
        (said(*before, agent(ANN, "alerting"), seconds=30), Phase.RINGING, "", "", 30),
        (said(*before, ann, seconds=41), Phase.CONNECTED, ANN, "", 40),
        (said(*before, held, seconds=61), Phase.HOLD, ANN, "", 60),
        (said(*before, ann, seconds=75), Phase.CONNECTED, ANN, "", 75),
        (
            said(customer_waits, held, agent(BEN, "dialing", consultParticipantId="p-customer"), seconds=80),
            Phase.CONSULT,
            ANN,
            "",
            80,
        ),
        (
            said(
                customer_waits, held, agent(BEN, "connected", since=85, consultParticipantId="p"), seconds=86
            ),
            Phase.CONSULT,
            ANN,
            "",
            86,
        ),
        (
            said(
                *before,
                agent(ANN, "disconnected", since=40, until=99, left_by="transfer"),
                agent(BEN, "connected", since=85, consultParticipantId="p-customer"),
                seconds=100,
            ),
            Phase.CONNECTED,
            BEN,
            "consult",
            100,
        ),
        (
            said(
                leg("customer", "disconnected", since=0, until=140, left_by="endpoint"),
                agent(BEN, "disconnected", since=85, until=141, left_by="client"),
                seconds=142,
            ),
            Phase.ENDED,
            "",
            "",
            140,
        ),
    ]
    phase: Phase | None = None
    for event, expected, user, transfer, when in story:
        assert (event.phase, event.agent, event.transfer) == (expected, user, transfer)
        assert event.at == T0 + timedelta(seconds=when)
        assert event.phase is not None and may_follow(phase, event.phase)
        phase = event.phase


@pytest.mark.parametrize(
    ("left_by", "recent", "transfer"),
    [
        ("transfer", [], Transfer.BLIND),
        ("transfer", [{"state": "complete", "transferType": "unattended"}], Transfer.BLIND),
        ("transfer", [{"state": "complete", "transferType": "attended"}], Transfer.CONSULT),
        ("transfer", [{"state": "canceled", "transferType": "attended"}], Transfer.BLIND),
        ("transfer.consult", [], Transfer.CONSULT),
        ("client", [], Transfer.NONE),
    ],
)
def test_how_a_call_came_to_its_agent(left_by: str, recent: list[Any], transfer: Transfer) -> None:
    event = said(
        CUSTOMER,
        agent(ANN, "disconnected", since=40, until=60, left_by=left_by),
        agent(BEN, "connected", since=65),
        recentTransfers=recent,
        seconds=66,
    )
    assert (event.phase, event.agent, event.transfer) == (Phase.CONNECTED, BEN, transfer)


def test_a_conference_belongs_to_who_was_there_first() -> None:
    event = said(CUSTOMER, agent(BEN, "connected", since=50), agent(ANN, "connected", since=40), seconds=51)
    assert (event.phase, event.agent) == (Phase.CONFERENCE, ANN)
    # Who only listens, or whispers to the agent, makes no conference.
    watcher = agent(BEN, "connected", since=50, monitoredParticipantId="p-agent")
    coach = agent(BEN, "connected", since=50, coachedParticipantId="p-agent")
    event = said(CUSTOMER, agent(ANN, "connected", since=45), watcher, coach, seconds=51)
    assert (event.phase, event.agent) == (Phase.CONNECTED, ANN)
    second = leg("external", "connected", since=48)
    assert said(CUSTOMER, second, agent(ANN, "connected", since=40), seconds=51).phase is Phase.CONFERENCE


def test_an_outbound_call_rings_and_is_answered() -> None:
    dialled = leg("customer", "dialing", direction="outbound")
    event = said(dialled, agent(ANN, "connected", since=0, direction="outbound"), seconds=0)
    assert event.fields["direction"] == "outbound" and event.fields["queue"] == QUEUE
    assert said(leg("customer", "contacting", direction="outbound"), seconds=1).phase is Phase.RINGING
    said_of = said(CUSTOMER, agent(ANN, "connected", since=0), seconds=1)
    assert said_of.fields["metadata"] == {"attributes": {"tier": "gold"}, "external_contact_id": "contact-7"}


def test_detail_events_by_eventbridge() -> None:
    def detail(kind: str, **more: Any) -> dict[str, Any]:
        return {
            "version": "0",
            "source": "aws.partner/genesys.com/cloud/org/bus",
            "time": at(3),
            "detail": {
                "topicName": f"v2.detail.events.conversation.{CONVERSATION}.{kind}",
                "timestamp": at(2),
                "eventBody": {
                    "eventTime": int((T0 + timedelta(seconds=1)).timestamp() * 1000),
                    "conversationId": CONVERSATION,
                    "sessionId": "s-1",
                    "mediaType": "VOICE",
                    **more,
                },
            },
        }

    body = [
        detail("flow.start"),
        detail("acd.start", queueId=QUEUE, direction="INBOUND"),
        detail("user.start", userId=ANN),
        detail("user.end", userId=ANN),
        detail("acd.start", mediaType="CHAT"),
        detail("customer.end"),
    ]
    events = translate(body, received_at=T0)
    assert [(event.phase, event.agent) for event in events] == [
        (Phase.IVR, ""),
        (Phase.QUEUE, ""),
        (None, ANN),
        (Phase.ENDED, ""),
    ]
    assert events[1].fields == {"queue": QUEUE, "direction": "inbound"}
    assert {event.at for event in events} == {T0 + timedelta(seconds=1)}
    assert len({event.reference for event in events}) == 4
    assert translate(body, received_at=T0) == events


@pytest.mark.parametrize(
    "body",
    [
        None,
        7,
        [],
        {},
        [None, "x"],
        {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}},
        {"eventBody": {"id": CONVERSATION}},
        {"eventBody": {"id": CONVERSATION, "participants": [None, 5, {"purpose": "customer"}]}},
        {
            "eventBody": {
                "id": CONVERSATION,
                "participants": [{"purpose": "agent", "calls": [], "chats": [{}]}],
            }
        },
        {"eventBody": {"id": 5, "participants": [CUSTOMER]}},
        {"topicName": "v2.detail.events.conversation.x.user.start", "eventBody": {"userId": ANN}},
    ],
)
def test_what_says_nothing_of_a_call(body: object) -> None:
    assert translate(body, received_at=T0) == []


def test_odd_values_are_survived() -> None:
    odd = {
        "id": CONVERSATION,
        "participants": [
            {"purpose": "customer", "calls": [{"state": "CONNECTED", "connectedTime": "yesterday"}]},
            {
                "purpose": "agent",
                "userId": 7,
                "queueId": [],
                "calls": [{"state": "connected", "connectedTime": 1e99}],
            },
            {"purpose": "customer", "attributes": {"x": "y" * 20_000}, "calls": [{"state": "connected"}]},
        ],
        "recentTransfers": {"state": "complete"},
    }
    (event,) = translate(odd, received_at=T0)
    assert event.phase is Phase.CONFERENCE and event.agent == "" and event.at == T0
    fields_read(event.fields)


def test_every_state_of_a_call_has_a_meaning() -> None:
    phases = {state: said(CUSTOMER, agent(ANN, state)).phase for state in CALL_STATES}
    for state, phase in phases.items():
        expected = {CallState.WAITS: Phase.RINGING, CallState.TALKS: Phase.CONNECTED}.get(CALL_STATES[state])
        assert phase is expected, state
    assert said(CUSTOMER, agent(ANN, "levitating")).phase is None
    gone = [state for state, meaning in CALL_STATES.items() if meaning is CallState.GONE]
    assert all(said(leg("customer", state)).phase is Phase.ENDED for state in gone) and len(gone) == 3
