"""Who the agent of a Genesys call is: from notifications to the person, their pages and the next agent."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations.services import connection_create
from integrations.telephony.genesys.vendor import GenesysVendor
from tests.ingest_lines import server_running
from tests.telephony import audiohook, test_audiohook_lifecycle
from tests.telephony.identities import SECONDS, Told, call_of, known, line_open, now_at, stored, story
from tests.telephony.test_audiohook_lifecycle import ACD_LEFT, ANN, BEN, CUSTOMER, agent, leg, notification


def test_genesys(company: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audio does not say; notifications under the conversation's id do, for both sessions of it."""
    monkeypatch.setattr(test_audiohook_lifecycle, "T0", datetime.now(UTC) - timedelta(seconds=100))
    monkeypatch.setattr(GenesysVendor, "linger_seconds", 0.3)
    known(company, "genesys", ANN, BEN)
    with company.scope():
        connection, _secret = connection_create(
            provider="genesys",
            name="Genesys Cloud",
            secret=audiohook.SECRET,
            settings={"api_key": audiohook.API_KEY},
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
                headers={"X-Api-Key": audiohook.SECRET},
            )
            assert answer.status_code == 202, answer.content

    with server_running(vendors=(GenesysVendor(),), start=SECONDS, idle=SECONDS) as server:

        async def talk(on: threading.Event, over: threading.Event) -> None:
            one, two = (
                audiohook.client(server, company, connection, session_id=session) for session in sessions
            )
            async with one, two:
                for each in (one, two):
                    await each.open(conversationId=conversation)
                    await each.send(b"\xff" * 1600)
                for session in sessions:
                    await stored(company, session, 1600)
                on.set()
                await asyncio.to_thread(over.wait, SECONDS)
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
