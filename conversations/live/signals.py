"""What open pages are told and nobody keeps: partial words, and a heartbeat with the head of what is committed."""

from __future__ import annotations

from typing import Any

import redis.asyncio as redis
import structlog

from conversations.events import head_of
from conversations.live.stages import CallContext
from conversations.publish import channel_of, conversation_group, encode
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)


class Signals:
    """Publishes by a kept connection. A layer that is away costs a partial, nothing more."""

    def __init__(self, client: redis.Redis, threads: TenantThreads) -> None:
        self._client = client
        self._threads = threads

    async def partial(self, call: CallContext, speaker: str, text: str, start_ms: int) -> None:
        """Show redacted words that may still change; an empty text takes them away."""
        await self._send(
            call, {"type": "conversation.partial", "speaker": speaker, "text": text, "start_ms": start_ms}
        )

    async def heartbeat(
        self, call: CallContext, *, now_ms: int, late_ms: int, quiet_ms: dict[str, int]
    ) -> None:
        """Say how far the call is, how late its transcript is and how long each side has been without a sound."""
        head = await self._threads.run(call.schema, head_of, call.conversation_id)
        await self._send(
            call,
            {
                "type": "conversation.heartbeat",
                "head": head,
                "now_ms": now_ms,
                "late_ms": late_ms,
                "audio": quiet_ms,
                "state": "live",
            },
        )

    async def _send(self, call: CallContext, message: dict[str, Any]) -> None:
        channel = channel_of(conversation_group(call.schema, call.conversation_id))
        try:
            await self._client.publish(channel, encode(message))
        except redis.RedisError as error:
            log.warning(
                "signals.layer_away", conversation=str(call.conversation_id), error=type(error).__name__
            )
