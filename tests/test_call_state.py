"""What pages and the API are told of a call beside its words: phases, consent said at the desk, names, sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from conversations.events import events_after, snapshot
from conversations.lifecycle import lifecycle_apply
from conversations.models import CallPhase, ConsentRecord, ConsentRule
from conversations.phases import LifecycleEvent, Phase
from conversations.review import review, transcript_text
from desk.floor_selectors import floor_rows
from desk.selectors import call_open
from tests import live_events as live
from tests.conftest import World


@pytest.fixture
def call(world: World) -> Any:
    with world.northwind.scope():
        yield live.call_begin(
            world.northwind.people["agent"], ago_seconds=90, customer=live.customer_make(), provider="native"
        )


def told(call: Any, phase: Phase, seconds_ago: float) -> Any:
    event = LifecycleEvent({"call": "1"}, timezone.now() - timedelta(seconds=seconds_ago), phase)
    return lifecycle_apply(conversation_id=call.pk, event=event)


def test_each_phase_is_an_event_with_all_phases_so_far(world: World, call: Any) -> None:
    head = snapshot(call)["head"]
    for phase, ago in ((Phase.CONNECTED, 80), (Phase.HOLD, 30)):
        told(call, phase, ago)
    first, second = events_after(call.pk, head)
    assert first["kind"] == second["kind"] == "conversation"
    # Items are as they are now, whichever event brings them.
    assert first["data"] == second["data"] == snapshot(call)["items"]["conversation"][0]
    assert [one["phase"] for one in second["data"]["phases"]] == ["connected", "hold"]
    assert second["data"]["phase"] == "hold"
    assert second["data"]["phase_since"] == second["data"]["phases"][-1]["at"]


def test_what_was_refused_is_not_shown(world: World, call: Any) -> None:
    told(call, Phase.RINGING, 80)
    assert told(call, Phase.HOLD, 40).refused
    assert snapshot(call)["items"]["conversation"][0]["phase"] == "ringing"
    assert CallPhase.objects.count() == 2


def test_the_floor_says_hold_and_transfer(world: World, call: Any) -> None:
    supervisor = world.northwind.people["supervisor"]
    (row,) = floor_rows(supervisor)
    assert (row["phase"], row["phase_since"], row["transferred"]) == (None, None, False)
    live.phase(call, "connected", ago_seconds=60)
    live.phase(call, "hold", 20_000, ago_seconds=30)
    live.hand_over(call, world.northwind.people["teammate"], 10_000)
    (row,) = floor_rows(supervisor)
    assert (row["phase"], row["transferred"]) == ("hold", True)


def test_the_desk_knows_what_each_word_means(world: World, call: Any) -> None:
    ConsentRule.objects.create(purpose="record", mode="opt_in", on_withdrawal="erase")
    meaning = call_open(world.northwind.people["agent"], call)["consent"]
    assert meaning["record"] == {
        "": False,
        "announced": False,
        "given": True,
        "refused": False,
        "withdrawn": False,
        "erases": True,
    }
    assert meaning["assist"][""] and not meaning["assist"]["withdrawn"] and not meaning["assist"]["erases"]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"state": "refused", "purposes": ["record"]},
        {"state": "withdrawn"},
        {"state": "withdrawn", "purposes": []},
        {"state": "withdrawn", "purposes": "record"},
        {"state": "withdrawn", "purposes": ["record", "train"]},
        {"state": ["withdrawn"], "purposes": [["record"]]},
    ],
)
def test_consent_in_other_words_is_refused(world: World, call: Any, content: Any) -> None:
    answer = world.northwind.client("agent").post(
        f"/desk/calls/{call.pk}/consent/", content, content_type="application/json"
    )
    assert answer.status_code == 400 and answer.json()["error"]["message"]
    assert not ConsentRecord.objects.exists()


def test_consent_at_the_desk_is_kept_with_who_heard_it(world: World, call: Any) -> None:
    answer = world.northwind.client("agent").post(
        f"/desk/calls/{call.pk}/consent/",
        {"state": "withdrawn", "purposes": ["assist", "record", "record"]},
        content_type="application/json",
    )
    assert answer.status_code == 200
    said = {(row.purpose, row.state, row.source, row.actor.name) for row in ConsentRecord.objects.all()}
    assert said == {("assist", "withdrawn", "agent", "Agent"), ("record", "withdrawn", "agent", "Agent")}
    assert AuditEvent.objects.filter(action="consent.record").count() == 2


def test_looking_back_keeps_names_and_holds_apart(world: World, call: Any) -> None:
    live.phase(call, "connected", 0, ago_seconds=90)
    live.say(call, "agent", "i pass you on", 1_000)
    live.phase(call, "hold", 5_000, ago_seconds=85)
    live.phase(call, "connected", 20_000, ago_seconds=70)
    live.hand_over(call, world.northwind.people["teammate"], 21_000)
    live.say(call, "agent", "hello again", 30_000)
    live.phase(call, "hold", 40_000, ago_seconds=50)
    shown = review(user=world.northwind.people["supervisor"], conversation=call)
    assert [turn.name for turn in shown.turns] == ["Agent", "Teammate"]
    assert [one.text for one in shown.turns[1].before] == ["On hold 0:15", "Teammate takes over"]
    assert [one.text for one in shown.after] == ["On hold"]
    assert [row["kind"] for row in shown.events if row["kind"] == "handover"] == ["handover"]
    said = [line.split("\t")[1] for line in transcript_text(conversation=call).splitlines() if "\t" in line]
    assert said == ["Agent:", "Teammate:"]


def test_conversations_by_their_source(world: World, make_conversation: Any) -> None:
    agent = world.northwind.people["agent"]
    with world.northwind.scope():
        make_conversation(agent=agent)
    client = world.northwind.client("agent")
    assert client.get("/conversations/").context["facets"]["source"] == []
    with world.northwind.scope():
        uploaded = make_conversation(agent=agent, provider="upload", words_erased_at=timezone.now())
    page = client.get("/conversations/?source=upload")
    assert [one["row"].conversation for one in page.context["rows"]] == [uploaded]
    assert {(one.value, one.label, one.on) for one in page.context["facets"]["source"]} == {
        ("native", "Own protocol", False),
        ("upload", "Uploads", True),
    }
    assert "erased" in page.content.decode()
    assert "The summary is no longer kept." in client.get(f"/conversations/{uploaded.pk}/").content.decode()
