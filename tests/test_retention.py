"""Retention: by kind, queue and days; a legal hold keeps; a run that was cut off goes on; a report of what went."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from conversations import retention
from conversations.correlation import CallFields, metadata_arrived
from conversations.models import (
    CallLedger,
    Conversation,
    ConversationEvent,
    Customer,
    LegalHold,
    Recording,
    RetentionRule,
    RetentionRun,
    Summary,
    Utterance,
    WaitingMetadata,
)
from conversations.nightly import next_at
from conversations.retention import RetentionRunning, preview, retention_enforce
from tests.past_calls import past_call, recording_make


@pytest.fixture
def northwind(world):
    with world.northwind.scope():
        yield world.northwind


def call(company, *, days_ago, queue=True, customer="C-1001"):
    past = past_call(agent=company.people["agent"], queue=company.queue if queue else None, customer=customer)
    recording_make(past.conversation, seconds=1)
    ended = timezone.now() - timedelta(days=days_ago)
    Conversation.objects.filter(pk=past.conversation.pk).update(ended_at=ended, announced_at=ended)
    return past.conversation


def keep(kind, days, queue=None):
    return RetentionRule.objects.create(kind=kind, days=days, queue=queue)


def words(conversation):
    return Utterance.objects.filter(conversation=conversation).exclude(text="").count()


def test_without_rules_nothing_goes(northwind):
    old = call(northwind, days_ago=5_000)
    run = retention_enforce()
    assert sum(run.removed.values()) == 0
    assert words(old) and Recording.objects.filter(conversation=old).exists()


def test_each_kind_goes_at_its_own_time(northwind):
    keep("audio", 10)
    keep("transcript", 30)
    keep("metadata", 100)
    fresh, month, quarter, year = (call(northwind, days_ago=days) for days in (5, 20, 60, 400))
    files = {each.pk: Recording.objects.get(conversation=each).storage_key for each in (fresh, month, year)}
    run = retention_enforce()
    assert run.removed == {"metadata": 1, "audio": 2, "transcript": 1, "events": 0, "unmet": 0}
    assert run.finished_at is not None
    assert Recording.objects.filter(conversation=fresh).exists() and default_storage.exists(files[fresh.pk])
    assert not Recording.objects.filter(conversation=month).exists()
    assert not default_storage.exists(files[month.pk])
    assert words(month) and not words(quarter)
    assert not Summary.objects.filter(conversation=quarter).exists()
    assert not Conversation.objects.filter(pk=year.pk).exists()
    assert not default_storage.exists(files[year.pk])
    again = retention_enforce()
    assert sum(again.removed.values()) == 0


def test_a_queue_may_have_a_rule_of_its_own(northwind):
    keep("transcript", 10)
    keep("transcript", 1_000, queue=northwind.queue)
    of_queue, other = call(northwind, days_ago=20), call(northwind, days_ago=20, queue=False)
    retention_enforce()
    assert words(of_queue) and not words(other)


def test_a_legal_hold_keeps_everything_until_it_is_lifted(northwind):
    keep("audio", 1)
    keep("metadata", 1)
    one, theirs, free = (call(northwind, days_ago=9, customer=name) for name in ("A", "B", "C"))
    by_call = LegalHold.objects.create(conversation=one, reason="court 17/26")
    LegalHold.objects.create(customer=Customer.objects.get(reference="B"), reason="complaint")
    assert preview()["metadata"] == {"remove": 1, "held": 2}
    run = retention_enforce()
    assert run.held["metadata"] == 2
    left = set(Conversation.objects.values_list("pk", flat=True))
    assert {one.pk, theirs.pk} <= left and free.pk not in left
    assert Recording.objects.filter(conversation=one).exists()
    by_call.lifted_at = timezone.now()
    by_call.save()
    retention_enforce()
    assert not Conversation.objects.filter(pk=one.pk).exists()


def test_what_goes_on_stays_and_events_and_the_unmet_go(northwind):
    keep("events", 7)
    keep("metadata", 30)
    old = call(northwind, days_ago=9)
    live = call(northwind, days_ago=9)
    Conversation.objects.filter(pk=live.pk).update(ended_at=None, state="live")
    metadata_arrived(provider="x", identifiers={"call": "gone"}, fields=CallFields(metadata={"a": 1}))
    WaitingMetadata.objects.update(received_at=timezone.now() - timedelta(days=8))
    CallLedger.objects.create(
        source="twilio", state="refused", announced_at=timezone.now() - timedelta(days=31)
    )
    before = ConversationEvent.objects.filter(conversation=live).count()
    run = retention_enforce()
    assert run.removed["unmet"] == 2
    assert not ConversationEvent.objects.filter(conversation=old).exists()
    assert ConversationEvent.objects.filter(conversation=live).count() == before


def test_one_that_fails_is_counted_and_the_others_go(northwind, monkeypatch):
    keep("transcript", 1)
    bad, good = call(northwind, days_ago=9), call(northwind, days_ago=9)
    real = retention.words_erase

    def erase(*, conversation_id, reason):
        if conversation_id == bad.pk:
            raise OSError("away")
        return real(conversation_id=conversation_id, reason=reason)

    monkeypatch.setattr(retention, "words_erase", erase)
    run = retention_enforce()
    assert (run.removed["transcript"], run.failed["transcript"]) == (1, 1)
    assert words(bad) and not words(good)
    monkeypatch.undo()
    assert retention_enforce().removed["transcript"] == 1


def test_two_do_not_work_at_once(committed):
    with committed.northwind.scope():
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                name = f"{connection.schema_name}:retention"
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
                with pytest.raises(RetentionRunning):
                    retention_enforce()
                # Given back here: the server ends a closed session in its own time.
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
        finally:
            other.close()
        retention_enforce()


def test_admins_see_what_will_go_and_what_went(northwind, world):
    keep("audio", 1)
    call(northwind, days_ago=9)
    client = northwind.client("admin")
    html = client.get("/admin/conversations/retentionrule/").content.decode()
    body = html.partition("<body")[2]
    assert "Due by now: recordings: 1." in body and "Next run: " in body and "It has not run yet." in body
    retention_enforce()
    body = client.get("/admin/conversations/retentionrun/").content.decode().partition("<body")[2]
    assert "Nothing is due now." in body and "removed recordings: 1." in body
    assert RetentionRun.objects.count() == 1
    for name in (
        "consentrule",
        "consentrecord",
        "legalhold",
        "voicesettings",
        "waitingmetadata",
        "callphase",
    ):
        assert client.get(f"/admin/conversations/{name}/").status_code == 200, name
    with world.acme.scope():
        assert not RetentionRun.objects.exists()


def test_the_next_night_is_the_first_to_come():
    at = time(2, 17)
    assert next_at(at, datetime(2026, 11, 21, 1, 0, tzinfo=UTC)) == datetime(2026, 11, 21, 2, 17, tzinfo=UTC)
    assert next_at(at, datetime(2026, 11, 21, 2, 17, tzinfo=UTC)) == datetime(2026, 11, 22, 2, 17, tzinfo=UTC)
