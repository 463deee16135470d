"""Webhooks until they were taken: tried again, held back, switched off, swept up, sent again, forgotten."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from conversations import news
from integrations.webhooks import delivery as sending
from integrations.webhooks import tasks
from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from integrations.webhooks.services import (
    delivery_replay,
    endpoint_replay,
    endpoint_update,
    messages_forget,
)
from integrations.webhooks.tasks import endpoints_due
from tenants.scope import current_schema, schema_scope
from tests.conftest import World
from tests.live_calls import CELERY_WORKER, celery_process, wait_for
from tests.webhook_receiver import Receiver, endpoint_for, told

Make = Callable[..., Any]
State = WebhookDelivery.State


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that is taken and that nobody listens on: connections are refused at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def time_passes(**fields: Any) -> None:
    """Everything that waits is due."""
    WebhookDelivery.objects.filter(state=State.WAITING).update(due_at=timezone.now(), **fields)
    WebhookEndpoint.objects.update(hold_until=None)


def test_a_retry_has_the_same_id_and_a_new_time(
    northwind: Any, receiver: Receiver, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, secret = endpoint_for(receiver)
    receiver.answer_next(500)
    message = told(news.STARTED, make_conversation())
    earlier = timezone.now() - timedelta(seconds=90)
    with monkeypatch.context() as patch:
        patch.setattr(sending.timezone, "now", lambda: earlier)
        WebhookDelivery.objects.update(due_at=earlier, begun_at=earlier)
        endpoint_deliver(endpoint_id=endpoint.pk)
    row = WebhookDelivery.objects.get()
    assert row.state == State.WAITING and "500" in row.error
    assert timedelta(seconds=4) <= row.due_at - earlier <= timedelta(seconds=6)
    before = int(timezone.now().timestamp())
    endpoint_deliver(endpoint_id=endpoint.pk)
    first, second = receiver.received
    assert first.webhook_id == second.webhook_id == message.webhook_id
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert times[0] == int(earlier.timestamp())
    assert before <= times[1] <= int(timezone.now().timestamp())
    first.verified(secret)
    second.verified(secret)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.error) == (State.DELIVERED, 2, "")
    assert list(WebhookAttempt.objects.values_list("number", "status_code")) == [(1, 500), (2, 204)]


def test_the_schedule_goes_on_for_three_days_and_jitters() -> None:
    begun = datetime(2026, 11, 20, tzinfo=UTC)
    now, tries = begun, 0
    while True:
        tries += 1
        due = sending.retry_at(tries, begun, now)
        if due is None:
            break
        assert due > now
        now = due
    assert timedelta(days=3) <= now - begun <= timedelta(days=3, hours=1)
    assert 9 <= tries <= 12
    assert len({sending.retry_at(3, begun, begun) for _ in range(20)}) > 10


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Fri, 20 Nov 2026 00:01:00 GMT", 60),
        ("99999999999", 24 * 3600),
        ("Thu, 19 Nov 2026 00:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(said: str, seconds: int | None) -> None:
    got = sending.retry_after(said, datetime(2026, 11, 20, tzinfo=UTC))
    assert got == (None if seconds is None else timedelta(seconds=seconds))


def test_a_receiver_that_asks_for_time_gets_it(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, _secret = endpoint_for(receiver)
    receiver.answer_next(429, Retry_After="1800")
    call = make_conversation()
    told(news.STARTED, call)
    told(news.COMPLETED, call)
    before = timezone.now()
    endpoint_deliver(endpoint_id=endpoint.pk)
    # The second waits as well: it was the receiver that asked.
    assert len(receiver.received) == 1
    endpoint.refresh_from_db()
    asked = timedelta(minutes=30)
    assert before + asked <= endpoint.hold_until <= timezone.now() + asked  # type: ignore[operator]
    assert WebhookDelivery.objects.filter(due_at__gte=before + asked).count() == 1


def test_410_switches_the_endpoint_off(northwind: Any, receiver: Receiver, make_conversation: Make) -> None:
    endpoint, _secret = endpoint_for(receiver)
    receiver.answer_next(410)
    call = make_conversation()
    told(news.STARTED, call)
    told(news.COMPLETED, call)
    endpoint_deliver(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert not endpoint.active and endpoint.disabled_reason == "gone" and endpoint.disabled_at
    assert len(receiver.received) == 1
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.FAILED}
    assert AuditEvent.objects.get(action="webhookendpoint.disable").changes == {"reason": "gone"}
    with transaction.atomic():
        news.tell(kind=news.STARTED, conversation_id=call.pk)
    assert WebhookMessage.objects.count() == 2


def test_a_redirect_is_a_failure_and_is_not_followed(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, _secret = endpoint_for(receiver)
    receiver.answer_next(307, Location=receiver.url("/elsewhere"))
    told(news.STARTED, make_conversation())
    endpoint_deliver(endpoint_id=endpoint.pk)
    row = WebhookDelivery.objects.get()
    assert row.state == State.WAITING and row.status_code == 307
    assert [one.path for one in receiver.received] == ["/in"]


def test_days_of_failure_switch_the_endpoint_off(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, _secret = endpoint_for(receiver)
    receiver.usual = 503
    told(news.STARTED, make_conversation())
    for _day in range(2):
        endpoint_deliver(endpoint_id=endpoint.pk)
        time_passes()
    endpoint.refresh_from_db()
    assert endpoint.active and endpoint.failures == 2 and endpoint.failing_since
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=3))
    endpoint_deliver(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert not endpoint.active and endpoint.disabled_reason == "failed"
    assert AuditEvent.objects.get(action="webhookendpoint.disable").actor is None
    receiver.usual = 204
    endpoint_update(endpoint=endpoint, active=True)
    assert endpoint.disabled_reason == "" and endpoint.failing_since is None
    assert endpoint_replay(endpoint=endpoint, since=timezone.now() - timedelta(hours=1)) == 1
    endpoint_deliver(endpoint_id=endpoint.pk)
    assert WebhookDelivery.objects.get().state == State.DELIVERED
    assert len({one.webhook_id for one in receiver.received}) == 1


def test_a_dead_endpoint_is_left_alone_longer_and_longer(
    northwind: Any, receiver: Receiver, make_conversation: Make, dead_port: int
) -> None:
    dead, _secret = endpoint_for(receiver, path="/dead")
    WebhookEndpoint.objects.filter(pk=dead.pk).update(url=f"http://127.0.0.1:{dead_port}/")
    well, _secret = endpoint_for(receiver, path="/well")
    call = make_conversation()
    for _number in range(10):
        told(news.STARTED, call)
    endpoint_deliver(endpoint_id=dead.pk)
    endpoint_deliver(endpoint_id=well.pk)
    assert len(receiver.of("/well")) == 10
    # One failure may be the message's; after the second nothing more was tried.
    assert WebhookAttempt.objects.filter(delivery__endpoint=dead).count() == 2
    assert dead.pk not in endpoints_due()
    for seconds in (10, 20, 40, 80, 160, 320, 600, 600, 600):
        time_passes()
        before, hold = timezone.now(), timedelta(seconds=seconds)
        endpoint_deliver(endpoint_id=dead.pk)
        dead.refresh_from_db()
        assert before + hold <= dead.hold_until <= timezone.now() + hold  # type: ignore[operator]
    receiver.usual = 204
    WebhookEndpoint.objects.filter(pk=dead.pk).update(url=receiver.url("/dead"))
    time_passes()
    endpoint_deliver(endpoint_id=dead.pk)
    dead.refresh_from_db()
    assert dead.failures == 0 and len(receiver.of("/dead")) == 10


def test_a_slow_receiver_is_given_up_in_time(
    northwind: Any, receiver: Receiver, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.2)
    endpoint, _secret = endpoint_for(receiver)
    receiver.wait = 60
    told(news.STARTED, make_conversation())
    endpoint_deliver(endpoint_id=endpoint.pk)
    attempt = WebhookAttempt.objects.get()
    assert attempt.status_code is None and attempt.error == "It did not answer in time."
    # Long before the receiver would have answered.
    assert 150 <= attempt.duration_ms < 30_000


def test_an_address_that_has_become_ours_is_not_asked(
    northwind: Any, receiver: Receiver, settings: Any, make_conversation: Make
) -> None:
    endpoint, _secret = endpoint_for(receiver)
    settings.EGRESS_ALLOW = []
    told(news.STARTED, make_conversation())
    endpoint_deliver(endpoint_id=endpoint.pk)
    assert not receiver.received
    assert WebhookDelivery.objects.get().error == "Its address lies in a private network."


def test_two_workers_do_not_deliver_twice(
    committed: World, receiver: Receiver, make_conversation: Make
) -> None:
    company = committed.northwind
    with company.scope():
        endpoint, _secret = endpoint_for(receiver)
        call = make_conversation()
        for _number in range(12):
            told(news.STARTED, call)
    receiver.wait = 0.03

    def work() -> None:
        try:
            with company.scope():
                endpoint_deliver(endpoint_id=endpoint.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ids = [one.webhook_id for one in receiver.received]
    assert len(ids) == len(set(ids)) == 12
    with company.scope():
        assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {(State.DELIVERED, 1)}


def test_a_worker_that_died_leaves_its_message_to_others(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, _secret = endpoint_for(receiver)
    told(news.STARTED, make_conversation())
    assert sending._take(endpoint.pk) is not None
    assert not endpoint_deliver(endpoint_id=endpoint.pk) and endpoints_due() == []
    time_passes(begun_at=timezone.now())
    WebhookDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=10))
    assert endpoints_due() == [endpoint.pk]
    endpoint_deliver(endpoint_id=endpoint.pk)
    assert WebhookDelivery.objects.get().attempts == 2 and len(receiver.received) == 1


def test_the_sweep_starts_what_is_due_in_every_company(
    world: World, receiver: Receiver, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, str]] = []

    def delay(*, endpoint_id: str) -> None:
        started.append((current_schema(), endpoint_id))

    monkeypatch.setattr(tasks.webhook_endpoint_deliver, "delay", delay)
    expected = set()
    for company in (world.northwind, world.acme):
        with company.scope():
            endpoint, _secret = endpoint_for(receiver, path=f"/{company.schema}")
            told(news.STARTED, make_conversation())
            WebhookDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=10))
            expected.add((company.schema, str(endpoint.pk)))
    tasks.webhooks_sweep()
    assert set(started) == expected
    for schema, endpoint_id in started:
        with schema_scope(schema):
            # All places are taken: nothing is done, and the sweep comes again.
            with monkeypatch.context() as patch:
                patch.setattr(tasks, "_places", threading.BoundedSemaphore(1))
                assert tasks._places.acquire(blocking=False)
                tasks.webhook_endpoint_deliver(endpoint_id=endpoint_id)
                assert WebhookDelivery.objects.get().state == State.WAITING
            tasks.webhook_endpoint_deliver(endpoint_id=endpoint_id)
            assert WebhookDelivery.objects.get().state == State.DELIVERED
            assert len(receiver.of(f"/{schema}")) == 1


def test_a_real_worker_and_beat_send_and_try_again(
    committed: World, receiver: Receiver, make_conversation: Make, tmp_path: Path
) -> None:
    """News committed here go out by Celery's own processes; what failed is found by the sweep that beat starts."""
    log, allowed = tmp_path / "celery.log", {"EGRESS_ALLOW": "127.0.0.0/8", "EGRESS_ALLOW_HTTP": "true"}
    company = committed.northwind
    receiver.answer_next(503)
    with company.scope():
        endpoint, secret = endpoint_for(receiver)
        message = told(news.STARTED, make_conversation())
        beat = ("beat", "--schedule", str(tmp_path / "beat"), "--loglevel", "warning")
        with celery_process(log, *CELERY_WORKER, **allowed), celery_process(log, *beat):
            wait_for(WebhookAttempt.objects.exists, seconds=120, what="the first try")
            # Nobody waits for the next one to fall due.
            time_passes()
            WebhookDelivery.objects.update(due_at=timezone.now() - 2 * tasks.OVERDUE)
            tried = WebhookAttempt.objects.filter(status_code=204)
            wait_for(tried.exists, seconds=120, what="the second try")
        row = WebhookDelivery.objects.get()
        assert (row.state, row.attempts) == (State.DELIVERED, 2)
        assert list(WebhookAttempt.objects.values_list("number", "status_code")) == [(1, 503), (2, 204)]
        endpoint.refresh_from_db()
    first, second = receiver.received
    assert first.webhook_id == second.webhook_id == message.webhook_id
    assert second.verified(secret)["type"] == "conversation.started"
    assert endpoint.last_delivered_at and endpoint.failures == 0
    # Neither process says anything of what it sent where, and nobody in the other company was told.
    written = log.read_text()
    assert secret not in written and receiver.url() not in written
    with committed.acme.scope():
        assert not WebhookMessage.objects.exists()


def test_replay_and_forgetting(northwind: Any, receiver: Receiver, make_conversation: Make) -> None:
    endpoint, _secret = endpoint_for(receiver)
    told(news.STARTED, make_conversation())
    endpoint_deliver(endpoint_id=endpoint.pk)
    row = WebhookDelivery.objects.select_related("endpoint").get()
    delivery_replay(delivery=row, actor=northwind.people["admin"])
    assert row.state == State.WAITING
    assert messages_forget(before=timezone.now() + timedelta(days=1)) == 0
    endpoint_deliver(endpoint_id=endpoint.pk)
    assert len({one.webhook_id for one in receiver.received}) == 1 and len(receiver.received) == 2
    assert messages_forget(before=timezone.now() - timedelta(days=1)) == 0
    assert messages_forget(before=timezone.now() + timedelta(days=1)) == 1
    assert not WebhookAttempt.objects.exists()
