"""What open pages are told and nobody keeps: partial words, and a heartbeat with the head of what is committed.

What many calls say at nearly the same time goes out together. A thousand calls say fifteen hundred such things a
second; a round trip for each, and a database thread for each head, cost more than all the rest of the calls.
"""

from __future__ import annotations

import asyncio
from typing import Any

import redis.asyncio as redis
import structlog

from conversations.events import heads_of
from conversations.live.stages import CallContext
from conversations.publish import PUBLISH_ALL, conversation_channel, heartbeat_told, in_turn, partial_told
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

# Partials wait for each other so long, heartbeats for their heads. Less than finals do, which follow them.
GATHER_SECONDS = 0.01
HEADS_SECONDS = 0.2


class Signals:
    """Publishes by a kept connection, in the order of the calls. A layer that is away costs a partial, nothing more."""

    def __init__(self, client: redis.Redis, threads: TenantThreads) -> None:
        self._client = client
        self._threads = threads
        self._waiting: list[tuple[str, bytes]] = []
        self._sender: asyncio.Task[None] | None = None
        self._beats: list[tuple[CallContext, dict[str, Any], asyncio.Future[None]]] = []
        self._reader: asyncio.Task[None] | None = None

    def partial(self, call: CallContext, speaker: str, text: str, start_ms: int) -> None:
        """Show redacted words that may still change; an empty text takes them away."""
        self._say(call, partial_told(speaker, text, start_ms))

    async def heartbeat(
        self, call: CallContext, *, now_ms: int, late_ms: int, quiet_ms: dict[str, int]
    ) -> None:
        """Say how far the call is, how late its transcript is and how long each side has been without a sound.

        Returns when it is said. Raises a database error.
        """
        message = {"now_ms": now_ms, "late_ms": late_ms, "audio": quiet_ms, "state": "live"}
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._beats.append((call, message, said))
        if self._reader is None:
            self._reader = asyncio.create_task(self._beat())
        await said

    async def _beat(self) -> None:
        """Read the heads of all calls that wait to say theirs, a query a company, and say them."""
        try:
            while self._beats:
                await asyncio.sleep(HEADS_SECONDS)
                beats, self._beats = self._beats, []
                by_schema: dict[str, list[tuple[CallContext, dict[str, Any], asyncio.Future[None]]]] = {}
                for beat in beats:
                    by_schema.setdefault(beat[0].schema, []).append(beat)
                for schema, theirs in by_schema.items():
                    await self._beat_of(schema, theirs)
        finally:
            self._reader = None

    async def _beat_of(
        self, schema: str, beats: list[tuple[CallContext, dict[str, Any], asyncio.Future[None]]]
    ) -> None:
        try:
            heads = await self._threads.run(
                schema, heads_of, [call.conversation_id for call, _message, _said in beats]
            )
        except Exception as error:
            # Each call decides for itself what a database that is away means to it.
            for _call, _message, said in beats:
                if not said.done():
                    said.set_exception(error)
            return
        for call, message, said in beats:
            head = heads.get(call.conversation_id, 0)
            self._say(call, heartbeat_told(head, message))
            if not said.done():
                said.set_result(None)

    def _say(self, call: CallContext, message: bytes) -> None:
        self._waiting.append((conversation_channel(call.schema, call.conversation_id), message))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_SECONDS)
                waiting, self._waiting = self._waiting, []
                try:
                    await self._client.eval(PUBLISH_ALL, 0, *in_turn(waiting))
                except (redis.RedisError, OSError) as error:
                    log.warning("signals.layer_away", messages=len(waiting), error=type(error).__name__)
        finally:
            self._sender = None
