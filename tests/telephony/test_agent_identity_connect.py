"""Who the agent of an Amazon Connect call is: from contact events to the person, their pages and the next agent."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.models import Conversation
from tests.telephony import test_connect_hooks
from tests.telephony.identities import Told, handovers, known, now_at, story

A1, A2 = test_connect_hooks.AGENT, "0c0c0c0c-1111-2222-3333-444455556666"
FIRST, SECOND = test_connect_hooks.FIRST, test_connect_hooks.SECOND


@pytest.fixture
def connect(company: Any) -> test_connect_hooks.Hooks:
    known(company, "connect", A1, A2)
    return test_connect_hooks.Hooks(company, instance_arn=test_connect_hooks.INSTANCE)


def moved(kind: str, at: str, **detail: Any) -> dict[str, Any]:
    """What is said of the contact that a transfer makes."""
    detail = {"initiationMethod": "TRANSFER", "previousContactId": FIRST, **detail}
    return test_connect_hooks.contact_said(kind, SECOND, at=at, **detail)


def over(at: str, say: Any = test_connect_hooks.contact_said, reason: str = "AGENT_DISCONNECT") -> Any:
    return say("DISCONNECTED", at=at, disconnectTimestamp=f"2026-11-20T{at}Z", disconnectReason=reason)


def tell(connect: test_connect_hooks.Hooks, *events: dict[str, Any]) -> None:
    answer = connect.events(list(events))
    assert answer.status_code == 202, answer.content


def taken(agent_id: str, at: str, say: Any = test_connect_hooks.contact_said) -> dict[str, Any]:
    return say("CONNECTED_TO_AGENT", at=at, agentInfo=test_connect_hooks.agent_info(agent_id, at))


QUEUED: dict[str, Any] = {"queueInfo": {"queueArn": "q", "enqueueTimestamp": "2026-11-20T10:00:30Z"}}


def test_connect_with_a_consultation(connect: test_connect_hooks.Hooks, told: Told) -> None:
    company, said = connect.company, test_connect_hooks.contact_said
    system = {"connectedToSystemTimestamp": "2026-11-20T10:00:05Z"}
    first = (said("CONNECTED_TO_SYSTEM", at="10:00:05", **system), said("QUEUED", at="10:00:30", **QUEUED))
    tell(connect, *first, *first)  # before its audio, and twice
    call = call_of_flow(connect)
    assert story(company, call) == ["ivr", "queue"]
    tell(connect, taken(A1, "10:01:00"), test_connect_hooks.agent_said("CONNECTED_ONHOLD", "CONNECTED"))
    assert now_at(company, call) == "Agent" and told.of(call, "agent")
    tell(connect, moved("INITIATED", "10:03:00"), taken(A2, "10:03:10", moved))
    assert now_at(company, call) == "Agent", "the next one is only asked"
    # Gone again, and asked a second time would be another contact: here it is this one that stays.
    tell(connect, over("10:04:00"))
    assert now_at(company, call) == "Teammate" and told.of(call, "teammate")
    tell(connect, over("10:04:00"), taken(A2, "10:03:10", moved))
    tell(connect, over("10:09:00", moved))
    assert story(company, call) == ["ivr", "queue", "connected", "hold", "consult", "connected", "ended"]
    assert handovers(company, call) == [("Agent", "Teammate", "consult")]
    with company.scope():
        assert call.kvs_stream.contacts == [FIRST, SECOND] and call.kvs_stream.ended_at is not None
        assert call.identifiers.filter(kind="contact").count() == 2
        assert Conversation.objects.count() == 1
    tell(connect, taken(A1, "10:20:00"))
    with company.scope():
        assert not call.phases.filter(phase="connected", at__minute=20).exists(), "its contact was over"


def call_of_flow(connect: test_connect_hooks.Hooks) -> Conversation:
    ident = connect.flow(test_connect_hooks.flow()).json()["conversation"]
    with connect.company.scope():
        return Conversation.objects.get(pk=ident)


def test_connect_blind_and_by_a_queue(connect: test_connect_hooks.Hooks) -> None:
    """The stream goes on under the next contact's id, also when its flow runs no function of ours."""
    company, call = connect.company, call_of_flow(connect)
    queued = {"queueInfo": {"queueArn": "q", "enqueueTimestamp": "2026-11-20T10:02:00Z"}}
    tell(
        connect, taken(A1, "10:01:00"), moved("INITIATED", "10:02:00"), moved("QUEUED", "10:02:00", **queued)
    )
    assert story(company, call) == ["connected"], "the customer is with the first agent still"
    tell(connect, over("10:02:05"))
    tell(connect, taken(A2, "10:03:00", moved))
    assert now_at(company, call) == "Teammate" and story(company, call) == ["connected", "queue", "connected"]
    tell(connect, over("10:05:00", moved, "CUSTOMER_DISCONNECT"))
    assert story(company, call)[-1] == "ended"
    assert handovers(company, call) == [("Agent", "Teammate", "blind")]


def test_connect_a_consultation_that_leads_nowhere(connect: test_connect_hooks.Hooks) -> None:
    company, call = connect.company, call_of_flow(connect)
    tell(connect, taken(A1, "10:01:00"), taken(A2, "10:02:00", moved), over("10:03:00", moved))
    assert now_at(company, call) == "Agent" and not handovers(company, call)
    assert story(company, call) == ["connected", "consult", "connected"]
    with company.scope():
        assert call.kvs_stream.ended_at is None
    tell(connect, over("10:04:00"))
    assert story(company, call)[-1] == "ended"
