"""Redis streams of announcements, shared out between processes: each entry goes to one of them until it is done.

A consumer group spreads the entries. One that its process has not refreshed for `LIVE_CLAIM_IDLE_MS` is another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, cast

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

log = structlog.get_logger(__name__)

Entry = tuple[bytes, dict[bytes, bytes]]
BLOCK_MS = 500


def entries_of(answer: Any) -> list[Entry]:
    """The entries of one stream in a reading's answer, which has another shape in each version of the protocol."""
    if not answer:
        return []
    return answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]  # type: ignore[no-any-return]


class Announcements:
    """The stream `name` as the process `consumer` of `group` sees it. All but `keep` raise redis errors."""

    def __init__(self, client: Redis, name: str, *, group: str, consumer: str) -> None:
        self._redis = client
        self._name = name
        self._group = group
        self._consumer = consumer

    async def group_ensure(self) -> None:
        """Make the group if it is not there; it begins with the oldest entry."""
        try:
            await self._redis.xgroup_create(self._name, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def orphans(self, room: int) -> list[Entry]:
        """Take over up to `room` entries of processes that went silent."""
        answer = await self._redis.xautoclaim(
            self._name, self._group, self._consumer, min_idle_time=settings.LIVE_CLAIM_IDLE_MS, count=room
        )
        # What was deleted meanwhile has no fields.
        return [(entry, fields) for entry, fields in cast("Any", answer)[1] if fields]

    async def fresh(self, room: int) -> list[Entry]:
        """Take up to `room` entries that nobody has had; waits half a second for one."""
        answer = await self._redis.xreadgroup(
            self._group, self._consumer, {self._name: ">"}, count=room, block=BLOCK_MS
        )
        return entries_of(answer)

    async def keep(self, ours: Collection[bytes]) -> None:
        """Refresh `ours`, whatever is in it at the time, well before others may think us dead. Until cancelled."""
        while True:
            await asyncio.sleep(settings.LIVE_CLAIM_IDLE_MS / 4000)
            entries: list[Any] = list(ours)
            if not entries:
                continue
            try:
                await self._redis.xclaim(
                    self._name, self._group, self._consumer, min_idle_time=0, message_ids=entries, justid=True
                )
            except (RedisError, OSError) as error:
                log.warning("announcements.not_kept", stream=self._name, error=type(error).__name__)

    async def done(self, entry: bytes) -> None:
        """Nobody needs this entry any more."""
        await self._redis.xack(self._name, self._group, entry)
        await self._redis.xdel(self._name, entry)
