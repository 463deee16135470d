"""The floor: what its rows say, lines that are read on, and events that make a later snapshot in any order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coaching import presence
from coaching.alerts import alert_assign, alert_claim, alert_release, alert_resolve, hand_lower, hand_raise
from coaching.escalation import alerts_escalate
from coaching.models import Alert, TeamAlerts
from coaching.whispers import whisper_answer, whisper_send
from conversations import events, publish
from conversations.models import Conversation
from desk import lines
from desk.floor_selectors import floor_rows, floor_tiles, panel_opened, queues_watched, teams_watched
from desk.following import Following, events_missing
from desk.lines import BIN_MS, BINS, POINTS, CallLine, lines_read
from tests import live_events as live
from tests.conftest import Company

# --- Snapshot and events --------------------------------------------------------------------------------


def _alert_life(company: Company, call: Conversation) -> None:
    people = company.people
    said = live.say(call, "customer", "i want to cancel", 0)
    alert = live.alert(call, "Threat", said=said, words="cancel", rule_key="threat")
    live.alert(call, "Threat", said=said, words="want", rule_key="threat")
    alert_claim(alert=alert, user=people["supervisor"])
    alert_release(alert=alert, user=people["supervisor"])
    Alert.objects.update(waiting_since=timezone.now() - timedelta(hours=1))
    alerts_escalate()
    alert_assign(alert=alert, assignee=people["other_supervisor"], actor=people["supervisor"])
    alert_resolve(alert=alert, user=people["admin"])
    live.alert(call, "Threat", said=said, words="cancel", rule_key="threat")
    TeamAlerts.objects.create(team=company.team, least="bad")
    live.alert(call, "Only to be looked at", severity="warn")


def _hand(company: Company, call: Conversation) -> None:
    agent = company.people["agent"]
    hand = hand_raise(conversation=call, agent=agent)
    alert_claim(alert=hand, user=company.people["supervisor"])
    hand_lower(conversation=call, agent=agent)
    hand_raise(conversation=call, agent=agent)


def _whisper(company: Company, call: Conversation) -> None:
    row = whisper_send(conversation=call, user=company.people["supervisor"], text="Offer a refund.")
    whisper_answer(whisper=row, user=company.people["agent"], answer="seen")
    whisper_answer(whisper=row, user=company.people["agent"], answer="thanks")


def _end(company: Company, call: Conversation) -> None:
    live.alert(call, "Threat")
    hand_raise(conversation=call, agent=company.people["agent"])
    live.call_end(call, summary=False)


class Page:
    """A page that begins with a snapshot and is sent messages, by the same rules as the browser's socket."""

    def __init__(self, call: Conversation) -> None:
        self.call = call
        found = events.snapshot(call)
        self.items = {kind: {row["id"]: row for row in rows} for kind, rows in found["items"].items()}
        self.following = Following(found["head"])
        self.seen: list[int] = []

    def hear(self, event: dict[str, Any]) -> None:
        if not self.following.is_behind(event["seq"]):
            return
        if self.following.is_next(event):
            self._take(event)
            self.following.sent_to(event["seq"])
        else:
            self.catch_up()

    def catch_up(self) -> None:
        missing, reached = events_missing(self.call.pk, self.following.last)
        for event in missing:
            self._take(event)
        self.following.sent_to(reached)

    def _take(self, event: dict[str, Any]) -> None:
        self.seen.append(event["seq"])
        self.items.setdefault(event["kind"], {})[event["data"]["id"]] = event["data"]


@pytest.mark.parametrize("happens", [_alert_life, _hand, _whisper, _end], ids=lambda one: one.__name__)
def test_snapshot_and_events_are_a_later_snapshot(
    northwind: Company,
    happens: Callable[[Company, Conversation], None],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    """As they were published, in any order, twice, and with some lost: each page comes to the same."""
    call = live.call_begin(northwind.people["agent"], ago_seconds=60)
    told: list[dict[str, Any]] = []

    def keep(messages: list[tuple[str, bytes]]) -> bool:
        told.extend(publish._serializer.deserialize(message) for _channel, message in messages)
        return True

    monkeypatch.setattr("conversations.services.publish", keep)
    pages = [Page(call) for _ in range(6)]
    with django_capture_on_commit_callbacks(execute=True):
        happens(northwind, call)
    sent = [publish.event_of(message) for message in told if message["type"] == "conversation.event"]
    assert len(sent) >= 3
    late = events.snapshot(call)
    expected = {kind: {row["id"]: row for row in rows} for kind, rows in late["items"].items()}
    random = Random(5)
    for number, page in enumerate(pages):
        order = list(sent)
        if number:
            order = [event for event in order + random.sample(order, 2) if random.random() > 0.2]
            random.shuffle(order)
        for event in order:
            page.hear(event)
        page.catch_up()  # the next heartbeat's head
        assert {kind: rows for kind, rows in page.items.items() if rows} == {
            kind: rows for kind, rows in expected.items() if rows
        }
        assert page.seen == sorted(set(page.seen)), "each event once, in order"


# --- Rows -----------------------------------------------------------------------------------------------


def test_a_row_of_another_team_says_little_until_its_alert_is_taken(northwind: Company) -> None:
    people = northwind.people
    call = live.call_begin(
        people["agent"], ago_seconds=60, customer=live.customer_make(), queue=northwind.queue
    )
    said = live.say(call, "customer", "this is a scandal", 0)
    live.hint(call, "Offer", said=said, words="scandal")
    alert = live.alert(call, "Threat", said=said, words="scandal")
    stranger = people["other_supervisor"]
    assert floor_rows(stranger) == [] and floor_tiles(stranger)["alerts"] == 0
    Alert.objects.update(waiting_since=timezone.now() - timedelta(hours=1))
    alerts_escalate()
    [row] = floor_rows(stranger)
    assert row["limited"] and row["alert"]["title"] == "Threat" and row["team"]["name"] == "Billing"
    assert (row["customer"], row["segment"], row["guidance"], row["mood"], row["silence"]) == (None,) * 5
    assert "scandal" not in str(row) and floor_tiles(stranger)["alerts"] == 1
    alert_claim(alert=alert, user=stranger)
    [row] = floor_rows(stranger)
    assert not row["limited"] and "scandal" in row["alert"]["reason"]


def test_which_of_several_alerts_a_row_shows(northwind: Company) -> None:
    people = northwind.people
    call = live.call_begin(people["agent"])
    grave = live.alert(call, "Grave")
    live.alert(call, "Look", severity="warn")
    [row] = floor_rows(people["supervisor"])
    assert (row["alert"]["title"], row["alert"]["more"]) == ("Grave", 1)
    alert_claim(alert=grave, user=people["supervisor"])
    assert floor_rows(people["supervisor"])[0]["alert"]["title"] == "Look", "nobody has that one yet"
    alert_claim(alert=Alert.objects.get(title="Look"), user=people["admin"])
    assert floor_rows(people["supervisor"])[0]["alert"]["title"] == "Grave", "mine before others'"
    assert floor_rows(people["admin"])[0]["alert"]["title"] == "Look"


def test_panels(northwind: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, supervisor = northwind.people["agent"], northwind.people["supervisor"]
    call = live.call_begin(agent)
    live.call_begin()
    assert [row["panel"] for row in floor_rows(supervisor)] == [False, None]
    presence.seen(presence.DESK, agent.pk)
    assert [row["panel"] for row in floor_rows(supervisor)] == [True, None]
    told: list[Any] = []
    monkeypatch.setattr(publish, "publish", told.extend)
    panel_opened(agent.pk)
    [(_channel, message)] = told
    assert publish._serializer.deserialize(message)["conversations"] == [str(call.pk)]
    monkeypatch.setattr("desk.floor_selectors.present", lambda *_: None)
    assert [row["panel"] for row in floor_rows(supervisor)] == [None, None]


def test_teams_and_queues_of_a_floor(northwind: Company) -> None:
    people = northwind.people
    assert [(team["name"], team["mine"]) for team in teams_watched(people["supervisor"])] == [
        ("Billing", True)
    ]
    assert [(team["name"], team["mine"]) for team in teams_watched(people["admin"])] == [
        ("Billing", False),
        ("Sales", False),
    ]
    assert [queue["name"] for queue in queues_watched(people["supervisor"])] == ["Billing"]
    assert queues_watched(people["other_supervisor"]) == []


# --- Lines ----------------------------------------------------------------------------------------------


def test_a_line_adds_each_utterance_once() -> None:
    line = CallLine()
    line.add(1, "agent", 0, 15_000, None)
    line.add(2, "customer", 20_000, 26_000, -0.8)
    line.add(2, "customer", 20_000, 26_000, -0.8)
    assert line.mood == {"points": [-0.4], "trend": "steady"}
    assert line.silence == {"bins": [0.0, 0.6], "since_ms": 26_000}
    assert line.waits_ms == 20_000
    line.add(3, "agent", 25_000, 30_000, 0.9)
    assert line.waits_ms is None
    assert line.mood["points"] == [-0.4], "of the agent's words nothing is inferred"
    for number in range(4, 400):
        line.add(number, "customer", number * 10_000, number * 10_000 + 4000, 0.5)
    assert len(line.points) == POINTS and len(line.spoken) <= BINS + 1
    assert len(line.silence["bins"]) == BINS and 0.0 < line.silence["bins"][-2] < 1.0
    line.add(400, "customer", 4_000_000 + 40 * BIN_MS, 4_000_000 + 40 * BIN_MS + 10, 0.5)
    assert line.silence["bins"][:-1] == [1.0] * (BINS - 1)


def test_a_line_that_is_read_on_is_the_line_read_at_once(northwind: Company) -> None:
    random = Random(3)
    calls = [live.call_begin(northwind.people["agent"]) for _ in range(3)]
    keys = [call.pk for call in calls]
    at = 0
    for _ in range(12):
        call = random.choice(calls)
        at += random.randrange(1000, 9000)
        live.say(call, random.choice(["agent", "customer"]), "this is terrible, thank you", at)
        if random.random() < 0.5:
            lines_read(keys)
    with CaptureQueriesContext(connection) as read:
        on = {key: (line.mood, line.silence) for key, line in lines_read(keys).items()}
    assert len(read) == 1 and "sequence" in read[0]["sql"]
    lines._known.clear()
    assert {key: (line.mood, line.silence) for key, line in lines_read(keys).items()} == on
    # What was erased is in no line any more.
    calls[0].utterances.all().delete()
    assert lines_read(keys, anew=keys[:1])[keys[0]].mood is None
    many = [live.call_begin(northwind.people["agent"]).pk for _ in range(2)]
    assert lines_read(many)[many[0]].silence is None
