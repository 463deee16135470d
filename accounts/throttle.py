"""How often somebody may fail: counted per address and place in the cache, for signing in and for asking for mail."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpRequest


@dataclass(frozen=True)
class Limit:
    """At most `times` within `seconds`, counted from the first one."""

    kind: str
    times: int
    seconds: int


SIGN_IN = Limit("sign-in", times=10, seconds=15 * 60)
RESET = Limit("reset", times=5, seconds=15 * 60)


def address_of(request: HttpRequest) -> str:
    """The network address that the request came from."""
    return str(request.META.get("REMOTE_ADDR") or "")


def _key(limit: Limit, address: str, place: str) -> str:
    # Hashed: the cache has no need to know who tries to sign in from where.
    who = hashlib.sha256(f"{address.strip().lower()}\n{place}".encode()).hexdigest()
    return f"throttle:{limit.kind}:{who}"


def seconds_left(limit: Limit, *, address: str, place: str) -> int:
    """How long this e-mail address is blocked from this place, in seconds; 0 when it is not."""
    until: float | None = cache.get(_key(limit, address, place) + ":until")
    if until is None or (cache.get(_key(limit, address, place)) or 0) < limit.times:
        return 0
    return max(0, int(until - time.time()) + 1)


def note(limit: Limit, *, address: str, place: str) -> None:
    """Count one more."""
    key = _key(limit, address, place)
    if cache.add(key, 1, timeout=limit.seconds):
        cache.set(f"{key}:until", time.time() + limit.seconds, timeout=limit.seconds)
        return
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two calls: this is the first of a new stretch
        cache.set(key, 1, timeout=limit.seconds)
        cache.set(f"{key}:until", time.time() + limit.seconds, timeout=limit.seconds)


def forget(limit: Limit, *, address: str, place: str) -> None:
    """Start again from nothing."""
    key = _key(limit, address, place)
    cache.delete_many([key, f"{key}:until"])
