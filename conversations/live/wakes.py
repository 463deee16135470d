"""Who of this worker's chats has news: one subscription for all of them.

A chat that waited at Redis by itself would hold a connection. A wake that is lost, while Redis is away, costs the time
until the subscription is back, or until a chat looks by itself.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tenants import names

log = structlog.get_logger(__name__)

AWAY_SECONDS = 1.0


class Wakes:
    """The chats of one worker that wait, each by an event of its own."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._waiting: dict[bytes, asyncio.Event] = {}

    def watch(self, schema: str, conversation_id: UUID) -> asyncio.Event:
        """The event that news of a chat set; whoever waits for it clears it."""
        return self._waiting.setdefault(names.chat_wake(schema, conversation_id).encode(), asyncio.Event())

    def leave(self, schema: str, conversation_id: UUID) -> None:
        """Nobody here follows this chat any more."""
        self._waiting.pop(names.chat_wake(schema, conversation_id).encode(), None)

    async def run(self) -> None:
        """Listen until cancelled. Redis may go away and come back."""
        while True:
            try:
                async with self._redis.pubsub() as listener:
                    await listener.subscribe(names.CHATS_WAKE)
                    async for message in listener.listen():
                        if message["type"] == "subscribe":
                            # What was said before nobody has heard.
                            for each in self._waiting.values():
                                each.set()
                        elif (event := self._waiting.get(message["data"])) is not None:
                            event.set()
            except (RedisError, OSError) as error:
                log.warning("wakes.redis_away", error=type(error).__name__)
                await asyncio.sleep(AWAY_SECONDS)
