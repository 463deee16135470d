"""API for other systems: finding a call by their ids, what they know of it, consent, and a feed that misses nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.services import api_key_create
from conversations.changes import CursorError, CursorForeign, changes_after
from conversations.correlation import identifiers_add
from conversations.models import (
    ConsentRecord,
    Conversation,
    ConversationEvent,
    Disposition,
    OutboxJob,
    Participant,
)
from conversations.services import event_append
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.past_calls import past_call

Make = Callable[..., Any]
API = "/api/v1"


@pytest.fixture
def northwind(world: World) -> Iterator[Company]:
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def call(northwind: Company, make_conversation: Make) -> Conversation:
    Disposition.objects.create(key="resolved", name="Resolved")
    Disposition.objects.create(key="old", name="Old", active=False)
    made: Conversation = make_conversation(agent=northwind.people["agent"], metadata={"ticket": "T-1"})
    return made


def get(client: Any, path: str, status: int = 200, **headers: str) -> Any:
    answer = client.get(API + path, headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def send(client: Any, path: str, data: Any, status: int = 200, method: str = "patch", **headers: str) -> Any:
    answer = getattr(client, method)(
        API + path, json.dumps(data), content_type="application/json", headers=headers
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def key(company: Company, persona: str, *scopes: str) -> dict[str, str]:
    _row, secret = api_key_create(owner=company.people[persona], name="test", scopes=list(scopes))
    return {"authorization": f"Bearer {secret}"}


# --- Finding ----------------------------------------------------------------------------------------------


def test_a_call_is_found_by_any_vendor_s_id(
    northwind: Company, call: Conversation, make_conversation: Make
) -> None:
    other = make_conversation(provider="twilio")
    identifiers_add(conversation_id=call.pk, provider="genesys", identifiers={"contact": "c-1", "leg": "l-1"})
    identifiers_add(conversation_id=other.pk, provider="salesforce", identifiers={"case": "c-1"})
    client = northwind.client("admin")

    def found(query: str) -> set[str]:
        return {row["id"] for row in get(client, f"/conversations/?{query}")["results"]}

    assert found("identifier=l-1") == {str(call.pk)}
    assert found("identifier=c-1") == {str(call.pk), str(other.pk)}
    # The vendor of the id, not of the call.
    assert found("identifier=c-1&provider=salesforce") == {str(other.pk)}
    assert found("identifier=c-1&provider=twilio") == set()
    assert found("provider=twilio") == {str(other.pk)}
    assert found("identifier=C-1") == set()
    assert get(northwind.client("outsider"), "/conversations/?identifier=c-1")["results"] == []
    whole = get(client, f"/conversations/{call.pk}/")
    assert whole["metadata"] == {"ticket": "T-1"}
    assert whole["identifiers"][0] == {"provider": "genesys", "kind": "contact", "value": "c-1"}


# --- Amending ---------------------------------------------------------------------------------------------


def test_metadata_is_merged_redacted_and_null_removes(northwind: Company, call: Conversation) -> None:
    client = northwind.client("admin")
    patch = {"metadata": {"crm": {"case": "4", "stage": "won"}, "note": "card 4111 1111 1111 1111", "n": 2}}
    got = send(client, f"/conversations/{call.pk}/", patch)["metadata"]
    assert got == {
        "ticket": "T-1",
        "crm": {"case": "4", "stage": "won"},
        "note": "card [CREDIT_CARD]",
        "n": 2,
    }
    got = send(client, f"/conversations/{call.pk}/", {"metadata": {"ticket": None, "crm": {"stage": None}}})
    assert got["metadata"] == {"crm": {"case": "4"}, "note": "card [CREDIT_CARD]", "n": 2}
    entry = AuditEvent.objects.filter(action="conversation.amend").latest("id")
    assert entry.changes == {"fields": ["metadata"], "metadata": ["crm", "ticket"]}


def test_the_same_again_changes_nothing(northwind: Company, call: Conversation) -> None:
    client = northwind.client("supervisor")
    patch = {"metadata": {"ticket": "T-2", "gone": None}, "disposition": "resolved"}
    first = send(client, f"/conversations/{call.pk}/", patch)
    assert first["disposition"] == "Resolved"
    events = ConversationEvent.objects.filter(conversation=call).count()
    assert events == 1
    assert send(client, f"/conversations/{call.pk}/", patch) == first
    assert ConversationEvent.objects.filter(conversation=call).count() == events
    assert AuditEvent.objects.filter(action="conversation.amend").count() == 1
    assert send(client, f"/conversations/{call.pk}/", {"disposition": None})["disposition"] is None


def test_what_was_reckoned_of_a_closed_call_is_reckoned_anew(northwind: Company, call: Conversation) -> None:
    Conversation.objects.update(closed_at=call.ended_at)
    send(northwind.client("admin"), f"/conversations/{call.pk}/", {"disposition": "resolved"})
    assert OutboxJob.objects.filter(conversation=call, task="analytics.fact_closed").count() == 1


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"state": "completed"},
        {"metadata": []},
        {"metadata": {"long": "x" * 501}},
        {"metadata": {str(number): "x" for number in range(65)}},
        {"metadata": {"deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}}},
        {"disposition": "unknown"},
        {"disposition": "old"},
    ],
    ids=str,
)
def test_what_cannot_be_said_changes_nothing(
    northwind: Company, call: Conversation, patch: dict[str, Any]
) -> None:
    send(northwind.client("admin"), f"/conversations/{call.pk}/", patch, 400)
    call.refresh_from_db()
    assert call.metadata == {"ticket": "T-1"} and call.disposition is None
    assert not ConversationEvent.objects.exists()


def test_metadata_has_a_limit_together(northwind: Company, call: Conversation) -> None:
    client = northwind.client("admin")
    for number in range(3):
        part = {"metadata": {f"{number}-{each}": "x" * 450 for each in range(8)}}
        send(client, f"/conversations/{call.pk}/", part, 200 if number < 2 else 400)


def test_an_agent_says_how_their_own_call_ended_and_nothing_else(
    northwind: Company, call: Conversation
) -> None:
    agent, teammate = northwind.client("agent"), northwind.client("teammate")
    send(agent, f"/conversations/{call.pk}/", {"disposition": "resolved"})
    send(agent, f"/conversations/{call.pk}/", {"metadata": {"a": 1}}, 403)
    send(teammate, f"/conversations/{call.pk}/", {"disposition": "resolved"}, 404)
    # Who had a part in it may read it; it is not theirs.
    Participant.objects.filter(conversation=call, role="agent").update(user=northwind.people["teammate"])
    send(teammate, f"/conversations/{call.pk}/", {"disposition": None}, 403)
    send(
        teammate, f"/conversations/{call.pk}/consents/", {"purpose": "record", "state": "given"}, 403, "post"
    )


def test_keys_need_the_scope_to_write(northwind: Company, call: Conversation) -> None:
    client = northwind.client()
    read, write = key(northwind, "admin", "read"), key(northwind, "admin", "write")
    path, patch = f"/conversations/{call.pk}/", {"disposition": "resolved"}
    send(client, path, patch, 403, **read)
    send(client, path, patch, 200, **write)
    send(client, path + "consents/", {"purpose": "record", "state": "given"}, 403, "post", **read)
    send(client, path + "consents/", {"purpose": "record", "state": "given"}, 201, "post", **write)
    assert ConsentRecord.objects.get().source == "api"


def test_consent_by_metadata_counts(northwind: Company, call: Conversation) -> None:
    send(
        northwind.client("admin"), f"/conversations/{call.pk}/", {"metadata": {"consent": {"train": "given"}}}
    )
    assert ConsentRecord.objects.get().state == "given"


# --- Consent ----------------------------------------------------------------------------------------------


def test_consent_is_noted_with_its_evidence_and_read_back(northwind: Company, call: Conversation) -> None:
    agent = northwind.client("agent")
    said = {
        "purpose": "record",
        "state": "refused",
        "at": (timezone.now() - timedelta(hours=1)).isoformat(),
        "evidence": "said so, 4111 1111 1111 1111",
    }
    path = f"/conversations/{call.pk}/consents/"
    assert get(agent, path) == {"allowed": {"record": True, "assist": True, "train": True}, "consents": []}
    answer = send(agent, path, said, 201, "post")
    assert answer["allowed"]["record"] is False
    (row,) = answer["consents"]
    assert (row["purpose"], row["state"], row["source"]) == ("record", "refused", "agent")
    assert row["evidence"] == "said so, [CREDIT_CARD]" and row["actor"]["name"] == "Agent"
    assert send(agent, path, said, 201, "post") == answer == get(agent, path)
    for wrong in (
        {"purpose": "sell", "state": "given"},
        {"purpose": "record", "state": "maybe"},
        {"purpose": "record", "state": "given", "at": "2100-01-01T00:00:00Z"},
    ):
        send(agent, path, wrong, 400, "post")
    assert ConsentRecord.objects.count() == 1


# --- Changes ----------------------------------------------------------------------------------------------


def _await_changes(cursor: str, count: int) -> Any:
    """Read until `count` changes are there: other tests' transactions in this server hold the feed back, too."""
    deadline = time.monotonic() + 120
    while True:
        found = changes_after(cursor)
        if len(found.events) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_transactions_that_commit_out_of_order_are_not_missed(
    committed: World, make_conversation: Make
) -> None:
    company = committed.northwind
    with company.scope():
        slow, quick, late = make_conversation(), make_conversation(), make_conversation()
    written, finish = threading.Event(), threading.Event()

    def slowly() -> None:
        try:
            with company.scope(), transaction.atomic():
                event_append(conversation_id=slow.pk, kind="conversation", row=slow)
                written.set()
                assert finish.wait(60)
        finally:
            connection.close()

    with company.scope():
        start = changes_after("latest").next
        worker = threading.Thread(target=slowly)
        worker.start()
        try:
            assert written.wait(60)
            with transaction.atomic():
                event_append(conversation_id=quick.pk, kind="conversation", row=quick)
            ids = dict(ConversationEvent.objects.values_list("conversation_id", "pk"))
            # The later id is committed, and held back.
            assert list(ids) == [quick.pk]
            meanwhile = changes_after(start)
            assert meanwhile.events == [] and not meanwhile.more
        finally:
            finish.set()
            worker.join()
        found = _await_changes(meanwhile.next, 2)
        assert [row.conversation_id for row in found.events] == [slow.pk, quick.pk]
        assert found.events[0].pk < found.events[1].pk
        # A cursor that was kept for long tells the same; one that is up to date tells nothing twice.
        assert [row.pk for row in changes_after(start).events] == [row.pk for row in found.events]
        with transaction.atomic():
            event_append(conversation_id=late.pk, kind="conversation", row=late)
        last = _await_changes(found.next, 1)
        assert [row.conversation_id for row in last.events] == [late.pk]
        assert changes_after(last.next).events == []


def test_many_writers_and_a_reader_that_keeps_asking(committed: World, make_conversation: Make) -> None:
    """Every event once, whoever commits when: four writers with transactions of different lengths."""
    company = committed.northwind
    with company.scope():
        calls = [make_conversation() for _number in range(4)]
        cursor = changes_after("latest").next

    def write(number: int) -> None:
        try:
            with company.scope():
                for turn in range(15):
                    with transaction.atomic():
                        event_append(conversation_id=calls[number].pk, kind="conversation", row=calls[number])
                        time.sleep(0.002 * ((turn * 7 + number * 3) % 5))
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    deadline = time.monotonic() + 120
    with company.scope():
        while len(seen) < 60 and time.monotonic() < deadline:
            found = changes_after(cursor, limit=7)
            cursor = found.next
            seen += [row.pk for row in found.events]
            time.sleep(0.005)
        for writer in writers:
            writer.join()
        seen += [row.pk for row in changes_after(cursor).events]
        assert len(seen) == len(set(seen)) == 60
        assert set(seen) == set(ConversationEvent.objects.values_list("pk", flat=True))


def test_the_feed_s_answers(committed: World, make_conversation: Make) -> None:
    company = committed.northwind
    client = company.client("admin")
    with company.scope():
        cursor = changes_after("latest").next
        past = past_call(agent=company.people["agent"])
        count = ConversationEvent.objects.count()
        assert len(_await_changes(cursor, count).events) == count
    first = get(client, f"/changes/?after={cursor}&limit=2")
    assert first["more"] and len(first["changes"]) == 2
    rest = get(client, f"/changes/?after={first['next']}&limit=500")
    assert not rest["more"] and len(rest["changes"]) == count - 2
    change = first["changes"][0]
    assert change["conversation"] == str(past.conversation.pk) and change["kind"] == "conversation"
    assert change["data"]["id"] == str(past.conversation.pk) == change["id"]
    only = get(client, f"/changes/?after={cursor}&kind=score,alert")["changes"]
    assert {row["kind"] for row in only} == {"score", "alert"}
    analyst = get(company.client("analyst"), f"/changes/?after={cursor}&limit=500")["changes"]
    assert {row["kind"] for row in rest["changes"]} - {row["kind"] for row in analyst} == {"alert"}
    assert get(client, "/changes/?after=latest")["changes"] == []
    assert get(committed.acme.client("admin"), "/changes/")["changes"] == []
    for wrong in ("x", "1", "1.2.3", "-1.0", "9999999999999999999.1"):
        assert get(client, f"/changes/?after={wrong}", 400)["error"]["fields"]["after"]
    assert get(client, "/changes/?after=900000000000000000.1", 409)
    with company.scope(), pytest.raises(CursorForeign):
        changes_after("900000000000000000.1")
    with company.scope(), pytest.raises(CursorError):
        changes_after("nonsense")
    with query_budget("api-changes"):
        get(client, f"/changes/?after={cursor}&limit=500")
    with company.scope():
        # As if it had come from a database whose transactions count higher.
        ConversationEvent.objects.update(xid=800_000_000_000_000_000)
    assert len(get(client, "/changes/?limit=500")["changes"]) == count


def test_what_is_gone_is_said(committed: World, make_conversation: Make) -> None:
    company = committed.northwind
    with company.scope():
        cursor = changes_after("latest").next
        past = past_call(agent=company.people["agent"])
        past.alert.delete()
        _await_changes(cursor, ConversationEvent.objects.count())
    rows = get(company.client("admin"), f"/changes/?after={cursor}&kind=alert")["changes"]
    assert rows and all(row["data"] is None for row in rows)


def test_reading_takes_the_same_queries_for_many(northwind: Company, call: Conversation) -> None:
    client = northwind.client("supervisor")
    for more in (1, 5):
        for number in range(more):
            identifiers_add(
                conversation_id=call.pk, provider="genesys", identifiers={f"leg-{more}-{number}": "c-1"}
            )
            ConsentRecord.objects.create(
                conversation=call,
                purpose="record",
                state="given",
                at=call.announced_at,
                at_ms=0,
                source=f"test-{more}-{number}",
                actor=northwind.people["agent"],
            )
        with query_budget("api-conversations-identifier"):
            assert get(client, "/conversations/?identifier=c-1")["results"]
        with query_budget("api-conversation"):
            get(client, f"/conversations/{call.pk}/")
        with query_budget("api-consents"):
            get(client, f"/conversations/{call.pk}/consents/")
