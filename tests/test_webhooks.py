"""Webhooks: who is told what, signed so that the specification's own library believes it, until it was taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from accounts.models import AuditEvent
from conversations import news
from conversations.live.ending import call_fail
from conversations.live.ownership import call_claim
from conversations.models import ConversationIdentifier, SummaryLine
from conversations.summaries import summary_confirm, summary_write
from integrations.webhooks import delivery as sending
from integrations.webhooks import payloads, tasks
from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from integrations.webhooks.services import (
    FORMER_SIGNS_FOR,
    delivery_replay,
    endpoint_replay,
    endpoint_rotate,
    endpoint_secrets,
    endpoint_test,
    endpoint_update,
    messages_forget,
)
from integrations.webhooks.tasks import endpoints_due
from tenants.keys import SealError
from tenants.scope import current_schema, schema_scope
from tests.conftest import World
from tests.past_calls import past_call
from tests.webhook_receiver import Receiver, endpoint_for, receiver_run, told

Make = Callable[..., Any]
State = WebhookDelivery.State


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = ["127.0.0.0/8"], True
    with receiver_run() as receiver:
        yield receiver


@pytest.fixture
def northwind(world: World) -> Iterator[Any]:
    with world.northwind.scope():
        yield world.northwind


def time_passes(**fields: Any) -> None:
    """Everything that waits is due."""
    WebhookDelivery.objects.filter(state=State.WAITING).update(due_at=timezone.now(), **fields)
    WebhookEndpoint.objects.update(hold_until=None)


# --- Who is told what -------------------------------------------------------------------------------------


def test_a_receiver_believes_what_it_gets(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, secret = endpoint_for(receiver, "conversation.completed")
    call = make_conversation(agent=northwind.people["agent"], metadata={"note": "secret"})
    ConversationIdentifier.objects.create(conversation=call, provider="genesys", kind="contact", value="c-1")
    message = told(news.COMPLETED, call)
    assert not endpoint_deliver(endpoint_id=endpoint.pk)
    (got,) = receiver.received
    said = got.verified(secret)
    assert got.webhook_id == message.webhook_id and got.webhook_id.startswith("msg_")
    assert got.headers["content-type"] == "application/json"
    assert said["type"] == "conversation.completed" and said["timestamp"].endswith("Z")
    shown = said["data"]["conversation"]
    assert shown["id"] == str(call.pk) and shown["state"] == "completed"
    assert shown["url"] == f"http://northwind.localhost:8000/api/v1/conversations/{call.pk}/"
    assert shown["identifiers"] == [{"provider": "genesys", "kind": "contact", "value": "c-1"}]
    assert b"secret" not in got.body and b"my bill" not in got.body
    with pytest.raises(WebhookVerificationError):
        got.verified("whsec_" + "A" * 44)
    row = WebhookDelivery.objects.get()
    assert row.state == State.DELIVERED and row.status_code == 204 and row.attempts == 1
    assert WebhookAttempt.objects.get().status_code == 204


def test_only_those_who_want_it_are_told_and_nobody_means_no_rows(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    call = make_conversation()
    with transaction.atomic():
        news.tell(kind=news.STARTED, conversation_id=call.pk)
    assert not WebhookMessage.objects.exists()
    wants, _secret = endpoint_for(receiver, "conversation.started")
    endpoint_for(receiver, "summary.ready")
    off, _secret = endpoint_for(receiver)
    endpoint_update(endpoint=off, active=False)
    message = told(news.STARTED, call)
    assert [row.endpoint_id for row in message.deliveries.all()] == [wants.pk]
    with pytest.raises(ValueError, match="no kind"):
        news.tell(kind="utterance.heard", conversation_id=call.pk)


def test_each_event_comes_from_what_happens(
    northwind: Any, receiver: Receiver, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The services that do things, not this test, tell of them; the payloads hold what each is about."""
    from conversations.live.calls import call_announce
    from conversations.live.wire import CallAudio, CallStart
    from engines.speech.audio import AudioFormat

    endpoint, secret = endpoint_for(receiver)
    start = CallStart(id="call-1")
    audio = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=2), ("agent", "customer"))
    announced = call_announce(source="native", start=start, audio=audio)
    call_claim(conversation_id=announced.conversation_id, worker="test")
    call_claim(conversation_id=announced.conversation_id, worker="another")
    call_fail(conversation_id=announced.conversation_id, reason="failed")
    kinds = list(WebhookMessage.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["conversation.started", "conversation.incomplete"]
    WebhookMessage.objects.all().delete()

    call = make_conversation(agent=northwind.people["agent"], state="wrap_up")
    summary = summary_write(conversation_id=call.pk)
    summary_write(conversation_id=call.pk)
    summary_confirm(summary=summary, user=northwind.people["agent"])
    summary_confirm(summary=summary, user=northwind.people["agent"])
    endpoint_deliver(endpoint_id=endpoint.pk)
    ready, confirmed = (one.verified(secret) for one in receiver.received)
    assert [ready["type"], confirmed["type"]] == ["summary.ready", "summary.confirmed"]
    assert confirmed["data"]["summary"]["state"] == "confirmed"
    assert confirmed["data"]["summary"]["confirmed_by"]["name"] == "Agent"
    assert confirmed["data"]["summary"]["lines"][0]["text"]


def test_evaluations_and_alerts(northwind: Any, receiver: Receiver) -> None:
    from qa.services import answer_override

    past = past_call(agent=northwind.people["agent"], queue=northwind.queue)
    endpoint, secret = endpoint_for(receiver, "evaluation.released", "alert.raised")
    answer_override(
        answer=past.score.answers.first(), user=northwind.people["admin"], value="no", reason="listened again"
    )
    told(news.ALERT_RAISED, past.conversation, past.alert.pk)
    endpoint_deliver(endpoint_id=endpoint.pk)
    by_kind = {said["type"]: said["data"] for said in (one.verified(secret) for one in receiver.received)}
    past.score.refresh_from_db()
    assert by_kind["evaluation.released"]["evaluation"]["total"] == float(past.score.total)
    assert by_kind["evaluation.released"]["evaluation"]["id"] == str(past.score.pk)
    alert = by_kind["alert.raised"]["alert"]
    assert alert["id"] == str(past.alert.pk) and alert["url"].endswith(f"/api/v1/alerts/{past.alert.pk}/")
    assert b"listened again" not in b"".join(one.body for one in receiver.received)


def test_what_was_hidden_meanwhile_is_not_told(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint, secret = endpoint_for(receiver, "summary.ready")
    call = make_conversation(state="wrap_up")
    summary = summary_write(conversation_id=call.pk)
    assert summary is not None
    SummaryLine.objects.filter(summary=summary).update(text="The [PERSON_NAME] called.")
    endpoint_deliver(endpoint_id=endpoint.pk)
    lines = receiver.received[0].verified(secret)["data"]["summary"]["lines"]
    assert {line["text"] for line in lines} == {"The [PERSON_NAME] called."}


def test_a_long_summary_stays_within_what_receivers_take(
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    endpoint_for(receiver, "summary.ready")
    summary = summary_write(conversation_id=make_conversation(state="wrap_up").pk)
    SummaryLine.objects.bulk_create(
        SummaryLine(summary=summary, section="done", position=number + 10, text="ü" * 400)
        for number in range(60)
    )
    body = payloads.payload(WebhookMessage.objects.get())
    assert len(body) < payloads.MAX_BYTES
    assert json.loads(body)["data"]["summary"]["lines"] is None


def test_what_is_gone_is_not_told(northwind: Any, receiver: Receiver, make_conversation: Make) -> None:
    endpoint, _secret = endpoint_for(receiver, "summary.ready")
    summary = summary_write(conversation_id=make_conversation(state="wrap_up").pk)
    assert summary is not None
    summary.delete()
    endpoint_deliver(endpoint_id=endpoint.pk)
    endpoint.refresh_from_db()
    assert not receiver.received and endpoint.failures == 0
    assert WebhookDelivery.objects.get().state == State.FAILED


# --- Secrets ----------------------------------------------------------------------------------------------


def test_rotation_signs_with_both_for_a_while(
    northwind: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, old = endpoint_for(receiver)
    new = endpoint_rotate(endpoint=endpoint, actor=northwind.people["admin"])
    assert new != old and new.startswith("whsec_")
    endpoint_test(endpoint=endpoint)
    endpoint_deliver(endpoint_id=endpoint.pk)
    (got,) = receiver.received
    assert got.verified(old)["type"] == got.verified(new)["type"] == "webhook.test"
    WebhookEndpoint.objects.update(former_until=timezone.now() - timedelta(seconds=1))
    endpoint_test(endpoint=endpoint)
    endpoint_deliver(endpoint_id=endpoint.pk)
    assert receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(old)
    assert timedelta(days=1) <= FORMER_SIGNS_FOR
    assert AuditEvent.objects.filter(action="webhookendpoint.rotate").exists()


def test_a_secret_is_sealed_for_its_endpoint_and_company(world: World, receiver: Receiver) -> None:
    with world.northwind.scope():
        endpoint, secret = endpoint_for(receiver)
        other, _secret = endpoint_for(receiver)
        row = WebhookEndpoint.objects.values().get(pk=endpoint.pk)
        assert secret.removeprefix("whsec_")[:20] not in str(row)
        other.secret_sealed = endpoint.secret_sealed
        with pytest.raises(SealError):
            endpoint_secrets(other, now=timezone.now())
    with world.acme.scope():
        assert not WebhookEndpoint.objects.exists()
        with pytest.raises(SealError):
            endpoint_secrets(endpoint, now=timezone.now())
        # Acme's workers find nothing under Northwind's ids, and Acme's news go to nobody.
        assert not endpoint_deliver(endpoint_id=endpoint.pk) and endpoints_due() == []
    assert not receiver.received


# --- Until it was taken -----------------------------------------------------------------------------------


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
    endpoint_deliver(endpoint_id=endpoint.pk)
    first, second = receiver.received
    assert first.webhook_id == second.webhook_id == message.webhook_id
    times = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert 85 <= times[1] - times[0] <= 100
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
    endpoint_deliver(endpoint_id=endpoint.pk)
    # The second waits as well: it was the receiver that asked.
    assert len(receiver.received) == 1
    endpoint.refresh_from_db()
    assert timedelta(minutes=29) < endpoint.hold_until - timezone.now() <= timedelta(minutes=30)  # type: ignore[operator]
    assert WebhookDelivery.objects.filter(due_at__gt=timezone.now() + timedelta(minutes=29)).count() == 1


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
    northwind: Any, receiver: Receiver, make_conversation: Make
) -> None:
    dead, _secret = endpoint_for(receiver, path="/dead")
    WebhookEndpoint.objects.filter(pk=dead.pk).update(url="http://127.0.0.1:9/")
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
    holds = []
    for _number in range(9):
        time_passes()
        endpoint_deliver(endpoint_id=dead.pk)
        dead.refresh_from_db()
        holds.append(round((dead.hold_until - timezone.now()).total_seconds()))  # type: ignore[operator]
    assert holds == sorted(holds) and holds[-1] <= 600 and holds[-1] > 595
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
    receiver.wait = 5
    told(news.STARTED, make_conversation())
    endpoint_deliver(endpoint_id=endpoint.pk)
    attempt = WebhookAttempt.objects.get()
    assert attempt.status_code is None and attempt.error == "It did not answer in time."
    assert 150 <= attempt.duration_ms < 3000


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
