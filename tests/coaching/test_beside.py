"""Look-ups beside a call: shared, kept, tried a second time where one hangs, and never twice as much load."""

from __future__ import annotations

import time
from threading import Event
from uuid import uuid4

import pytest

from coaching import beside
from coaching.beside import Lookups, passage_card, question
from conversations.live.stages import CallContext
from knowledge.documents.services import collection_save, document_save
from knowledge.models import KnowledgeQuestion


@pytest.fixture(autouse=True)
def in_no_schema(monkeypatch):
    monkeypatch.setattr(beside, "call_in_schema", lambda schema, work, query: work(query))


def settled(asked, seconds=5.0):
    """Look in as a call does, until there is an answer or none is waited for."""
    until = time.monotonic() + seconds
    while not (state := asked.state()):
        assert time.monotonic() < until, "it never came to an end"
        time.sleep(0.002)
    return state


class Slow:
    """Answers at once, but for what is told to hang: its first `tries` wait until they are let go."""

    def __init__(self):
        self.asked, self.hanging, self.tries, self.let_go = [], set(), 1, Event()

    def __call__(self, query):
        self.asked.append(query)
        if query in self.hanging and self.asked.count(query) <= self.tries:
            self.let_go.wait(10)
            return {"title": "first"}
        return {"title": query}


@pytest.fixture
def slow():
    slow = Slow()
    yield slow
    slow.let_go.set()


def used_to(lookups):
    """Let it have been asked often, and have answered at once."""
    lookups._took.extend([0.002] * beside.USUAL_LEAST)


def test_calls_of_a_company_share_a_look_up_and_its_answer(slow):
    lookups = Lookups(slow)
    slow.hanging = {"refund"}
    both = [lookups.ask("northwind", "refund") for _ in range(2)]
    other = lookups.ask("acme", "refund")
    assert settled(other) == "done"
    slow.let_go.set()
    assert [settled(one) for one in both] == ["done", "done"]
    assert settled(lookups.ask("northwind", "refund")) == "done"
    assert slow.asked == ["refund"] * 2
    assert (lookups.counts["shared"], lookups.counts["kept"]) == (1, 1)


def test_what_hangs_is_tried_again_and_the_first_answer_counts(slow):
    lookups = Lookups(slow, twice=True)
    used_to(lookups)
    slow.hanging = {"refund"}
    asked = lookups.ask("northwind", "refund")
    assert settled(asked) == "done" and asked.card == {"title": "refund"}
    assert (lookups.counts["doubled"], lookups.counts["second"]) == (1, 1)
    slow.let_go.set()
    assert settled(lookups.ask("northwind", "refund")) == "done"
    assert slow.asked.count("refund") == 2


def test_where_everything_is_slow_it_is_not_asked_twice_as_much(slow):
    lookups = Lookups(slow, deadline=0.15, twice=True)
    used_to(lookups)
    slow.hanging, slow.tries = {"a", "b"}, 9
    both = [lookups.ask("northwind", query) for query in "ab"]
    waits = lookups.ask("northwind", "c")
    assert [settled(one) for one in (*both, waits)] == ["late"] * 3
    assert lookups.counts["doubled"] == 1
    waits.drop()
    assert lookups.counts["dropped"] == 1
    slow.let_go.set()
    assert settled(lookups.ask("northwind", "d"), 10) == "done"
    assert "c" not in slow.asked


def test_an_answer_after_the_deadline_is_late_and_kept_for_who_asks_next(slow):
    lookups = Lookups(slow, deadline=0.05)
    slow.hanging = {"refund"}
    asked = lookups.ask("northwind", "refund")
    assert settled(asked) == "late"
    asked.drop()
    slow.let_go.set()
    asked.future.result(5)
    assert asked.state() == "late"
    again = lookups.ask("northwind", "refund")
    assert settled(again) == "done" and again.card == {"title": "first"}


def test_one_that_throws_is_told_to_all_who_asked_and_kept_from_nobody_else():
    def throws(query):
        if query == "bad":
            raise ValueError("what the customer said")
        return

    lookups = Lookups(throws)
    bad = lookups.ask("northwind", "bad")
    assert settled(bad) == "failed" and "customer" not in bad.place and "ValueError" in bad.place
    assert settled(lookups.ask("northwind", "good")) == "done"
    assert settled(lookups.ask("northwind", "bad")) == "failed", "a failure is not kept"


def test_the_database_gives_up_when_nobody_waits_any_more(world, django_assert_max_num_queries):
    with world.northwind.scope():
        # The first search of a process reads what there is.
        assert passage_card("nothing about this anywhere") is None
        with django_assert_max_num_queries(5):
            assert passage_card("nothing about this anywhere") is None


def test_a_call_is_answered_from_what_is_for_its_team_and_channel(world):
    company = world.northwind
    with company.scope():
        collection = collection_save(name="Sales only", teams=[company.other_team], channels=["voice"])
        document_save(collection=collection, title="Discounts", body="Twenty percent for zebras.")

        def card(team, channel="voice"):
            call = CallContext("northwind", uuid4(), None, team.pk, company.queue.pk, "en", channel=channel)
            return passage_card(question("zebras", ["what do zebras get"], call))

        assert card(company.other_team)["title"] == "Discounts"
        assert card(company.team) is None and card(company.other_team, "chat") is None
        assert passage_card(question("zebras", []))["title"] == "Discounts"


class _AtOnce:
    def submit(self, work, *arguments):
        work(*arguments)


def test_what_a_rule_asked_is_noted_once_with_its_call(world, monkeypatch):
    company = world.northwind
    with company.scope():
        document_save(
            collection=collection_save(name="Handbook"),
            title="Refunds",
            body="How long does a refund take? A refund takes five days.",
        )
        agent, call_id = company.people["agent"], uuid4()
        call = CallContext(
            "northwind", call_id, agent.pk, company.team.pk, company.queue.pk, "en", channel="chat"
        )
        lookups = Lookups()
        lookups._pool = _AtOnce()
        monkeypatch.setattr(beside, "call_in_schema", lambda schema, work: work())
        found = passage_card(question("how long does a refund take", []))
        keys = [lookups.note(call, "rule 1", "how long does a refund take", found) for _again in range(2)]
        lookups.note(call, "rule 2", "zebra allowance", None)
        asked = list(KnowledgeQuestion.objects.order_by("answered"))
        assert [(one.text, one.answered) for one in asked] == [
            ("zebra allowance", False),
            ("how long does a refund take", True),
        ]
        assert keys == [asked[1].pk] * 2 and asked[1].confidence == found["confidence"] > 0.5
        for one in asked:
            assert (one.source, one.person, one.conversation_id) == ("live", agent, call_id)
            assert (one.team, one.queue, one.channel) == (company.team.pk, company.queue.pk, "chat")

        monkeypatch.setattr(beside, "question_note", lambda **asked: 1 / 0)
        lookups.note(call, "rule 3", "what cannot be kept holds nobody up", None)
