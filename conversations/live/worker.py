"""The live worker: takes announced calls, follows each to its end, takes over those of a worker that went silent.

Calls are announced in one Redis stream for the whole installation (see `streams`). A call that fails here starts again
from its last commit; one that keeps failing ends as incomplete, with what was committed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import redis.asyncio as redis
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from accounts.errors import error_place
from conversations.live import ending
from conversations.live.buffer import AudioBuffer
from conversations.live.call import LiveCall
from conversations.live.chat import LiveChat
from conversations.live.circles import SETTLED_SECONDS, Circles
from conversations.live.commit import Committer
from conversations.live.ears import Ears
from conversations.live.means import Means
from conversations.live.ownership import Superseded, call_claim
from conversations.live.signals import Signals
from conversations.live.speech_reports import SpeechReports
from conversations.live.stages import Stage
from conversations.live.streams import Announcements
from conversations.live.wakes import Wakes
from conversations.models import Conversation
from engines.redaction.redactor import warm_up
from engines.speech.types import SpeechError
from tenants import names
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

GROUP = "live"
ATTEMPTS = 5
BACKOFF_SECONDS = 0.25
AWAY_SECONDS = 1.0
AWAY = (OperationalError, InterfaceError, redis.ConnectionError, redis.TimeoutError)
DATABASE_THREADS = 6
# The threads that write want the interpreter for a millisecond or two, between waits for the database, and at Python's
# own 5 ms wait longer for it than for that: a busy worker's guidance comes some 4 ms later.
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True)
class Share:
    """What this worker has of the calls, or of the chats, and how many it may have."""

    announcements: Announcements
    most: int
    calls: dict[bytes, asyncio.Task[None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Announced:
    """One entry of the stream of new calls, or of that of new chats."""

    entry: bytes
    schema: str
    conversation_id: UUID
    share: Share


class LiveWorker:
    """One process' worth of live calls. `run()` works until `stop()`; running calls are then left to others."""

    def __init__(self, *, ears: Ears, stages: list[Stage], chat_stages: list[Stage] | None = None) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
        self._redis = redis.Redis.from_url(settings.REDIS_STREAMS_URL)
        self._layer = redis.Redis.from_url(settings.REDIS_LAYER_URL)
        self._threads = TenantThreads(DATABASE_THREADS, "live-db")
        self._ears = ears
        self._stopping = asyncio.Event()
        self._wakes = Wakes(self._redis)
        self._means = Means(
            buffer=AudioBuffer(self._redis),
            committer=Committer(self._threads),
            threads=self._threads,
            ears=ears,
            stages=stages,
            signals=Signals(self._layer, self._threads),
            stopping=self._stopping,
            wakes=self._wakes,
            chat_stages=chat_stages or [],
        )
        self._shares = [
            Share(Announcements(self._redis, name, group=GROUP, consumer=self.name), most)
            for name, most in (
                (names.CALLS_NEW, settings.LIVE_CALLS_PER_WORKER),
                (names.CHATS_NEW, settings.LIVE_CHATS_PER_WORKER),
            )
        ]
        # How far a call had come when it failed last: failures count against it only where it stands still.
        self._reached_ms: dict[UUID, int] = {}
        self._circles = Circles()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Take calls until `stop()`. Redis may go away and come back."""
        sys.setswitchinterval(SWITCH_SECONDS)
        await self._ears.ready()
        # The first call would wait for it, and all others with it.
        await asyncio.to_thread(warm_up)
        log.info("worker.ready", worker=self.name)
        reports = asyncio.create_task(SpeechReports(self._ears, self._redis, self.name).run())
        tidy = asyncio.create_task(self._tidy())
        wakes = asyncio.create_task(self._wakes.run())
        try:
            async with asyncio.TaskGroup() as group:
                for share in self._shares:
                    group.create_task(self._serve(share))
        finally:
            self._stopping.set()
            following = list(self._following())
            for task in (reports, tidy, wakes, *following):
                task.cancel()
            await asyncio.gather(*following, reports, tidy, wakes, return_exceptions=True)
            await self._means.committer.settle()
            await self._ears.close()
            await self._redis.aclose()
            await self._layer.aclose()
            self._threads.close()

    async def _tidy(self) -> None:
        """Keep the search for circles of objects short, and tell what was left out. Until cancelled."""
        passed_over = 0
        while True:
            await asyncio.sleep(SETTLED_SECONDS)
            before, passed_over = passed_over, self._means.partials.passed_over
            if passed_over > before:
                log.info("worker.partials_passed_over", worker=self.name, count=passed_over - before)
            self._circles.settle(sum(1 for _ in self._following()))

    def _following(self) -> Iterator[asyncio.Task[None]]:
        for share in self._shares:
            yield from share.calls.values()

    # --- Taking calls -----------------------------------------------------------------------------------

    async def _serve(self, share: Share) -> None:
        """Take what is announced of this share, until `stop()`."""
        chores = asyncio.create_task(share.announcements.keep(share.calls))
        try:
            while not self._stopping.is_set():
                try:
                    await share.announcements.group_ensure()
                    await self._take(share, chores)
                except (redis.RedisError, OSError) as error:
                    log.warning("worker.redis_away", error=type(error).__name__)
                    await asyncio.sleep(BACKOFF_SECONDS)
        finally:
            chores.cancel()
            await asyncio.gather(chores, return_exceptions=True)

    async def _take(self, share: Share, chores: asyncio.Task[None]) -> None:
        announcements = share.announcements
        while not self._stopping.is_set():
            room = share.most - len(share.calls)
            if room <= 0:
                await asyncio.sleep(0.2)
                continue
            if chores.done():
                chores.result()  # nobody refreshes our claims any more: end, and be started again
            taken = [_announced(share, *each) for each in await announcements.orphans(room)]
            for announced in taken:
                log.warning(
                    "worker.takes_over", conversation=str(announced.conversation_id), worker=self.name
                )
            if len(taken) < room:
                fresh = await announcements.fresh(room - len(taken))
                taken += [_announced(share, *each) for each in fresh]
            for announced in taken:
                if announced.entry not in share.calls:
                    task = asyncio.create_task(self._follow(announced))
                    share.calls[announced.entry] = task

    # --- Following one call -----------------------------------------------------------------------------

    async def _follow(self, announced: Announced) -> None:
        ident = str(announced.conversation_id)
        failures, reached_ms, moved_at = 0, 0, time.monotonic()
        try:
            while failures < ATTEMPTS:
                try:
                    await self._once(announced)
                    return
                except Superseded:
                    log.warning("call.superseded", conversation=ident, worker=self.name)
                    return
                except AWAY as error:
                    # A store is away, which says nothing about the call: its audio waits in the buffer, or at the
                    # line's other end.
                    log.warning("call.storage_away", conversation=ident, error=type(error).__name__)
                    await asyncio.sleep(AWAY_SECONDS)
                except Exception as error:
                    # Anything may fail in a call's way, and must fail for this call alone; the next attempt goes on
                    # from the last commit. The error's message stays out of the log: a database quotes rows in it.
                    now_ms = self._reached_ms.get(announced.conversation_id, 0)
                    if now_ms > reached_ms:
                        failures, moved_at = 0, time.monotonic()
                    reached_ms = max(reached_ms, now_ms)
                    away = isinstance(error, SpeechError) and error.retryable
                    # Recognisers that are all away say nothing about the call, whose audio waits in the buffer.
                    if not away or time.monotonic() - moved_at > settings.LIVE_SPEECH_PATIENCE_SECONDS:
                        failures += 1
                    why = ending.SPEECH_FAILED if isinstance(error, SpeechError) else ending.FAILED
                    log.error(
                        "call.failed",
                        conversation=ident,
                        failures=failures,
                        error=type(error).__name__,
                        where=error_place(error),
                    )
                    if isinstance(error, SpeechError) and not error.retryable:
                        break
                    await asyncio.sleep(BACKOFF_SECONDS * 2 ** (4 if away else failures))
            await self._give_up(announced, why)
        finally:
            announced.share.calls.pop(announced.entry, None)
            self._circles.left += 1
            self._reached_ms.pop(announced.conversation_id, None)

    async def _give_up(self, announced: Announced, reason: str) -> None:
        """End a call that failed too often. If even that fails, its entry stays and falls to the next claim."""
        try:
            await self._threads.run(
                announced.schema,
                ending.call_fail,
                conversation_id=announced.conversation_id,
                reason=reason,
            )
            await announced.share.announcements.done(announced.entry)
        except Exception as error:
            log.error(
                "call.not_ended",
                conversation=str(announced.conversation_id),
                error=type(error).__name__,
                where=error_place(error),
            )

    async def _once(self, announced: Announced) -> None:
        """Claim and follow the call to its end."""
        claim = await self._threads.run(
            announced.schema, call_claim, conversation_id=announced.conversation_id, worker=self.name
        )
        if claim is not None:
            chat = claim.context.channel == Conversation.Channel.CHAT
            call = LiveChat(claim, self._means) if chat else LiveCall(claim, self._means)
            try:
                reason = await call.run()
            finally:
                self._reached_ms[announced.conversation_id] = call.clock_ms
            log.info("call.ended", conversation=str(announced.conversation_id), reason=reason)
        await announced.share.announcements.done(announced.entry)


def _announced(share: Share, entry: bytes, fields: dict[bytes, bytes]) -> Announced:
    return Announced(entry, fields[b"schema"].decode(), UUID(fields[b"conversation"].decode()), share)
