"""Whoever writes to a conversation takes the call's own row first: in another order two would wait for each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from coaching.alerts import alert_assign, alert_resolve
from coaching.answers import guidance_answer
from conversations.live.calls import call_id_release
from conversations.live.ending import call_fail
from conversations.models import Conversation, Summary
from conversations.services import call_lock, call_lock_free
from conversations.summaries import summaries_expire, summary_confirm, summary_write
from qa.models import Evaluation
from qa.scoring import conversation_score
from qa.services import answer_override
from tenants.scope import current_schema
from tests.live_calls import call_make
from tests.past_calls import Past, past_call

_TAKES = re.compile(
    r'^(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)|^SELECT .* FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL
)


def first_taken(work: Callable[[], Any]) -> str:
    """Run `work` and return the table whose row it locked or wrote first."""
    tables: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if match := _TAKES.search(sql):
            tables.append(match[1] or match[2])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    assert len(set(tables)) > 1, "it wrote nothing"
    return tables[0]


@pytest.fixture
def past(world):
    with world.northwind.scope():
        yield past_call(agent=world.northwind.people["agent"], queue=world.northwind.queue)


def scored(past: Past, people: dict[str, Any]) -> None:
    conversation_score(conversation_id=past.conversation.pk)


def overridden(past: Past, people: dict[str, Any]) -> None:
    answer_override(answer=past.answer, user=people["supervisor"], value="na", reason="Nobody asked.")


def summed_up(past: Past, people: dict[str, Any]) -> None:
    assert summary_write(conversation_id=past.conversation.pk) is not None


def confirmed(past: Past, people: dict[str, Any]) -> None:
    summary_confirm(summary=past.summary, user=people["agent"])


def expired(past: Past, people: dict[str, Any]) -> None:
    assert summaries_expire(older_than_seconds=3600) == 1


def overdue(past: Past, people: dict[str, Any]) -> None:
    assert summaries_expire(older_than_seconds=0) == 1


def answered(past: Past, people: dict[str, Any]) -> None:
    guidance_answer(guidance=past.hint, user=people["agent"], action="accept")


def assigned(past: Past, people: dict[str, Any]) -> None:
    alert_assign(alert=past.alert, assignee=people["supervisor"], actor=people["supervisor"])


def resolved(past: Past, people: dict[str, Any]) -> None:
    alert_resolve(alert=past.alert, user=people["supervisor"])


def released(past: Past, people: dict[str, Any]) -> None:
    call = past.conversation
    assert call_id_release(source=call.provider, call_id=call.provider_call_id, renamed="another")


WORKS = [scored, overridden, summed_up, confirmed, expired, overdue, answered, assigned, resolved, released]


@pytest.mark.parametrize("work", WORKS)
def test_the_calls_row_is_taken_first(world, past, work):
    call = Conversation.objects.filter(pk=past.conversation.pk)
    if work is scored:
        Evaluation.objects.all().delete()
    if work in (summed_up, overdue):
        Summary.objects.all().delete()
    if work is overdue:
        call.update(state=Conversation.State.WRAP_UP, closed_at=None)
    if work is expired:
        Summary.objects.update(
            state=Summary.State.DRAFT, confirm_by=timezone.now() - timedelta(seconds=1), confirmed_at=None
        )
    if work is released:
        call.update(state=Conversation.State.INCOMPLETE)
        past.conversation.refresh_from_db()
    assert first_taken(lambda: work(past, world.northwind.people)) == "conversations_callowner"


def test_a_call_that_nobody_can_finish_is_taken_first_too(world):
    with world.northwind.scope():
        ident, _key = call_make(world.northwind.people["agent"])
        work = lambda: call_fail(conversation_id=ident, reason="failed")  # noqa: E731
        assert first_taken(work) == "conversations_callowner"


def test_a_call_that_somebody_is_at_is_passed_over(committed):
    with committed.northwind.scope():
        ident, _key = call_make(committed.northwind.people["agent"])
        with transaction.atomic():
            call_lock(ident)
            assert call_lock_free(ident)
        schema = current_schema()
        other: Any = connection.copy()
        try:
            other.set_schema(schema)
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(
                    "SELECT 1 FROM conversations_callowner WHERE conversation_id = %s FOR UPDATE", [ident]
                )
            with transaction.atomic():
                assert not call_lock_free(ident)
        finally:
            other.close()
