"""Changes that go with a group's one statement do what they do by themselves, and hide nothing that others did."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.ids import new_id
from coaching.models import Guidance
from conversations.live.changes import Change
from conversations.live.commit import CallCommit, group_write
from conversations.live.ownership import call_claim
from conversations.live.stages import Batch
from conversations.models import Utterance
from tests.live_calls import call_make

AT = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)
READ = ("state", "settled_at", "evidence", "cause_id")


@pytest.fixture
def company(committed):
    with committed.northwind.scope():
        yield committed.northwind


def hint(ident, **values):
    row = Guidance(
        conversation_id=ident,
        rule_key="r",
        kind=Guidance.Kind.HINT,
        label=Guidance.Label.SAY,
        title="t",
        at_ms=7,
        decided_at=AT,
        **values,
    )
    row.save(force_insert=True)
    return row


def said(ident):
    row = Utterance(
        id=new_id(),
        conversation_id=ident,
        sequence=1,
        speaker="agent",
        channel_index=0,
        start_ms=5,
        end_ms=1000,
        text="no",
        provider="t",
    )
    row.save(force_insert=True)
    return row


def settle(row, told, **values):
    values = {"state": "expired", "settled_at": AT, **values}
    return Change(row, values, {"state": "open"}, READ, told.append)


def part(ident, epoch, *writes, rows=()):
    batch = Batch(ident)
    for row in rows:
        batch.create(row)
    for write in writes:
        batch.write(write)
    return CallCommit(epoch=epoch, batch=batch, utterances=0, coverage=[[]], engine_state={}, recorded_ms=0)


def queries(parts):
    with CaptureQueriesContext(connection) as seen:
        left = group_write(parts)
    assert left == []
    return len(seen)


def test_changes_of_many_calls_go_with_the_statement_that_writes_them(company):
    rows, parts, told = [], [], []
    for _ in range(3):
        ident, _key = call_make()
        epoch = call_claim(conversation_id=ident, worker="a").epoch
        words, row = said(ident), hint(ident)
        place = [{"utterance": str(words.pk), "start": 0, "end": 2}]
        rows.append((row, words, place))
        parts.append(part(ident, epoch, settle(row, told, evidence=place, cause_id=words.pk)))
    assert queries(parts) == 1
    kept = [Guidance.objects.get(pk=row.pk) for row, _words, _place in rows]
    for (_row, words, place), one in zip(rows, kept, strict=True):
        assert (one.state, one.settled_at, one.evidence, one.cause_id) == ("expired", AT, place, words.pk)
    # Told as by the ORM: times are times, keys are keys.
    by_cause = {one["cause_id"]: one for one in told}
    assert [by_cause[one.cause_id] for one in kept] == [
        {name: getattr(one, name) for name in READ} for one in kept
    ]


def test_what_an_agent_has_answered_meanwhile_stays_and_is_told(company):
    ident, _key = call_make()
    epoch = call_claim(conversation_id=ident, worker="a").epoch
    open_, answered, told = hint(ident), hint(ident, state="dismissed"), []
    assert queries([part(ident, epoch, settle(open_, told), settle(answered, told))]) == 2
    assert [one["state"] for one in told] == ["expired", "dismissed"]
    assert Guidance.objects.get(pk=answered.pk).settled_at is None


def test_a_superseded_worker_changes_nothing(company):
    ident, _key = call_make()
    stale = call_claim(conversation_id=ident, worker="a").epoch
    call_claim(conversation_id=ident, worker="b")
    row, told = hint(ident), []
    parts = [part(ident, stale, settle(row, told))]
    assert group_write(parts) == parts
    assert Guidance.objects.get(pk=row.pk).state == "open" and told == []


def test_a_row_that_is_put_in_or_changed_twice_is_changed_in_order(company):
    """Within one statement the second change would not see the first, nor any change the row that is put in."""
    ident, _key = call_make()
    other, _key = call_make()
    epochs = {one: call_claim(conversation_id=one, worker="a").epoch for one in (ident, other)}
    old, told = hint(ident, state="held"), []
    opened = Change(old, {"state": "open"}, {"state": "held"})
    new = Guidance(
        conversation_id=other, rule_key="n", kind="hint", label="Say", title="t", at_ms=7, decided_at=AT
    )
    parts = [
        part(ident, epochs[ident], opened),
        part(ident, epochs[ident], settle(old, told)),
        part(other, epochs[other], settle(new, told), rows=[new]),
    ]
    assert group_write(parts) == []
    assert [one["state"] for one in told] == ["expired", "expired"]
    assert {one.state for one in Guidance.objects.all()} == {"expired"}


def test_no_value_is_a_value_too(company):
    """`only` finds what is empty, and what is emptied is empty."""
    ident, _key = call_make()
    epoch = call_claim(conversation_id=ident, worker="a").epoch
    row = hint(ident, spoken_at=AT, final_at=AT)
    change = Change(row, {"spoken_at": None, "used_ms": 5}, {"used_at": None, "rule_key": "r"})
    assert queries([part(ident, epoch, change)]) == 1
    now = Guidance.objects.get(pk=row.pk)
    assert (now.spoken_at, now.final_at, now.used_ms) == (None, AT, 5)


def test_by_itself_it_does_the_same(company):
    ident, _key = call_make()
    told: list = []
    settle(hint(ident), told)()
    settle(hint(ident, state="dismissed"), told)()
    assert [one["state"] for one in told] == ["expired", "dismissed"]
    assert told[0]["settled_at"] == AT and told[1]["settled_at"] is None
