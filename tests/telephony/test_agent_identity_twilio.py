"""Who the agent of a Twilio call is: from `<Parameter>` and callbacks to the person, their pages and the next agent."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conversations.models import WaitingMetadata
from integrations.telephony.twilio import lifecycle as twilio_lifecycle
from integrations.telephony.twilio.signature import sign
from integrations.telephony.twilio.vendor import TwilioVendor
from tests.ingest_lines import server_running
from tests.telephony import test_ingest_vendors as lines
from tests.telephony.identities import SECONDS, Told, call_of, known, line_open, now_at, stored, story


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
    with server_running(vendors=(TwilioVendor(),), start=SECONDS, idle=SECONDS) as server:

        async def talk(on: threading.Event, over: threading.Event) -> None:
            line = await lines.sender(server, company, connection).open("CA1")
            line.start(lines.ACCOUNT, parameters={"agent": "7001"})
            for number in range(50):
                for track in ("inbound", "outbound"):
                    line.media(track, 20 * number, b"\xff" * 160)
            await stored(company, "CA1", 2 * 8 * 1000)
            on.set()
            await asyncio.to_thread(over.wait, SECONDS)
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
