"""A call in the worker when something is in its way: a backlog, hold, a transfer, a line that never said stop."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import TelephonyIdentity
from conversations.correlation import events_take
from conversations.models import (
    CallLedger,
    CallPhase,
    Conversation,
    ConversationIdentifier,
    Handover,
    Participant,
    Recording,
    Utterance,
)
from conversations.phases import LifecycleEvent, Phase, Transfer
from conversations.recordings import recording_seal
from tests.live_calls import call_make, call_play, line, marks_seen, wait_for, worker_process

pytestmark = [pytest.mark.unhurried, pytest.mark.timeout(400)]

AGENT, CUSTOMER = 0, 1


def script_file(tmp_path, by_call):
    path = tmp_path / "script.json"
    path.write_text(json.dumps(by_call))
    return path


def ended(ident):
    return Conversation.objects.filter(pk=ident, ended_at__isnull=False).first()


def spoken(ident):
    rows = Utterance.objects.filter(conversation_id=ident).order_by("start_ms", "channel_index")
    return [(row.channel_index, row.start_ms, row.text) for row in rows]


def told(ident, phase, **fields):
    """Have the provider say something of the call now."""
    event = LifecycleEvent({"contact": str(ident)}, timezone.now(), phase, **fields)
    assert events_take(provider="native", events=[event]) == 1


def told_and_heard(ident, phase, **fields):
    """The same, for a worker that shall know of it before more audio comes."""
    told(ident, phase, **fields)
    marks_seen()


def test_what_piled_up_is_heard_beside_what_is_said_now(committed, tmp_path):
    """Forty seconds waited while no worker ran: none of it is missing, and what comes then does not wait for it."""
    lines = [
        line(number % 2, 500 + 4_000 * number, f"we were talking about {word}")
        for number, word in enumerate(
            [
                "amber",
                "basil",
                "cedar",
                "dill",
                "elder",
                "fennel",
                "ginger",
                "hazel",
                "iris",
                "juniper",
                "kale",
                "laurel",
            ]
        )
    ]
    with committed.northwind.scope():
        schema = connection.schema_name
        ident, key = call_make(committed.northwind.people["agent"])
        asyncio.run(call_play(schema, ident, key, seconds=40, end=""))
        log = tmp_path / "worker.log"
        with worker_process(script_file(tmp_path, {"*": lines}), log, LIVE_SECOND_LANE_SECONDS="15"):
            wait_for(lambda: Utterance.objects.filter(conversation_id=ident).count() >= 9, what="the backlog")
            asyncio.run(call_play(schema, ident, key, seconds=10, first=401))
            call = wait_for(lambda: ended(ident), what="the end")
        assert call.state == Conversation.State.WRAP_UP
        assert spoken(ident) == [(each["channel"], each["start_ms"], each["text"]) for each in lines]
        ledger = CallLedger.objects.get(conversation_id=ident)
        assert ledger.transcribed_ms == ledger.recorded_ms == ledger.received_ms == [50_000, 50_000]
        assert ledger.gaps == []
        assert b"call.lanes" in log.read_bytes()
        recording_seal(ident)
        assert Recording.objects.get(conversation_id=ident).duration_ms == 50_000


def test_hold_a_transfer_and_an_end_that_only_telephony_tells(committed, tmp_path):
    people = committed.northwind.people
    lines = [
        line(AGENT, 500, "good morning how can i help you"),
        line(CUSTOMER, 4_000, "my invoice is wrong i was charged twice"),
        line(CUSTOMER, 12_000, "la la la music on hold"),
        line(AGENT, 22_000, "hello i am the colleague from sales"),
    ]
    with committed.northwind.scope():
        schema = connection.schema_name
        TelephonyIdentity.objects.create(user=people["outsider"], provider="native", agent_id="7002")
        ident, key = call_make(people["agent"])
        ConversationIdentifier.objects.create(
            conversation_id=ident, provider="native", kind="contact", value=str(ident)
        )
        with worker_process(
            script_file(tmp_path, {"*": lines}), tmp_path / "log", INGEST_RESUME_SECONDS="60"
        ):
            asyncio.run(call_play(schema, ident, key, seconds=10, end=""))
            wait_for(lambda: Utterance.objects.filter(conversation_id=ident).count() == 2, what="the talk")
            told_and_heard(ident, Phase.HOLD)
            asyncio.run(call_play(schema, ident, key, seconds=10, first=101, end=""))
            told_and_heard(ident, Phase.CONNECTED, agent="7002", transfer=Transfer.BLIND)
            asyncio.run(call_play(schema, ident, key, seconds=8, first=201, end=""))
            wait_for(
                lambda: Utterance.objects.filter(conversation_id=ident).count() == 3, what="the colleague"
            )
            told(ident, Phase.ENDED)
            call = wait_for(lambda: ended(ident), what="the end")
        assert (call.state, call.end_reason, call.agent) == ("wrap_up", "stop", people["outsider"])
        assert [text for _channel, _start, text in spoken(ident)] == [
            lines[0]["text"],
            lines[1]["text"],
            lines[3]["text"],
        ]
        phases = list(
            CallPhase.objects.filter(conversation_id=ident).values_list("phase", "from_ms", "refused")
        )
        assert [(phase, refused) for phase, _from_ms, refused in phases] == [
            ("hold", False),
            ("connected", False),
            ("ended", False),
        ]
        assert [from_ms for _phase, from_ms, _refused in phases] == pytest.approx(
            [10_000, 20_000, 28_000], abs=99
        )
        gaps = CallLedger.objects.get(conversation_id=ident).gaps
        assert {(gap["channel"], gap["from_ms"], gap["to_ms"], gap["cause"]) for gap in gaps} == {
            (0, 10_000, 20_000, "hold"),
            (1, 10_000, 20_000, "hold"),
        }
        handover = Handover.objects.get(conversation_id=ident)
        assert (handover.from_agent, handover.to_agent, handover.kind) == (
            people["agent"],
            people["outsider"],
            "blind",
        )
        assert any("charged twice" in each["text"] for each in handover.brief)
        said = {
            str(pk) for pk in Utterance.objects.filter(conversation_id=ident).values_list("pk", flat=True)
        }
        assert all(set(each["evidence"]) <= said for each in handover.brief)
        sides = Participant.objects.filter(conversation_id=ident, role="agent").order_by("joined_at")
        assert [side.user for side in sides] == [people["agent"], people["outsider"]]
        assert sides[0].left_at is not None
    # Both had a part in it and may read it; a colleague who had none may not.
    for persona, status in (("agent", 200), ("outsider", 200), ("teammate", 404)):
        answer = committed.northwind.client(persona).get(f"/api/v1/conversations/{ident}/")
        assert answer.status_code == status, persona


def test_a_refused_phase_changes_nothing(committed):
    with committed.northwind.scope():
        ident, _key = call_make(committed.northwind.people["agent"])
        ConversationIdentifier.objects.create(
            conversation_id=ident, provider="native", kind="contact", value=str(ident)
        )
        told(ident, Phase.ENDED)
        told(ident, Phase.HOLD)
        late = LifecycleEvent({"contact": str(ident)}, timezone.now() - timedelta(minutes=1), Phase.QUEUE)
        assert events_take(provider="native", events=[late, late]) == 2
        rows = CallPhase.objects.filter(conversation_id=ident).order_by("at")
        assert [(row.phase, row.refused) for row in rows] == [
            ("queue", False),
            ("ended", False),
            ("hold", True),
        ]
