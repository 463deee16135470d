"""Webhooks on the admin's pages and in the API: endpoints, their secrets, tests, the log, sending again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from coaching.models import RuleEffect
from conversations import news
from conversations.models import Utterance
from integrations.webhooks import payloads
from integrations.webhooks.delivery import endpoint_deliver
from integrations.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookMessage
from integrations.webhooks.services import endpoint_create, endpoint_test
from tests.budgets import query_budget
from tests.past_calls import past_call
from tests.webhook_receiver import Receiver, endpoint_for, told

Make = Callable[..., Any]
State = WebhookDelivery.State


def test_what_an_endpoint_cannot_be(northwind: Any, settings: Any) -> None:
    settings.EGRESS_ALLOW, settings.EGRESS_ALLOW_HTTP = [], False
    good = {"url": "https://hooks.example/in", "events": ["summary.ready"]}
    for wrong in (
        {"url": "http://hooks.example/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://me:word@hooks.example/"},
        {"events": []},
        {"events": ["everything"]},
    ):
        with pytest.raises(ValidationError):
            endpoint_create(**good | wrong)  # type: ignore[arg-type]
    client = northwind.client("admin")
    answer = client.post(
        "/api/v1/webhook-endpoints/",
        json.dumps(good | {"url": "https://169.254.169.254/"}),
        content_type="application/json",
    )
    assert answer.status_code == 400 and "private network" in answer.json()["error"]["fields"]["url"][0]


def test_the_api_does_what_the_page_does(northwind: Any, receiver: Receiver, make_conversation: Make) -> None:
    client = northwind.client("admin")

    def send(path: str, data: Any = None, status: int = 200, method: str = "post") -> Any:
        answer = getattr(client, method)(
            f"/api/v1/{path}", json.dumps(data or {}), content_type="application/json"
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    made = send("webhook-endpoints/", {"url": receiver.url(), "events": ["conversation.started"]}, 201)
    assert made["secret"].startswith("whsec_") and made["active"]
    one = f"webhook-endpoints/{made['id']}/"
    assert "secret" not in client.get(f"/api/v1/{one}").json()
    assert send(one, {"description": "CRM"}, method="patch")["description"] == "CRM"
    tested = send(f"{one}test/", status=202)
    assert tested["kind"] == "webhook.test" and tested["state"] == "waiting" and tested["due_at"]
    endpoint_deliver(endpoint_id=made["id"])
    whole = client.get(f"/api/v1/webhook-deliveries/{tested['id']}/").json()
    assert whole["state"] == "delivered" and whole["log"][0]["status_code"] == 204 and not whole["due_at"]
    assert receiver.received[0].verified(made["secret"])["type"] == "webhook.test"
    rotated = send(f"{one}rotate/")
    assert rotated["secret"] != made["secret"] and rotated["former_until"]
    receiver.usual = 500
    call = make_conversation()
    told(news.STARTED, call)
    WebhookDelivery.objects.filter(state=State.WAITING).update(state=State.FAILED)
    listed = client.get(f"/api/v1/webhook-deliveries/?state=failed&conversation={call.pk}").json()["results"]
    assert [row["kind"] for row in listed] == ["conversation.started"]
    assert client.get("/api/v1/webhook-deliveries/?kind=summary.ready").json()["results"] == []
    assert send(f"{one}replay/", {"since": "2020-01-01T00:00:00Z"}) == {"messages": 1}
    assert send(f"webhook-deliveries/{listed[0]['id']}/replay/", status=202)["state"] == "waiting"
    send(one, {"active": False}, method="patch")
    assert send(f"{one}test/", status=400)["error"]["message"] == "Switch the endpoint on first."


def test_lists_take_the_same_queries_for_many(northwind: Any, receiver: Receiver) -> None:
    client = northwind.client("admin")
    for more in (1, 3):
        for _number in range(more):
            endpoint, _secret = endpoint_for(receiver)
            endpoint_test(endpoint=endpoint)
        with query_budget("api-webhook-endpoints"):
            assert client.get("/api/v1/webhook-endpoints/").status_code == 200
        with query_budget("api-webhook-deliveries"):
            assert len(client.get("/api/v1/webhook-deliveries/").json()["results"]) >= more


def test_the_admin_pages(northwind: Any, receiver: Receiver, make_conversation: Make) -> None:
    client = northwind.client("admin")
    page = "/admin/integrations/webhookendpoint/"
    said = {"url": receiver.url(), "description": "CRM", "events": ["conversation.started"], "active": "on"}
    refused = client.post(page + "add/", said | {"url": "https://10.0.0.1/"})
    assert refused.status_code == 200 and not WebhookEndpoint.objects.exists()
    made = client.post(page + "add/", said, follow=True)
    assert made.status_code == 200
    endpoint = WebhookEndpoint.objects.get()
    assert "whsec_" in made.content.decode()
    shown = client.get(f"{page}{endpoint.pk}/change/").content.decode()
    assert "whsec_" not in shown
    # The state in words, as in the list, and not the pair that the list draws its chip of.
    assert "active" in shown and "&#x27;on&#x27;" not in shown
    assert client.post(f"{page}{endpoint.pk}/change/", said | {"description": "Other"}).status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.description == "Other"
    assert AuditEvent.objects.filter(action__startswith="webhookendpoint.").count() == 2

    client.post(f"{page}{endpoint.pk}/test/", {"_form_submitted": "1"})
    assert WebhookMessage.objects.get().kind == "webhook.test"
    rotated = client.post(f"{page}{endpoint.pk}/rotate/", {"_form_submitted": "1"}, follow=True)
    assert "whsec_" in rotated.content.decode()
    WebhookDelivery.objects.update(state=State.FAILED)
    client.post(f"{page}{endpoint.pk}/replay/", {"_form_submitted": "1", "days": "1"})
    row = WebhookDelivery.objects.get()
    assert row.state == State.WAITING
    endpoint_deliver(endpoint_id=endpoint.pk)
    log = "/admin/integrations/webhookdelivery/"
    assert "webhook.test" in client.get(log).content.decode()
    assert client.get(f"{log}{row.pk}/change/").status_code == 200
    client.post(log, {"action": "send_again", "_selected_action": [str(row.pk)]})
    row.refresh_from_db()
    assert row.state == State.WAITING
    for persona in ("agent", "supervisor", "analyst"):
        assert northwind.client(persona).post(f"{page}{endpoint.pk}/rotate/").status_code in {302, 403}
    assert AuditEvent.objects.filter(action="webhookendpoint.rotate").count() == 1


def test_nothing_said_goes_out(northwind: Any, receiver: Receiver) -> None:
    """Every kind's payload, next to every word of the transcript."""
    past = past_call(agent=northwind.people["agent"], queue=northwind.queue)
    refs = {news.EVALUATION_RELEASED: past.score.pk}
    refs |= {news.ALERT_RAISED: past.alert.pk, news.ALERT_ESCALATED: past.alert.pk}
    effect = RuleEffect.objects.create(
        conversation=past.conversation,
        revision=past.hint.revision,
        rule_key="tell",
        kind="webhook",
        at_ms=0,
        evidence=past.hint.evidence,
        cause=past.hint.cause,
        reason=past.hint.reason,
    )
    refs[news.GUIDANCE_RULE] = effect.pk
    spoken = [row.text for row in Utterance.objects.filter(conversation=past.conversation)]
    for kind in set(news.KINDS) - {news.SUMMARY_READY, news.SUMMARY_CONFIRMED}:
        message = WebhookMessage(kind=kind, conversation=past.conversation, ref=refs.get(kind))
        body = payloads.payload(message).decode()
        assert not [text for text in spoken if text in body], kind
