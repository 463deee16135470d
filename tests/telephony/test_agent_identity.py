"""Who the agent is, vendor by vendor: from what the vendor says to the person, their pages and the next agent."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings

from accounts.imports import people_import
from conversations.live.calls import call_announce
from conversations.live.wire import LineRequest, LineVendor, Start
from conversations.models import Conversation, WaitingMetadata
from conversations.publish import agent_group, channel_of
from integrations.services import connection_create
from integrations.telephony.five9.lifecycle import STATES as FIVE9_STATES
from integrations.telephony.five9.lifecycle import phase_of, wire
from integrations.telephony.genesys.vendor import GenesysVendor
from integrations.telephony.jambonz import lifecycle as jambonz_lifecycle
from integrations.telephony.jambonz.vendor import JambonzVendor
from integrations.telephony.native.codec import PATH
from integrations.telephony.native.vendor import NativeVendor
from integrations.telephony.twilio import lifecycle as twilio_lifecycle
from integrations.telephony.twilio.signature import sign
from integrations.telephony.twilio.vendor import TwilioVendor
from integrations.uploads import services
from integrations.uploads.intake import GivenFile, agent_find
from integrations.uploads.sealing import details_of
from tests.ingest_lines import ingest_key, server_running, start_message
from tests.sound_files import sound_file
from tests.telephony import test_audiohook, test_audiohook_lifecycle, test_connect_hooks
from tests.telephony import test_five9 as five9
from tests.telephony import test_ingest_vendors as lines
from tests.telephony.test_audiohook_lifecycle import ACD_LEFT, ANN, BEN, CUSTOMER, agent, leg, notification


@pytest.fixture
def company(committed: Any) -> Iterator[Any]:
    yield committed.northwind


def known(company: Any, provider: str, first: str, second: str) -> None:
    """Enter both agents' ids at the vendor as an admin does, by a CSV file."""
    rows = f"email,provider,agent_id\nagent@northwind.test,{provider},{first}\n"
    rows += f"teammate@northwind.test,{provider},{second}\n"
    with company.scope():
        assert not people_import(text=rows, actor=company.people["admin"]).errors


class Told:
    """What the pages of both agents are told."""

    def __init__(self, company: Any) -> None:
        self._client = redis.Redis.from_url(settings.REDIS_LAYER_URL)
        self._heard = self._client.pubsub(ignore_subscribe_messages=True)
        self._who = {
            channel_of(agent_group(company.schema, company.people[name].pk)).encode(): name
            for name in ("agent", "teammate")
        }
        self._heard.subscribe(*self._who)
        self.news: list[str] = []

    def of(self, call: Conversation, name: str) -> bool:
        """Whether this person's pages were told of the call."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            while message := self._heard.get_message(timeout=0.05):
                if str(call.pk).encode() in message["data"]:
                    self.news.append(self._who[message["channel"]])
            if name in self.news:
                return True
        return False

    def close(self) -> None:
        self._heard.close()
        self._client.close()


@pytest.fixture
def told(company: Any) -> Iterator[Told]:
    listening = Told(company)
    yield listening
    listening.close()


def call_of(company: Any, number: str) -> Conversation:
    with company.scope():
        return Conversation.objects.select_related("agent").get(provider_call_id=number)


def story(company: Any, call: Conversation) -> list[str]:
    """The phases that count, in the call's own time."""
    with company.scope():
        rows = list(call.phases.filter(refused=False).order_by("at", "pk"))
    assert [row.from_ms for row in rows] == sorted(row.from_ms for row in rows)
    return [row.phase for row in rows]


def handovers(company: Any, call: Conversation) -> list[tuple[str, str, str]]:
    with company.scope():
        rows = call.handovers.select_related("from_agent", "to_agent").order_by("at", "pk")
        return [(row.from_agent.name, row.to_agent.name, row.kind) for row in rows]


def now_at(company: Any, call: Conversation) -> str:
    """Whose call it is, as its agent side has it, too."""
    with company.scope():
        call = Conversation.objects.select_related("agent").get(pk=call.pk)
        side = list(call.participants.filter(role="agent", left_at=None).values_list("user__name", flat=True))
        assert side == [call.agent.name if call.agent else None]
        return call.agent.name if call.agent else f"unmatched {call.provider_agent_id}"


def announce(company: Any, vendor: LineVendor, request: LineRequest, said: dict[str, Any]) -> Conversation:
    """A line's first message through its vendor's own admission and codec, without a socket."""
    with company.scope():
        admission = vendor.admit(request)
        start = vendor.codec(request).text(json.dumps(said))
        assert isinstance(start, Start)
        made = call_announce(
            source=vendor.source, start=admission.prepare(start.call), audio=admission.arrange(start.audio)
        )
        return Conversation.objects.get(pk=made.conversation_id)


# --- Twilio ---------------------------------------------------------------------------------------------


@contextmanager
def line_open(talk: Callable[[threading.Event, threading.Event], Any]) -> Iterator[None]:
    """Hold a line open in a thread while hooks come; what goes wrong there is raised here."""
    on, over, failed = threading.Event(), threading.Event(), []

    def run() -> None:
        try:
            asyncio.run(talk(on, over))
        except BaseException as error:
            failed.append(error)
        finally:
            on.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert on.wait(10) and not failed, failed
    try:
        yield
    finally:
        over.set()
        thread.join(10)
    assert not failed and not thread.is_alive(), failed


class TwilioStatus:
    def __init__(self, company: Any, connection: Any) -> None:
        self.company, self.client = company, company.client()
        self.path = f"/hooks/twilio/{connection.pk}/status/"

    def __call__(self, asked: str = "", **fields: str) -> None:
        path, sent = self.path + asked, {"AccountSid": lines.ACCOUNT, **fields}
        signature = sign(lines.TOKEN, f"https://{self.company.host}{path}", sent.items())
        answer = self.client.post(path, sent, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 204, answer.content


def test_twilio(company: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """`<Parameter>` says the first agent; the callbacks of the legs that are dialled say the next."""
    monkeypatch.setattr(
        "integrations.telephony.twilio.views.stream_ended.apply_async", lambda **_options: None
    )
    known(company, "twilio", "7001", "7002")
    connection = lines.twilio(company)
    status = TwilioStatus(company, connection)
    with server_running(vendors=(TwilioVendor(),)) as server:

        async def talk(on: threading.Event, over: threading.Event) -> None:
            line = await lines.sender(server, company, connection).open("CA1")
            line.start(lines.ACCOUNT, parameters={"agent": "7001"})
            for number in range(50):
                for track in ("inbound", "outbound"):
                    line.media(track, 20 * number, b"\xff" * 160)
            await asyncio.sleep(0.4)
            on.set()
            await asyncio.to_thread(over.wait, 20)
            line.stop(lines.ACCOUNT)
            assert (await line.closed()).close_code == 1000

        # Before the audio, and twice: it waits, and counts once.
        status(CallSid="CA1", CallStatus="ringing")
        status(CallSid="CA1", CallStatus="ringing")
        with company.scope():
            assert WaitingMetadata.objects.count() == 2
        with line_open(talk):
            call = call_of(company, "CA1")
            assert now_at(company, call) == "Agent" and told.of(call, "agent")
            status("?agent=7001", CallSid="CA2", ParentCallSid="CA1", CallStatus="in-progress")
            room = {"ConferenceSid": "CF1", "FriendlyName": "r"}
            status(StatusCallbackEvent="participant-join", CallSid="CA1", SequenceNumber="1", **room)
            status(StatusCallbackEvent="participant-hold", CallSid="CA1", SequenceNumber="2", **room)
            status(StatusCallbackEvent="participant-unhold", CallSid="CA1", SequenceNumber="3", **room)
            # Of the next agent's leg nothing is known but the room.
            joins = {"CallSid": "CA7", "ParticipantLabel": "7002", "SequenceNumber": "4"}
            status("?transfer=consult", StatusCallbackEvent="participant-join", **joins, **room)
            assert now_at(company, call) == "Teammate" and told.of(call, "teammate")
            back = {"CallSid": "CA8", "ParentCallSid": "CA1"}
            status("?agent=7001&transfer=blind", CallStatus="ringing", **back)
            assert now_at(company, call) == "Teammate", "it only rings"
            for _twice in range(2):
                status("?agent=7001&transfer=blind", CallStatus="in-progress", **back)
            status(CallStatus="completed", **back)
            assert now_at(company, call) == "Agent"
            status("?agent=9999", CallSid="CA9", ParentCallSid="CA1", CallStatus="in-progress")
            assert now_at(company, call) == "unmatched 9999"
            status(CallSid="CA1", CallStatus="completed")
            status(CallSid="CA1", CallStatus="ringing", Timestamp="never")
            status(CallSid="CA1", CallStatus="ringing", SequenceNumber="9")
    assert story(company, call) == [
        *("ringing", "connected", "hold", "connected", "connected"),
        *("ringing", "connected", "connected", "ended"),
    ]
    with company.scope():
        assert call.phases.get(phase="hold").from_ms >= 500
        brief = list(call.handovers.values_list("to_agent__name", "kind").order_by("at", "pk"))
    assert brief == [("Teammate", "consult"), ("Agent", "blind"), (None, "")]


def test_twilios_states() -> None:
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)

    def phases(table: Any, **fields: str) -> dict[str, Any]:
        name = "StatusCallbackEvent" if "ConferenceSid" in fields else "CallStatus"
        found = {
            state: twilio_lifecycle.translate({name: state, **fields}, {}, received_at=at)
            for state in [*table, "participant-flies" if "ConferenceSid" in fields else "flying"]
        }
        return {state: events[0].phase if events else None for state, events in found.items()}

    own = twilio_lifecycle.STATES
    assert phases(own, CallSid="CA1") == {**own, "flying": None}
    legs = twilio_lifecycle.LEG_STATES
    assert phases(legs, CallSid="CA2", ParentCallSid="CA1") == {**legs, "flying": None}
    rooms = twilio_lifecycle.CONFERENCE_STATES
    found = phases(rooms, CallSid="CA1", ConferenceSid="CF1")
    assert found == {**rooms, "participant-join": None, "participant-flies": None}
    labelled = phases(rooms, CallSid="CA2", ConferenceSid="CF1", ParticipantLabel="7001")
    assert {state for state, phase in labelled.items() if phase} == {"participant-join"}
    said = {"CallSid": "CA1", "CallStatus": "completed", "Timestamp": "Fri, 20 Nov 2026 09:59:58 +0000"}
    [event] = twilio_lifecycle.translate(said, {"transfer": "nonsense"}, received_at=at)
    assert event.at == at - timedelta(seconds=2)


# --- Genesys --------------------------------------------------------------------------------------------


def test_genesys(company: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audio does not say; notifications under the conversation's id do, for both sessions of it."""
    monkeypatch.setattr(test_audiohook_lifecycle, "T0", datetime.now(UTC) - timedelta(seconds=100))
    monkeypatch.setattr(GenesysVendor, "linger_seconds", 0.3)
    known(company, "genesys", ANN, BEN)
    with company.scope():
        connection, _secret = connection_create(
            provider="genesys",
            name="Genesys Cloud",
            secret=test_audiohook.SECRET,
            settings={"api_key": test_audiohook.API_KEY},
        )
    conversation = test_audiohook_lifecycle.CONVERSATION
    sessions = [str(uuid4()), str(uuid4())]
    browser = company.client()

    def post(*participants: dict[str, Any], times: int = 1, **more: Any) -> None:
        for _time in range(times):
            answer = browser.post(
                f"/hooks/genesys/{connection.pk}/events/",
                json.dumps(notification(*participants, **more)),
                content_type="application/json",
                headers={"X-Api-Key": test_audiohook.SECRET},
            )
            assert answer.status_code == 202, answer.content

    with server_running(vendors=(GenesysVendor(),)) as server:

        async def talk(on: threading.Event, over: threading.Event) -> None:
            one, two = (
                test_audiohook.client(server, company, connection, session_id=session) for session in sessions
            )
            async with one, two:
                for each in (one, two):
                    await each.open(conversationId=conversation)
                    await each.send(b"\xff" * 1600)
                await asyncio.sleep(0.4)
                on.set()
                await asyncio.to_thread(over.wait, 20)
                for each in (one, two):
                    await each.close()

        post(leg("customer", "connected", since=0), leg("ivr", "connected", since=0), times=2)
        with line_open(talk):
            calls = [call_of(company, session) for session in sessions]
            ann, ben = agent(ANN, "connected", since=50), agent(BEN, "connected", since=70)
            held = agent(ANN, "connected", since=50, held=True)
            post(CUSTOMER, leg("acd", "connected", since=40))
            post(CUSTOMER, ACD_LEFT, ann, times=3)
            for call in calls:
                assert now_at(company, call) == "Agent"
            assert told.of(calls[0], "agent")
            post(CUSTOMER, ACD_LEFT, held)
            post(CUSTOMER, ACD_LEFT, held, {**ben, "consultParticipantId": "p"})
            assert now_at(company, calls[0]) == "Agent", "the next one is only asked"
            gone = agent(ANN, "disconnected", since=50, until=80, left_by="transfer.consult")
            post(CUSTOMER, ACD_LEFT, gone, ben)
            assert now_at(company, calls[1]) == "Teammate" and told.of(calls[1], "teammate")
            left = agent(BEN, "disconnected", since=70, until=90, left_by="transfer")
            post(CUSTOMER, left, agent(ANN, "alerting"))
            post(CUSTOMER, left, agent(ANN, "connected", since=95))
            post(CUSTOMER, left, agent("nobody here", "connected", since=96))
            assert now_at(company, calls[0]) == "unmatched nobody here"
            post(leg("customer", "disconnected", since=0, until=200), agent(ANN, "disconnected"))
    for call in calls:
        expected = ["queue", "connected", "hold", "consult", "connected", "ringing", "connected", "connected"]
        phases = story(company, call)
        # What came before the first session was said of that one.
        assert phases[-9:] == [*expected, "ended"] and phases[:-9] in (["ivr"], [])
        with company.scope():
            kinds = list(call.handovers.order_by("at", "pk").values_list("to_agent__name", "kind"))
        assert kinds == [("Teammate", "consult"), ("Agent", "blind"), (None, "blind")]


# --- Amazon Connect -------------------------------------------------------------------------------------

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


QUEUED = {"queueInfo": {"queueArn": "q", "enqueueTimestamp": "2026-11-20T10:00:30Z"}}


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


# --- Five9 ----------------------------------------------------------------------------------------------


def test_five9(company: Any, told: Told) -> None:
    known(company, "five9", "agent-7", "agent-8")
    five9.connection_for(company)

    async def talk(channel: Any) -> None:
        customer = await five9.Leg(channel).begin(leg=five9.CUSTOMER, agent_id="")
        await five9.Leg(channel).begin(leg=five9.AGENT)
        await five9.until(company.schema, lambda: Conversation.objects.filter(agent__isnull=False).exists())
        other = await five9.Leg(channel).begin(leg=five9.AGENT, agent_id="agent-8")
        await five9.until(
            company.schema, lambda: Conversation.objects.filter(provider_agent_id="agent-8").exists()
        )
        # A customer's leg that comes back without an agent's id takes the call from nobody.
        customer.call.cancel()
        customer = await five9.Leg(channel).begin(leg=five9.CUSTOMER, agent_id="")
        await customer.say(five9.status(five9.Status.CLT_CALL_ENDED))
        await other.say(five9.status(five9.Status.CLT_CALL_ENDED))
        await five9.until(company.schema, lambda: Conversation.objects.filter(phases__phase="ended").exists())

    five9.run(talk)
    call = call_of(company, "F9-1")
    assert now_at(company, call) == "Teammate" and told.of(call, "teammate") and "agent" in told.news
    assert handovers(company, call) == [("Agent", "Teammate", "blind")]


def test_five9s_states() -> None:
    codes = wire.StreamingStatus.StatusCode
    theirs = {name for name, _code in codes.items() if not name.startswith("SRV_")}
    assert theirs == set(FIVE9_STATES)
    assert {name: phase_of(codes.Value(name)) for name in theirs} == FIVE9_STATES
    assert phase_of(4711) is None


# --- jambonz, our own protocol, uploads -----------------------------------------------------------------


def test_jambonz(company: Any, told: Told) -> None:
    known(company, "jambonz", "7001", "7002")
    with company.scope():
        connection, secret = connection_create(provider="jambonz", name="SBC")
    basic = "Basic " + base64.b64encode(f"cresta:{secret}".encode()).decode()
    browser = company.client()

    def status(state: str, call: str = "c-1", asked: str = "", **more: Any) -> None:
        answer = browser.post(
            f"/hooks/jambonz/{connection.pk}/status/{asked}",
            json.dumps({"call_sid": call, "call_status": state, **more}),
            content_type="application/json",
            headers={"Authorization": basic},
        )
        assert answer.status_code == 204

    request = LineRequest("", str(connection.pk), "", {"authorization": basic}, "")
    said = {"callSid": "c-1", "mixType": "stereo", "sampleRate": 8000, "metadata": {"agent": "7001"}}
    status("trying")
    call = announce(company, JambonzVendor(), request, said)
    assert now_at(company, call) == "Agent" and told.of(call, "agent")
    leg = {"call": "c-2", "parent_call_sid": "c-1", "asked": "?transfer=blind"}
    for state in ("ringing", "in-progress", "in-progress", "completed"):
        status(state, customer_data={"agent": "7002"}, **leg)
    status("completed")
    assert now_at(company, call) == "Teammate" and told.of(call, "teammate")
    assert story(company, call) == ["ringing", "ringing", "connected", "ended"]
    assert handovers(company, call) == [("Agent", "Teammate", "blind")]
    answer = browser.post(f"/hooks/jambonz/{connection.pk}/status/", "{}", content_type="application/json")
    assert answer.status_code == 403
    for table, more in (
        (jambonz_lifecycle.STATES, {}),
        (jambonz_lifecycle.LEG_STATES, {"parent_call_sid": "p"}),
    ):
        for state in [*table, "flying"]:
            body = {"call_sid": "c", "call_status": state, **more}
            events = jambonz_lifecycle.translate(body, {}, received_at=datetime.now(UTC))
            assert [event.phase for event in events] == ([table[state]] if table.get(state) else [])


def test_our_own_protocol(company: Any, told: Told) -> None:
    """The start says the agent; what happens later comes by the API, also before and twice, also what cannot be."""
    known(company, "native", "7001", "7002")
    headers = {"authorization": f"Bearer {ingest_key(company)}"}
    browser, began = company.client(), datetime.now(UTC) - timedelta(seconds=50)

    def event(phase: str, seconds: int, expected: int = 200, **more: Any) -> None:
        of = {"provider": "native", "identifiers": {"call": "call-1"}, "phase": phase, **more}
        of["at"] = (began + timedelta(seconds=seconds)).isoformat()
        answer = browser.post("/api/v1/call-events/", of, content_type="application/json", headers=headers)
        assert answer.status_code == expected, answer.content

    for _twice in range(2):
        event("ivr", 1, 202, reference="i")
    event("queue", 2, 202)
    start = start_message(
        call={"id": "call-1", "agent": "7001"},
        audio={"codec": "mulaw", "sample_rate": 8000, "channels": 2, "roles": ["customer", "agent"]},
    )
    call = announce(company, NativeVendor(), LineRequest(PATH, "", "", headers, ""), start)
    assert now_at(company, call) == "Agent" and told.of(call, "agent")
    event("conference", 3)
    event("connected", 4, agent="7001")
    event("hold", 5)
    event("consult", 6, agent="7002")
    assert now_at(company, call) == "Agent"
    event("connected", 7, agent="7002", transfer="consult")
    event("connected", 8, agent="nobody", transfer="blind")
    assert now_at(company, call) == "unmatched nobody"
    event("ended", 9)
    event("connected", 10, agent="7001")
    expected = ["ivr", "queue", "connected", "hold", "consult", "connected", "connected", "ended"]
    assert story(company, call) == expected and told.of(call, "teammate")
    with company.scope():
        refused = call.phases.filter(refused=True).order_by("at").values_list("phase", flat=True)
        assert list(refused) == ["conference", "connected"]
        found = list(call.handovers.order_by("at", "pk").values_list("to_agent__name", "kind"))
        assert found == [("Teammate", "consult"), (None, "blind")]
        assert list(Conversation.objects.filter(agent=None)) == [call]


def test_an_uploaded_call_names_its_agent(
    company: Any, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }
    monkeypatch.setattr(services, "calls_dispatch", lambda *, ids: None)
    known(company, "genesys", "g-1", "g-2")
    wav = sound_file("wav", "pcm_s16le", 8000, 2)
    with company.scope():
        sent = GivenFile("call.wav", io.BytesIO(wav), len(wav))
        admin = company.people["admin"]
        upload = services.upload_receive(user=admin, source="page", files=[sent], fields={"agent": "g-2"})
        assert agent_find(details_of(upload.calls.get()).agent) == company.people["teammate"]
        assert agent_find("g-3") is None
