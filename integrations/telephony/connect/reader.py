"""The KVS reader: takes announced streams, follows each to its end, takes over those of a reader that went silent.

Streams are announced in one Redis stream for the whole installation, like calls; what Redis has lost is found by
looking for rows that nobody has read for a while.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import redis.asyncio as redis
import structlog
from django.conf import settings

from accounts.errors import error_place
from conversations.live.buffer import AudioBuffer
from conversations.live.hearing import Limits
from conversations.live.streams import Announcements
from integrations.telephony.connect import services
from integrations.telephony.connect.follow import Follower, Means, Patience, Superseded
from integrations.telephony.connect.kvs import KvsAccess, KvsClient
from tenants import names
from tenants.companies import active_schemas
from tenants.scope import PUBLIC, TenantThreads

log = structlog.get_logger(__name__)

GROUP = "kvs"
DATABASE_THREADS = 4
BACKOFF_SECONDS = 1.0
STRAY_SECONDS = 30.0
# Assumed roles and endpoints are good for an hour.
CLIENT_SECONDS = 45 * 60.0


@dataclass(frozen=True)
class Announced:
    """One entry of the stream of new streams."""

    entry: bytes
    schema: str
    stream_id: UUID


class KvsReader:
    """One process' worth of streams. `run()` works until `stop()`; what is being read is then left to others."""

    def __init__(self, *, patience: Patience | None = None, calls: int | None = None) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
        self._room = calls or settings.KVS_CALLS_PER_READER
        self._redis = redis.Redis.from_url(settings.REDIS_STREAMS_URL)
        self._threads = TenantThreads(DATABASE_THREADS, "kvs-db")
        # A call holds one thread while it reads, and for a moment another that is being given up.
        self._executor = ThreadPoolExecutor(2 * self._room, thread_name_prefix="kvs")
        self._means = Means(
            buffer=AudioBuffer(self._redis),
            threads=self._threads,
            executor=self._executor,
            limits=Limits.from_settings(),
            patience=patience or Patience(quiet=settings.KVS_QUIET_SECONDS),
        )
        self._stopping = asyncio.Event()
        self._announcements = Announcements(self._redis, names.KVS_NEW, group=GROUP, consumer=self.name)
        self._calls: dict[bytes, asyncio.Task[None]] = {}
        self._clients: dict[KvsAccess, tuple[float, KvsClient]] = {}

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Read streams until `stop()`. Redis and the database may go away and come back."""
        log.info("kvs_reader.ready", reader=self.name)
        chores = [
            asyncio.create_task(self._announcements.keep(self._calls)),
            asyncio.create_task(self._find_strays()),
        ]
        try:
            while not self._stopping.is_set():
                try:
                    await self._announcements.group_ensure()
                    await self._take()
                except (redis.RedisError, OSError) as error:
                    log.warning("kvs_reader.redis_away", error=type(error).__name__)
                    await asyncio.sleep(BACKOFF_SECONDS)
        finally:
            self._stopping.set()
            tasks = [*chores, *self._calls.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._executor.shutdown(wait=False, cancel_futures=True)
            await self._redis.aclose()
            self._threads.close()

    # --- Taking streams -----------------------------------------------------------------------------------

    async def _take(self) -> None:
        while not self._stopping.is_set():
            room = self._room - len(self._calls)
            if room <= 0:
                await asyncio.sleep(0.2)
                continue
            found = await self._announcements.orphans(room)
            if len(found) < room:
                found += await self._announcements.fresh(room - len(found))
            for entry, fields in found:
                if entry not in self._calls:
                    announced = Announced(entry, fields[b"schema"].decode(), UUID(fields[b"stream"].decode()))
                    self._calls[entry] = asyncio.create_task(self._follow(announced))

    async def _find_strays(self) -> None:
        """Announce again what nobody reads: Redis has lost its entry, or could not be told of it."""
        while True:
            await asyncio.sleep(STRAY_SECONDS)
            try:
                entries = await self._redis.xrange(names.KVS_NEW)
                known = {fields[b"stream"].decode() for _entry, fields in cast("Any", entries)}
                for schema in await self._threads.run(PUBLIC, active_schemas):
                    quiet = timedelta(seconds=STRAY_SECONDS)
                    for ident in await self._threads.run(schema, services.streams_stray, quiet=quiet):
                        if str(ident) not in known:
                            log.warning("kvs.stray", stream=str(ident))
                            await self._redis.xadd(names.KVS_NEW, {"schema": schema, "stream": str(ident)})
            except Exception as error:
                log.warning("kvs.strays_not_found", error=type(error).__name__, place=error_place(error))

    # --- Following one ------------------------------------------------------------------------------------

    async def _follow(self, announced: Announced) -> None:
        """Claim and follow, again after errors of ours: what is wrong with the stream ends it in `Follower`."""
        try:
            while not self._stopping.is_set():
                try:
                    job = await self._threads.run(
                        announced.schema,
                        services.stream_claim,
                        stream_id=announced.stream_id,
                        reader=self.name,
                    )
                    if job is not None:
                        follower = Follower(self._means, announced.schema, job, self._client(job.access))
                        await follower.run()
                    await self._announcements.done(announced.entry)
                    return
                except Superseded:
                    log.warning("kvs.superseded", stream=str(announced.stream_id), reader=self.name)
                    return
                except Exception as error:
                    log.error(
                        "kvs.failed",
                        stream=str(announced.stream_id),
                        error=type(error).__name__,
                        place=error_place(error),
                    )
                    await asyncio.sleep(BACKOFF_SECONDS)
        finally:
            self._calls.pop(announced.entry, None)

    def _client(self, access: KvsAccess) -> KvsClient:
        now = time.monotonic()
        made, client = self._clients.get(access, (-CLIENT_SECONDS, None))
        if client is None or now - made >= CLIENT_SECONDS:
            client = KvsClient(access)
            self._clients[access] = (now, client)
        return client
