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


async def test_what_needs_no_waiting_wakes_nobody_and_keeps_its_place():
    mailbox, done = Mailbox(), []

    def at_once(message):
        if message["number"] == 0:
            raise ValueError
        if message["number"] % 2:
            done.append(message["number"])
        return message["number"] % 2

    mailbox.at_once = at_once

    def deliver(number: int) -> None:
        mailbox.deliver(encode({"type": "test", "number": number}))

    deliver(1)  # nobody waits for anything yet: it is kept
    assert done == [] and (await mailbox.next()) is not None
    waiting = asyncio.create_task(mailbox.next())
    await asyncio.sleep(0)
    deliver(3)
    assert done == [3] and mailbox.empty()
    deliver(4)  # not for at once, and what comes behind it waits behind it
    deliver(5)
    deliver(0)
    assert done == [3]
    left = [await waiting, *(mailbox.get_nowait() for _ in range(2))]
    assert [hubs._deserialize(each)["number"] for each in left] == [4, 5, 0]
    waiting = asyncio.create_task(mailbox.next())
    await asyncio.sleep(0)
    deliver(0)  # what goes wrong goes to the socket's own task
    assert hubs._deserialize(await waiting)["number"] == 0
