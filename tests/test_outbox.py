"""Jobs after a commit: once, again after failure, never two at a time, and nothing said in the log."""

from __future__ import annotations

import logging
from datetime import timedelta

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone

from conversations import outbox
from conversations.models import OutboxJob
from conversations.tasks import job_run, tidy
from cresta_app.celery import app
from cresta_app.logs import WithoutMessages, exception_place

EVENT = "test.happened"


@pytest.fixture
def job(world, make_conversation, monkeypatch):
    """A job of one subscription, with what its handler was given and what it should raise."""
    monkeypatch.setattr(outbox, "_SUBSCRIPTIONS", {})
    monkeypatch.setattr(outbox, "jobs_dispatch", lambda *, job_ids: None)
    seen, failures = [], []

    def handler(conversation_id):
        seen.append(conversation_id)
        if failures:
            raise failures.pop()

    outbox.subscribe(EVENT, "test.task", handler)
    connection.set_schema(world.northwind.schema)
    conversation = make_conversation()
    with transaction.atomic():
        outbox.jobs_announce(event=EVENT, conversation_id=conversation.pk)
        outbox.jobs_announce(event=EVENT, conversation_id=conversation.pk)
    row = OutboxJob.objects.get(task="test.task")
    return row, seen, failures


def test_a_job_runs_once(job):
    row, seen, _failures = job
    assert outbox.job_execute(job_id=row.pk)
    assert outbox.job_execute(job_id=row.pk)
    assert seen == [row.conversation_id]


def test_a_failed_job_falls_due_again_and_says_where_but_not_what(job, caplog):
    row, seen, failures = job
    failures.append(DatabaseError('Failing row contains ("my secret words")'))
    with caplog.at_level(logging.ERROR):
        assert not outbox.job_execute(job_id=row.pk)
    row.refresh_from_db()
    assert row.done_at is None and row.attempts == 1 and row.due_at > timezone.now()
    assert "DatabaseError at test_outbox.py" in row.last_error
    assert "secret" not in row.last_error + caplog.text
    OutboxJob.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert outbox.jobs_overdue() == [row.pk]
    assert outbox.job_execute(job_id=row.pk)
    assert len(seen) == 2


def test_a_busy_worker_s_queue_is_not_filled_with_the_same_job(job):
    row, _seen, _failures = job
    OutboxJob.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert [outbox.jobs_overdue() for _sweep in range(3)] == [[row.pk], [], []]
    # Taken and never run, because the broker lost it: it comes again.
    OutboxJob.objects.update(due_at=timezone.now() - timedelta(seconds=6))
    assert outbox.jobs_overdue() == [row.pk]


def test_sweeps_that_nobody_took_do_not_pile_up():
    sweep = app.conf.beat_schedule["sweep"]
    assert sweep["options"]["expires"] <= sweep["schedule"]


def test_a_job_that_keeps_failing_is_given_up_and_counted(job):
    OutboxJob.objects.update(attempts=outbox.MAX_ATTEMPTS, due_at=timezone.now() - timedelta(hours=1))
    assert outbox.jobs_overdue() == []
    assert outbox.outbox_figures() == {"waiting": 0, "given_up": 1}


def test_the_task_runs_in_the_company_that_the_message_names(job, world):
    row, seen, _failures = job
    connection.set_schema(world.acme.schema)
    job_run.apply(kwargs={"job_id": str(row.pk)}, headers={"_schema_name": world.acme.schema})
    assert seen == []
    job_run.apply(kwargs={"job_id": str(row.pk)}, headers={"_schema_name": world.northwind.schema})
    assert seen == [row.conversation_id]


def test_jobs_name_their_company_when_an_outer_transaction_commits_them(
    world, make_conversation, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(outbox, "_SUBSCRIPTIONS", {})
    monkeypatch.setattr(outbox, "jobs_dispatch", lambda *, job_ids: sent.append(connection.schema_name))
    outbox.subscribe(EVENT, "test.task", lambda _conversation_id: None)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic(), world.acme.scope():
        outbox.jobs_announce(event=EVENT, conversation_id=make_conversation().pk)
    assert sent == [world.acme.schema]
    assert connection.schema_name == "public"


def test_an_exception_is_logged_by_kind_and_place(caplog):
    try:
        raise ValueError("my secret words")
    except ValueError as error:
        event = exception_place(
            None, "error", {"event": "x", "exc_info": (type(error), error, error.__traceback__)}
        )
    assert event["exception"] == "ValueError"
    assert "test_outbox.py" in event["where"]
    assert "secret" not in repr(event)


def _logged(name, message, *args):
    """A log line of a framework, as it is written."""
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)
    assert WithoutMessages().filter(record)
    return record.getMessage()


def test_frameworks_do_not_log_an_exception_s_message():
    error = DatabaseError('Failing row contains ("my secret words")')
    context = {
        "name": "sweep",
        "id": "1",
        "exc": repr(error),
        "traceback": str(error),
        "args": "my secret words",
    }
    lines = [
        _logged("celery.app.trace", "Task %(name)s[%(id)s] raised: %(exc)s", context),
        _logged("daphne.server", "Exception inside application: %s", error),
        _logged("asyncio", f"Task exception was never retrieved\nfuture: <Task exception={error!r}>"),
    ]
    assert lines == [
        "Task sweep[1] raised: DatabaseError",
        "Exception inside application: DatabaseError",
        "Task exception was never retrieved",
    ]


def test_the_filter_is_at_work_in_every_process():
    configured = logging.getLogger().handlers
    ours = [one for one in configured if any(isinstance(it, WithoutMessages) for it in one.filters)]
    assert ours


def test_what_is_done_is_forgotten_after_a_week_and_what_waits_is_not(job, world, make_conversation):
    row, _seen, _failures = job
    old = timezone.now() - timedelta(days=8)
    done = OutboxJob.objects.create(
        task="a", event=EVENT, conversation=make_conversation(), due_at=old, done_at=old
    )
    recent = OutboxJob.objects.create(
        task="b", event=EVENT, conversation=done.conversation, due_at=old, done_at=timezone.now()
    )
    OutboxJob.objects.filter(pk=row.pk).update(due_at=old)
    Session.objects.create(session_key="gone", session_data="", expire_date=old)
    Session.objects.create(
        session_key="here", session_data="", expire_date=timezone.now() + timedelta(days=1)
    )
    tidy()
    connection.set_schema(world.northwind.schema)
    assert set(OutboxJob.objects.values_list("pk", flat=True)) == {row.pk, recent.pk}
    assert Session.objects.filter(session_key="here").exists()
    assert not Session.objects.filter(session_key="gone").exists()


def test_a_job_that_gave_way_to_another_transaction_runs_again_at_once(job, caplog):
    row, seen, failures = job
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = psycopg.errors.DeadlockDetected("Process 1 waits for my secret words")
    failures.append(deadlock)
    with caplog.at_level(logging.WARNING):
        assert outbox.job_execute(job_id=row.pk)
    assert seen == [row.conversation_id] * 2
    row.refresh_from_db()
    assert row.done_at is not None and row.attempts == 1
    assert "40P01" in caplog.text and "secret" not in caplog.text


def test_a_database_that_is_away_is_not_asked_again_at_once(job):
    row, seen, failures = job
    failures.append(OperationalError("the connection is lost"))
    assert not outbox.job_execute(job_id=row.pk)
    assert len(seen) == 1
