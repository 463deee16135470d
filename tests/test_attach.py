"""Saying whose call it is, while the call goes on: one person's word counts, and the page is told what is so."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import Conflict
from conversations import publish
from conversations.live.commit import CallCommit, group_write
from conversations.live.stages import Batch
from conversations.models import CallOwner, Conversation
from conversations.services import conversation_attach
from tenants.scope import call_in_schema

ROUNDS = 20


@pytest.fixture
def unmatched(committed, make_conversation):
    company = committed.northwind
    with company.scope():
        yield company, make_conversation(state="live", provider_agent_id="2001", at=timezone.now())


def test_the_second_supervisor_is_told(unmatched):
    company, call = unmatched
    again = Conversation.objects.get(pk=call.pk)
    conversation_attach(conversation=call, user=company.people["agent"])
    with pytest.raises(Conflict):
        conversation_attach(conversation=again, user=company.people["teammate"])
    assert Conversation.objects.get(pk=call.pk).agent == company.people["agent"]


def test_a_call_that_ended_meanwhile_is_shown_as_ended(unmatched, monkeypatch):
    company, call = unmatched
    read_before = Conversation.objects.get(pk=call.pk)
    Conversation.objects.filter(pk=call.pk).update(state="wrap_up", ended_at=timezone.now())
    told: list[dict] = []
    monkeypatch.setattr(publish, "encode", lambda message: told.append(message) or b"")
    conversation_attach(conversation=read_before, user=company.people["agent"])
    shown = [publish.event_of(message)["data"] for message in told if message["type"] == "conversation.event"]
    assert [(row["state"], row["agent"]["name"], row["unmatched"]) for row in shown] == [
        ("wrap_up", "Agent", None)
    ]


def test_attaching_and_the_live_way_do_not_wait_for_each_other(unmatched):
    company, call = unmatched
    CallOwner.objects.filter(pk=call.pk).update(epoch=1)
    start, errors = threading.Barrier(2), []

    def attach() -> None:
        for _ in range(ROUNDS):
            conversation_attach(
                conversation=Conversation.objects.get(pk=call.pk), user=company.people["agent"]
            )
            Conversation.objects.filter(pk=call.pk).update(agent=None)

    def live() -> None:
        for number in range(ROUNDS):
            batch = Batch(call.pk)
            batch.write(lambda: Conversation.objects.filter(pk=call.pk).update(end_reason="stop"))
            assert not group_write([CallCommit(1, batch, number, [], {}, 0)])

    def run(work) -> None:
        try:
            start.wait()
            work()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=call_in_schema, args=(company.schema, run, work), daemon=True)
        for work in (attach, live)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []
