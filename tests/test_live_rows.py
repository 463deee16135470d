"""Rows put in with their owners' numbers are as Django's own way puts them in, field by field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.ids import new_id
from coaching.models import BehaviourOutcome, Guidance
from conversations.live.rows import are_saved, inserts, row_new
from conversations.models import ChatMessage, ConversationEvent, Redaction, Utterance
from moments.models import MomentOccurrence
from qa.models import Answer

AT = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)


def put(call, rows, *, epoch=1, owned=1) -> None:
    """Put rows in for an owner, as a group commit does for those that it has numbered."""
    made = inserts([(call.pk, epoch, row) for row in rows], "owner", {})
    named = "".join(f", put{at} AS ({sql})" for at, sql in enumerate(made.statements))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH owner AS (SELECT %s::uuid AS conversation_id, %s AS epoch){named} SELECT 1",
            [call.pk, owned, *made.values],
        )
    are_saved(rows)


def rows_of(call) -> list:
    said = Utterance(
        id=new_id(),
        conversation=call,
        sequence=1001,
        speaker="agent",
        channel_index=0,
        start_ms=5,
        end_ms=1000,
        text='a "quoted" back\\slash, a per cent % and %s, ünï 🎧 {"json": 1}\n\ttab',
        words=[["a", 5, 6, 0.123], ["b'", 7, 8, 1.0]],
        confidence=None,
        provider="test",
        sentiment=-0.25,
    )
    return [
        said,
        Redaction(utterance=said, type="NAME", start=0, end=4, score=0.5, detector="x", reason=""),
        Guidance(
            conversation=call,
            rule_key="r",
            kind=Guidance.Kind.HINT,
            label=Guidance.Label.SAY,
            title="t",
            at_ms=7,
            payload={"deep": [None, {"a": 1.5}], "text": "null"},
            reason="because",
            evidence=[],
            cause=said,
            decided_at=AT,
        ),
        ConversationEvent(conversation=call, sequence=1001, kind="utterance", ref=said.pk, occurred_at=AT),
    ]


def values(row) -> dict:
    kept = type(row)._default_manager.get(pk=row.pk) if row.pk else type(row)._default_manager.latest("id")
    own = {"id", "xid", "created_at", "utterance_id", "cause_id", "ref", "sequence"}
    return {
        field.attname: getattr(kept, field.attname) for field in row._meta.concrete_fields
    } | dict.fromkeys(own)


def test_all_values_are_as_django_would_have_them(northwind, make_conversation):
    one, other = make_conversation(), make_conversation()
    with transaction.atomic():
        ours = rows_of(one)
        put(one, ours)
        assert not any(row._state.adding for row in ours)
        found = [values(row) for row in ours]
        for row in (theirs := rows_of(other)):
            type(row)._default_manager.bulk_create([row])
        expected = [values(row) for row in theirs]
    for mine, django in zip(found, expected, strict=True):
        assert mine | {"conversation_id": None} == django | {"conversation_id": None}
    said = Utterance.objects.get(pk=ours[0].pk)
    assert said.created_at is not None and said.text == ours[0].text and "quot" in said.search


def test_a_row_made_the_short_way_is_as_django_makes_it(northwind, make_conversation):
    call = make_conversation()
    for model, given in (
        (Utterance, {"conversation_id": call.pk, "sequence": 1, "speaker": "agent", "text": "hello"}),
        (ConversationEvent, {"conversation_id": call.pk, "sequence": 1, "kind": "x", "occurred_at": AT}),
    ):
        ours, django = row_new(model, **given), model(**given)
        assert ours.pk != django.pk or ours.pk is None
        assert list(ours.__dict__) == list(django.__dict__)
        for name in set(django.__dict__) - {"_state", "id"}:
            assert ours.__dict__[name] == django.__dict__[name], name
        assert ours._state.adding and ours._state.db is None
        assert ours.conversation == call
    assert row_new(Utterance).words is not row_new(Utterance).words


def test_nothing_is_no_statement():
    assert inserts([], "owner", {}).statements == []


def test_rows_of_a_worker_that_was_superseded_stay_out(northwind, make_conversation):
    call = make_conversation()
    with transaction.atomic():
        put(call, rows_of(call), epoch=1, owned=2)
    assert not Utterance.objects.filter(conversation=call, sequence=1001).exists()
    assert not ConversationEvent.objects.filter(conversation=call, sequence=1001).exists()


def test_what_the_database_refuses_is_said_as_always(northwind, make_conversation):
    call = make_conversation()
    for change, error in (
        ({"end_ms": 1}, IntegrityError),
        ({"speaker": "x" * 13}, DataError),
        ({"text": "nul \0"}, DataError),
    ):
        [said, *_rest] = rows_of(call)
        for name, value in change.items():
            setattr(said, name, value)
        with pytest.raises(error), transaction.atomic():
            put(call, [said])


@pytest.mark.parametrize(
    "model",
    [
        Utterance,
        ConversationEvent,
        Redaction,
        MomentOccurrence,
        Guidance,
        BehaviourOutcome,
        ChatMessage,
        Answer,
    ],
)
def test_each_index_of_what_is_written_most_is_there_for_something(northwind, model):
    """One whose columns another begins with finds nothing that the other does not, and is kept with each row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT index.indexrelid::regclass::text, array_remove(index.indkey::int[], 0)
              FROM pg_index AS index
              JOIN pg_class AS made ON made.oid = index.indexrelid
              JOIN pg_am AS method ON method.oid = made.relam
             WHERE index.indrelid = %s::regclass AND index.indpred IS NULL AND index.indexprs IS NULL
               AND method.amname = 'btree'
            """,
            [model._meta.db_table],
        )
        found = dict(cursor.fetchall())
    assert len(found) > 1
    covered = [
        (one, other)
        for one, columns in found.items()
        for other, more in found.items()
        if one != other and more[: len(columns)] == columns
    ]
    assert covered == []
