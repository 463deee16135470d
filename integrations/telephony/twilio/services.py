"""What Twilio says of a stream by HTTP: a call whose line never said stop is ended by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from django.conf import settings
from redis.asyncio import Redis

from conversations.correlation import conversation_by, events_take
from conversations.live.buffer import AudioBuffer
from conversations.models import Conversation
from conversations.phases import LifecycleEvent, Phase
from integrations.telephony.twilio.codec import SOURCE
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

STREAM_STOPPED, STREAM_ERROR = "stream_stopped", "stream_error"
# Events of the stream and states of the call after which nothing more comes, and what the ledger says then.
ENDS = {
    "stream-stopped": STREAM_STOPPED,
    "stream-error": STREAM_ERROR,
    "completed": STREAM_STOPPED,
    "busy": STREAM_STOPPED,
    "failed": STREAM_STOPPED,
    "no-answer": STREAM_STOPPED,
    "canceled": STREAM_STOPPED,
}


def live_call(*, call_sid: str) -> UUID | None:
    """The call that goes on here under this id."""
    found = Conversation.objects.filter(provider=SOURCE, provider_call_id=call_sid).first()
    return found.pk if found is not None and found.is_live else None


def lifecycle_note(events: Sequence[LifecycleEvent]) -> int:
    """Let the calls know what Twilio says of them. The end of a call that was never streamed is not kept.

    Raises `WaitingFull`.
    """
    kept = [
        event
        for event in events
        if event.phase is not Phase.ENDED or conversation_by(SOURCE, event.identifiers) is not None
    ]
    return events_take(provider=SOURCE, events=kept)


def call_end(*, conversation_id: UUID, reason: str) -> bool:
    """End a call that no line is attached to. Returns whether this ended it; a line that is there ends it itself.

    Raises redis errors.
    """
    ended = asyncio.run(_end(current_schema(), conversation_id, reason))
    if ended:
        log.info("twilio.call_ended", conversation=str(conversation_id), reason=reason)
    return ended


async def _end(schema: str, conversation_id: UUID, reason: str) -> bool:
    async with Redis.from_url(settings.REDIS_STREAMS_URL, socket_timeout=5) as redis:
        buffer = AudioBuffer(redis)
        if await buffer.line_alive(schema, conversation_id):
            return False
        return await buffer.append_end(schema, conversation_id, reason)
