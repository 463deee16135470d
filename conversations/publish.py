"""Telling open pages what was committed: plain PUBLISH in the channel layer's own format.

`async_to_sync(group_send)` opens a connection each time; a plain PUBLISH on a kept one is some 25 times cheaper, and a
dozen of them by one command take a third of what they take in redis-py's pipeline.
Nothing here is durable: a page that misses a message sees it by the next heartbeat's head and reads it back.

What goes to pages is made once, here: a message carries it in `json` as sockets send it, so that a hundred of them
need not read and write it again. Beside it is what they must know of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import orjson
import redis
import structlog
from channels_redis.serializers import registry
from django.conf import settings

from tenants import names

log = structlog.get_logger(__name__)

# Channels and messages in turn, published in their order.
PUBLISH_ALL = "for i = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end"

_serializer = registry.get_serializer("msgpack")


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_LAYER_URL)


def channel_of(group: str) -> str:
    """The Redis channel of a channel-layer group, as `RedisPubSubChannelLayer` names it."""
    return f"{settings.CHANNEL_PREFIX}__group__{group}"


def encode(message: dict[str, Any]) -> bytes:
    return bytes(_serializer.serialize(message))


def decode(packed: bytes) -> dict[str, Any]:
    return dict(_serializer.deserialize(packed))


@lru_cache(maxsize=8192)
def conversation_channel(schema: str, conversation_id: UUID) -> str:
    """The Redis channel of who follows a conversation; made once, not with each of its messages."""
    return channel_of(conversation_group(schema, conversation_id))


def conversation_group(schema: str, conversation_id: UUID | str) -> str:
    return names.group(schema, "conversation", conversation_id)


def agent_group(schema: str, user_id: UUID | str) -> str:
    return names.group(schema, "agent", user_id)


def floor_group(schema: str) -> str:
    return names.group(schema, "floor")


def event_told(conversation_id: UUID | str, event: dict[str, Any]) -> bytes:
    """A committed event, to who follows its call."""
    return encode(
        {
            "type": "conversation.event",
            "conversation": str(conversation_id),
            "seq": event["seq"],
            "kind": event["kind"],
            "json": orjson.dumps({"type": "event", **event}),
        }
    )


def event_of(message: dict[str, Any]) -> dict[str, Any]:
    """The event that `event_told` has put into a message."""
    event: dict[str, Any] = orjson.loads(message["json"])
    del event["type"]
    return event


def partial_told(speaker: str, text: str, start_ms: int) -> bytes:
    """Redacted words that may still change, to who follows the call; an empty text takes them away."""
    shown = {"type": "partial", "speaker": speaker, "text": text, "start_ms": start_ms}
    return encode({"type": "conversation.partial", "json": orjson.dumps(shown)})


def heartbeat_told(head: int, state: dict[str, Any]) -> bytes:
    """How a call is and how far its events go, to who follows it."""
    shown = {"type": "heartbeat", "head": head, **state}
    return encode({"type": "conversation.heartbeat", "head": head, "json": orjson.dumps(shown)})


def messages_for(schema: str, conversation_id: UUID, events: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """(Redis channel, bytes) to publish for committed events, to who follows the call."""
    follow = conversation_channel(schema, conversation_id)
    return [(follow, event_told(conversation_id, event)) for event in events]


def floor_message(schema: str, conversation_ids: Iterable[UUID | str]) -> tuple[str, bytes]:
    """The same for the floors, which read these calls again."""
    changed = [str(one) for one in conversation_ids]
    return channel_of(floor_group(schema)), encode({"type": "floor.changed", "conversations": changed})


def in_turn(messages: Iterable[tuple[str, bytes]]) -> Iterator[str | bytes]:
    """What `PUBLISH_ALL` takes."""
    for channel, message in messages:
        yield channel
        yield message


def publish(messages: list[tuple[str, bytes]]) -> bool:
    """Send from synchronous code, in one round trip. False when the layer is away.

    That is no error of the caller's, whose work is committed: pages read back what they missed.
    """
    if not messages:
        return True
    try:
        _client().eval(PUBLISH_ALL, 0, *in_turn(messages))
    except (redis.RedisError, OSError) as error:
        log.warning("publish.layer_away", messages=len(messages), error=type(error).__name__)
        return False
    return True


def tell_agent(schema: str, user_id: UUID | str, conversation_id: UUID | str, state: str) -> None:
    """Tell an agent's open pages that one of their calls began, ended or was attached to them."""
    message = {"type": "agent.call", "conversation": str(conversation_id), "state": state}
    publish([(channel_of(agent_group(schema, user_id)), encode(message))])


def floor_tell(schema: str, conversation_ids: Iterable[UUID | str]) -> None:
    """Have the floors read these calls again: something beside their events has changed."""
    if changed := list(conversation_ids):
        publish([floor_message(schema, changed)])
