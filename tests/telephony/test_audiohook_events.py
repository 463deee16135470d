"""Genesys's notifications posted to us: who may, and what becomes of a call that is on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from accounts.services import identity_attach
from conversations.models import CallPhase, Conversation, ConversationIdentifier
from integrations import hooks
from integrations.models import TelephonyConnection
from integrations.services import connection_create
from tests.telephony.test_audiohook_lifecycle import ANN, CONVERSATION, CUSTOMER, agent, leg, notification


@pytest.fixture
def genesys(world: Any) -> tuple[TelephonyConnection, str]:
    with world.northwind.scope():
        return connection_create(provider="genesys", name="Genesys Cloud")


def post(world: Any, genesys: tuple[TelephonyConnection, str], said: Any, **headers: str) -> Any:
    connection, secret = genesys
    body, now = said if isinstance(said, bytes) else json.dumps(said).encode(), int(time.time())
    signed = {
        hooks.TIMESTAMP_HEADER: str(now),
        hooks.SIGNATURE_HEADER: hooks.hook_sign(secret, now, body),
    }
    return world.northwind.client().post(
        f"/hooks/genesys/{connection.pk}/events/",
        body,
        content_type="application/json",
        headers={**(signed if not headers else {}), **headers, "host": world.northwind.host},
    )


def test_an_agent_becomes_known_and_puts_on_hold(
    world: Any, genesys: tuple[TelephonyConnection, str], make_conversation: Any
) -> None:
    company = world.northwind
    with company.scope():
        identity_attach(user=company.people["agent"], provider="genesys", agent_id=ANN)
        call = make_conversation(provider="genesys", state=Conversation.State.LIVE, agent=None)
        ConversationIdentifier.objects.create(
            conversation=call, provider="genesys", kind="conversation_id", value=CONVERSATION
        )
    talking = notification(CUSTOMER, agent(ANN, "connected", since=0))
    held = notification(leg("customer", "connected", confined=True), agent(ANN, "connected", held=True))
    for said in (talking, talking, held, held, talking, {"topicName": "channel.metadata", "eventBody": {}}):
        answer = post(world, genesys, said)
        assert answer.status_code == 202, answer.content
    with company.scope():
        call.refresh_from_db()
        phases = list(
            CallPhase.objects.filter(conversation=call).order_by("at").values_list("phase", flat=True)
        )
    assert call.agent == company.people["agent"] and call.provider_agent_id == ANN
    # Each notification is the whole conversation; only what is new is noted.
    assert phases == ["connected", "hold", "connected"]


def test_who_may_not_post(world: Any, genesys: tuple[TelephonyConnection, str]) -> None:
    said = notification(CUSTOMER)
    assert post(world, genesys, said, **{hooks.KEY_HEADER: "wrong"}).status_code == 401
    assert post(world, genesys, said, **{hooks.KEY_HEADER: genesys[1]}).status_code == 202
    assert post(world, (genesys[0], "another"), said).status_code == 401
    assert post(world, genesys, b"{").status_code == 400
    assert post(world, genesys, [said] * 101).status_code == 413
    assert post(world, genesys, b"x" * (hooks.BODY_BYTES + 1)).status_code == 413
    with world.northwind.scope():
        other, secret = connection_create(provider="connect", name="Connect")
    assert post(world, (other, secret), said).status_code == 404
