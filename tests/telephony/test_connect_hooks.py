"""Amazon Connect's hooks: who may, what a contact flow is told, and what contact and agent events do to a call."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from accounts.models import TelephonyIdentity
from conversations.models import CallPhase, Conversation, ConversationIdentifier, WaitingMetadata
from conversations.phases import Phase, Transfer
from integrations.hooks import WINDOW_SECONDS, HookRefused, hook_key_verify, hook_sign, hook_verify
from integrations.models import AttributeMapping
from integrations.services import connection_create, connection_secret_set
from integrations.telephony.connect.account import access_of, secret_read
from integrations.telephony.connect.contact import BadEvent, contact_event
from integrations.telephony.connect.lifecycle import AGENT_STATES, STATES, agent_id, translate
from integrations.telephony.connect.models import KvsStream
from tests.peers.kvs import ARN

SECRET = "a secret for hooks only"
FIRST, SECOND = "5ca32fbd-8f92-46af-92a5-6b0f970f0efe", "d2e8b6c4-0c4f-4d3f-9c3a-6d5b7e0a1f22"
INSTANCE = "arn:aws:connect:us-east-1:111122223333:instance/aaaa1111-bb22-cc33-dd44-eeeeee555555"
AGENT = "9b2d1c3e-4444-5555-6666-777788889999"


def flow(contact: str = FIRST, **data: Any) -> dict[str, Any]:
    """What a contact flow gives its Lambda function."""
    return {
        "Name": "ContactFlowEvent",
        "Details": {
            "ContactData": {
                "Attributes": {"tier": "gold", "caseNumber": "CS-1182", "language": "es-US"},
                "Channel": "VOICE",
                "ContactId": contact,
                "CustomerEndpoint": {"Address": "+15135550142", "Type": "TELEPHONE_NUMBER"},
                "CustomerId": None,
                "Description": None,
                "InitialContactId": FIRST,
                "InitiationMethod": "INBOUND",
                "InstanceARN": INSTANCE,
                "MediaStreams": {
                    "Customer": {
                        "Audio": {
                            "StartFragmentNumber": "91343852333181432392682062622220590765191907586",
                            "StartTimestamp": "1565781909613",
                            "StreamARN": ARN,
                        }
                    }
                },
                "Name": None,
                "PreviousContactId": "",
                "Queue": {"ARN": f"{INSTANCE}/queue/1", "Name": "billing"},
                "References": {},
                "SystemEndpoint": {"Address": "+18005550100", "Type": "TELEPHONE_NUMBER"},
                **data,
            },
            "Parameters": {"step": "greeting"},
        },
    }


def contact_said(kind: str, contact: str = FIRST, *, at: str = "10:00:00", **detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"{kind}-{contact[:4]}-{at}",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "111122223333",
        "time": f"2026-11-20T{at}Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "contactId": contact,
            "initialContactId": FIRST,
            "channel": "VOICE",
            "instanceArn": INSTANCE,
            "initiationMethod": "INBOUND",
            "eventType": kind,
            **detail,
        },
    }


def agent_info(agent: str = AGENT, at: str = "10:01:00") -> dict[str, Any]:
    return {
        "agentArn": f"{INSTANCE}/agent/{agent}",
        "connectedToAgentTimestamp": f"2026-11-20T{at}.000Z",
        "hierarchyGroups": {},
    }


def agent_said(
    state: str, before: str | None, *, at: str = "10:02:00", kind: str = "STATE_CHANGE"
) -> dict[str, Any]:
    def snapshot(name: str | None) -> dict[str, Any] | None:
        if name is None:
            return None
        return {
            "AgentStatus": {"Name": "Available", "StartTimestamp": "2026-11-20T09:00:00.000Z"},
            "Configuration": {"Username": "jdoe", "FirstName": "J", "LastName": "Doe"},
            "Contacts": [
                {
                    "ContactId": FIRST,
                    "InitialContactId": None,
                    "Channel": "VOICE",
                    "InitiationMethod": "INBOUND",
                    "State": name,
                    "StateStartTimestamp": f"2026-11-20T{at}.000Z",
                }
            ],
        }

    return {
        "AgentARN": f"{INSTANCE}/agent/{AGENT}",
        "AWSAccountId": "111122223333",
        "CurrentAgentSnapshot": snapshot(state),
        "EventId": f"agent-{at}",
        "EventTimestamp": f"2026-11-20T{at}.100Z",
        "EventType": kind,
        "InstanceARN": INSTANCE,
        "PreviousAgentSnapshot": snapshot(before),
        "Version": "2017-10-01",
    }


def signed(
    client: Any, path: str, body: Any, *, secret: str = SECRET, at: int | None = None, **headers: str
) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = at if at is not None else int(time.time())
    return client.post(
        path,
        raw,
        content_type="application/json",
        headers={
            "X-Hook-Timestamp": str(stamp),
            "X-Hook-Signature": hook_sign(secret, stamp, raw),
            **headers,
        },
    )


class Hooks:
    def __init__(self, company: Any, **settings: Any) -> None:
        self.company = company
        self.client = company.client()
        with company.scope():
            self.connection, _ = connection_create(
                provider="connect", name="Connect", secret=SECRET, settings=settings
            )
        self.base = f"/hooks/connect/{self.connection.pk}"

    def flow(self, body: Any, **more: Any) -> Any:
        return signed(self.client, f"{self.base}/lambda/", body, **more)

    def events(self, body: Any, **more: Any) -> Any:
        return signed(self.client, f"{self.base}/events/", body, **more)


@pytest.fixture
def connect(world: Any) -> Hooks:
    return Hooks(world.northwind, instance_arn=INSTANCE)


def test_a_contact_flow_announces_its_call(connect: Hooks) -> None:
    answer = connect.flow(flow())
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "announced" and all(isinstance(value, str) for value in told.values())
    with connect.company.scope():
        call = Conversation.objects.get(pk=told["conversation"])
        assert (call.provider, call.provider_call_id) == ("connect", FIRST)
        assert (call.direction, call.language) == ("inbound", "es-US")
        assert call.queue == connect.company.queue
        assert call.metadata["attributes"] == {"caseNumber": "CS-1182", "tier": "gold"}
        assert call.metadata["parameters"] == {"step": "greeting"}
        assert call.customer is not None and "5135550142" not in call.customer.reference
        assert list(call.participants.order_by("channel_index").values_list("role", flat=True)) == [
            "customer",
            "agent",
        ]
        stream = KvsStream.objects.get(conversation=call)
        assert stream.contacts == [FIRST] and stream.legs[0]["stream_arn"] == ARN
        assert stream.legs[0]["started_ms"] == 1565781909613
        kinds = set(ConversationIdentifier.objects.filter(conversation=call).values_list("kind", "value"))
        assert {("contact", FIRST), ("initial_contact", FIRST), ("call", FIRST)} <= kinds
    again = connect.flow(flow()).json()
    assert again == {"status": "known", "conversation": told["conversation"]}


def test_attributes_go_where_the_company_wants_them(connect: Hooks) -> None:
    many = {f"attribute{n}": "x" * 400 for n in range(60)} | {"zz_tier": "platinum"}
    with connect.company.scope():
        AttributeMapping.objects.create(
            provider="connect", source="attributes.zz_tier", target="customer.segment"
        )
    told = connect.flow(flow(Attributes=many)).json()
    with connect.company.scope():
        call = Conversation.objects.get(pk=told["conversation"])
        assert call.customer is not None and call.customer.segment == "platinum"
        assert 0 < len(call.metadata["attributes"]) < 60


def test_a_transferred_contact_stays_in_its_conversation(connect: Hooks) -> None:
    told = connect.flow(flow()).json()
    moved = flow(SECOND, InitiationMethod="TRANSFER", PreviousContactId=FIRST)
    assert connect.flow(moved).json() == {"status": "known", "conversation": told["conversation"]}
    with connect.company.scope():
        stream = KvsStream.objects.get()
        assert stream.contacts == [FIRST, SECOND] and len(stream.legs) == 2
    # The first contact ends with its first agent; the call does not.
    ended = contact_said("DISCONNECTED", at="10:05:00", disconnectTimestamp="2026-11-20T10:05:00Z")
    assert connect.events(ended).json() == {"events": 1, "joined": 0}
    with connect.company.scope():
        assert KvsStream.objects.get().ended_at is None
        assert not CallPhase.objects.filter(phase="ended").exists()
    ended = contact_said("DISCONNECTED", SECOND, at="10:09:00", disconnectTimestamp="2026-11-20T10:09:00Z")
    assert connect.events(ended).json() == {"events": 1, "joined": 1}
    with connect.company.scope():
        assert KvsStream.objects.get().ended_at is not None
        assert CallPhase.objects.filter(phase="ended").count() == 1


def test_media_streaming_that_stops_is_noted(connect: Hooks) -> None:
    connect.flow(flow())
    body = flow()
    body["Details"]["ContactData"]["MediaStreams"]["Customer"]["Audio"]["StopFragmentNumber"] = (
        "913438523331814999"
    )
    assert connect.flow(body).json()["status"] == "known"
    with connect.company.scope():
        stream = KvsStream.objects.get()
        assert stream.stop_fragment == "913438523331814999" and stream.ended_at is not None


def test_what_brings_no_audio_waits_or_is_left_alone(connect: Hooks) -> None:
    nothing = {"Customer": {"Audio": None}}
    assert connect.flow(flow(MediaStreams=nothing)).json() == {"status": "no_media", "conversation": ""}
    assert connect.flow(flow(Channel="CHAT")).json()["status"] == "not_voice"
    with connect.company.scope():
        assert not Conversation.objects.exists() and WaitingMetadata.objects.count() == 1
    told = connect.flow(flow(Attributes={})).json()
    with connect.company.scope():
        assert WaitingMetadata.objects.get().conversation_id == Conversation.objects.get().pk
        assert str(Conversation.objects.get().pk) == told["conversation"]


def test_an_agent_is_found_by_contact_events(connect: Hooks) -> None:
    company = connect.company
    with company.scope():
        TelephonyIdentity.objects.create(user=company.people["agent"], provider="connect", agent_id=AGENT)
    before = contact_said("QUEUED", queueInfo={"queueArn": "q", "enqueueTimestamp": "2026-11-20T10:00:30Z"})
    assert connect.events(before).json() == {"events": 1, "joined": 0}, "it comes before its call"
    told = connect.flow(flow()).json()
    answer = connect.events(
        [
            contact_said("CONNECTED_TO_AGENT", at="10:01:00", agentInfo=agent_info()),
            agent_said("CONNECTED_ONHOLD", "CONNECTED"),
        ]
    )
    assert (answer.status_code, answer.json()) == (202, {"events": 2, "joined": 2})
    with company.scope():
        call = Conversation.objects.get(pk=told["conversation"])
        assert call.agent == company.people["agent"] and call.provider_agent_id == AGENT
        phases = CallPhase.objects.filter(conversation=call).order_by("at").values_list("phase", flat=True)
        assert list(phases) == ["queue", "connected", "hold"]
    connect.events(contact_said("CONNECTED_TO_AGENT", at="10:01:00", agentInfo=agent_info()))
    with company.scope():
        assert CallPhase.objects.count() == 3, "the same event twice counts once"


def test_an_event_bus_may_come_with_a_fixed_key(connect: Hooks) -> None:
    path = f"{connect.base}/events/"
    body = json.dumps(contact_said("INITIATED")).encode()

    def post(key: str, to: str = path) -> int:
        headers = {"X-Api-Key": key}
        return connect.client.post(to, body, content_type="application/json", headers=headers).status_code

    assert post(SECRET) == 202
    assert post("another") == 401
    assert post(SECRET, f"{connect.base}/lambda/") == 401, "a contact flow's function signs"


def test_strangers_are_refused_and_change_nothing(connect: Hooks) -> None:
    now = int(time.time())
    assert connect.flow(flow(), secret="another").status_code == 401
    assert connect.flow(flow(), at=now - WINDOW_SECONDS - 5).status_code == 401
    assert connect.flow(flow(), at=now + WINDOW_SECONDS + 5).status_code == 401
    raw = json.dumps(flow()).encode()
    stolen = {"X-Hook-Timestamp": str(now), "X-Hook-Signature": hook_sign(SECRET, now, b"{}")}
    path = f"{connect.base}/lambda/"
    assert connect.client.post(path, raw, content_type="application/json", headers=stolen).status_code == 401
    assert connect.client.post(path, raw, content_type="application/json").status_code == 401
    assert signed(connect.client, "/hooks/connect/nowhere/lambda/", flow()).status_code == 404
    elsewhere = flow(InstanceARN=INSTANCE.replace("aaaa", "bbbb"))
    assert connect.flow(elsewhere).status_code == 403
    with connect.company.scope():
        assert not Conversation.objects.exists()


def test_another_companys_host_knows_no_such_connection(connect: Hooks, world: Any) -> None:
    assert signed(world.acme.client(), f"{connect.base}/lambda/", flow()).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[]", 400),
        (b'{"Details": {"ContactData": {}}}', 400),
        (b'{"Details": {"ContactData": {"ContactId": "a b"}}}', 400),
        (b'{"Details": "nothing"}', 400),
        (b'{"Details": {"ContactData": {"ContactId": "c", "MediaStreams": {"Customer": 7}}}}', 400),
        (b"x" * 300_000, 413),
    ],
)
def test_what_is_no_contact_is_refused(connect: Hooks, body: bytes, status: int) -> None:
    assert connect.flow(body).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"7", 400),
        (b'{"detail-type": "Amazon Connect Contact Event", "detail": {}}', 400),
        (
            b'{"detail-type": "Amazon Connect Contact Event", "detail": {"contactId": "c", "eventType": "QUEUED"}}',
            400,
        ),
        (b'{"AgentARN": "a", "EventType": "STATE_CHANGE", "CurrentAgentSnapshot": {"Contacts": 4}}', 400),
        (b'{"something": "else"}', 400),
        (b'{"detail-type": "Scheduled Event"}', 202),
        (b"[" + b",".join([b"{}"] * 101) + b"]", 413),
    ],
)
def test_what_is_no_event_is_refused(connect: Hooks, body: bytes, status: int) -> None:
    assert connect.events(body).status_code == status


def test_a_call_that_is_over_does_not_begin_again(connect: Hooks) -> None:
    told = connect.flow(flow()).json()
    with connect.company.scope():
        Conversation.objects.filter(pk=told["conversation"]).update(state="completed")
        KvsStream.objects.update(state="done")
    assert connect.flow(flow()).status_code == 409


def test_two_secrets_are_good_while_one_is_being_changed(connect: Hooks) -> None:
    with connect.company.scope():
        connection_secret_set(
            connection=connect.connection,
            secret=json.dumps({"hook": "the next", "access_key_id": "AK", "secret_access_key": "SK"}),
        )
        access = access_of(connect.connection)
    assert (access.access_key_id, access.secret_access_key) == ("AK", "SK") and "SK" not in repr(access)
    assert connect.flow(flow(), secret="the next").status_code == 200
    assert connect.flow(flow(), secret=SECRET).status_code == 200
    assert secret_read("[1]").hook == "[1]" and secret_read('{"hook": "h"}').access_key_id == ""


# --- Pure ---------------------------------------------------------------------------------------------------


def test_contact_events_in_our_words() -> None:
    def one(kind: str, **detail: Any) -> Any:
        [event] = translate(contact_said(kind, **detail))
        return event

    assert one("INITIATED").phase is Phase.RINGING
    assert one("CONNECTED_TO_SYSTEM").phase is Phase.IVR
    assert one("CONNECTED_TO_SYSTEM", initiationMethod="OUTBOUND").phase is None
    assert one("INITIATED", initiationMethod="OUTBOUND").fields["direction"] == "outbound"
    queued = one("QUEUED", queueInfo={"queueArn": "q", "enqueueTimestamp": "2026-11-20T10:00:30.000Z"})
    assert (
        queued.phase is Phase.QUEUE
        and queued.at.second == 30
        and queued.fields["metadata"] == {"queueArn": "q"}
    )
    taken = one("CONNECTED_TO_AGENT", agentInfo=agent_info())
    assert (taken.phase, taken.agent, taken.transfer) == (Phase.CONNECTED, AGENT, Transfer.NONE)
    moved = one("INITIATED", contact=SECOND, initiationMethod="TRANSFER", previousContactId=FIRST)
    assert moved.phase is None
    assert moved.identifiers == {"contact": SECOND, "initial_contact": FIRST, "previous_contact": FIRST}
    other = one("CONNECTED_TO_AGENT", contact=SECOND, initiationMethod="TRANSFER", agentInfo=agent_info("b"))
    assert (other.agent, other.transfer) == ("b", Transfer.BLIND)
    ended = one(
        "DISCONNECTED", disconnectTimestamp="2026-11-20T10:07:01Z", disconnectReason="CUSTOMER_DISCONNECT"
    )
    assert (ended.phase, ended.at.minute) == (Phase.ENDED, 7)
    assert one("CONTACT_DATA_UPDATED").phase is None
    assert translate(contact_said("INITIATED", channel="CHAT")) == []


def test_agent_events_in_our_words() -> None:
    [held] = translate(agent_said("CONNECTED_ONHOLD", "CONNECTED"))
    assert (held.phase, held.agent, held.identifiers) == (Phase.HOLD, AGENT, {"contact": FIRST})
    [back] = translate(agent_said("CONNECTED", "CONNECTED_ONHOLD"))
    assert back.phase is Phase.CONNECTED
    [ringing] = translate(agent_said("CONNECTING", None))
    assert (ringing.phase, ringing.agent) == (Phase.RINGING, "")
    assert translate(agent_said("CONNECTED", "CONNECTED")) == []
    assert translate(agent_said("ENDED", "CONNECTED")) == []
    assert translate(agent_said("CONNECTED", None, kind="HEART_BEAT")) == []
    assert agent_id("arn:aws:connect:eu:1:instance/i") == "" and agent_id("") == ""


def test_every_state_has_a_meaning_and_others_have_none() -> None:
    for kind, phase in STATES.items():
        [event] = translate(contact_said(kind))
        assert event.phase is phase, kind
    assert translate(contact_said("TELEPORTED"))[0].phase is None
    for state, phase in AGENT_STATES.items():
        found = translate(agent_said(state, "BEFORE"))
        assert [event.phase for event in found] == ([phase] if phase else []), state
    assert translate(agent_said("TELEPORTED", "CONNECTED")) == []


def test_a_flow_event_that_says_little() -> None:
    event = contact_event(
        {"Details": {"ContactData": {"ContactId": "c", "Queue": None, "CustomerEndpoint": None}}}
    )
    start = event.call_start(language="de")
    assert (start.id, start.language, start.customer, start.queue) == ("c", "de", None, "")
    odd = contact_event(
        {
            "Details": {
                "ContactData": {
                    "ContactId": "c",
                    "LanguageCode": "klingon!",
                    "Queue": {"Name": "a\x00b" * 90},
                }
            }
        }
    )
    start = odd.call_start()
    assert start.language == "en" and start.metadata["language"] == "klingon!" and len(start.queue) == 60
    with pytest.raises(BadEvent):
        contact_event(None)


def test_signatures() -> None:
    body = b'{"a": 1}'
    good = hook_sign("s", 1000, body)
    hook_verify(["other", "s"], timestamp="1000", signature=f"v1={'0' * 64} {good}", body=body, now=1299)
    for change in (
        {"timestamp": "1001"},
        {"timestamp": "x"},
        {"timestamp": ""},
        {"body": b"{}"},
        {"signature": ""},
        {"signature": good.upper()},
        {"now": 1301.0},
    ):
        with pytest.raises(HookRefused):
            hook_verify(
                ["s"], **{"timestamp": "1000", "signature": good, "body": body, "now": 1000.0, **change}
            )
    with pytest.raises(HookRefused):
        hook_verify([""], timestamp="1000", signature=hook_sign("", 1000, body), body=body, now=1000)
    with pytest.raises(HookRefused):
        hook_key_verify([""], "")
    with pytest.raises(HookRefused):
        hook_key_verify(["s"], "schlüssel")
