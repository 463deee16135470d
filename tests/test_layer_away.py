"""The channel layer goes away: what people and calls write is kept, and pages catch up when it is back."""

from __future__ import annotations

import asyncio

import pytest
import redis
from django.utils import timezone

from conversations import publish
from conversations.live.commit import group_write
from conversations.models import Conversation, Utterance
from conversations.services import conversation_attach
from desk.consumers import FloorConsumer
from tests.test_live_commit import part, utterance


@pytest.fixture
def layer_away(monkeypatch):
    """Nobody listens on port 1."""
    nobody = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    monkeypatch.setattr(publish, "_client", lambda: nobody)


def test_a_group_is_written_and_nothing_counts_as_sent(committed, make_conversation, layer_away):
    company = committed.northwind
    with company.scope():
        ident = make_conversation(state="live", lines=[("agent", "hello")]).pk
        written = part(ident, 0, utterance(ident, 7))
        sent: list[object] = []
        written.batch.published(sent.append)
        assert group_write([written]) == []
        assert Utterance.objects.filter(conversation_id=ident, sequence=7).exists()
    assert sent == []


def test_a_supervisor_s_change_is_no_error(committed, make_conversation, layer_away):
    company = committed.northwind
    with company.scope():
        call = make_conversation(state="live", provider_agent_id="2001", at=timezone.now())
        conversation_attach(conversation=call, user=company.people["agent"])
        assert Conversation.objects.get(pk=call.pk).agent == company.people["agent"]


def test_a_floor_tries_again_with_the_next_change():
    class Layer:
        sent: list[dict[str, str]] = []
        away = True

        async def send(self, _channel: str, message: dict[str, str]) -> None:
            if self.away:
                raise redis.ConnectionError("away")
            self.sent.append(message)

    async def changes() -> FloorConsumer:
        floor = FloorConsumer()
        floor.channel_layer, floor.channel_name = Layer(), "floor-1"
        floor.changed, floor.waiting = set(), None
        await floor.floor_changed({"conversations": ["one"]})
        await asyncio.wait_for(floor.waiting, 5)
        floor.channel_layer.away = False
        await floor.floor_changed({"conversations": ["two"]})
        await asyncio.wait_for(floor.waiting, 5)
        return floor

    floor = asyncio.run(changes())
    assert floor.channel_layer.sent == [{"type": "floor.read"}]
    assert floor.changed == {"one", "two"}
