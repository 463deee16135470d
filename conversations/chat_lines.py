"""Chats in Redis: the live worker is woken, the chat system's socket is told, and is known to be there.

A wake that is lost costs a moment, as the worker looks by itself now and then. What is written here to a customer waits
here, sealed with the chat's key, until the chat system confirms it; the database keeps messages redacted alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings

from conversations.publish import channel_of, decode, encode, publish
from engines.redaction.text import RawText
from tenants import names
from tenants.keys import seal, unseal

log = structlog.get_logger(__name__)

# A connected socket says so this often. One that has not for so long is gone; until then what is written waits for it.
RENEW_SECONDS = 10.0
AWAY_SECONDS = 120.0
# How long what nobody has confirmed can be sent again. Its key goes with the end of the chat.
KEPT_SECONDS = 24 * 3600
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
    """A chat system is there, and will be, or come back, within the next while. Raises redis errors."""
    now, key = time.time(), names.redis_key(schema, "chat-lines")
    pipeline = _client().pipeline(transaction=False)
    pipeline.zremrangebyscore(key, "-inf", now)
    pipeline.zadd(key, {line: now + AWAY_SECONDS})
    pipeline.execute()


def disconnected(schema: str) -> None:
    """No chat system is there any more, whatever was said before. Raises redis errors."""
    _client().delete(names.redis_key(schema, "chat-lines"))


def is_connected(schema: str) -> bool:
    """Whether a chat system is there, or was a moment ago. False while Redis is away: nothing could be sent."""
    try:
        return bool(_client().zcount(names.redis_key(schema, "chat-lines"), time.time(), "+inf"))
    except (redis.RedisError, OSError):
        return False


def sealed_out(out: Outgoing, text: RawText, author: str, key: bytes) -> dict[str, Any]:
    """A message to the company's chat systems. Its words are sealed until one of them takes it."""
    return {
        "type": "chat.out",
        "conversation": str(out.conversation_id),
        "message": str(out.message),
        "message_id": out.message_id,
        "role": out.role,
        "author": author,
        "sealed": seal(key, text.reveal().encode(), bound_to=f"chat-out:{out.message}"),
    }


def keep(schema: str, message: dict[str, Any]) -> None:
    """Have it wait until it is confirmed. Raises redis errors: then it must not be taken for sent."""
    _client().set(_waiting(schema, message["message"]), encode(message), ex=KEPT_SECONDS)


def kept(schema: str, ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    """Those of these messages that still wait, by id. Raises redis errors."""
    if not ids:
        return {}
    found = _client().mget([_waiting(schema, ident) for ident in ids])
    rows = zip(ids, found, strict=True)
    return {str(ident): decode(packed) for ident, packed in rows if isinstance(packed, bytes)}


def forget(schema: str, ident: UUID) -> None:
    """It is confirmed. While Redis is away it goes by itself, later."""
    try:
        _client().delete(_waiting(schema, ident))
    except (redis.RedisError, OSError) as error:
        log.warning("chat.not_forgotten", error=type(error).__name__)


def send_out(schema: str, message: dict[str, Any]) -> bool:
    """Tell it to the sockets of the company's chat systems. One that misses it is told later: it waits."""
    return publish([(channel_of(chats_group(schema)), encode(message))])


def opened(message: dict[str, Any], key: bytes) -> str:
    """The words of an outgoing message, for the chat system alone. Raises `SealError`."""
    return unseal(key, bytes(message["sealed"]), bound_to=f"chat-out:{message['message']}").decode()


def _waiting(schema: str, ident: UUID | str) -> str:
    return names.redis_key(schema, "chat-out", ident)
