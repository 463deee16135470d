"""Who has which page open now: keys in Redis that live for seconds and are renewed by the page's own socket.

Nothing is counted down when a socket closes: a process that dies tells nobody, and its keys run out by themselves. A
person with two pages renews the key by the one that is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

DESK, FLOOR = "desk", "floor"
# Pages ask whether their line is alive every 10 s, and are counted as gone when they have missed three of them.
SECONDS = 35
RENEW_SECONDS = 8
# How long a closed page is still counted as open: until another one of the same person has renewed the key.
LEAVING_SECONDS = 12


def _key(page: str, user_id: UUID | str) -> str:
    return f"present:{page}:{user_id}"


def seen(page: str, user_id: UUID | str) -> bool:
    """The page is open now. Returns whether it was not before. A Redis that is away is no error: it is renewed soon."""
    try:
        new = bool(cache.add(_key(page, user_id), 1, SECONDS))
        if not new:
            cache.touch(_key(page, user_id), SECONDS)
    except (RedisError, OSError) as error:
        log.warning("presence.away", error=type(error).__name__)
        return False
    return new


def leaving(page: str, user_id: UUID | str) -> None:
    """A page of this person was closed; it may have been the only one."""
    try:
        cache.touch(_key(page, user_id), LEAVING_SECONDS)
    except (RedisError, OSError) as error:
        log.warning("presence.away", error=type(error).__name__)


def present(page: str, user_ids: Iterable[UUID | str]) -> set[str] | None:
    """The ids among these who have the page open, in one round trip; None where nobody can tell."""
    keys = {_key(page, user_id): str(user_id) for user_id in user_ids}
    if not keys:
        return set()
    try:
        return {keys[key] for key in cache.get_many(list(keys))}
    except (RedisError, OSError) as error:
        log.warning("presence.away", error=type(error).__name__)
        return None
