"""Webhooks: who is told what, signed so that the specification's own library believes it, under sealed secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from accounts.models import AuditEvent
from conversations import news
from conversations.live.ending import call_fail
from conversations.live.ownership import call_claim
from conversations.models import ConversationIdentifier, SummaryLine
from conversations.summaries import summary_confirm, summary_write
from integrations.webhooks import payloads
from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from integrations.webhooks.services import (
    FORMER_SIGNS_FOR,
    endpoint_rotate,
    endpoint_secrets,
    endpoint_test,
    endpoint_update,
)
from integrations.webhooks.tasks import endpoints_due
from tenants.keys import SealError
from tests.conftest import World
from tests.past_calls import past_call
from tests.webhook_receiver import Receiver, endpoint_for, told

Make = Callable[..., Any]
State = WebhookDelivery.State


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
