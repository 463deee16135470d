"""The router of this process: behind a gate that all processes share, telling what it took to a list in Redis.

The list is written into the database every few seconds (`model_calls_keep`): a call costs no query, and what nobody
waited for is told, too.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import redis
import redis.asyncio
import structlog
from django.conf import settings

from accounts.ids import new_id
from engines.language.gate import MINUTE_S, NEXT_PLACE_S, LocalGate
from engines.language.tasks import NotAnswered, Record, Route
from engines.speech.faults import Fault
from tenants import names

if TYPE_CHECKING:
    from engines.language.call import Call
    from engines.language.router import Router
    from engines.language.running import Runner

log = structlog.get_logger(__name__)

# Of a company, while nobody writes them down: about a day of a busy one.
WAITING_MOST = 100_000
# A place that was never given back, as its process died, is free again after so long.
_PLACE_S = 900
# Places and requests of this minute: (0, 0) where one may begin, else (1, milliseconds to wait), (2, 0) if it is shut.
_ENTER = """
if redis.call('EXISTS', KEYS[3]) == 1 then return {2, 0} end
local now = tonumber(ARGV[1])
local most, minute = tonumber(ARGV[3]), tonumber(ARGV[4])
if most > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[5]))
  if redis.call('ZCARD', KEYS[1]) >= most then return {1, 0} end
end
if minute > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[6]))
  if redis.call('ZCARD', KEYS[2]) >= minute then
    local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    return {1, tonumber(first[2]) + tonumber(ARGV[6]) - now}
  end
  redis.call('ZADD', KEYS[2], now, ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
if most > 0 then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return {0, 0}
"""


def calls_key(schema: str) -> str:
    """List of the records that are not in the database yet."""
    return names.redis_key(schema, "model-calls")


class SharedGate:
    """The gate of all processes, in Redis; this process's own where Redis is away. See `engines.language.gate.Gate`."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._script = client.register_script(_ENTER)
        self._alone = LocalGate()
        self._places: dict[tuple[str, str], list[str]] = {}

    async def enter(self, company: str, route: Route) -> float:
        """See `Gate`."""
        place = str(new_id())
        given = (
            round(time.time() * 1000),
            place,
            route.most_at_once,
            route.per_minute,
            _PLACE_S * 1000,
            round(MINUTE_S * 1000),
        )
        try:
            how, wait_ms = await self._script(keys=_keys(company, route), args=given)
        except redis.RedisError as error:
            log.warning("providers.language_gate_alone", error=type(error).__name__)
            return await self._alone.enter(company, route)
        if how == 2:
            raise NotAnswered(Fault.AWAY)
        if how == 1:
            return max(NEXT_PLACE_S, wait_ms / 1000)
        self._places.setdefault((company, route.key), []).append(place)
        return 0.0

    async def leave(self, company: str, route: Route) -> None:
        """See `Gate`."""
        places = self._places.get((company, route.key))
        if not places:
            await self._alone.leave(company, route)
            return
        place = places.pop()
        if not places:
            del self._places[company, route.key]
        if not route.most_at_once:
            return
        try:
            await self._client.zrem(_keys(company, route)[0], place)
        except redis.RedisError as error:
            log.warning("providers.language_place_kept", error=type(error).__name__)

    async def shut(self, company: str, route: Route, seconds: float) -> None:
        """See `Gate`."""
        try:
            await self._client.set(_keys(company, route)[2], 1, px=round(seconds * 1000))
        except redis.RedisError:
            await self._alone.shut(company, route, seconds)


def _keys(company: str, route: Route) -> list[str]:
    kinds = ("model-places", "model-minute", "model-away")
    return [names.redis_key(company, kind, route.key) for kind in kinds]


_making = Lock()


def runner() -> Runner:
    """What runs calls in this process. The first time it loads the SDK, which takes a second."""
    with _making:
        return _runner()


@lru_cache(maxsize=1)
def _runner() -> Runner:
    # Not with this module: few companies have a server.
    from engines.language.running import Runner

    return Runner(_router)


def _router() -> Router:
    from engines.language.router import Router

    client = redis.asyncio.Redis.from_url(settings.REDIS_STREAMS_URL)

    async def note(call: Call, record: Record) -> None:
        told = {
            "id": str(new_id()),
            "at": time.time(),
            "task": record.task,
            "server": record.route,
            "model": record.model,
            "revision": record.revision,
            "outcome": record.outcome,
            "tokens_in": record.tokens_in,
            "tokens_out": record.tokens_out,
            "estimated": record.estimated,
            "cost": str(record.cost),
            "took_ms": record.took_ms,
            "first_ms": record.first_ms,
            "attempts": record.attempts,
            "cut": record.cut,
        }
        try:
            async with client.pipeline(transaction=False) as pipe:
                pipe.rpush(calls_key(call.company), json.dumps(told))
                pipe.ltrim(calls_key(call.company), -WAITING_MOST, -1)
                await pipe.execute()
        except redis.RedisError as error:
            log.warning("providers.model_call_lost", task=record.task, error=type(error).__name__)

    return Router(SharedGate(client), note=note)
