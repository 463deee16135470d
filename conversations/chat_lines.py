"""Chats in Redis: the live worker is woken, the chat system's socket is told, and is known to be there.

Nothing here is kept. A wake that is lost costs a moment, as the worker looks by itself now and then; what is written
here crosses Redis sealed with the chat's key, as only the database keeps messages, redacted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings

from conversations.publish import channel_of, encode, publish
from engines.redaction.text import RawText
from tenants import names
from tenants.keys import seal, unseal

log = structlog.get_logger(__name__)

# A connected socket says so this often; one that has not for three times as long is gone.
RENEW_SECONDS = 10.0
ANNOUNCEMENTS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to the chat system."""

    conversation_id: UUID
    message: UUID
    message_id: str
    role: str


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_STREAMS_URL)


def chats_group(schema: str) -> str:
    """The channel-layer group of the company's chat systems."""
    return names.group(schema, "chats")


def announce(schema: str, conversation_id: UUID) -> None:
    """Tell the live workers that there is a chat to follow. While Redis is away the sweep does it later."""
    try:
        _client().xadd(
            names.CHATS_NEW,
            {"schema": schema, "conversation": str(conversation_id)},
            maxlen=ANNOUNCEMENTS_KEPT,
            approximate=True,
        )
    except (redis.RedisError, OSError) as error:
        log.warning("chat.not_announced", conversation=str(conversation_id), error=type(error).__name__)


def wake(schema: str, conversation_id: UUID) -> None:
    """Have the chat's worker look at once for what is new."""
    try:
        _client().publish(names.CHATS_WAKE, names.chat_wake(schema, conversation_id))
    except (redis.RedisError, OSError) as error:
        log.warning("chat.not_woken", conversation=str(conversation_id), error=type(error).__name__)


# --- The chat system's socket ---------------------------------------------------------------------------


def connected(schema: str, line: str) -> None:
    """A socket of a chat system is there, for the next while. Raises redis errors."""
    now, key = time.time(), names.redis_key(schema, "chat-lines")
    pipeline = _client().pipeline(transaction=False)
    pipeline.zremrangebyscore(key, "-inf", now)
    pipeline.zadd(key, {line: now + 3 * RENEW_SECONDS})
    pipeline.execute()


def left(schema: str, line: str) -> None:
    """That socket is gone. Raises redis errors."""
    _client().zrem(names.redis_key(schema, "chat-lines"), line)


def is_connected(schema: str) -> bool:
    """Whether a socket of a chat system is there. False while Redis is away: nothing could be sent."""
    try:
        return bool(_client().zcount(names.redis_key(schema, "chat-lines"), time.time(), "+inf"))
    except (redis.RedisError, OSError):
        return False


def send_out(schema: str, out: Outgoing, text: RawText, author: str, key: bytes) -> bool:
    """Hand a message to the company's chat systems. Its words are sealed until a socket opens them."""
    sealed = seal(key, text.reveal().encode(), bound_to=f"chat-out:{out.message}")
    message: dict[str, Any] = {
        "type": "chat.out",
        "conversation": str(out.conversation_id),
        "message": str(out.message),
        "message_id": out.message_id,
        "role": out.role,
        "author": author,
        "sealed": sealed,
    }
    return publish([(channel_of(chats_group(schema)), encode(message))])


def opened(message: dict[str, Any], key: bytes) -> str:
    """The words of an outgoing message, for the chat system alone. Raises `SealError`."""
    return unseal(key, bytes(message["sealed"]), bound_to=f"chat-out:{message['message']}").decode()
