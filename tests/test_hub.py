"""The hub brings what is published to the sockets of a process, and does so again after a break."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio
from django.conf import settings

from conversations.publish import channel_of, encode
from desk import hub as hubs
from desk.hub import Hub, Mailbox

pytestmark = pytest.mark.asyncio


async def told(group: str, number: int) -> int:
    """Publish as the live way does. Returns how many connections the layer gave it to."""
    async with redis.asyncio.Redis.from_url(settings.REDIS_LAYER_URL) as client:
        return int(await client.publish(channel_of(group), encode({"type": "test", "number": number})))


async def test_all_who_have_joined_get_it_and_nobody_else():
    hub, one, two, other = Hub(settings.REDIS_LAYER_URL), Mailbox(), Mailbox(), Mailbox()
    await hub.join("hub.a", one)
    await hub.join("hub.a", two)
    await hub.join("hub.b", other)
    assert await told("hub.a", 1) == 1
    assert await asyncio.wait_for(one.get(), 5) == await asyncio.wait_for(two.get(), 5)
    hub.leave("hub.a", one)
    await told("hub.a", 2)
    assert hubs._deserialize(await asyncio.wait_for(two.get(), 5)) == {"type": "test", "number": 2}
    assert one.empty() and other.empty()
    hub.leave("hub.a", two)
    hub.leave("hub.b", other)
    hub.leave("hub.b", other)
    await asyncio.sleep(0.05)
    assert (await told("hub.a", 3), await told("hub.b", 3)) == (0, 0)


async def test_a_broken_line_is_taken_up_again(monkeypatch):
    monkeypatch.setattr(hubs, "AGAIN_SECONDS", 0.01)
    hub, mailbox = Hub(settings.REDIS_LAYER_URL), Mailbox()
    await hub.join("hub.c", mailbox)
    async with redis.asyncio.Redis.from_url(settings.REDIS_LAYER_URL) as client:
        await client.client_kill_filter(_type="pubsub")
    for _attempt in range(200):
        if await told("hub.c", 4):
            break
        await asyncio.sleep(0.01)
    assert hubs._deserialize(await asyncio.wait_for(mailbox.get(), 5))["number"] == 4
    hub.leave("hub.c", mailbox)


async def test_a_layer_that_is_away_is_told_to_who_joins(monkeypatch):
    monkeypatch.setattr(hubs, "JOIN_SECONDS", 0.1)
    hub = Hub("redis://127.0.0.1:1/0")
    mailbox = Mailbox()
    with pytest.raises(TimeoutError):
        await hub.join("hub.d", mailbox)
    hub.leave("hub.d", mailbox)
