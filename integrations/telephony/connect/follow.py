"""Follows one conversation on its streams: reads, brings what is its own into the buffer, and notices the end.

Reading blocks and runs in threads; everything else is in one task. How far a stream was read is kept with its row
once that is safe in the buffer, so that another reader goes on from there with the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from conversations.live.buffer import AudioBuffer
from conversations.live.calls import CallRefused, call_resume
from conversations.live.hearing import Closing, Limits
from conversations.live.wire import CloseCode
from integrations.telephony.carried import CallOver, CarriedCall
from integrations.telephony.connect import services
from integrations.telephony.connect.account import SOURCE
from integrations.telephony.connect.ebml import EbmlError
from integrations.telephony.connect.kvs import KvsClient, KvsError, Media, kvs_error
from integrations.telephony.connect.matroska import Fragment, FragmentReader
from integrations.telephony.connect.reading import ContactReading, Verdict
from integrations.telephony.connect.services import Job, Leg, Orders
from integrations.telephony.sides import ClockJump, Hole, Sound
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

HOLE = "not sent by Connect"
BAD_DATA_ATTEMPTS = 3
FIRST_DELAY = 0.25


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `tick`: between looks at the row; `grace`: for the event that says that a new contact is the same call,
    and for what is still under way when one hung up; `quiet`: without a fragment until the call counts as ended;
    `retry`: the longest wait between two attempts to read; `error`: with errors only, until the call is given up.
    """

    tick: float = 2.0
    grace: float = 5.0
    quiet: float = 60.0
    retry: float = 5.0
    error: float = 60.0


class _End(Exception):
    """The conversation's audio is over; `reason` "" if it ended as it should."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "end")
        self.reason = reason


class Superseded(Exception):
    """Another reader has this stream now."""


class StorageAway(Exception):
    """The buffer cannot be written now: try again later."""


class _NextLeg(Exception):
    """The next leg's turn has come while nothing came on this one."""


@dataclass(frozen=True, slots=True)
class Means:
    """What followers of one process share. `executor` runs what blocks; `clients` by connection live as long."""

    buffer: AudioBuffer
    threads: TenantThreads
    executor: Executor
    limits: Limits
    patience: Patience = Patience()


class Follower:
    """One stream in this process' hands. `run` returns when it is done with, raises when it should be tried again."""

    def __init__(self, means: Means, schema: str, job: Job, client: KvsClient) -> None:
        self._means = means
        self._schema = schema
        self._job = job
        self._client = client
        self._orders: Orders = job.orders
        self._patience = means.patience
        self._looked = 0.0
        self._behind: int | None = None
        self._heard = time.monotonic()  # when the last fragment of ours came
        self._fed = False  # whether the service has sent anything yet
        self._well = time.monotonic()  # when reading last worked
        self._carried: CarriedCall | None = None
        self._reading: ContactReading | None = None
        self._media: Media | None = None
        self._delay, self._bad = FIRST_DELAY, 0

    async def run(self) -> None:
        """Follow to the end. Raises `Superseded`, and errors of storage and database: try again later."""
        run, job = self._means.threads.run, self._job
        try:
            call = await run(
                self._schema, call_resume, source=SOURCE, call_id=job.call_id, audio=services.AUDIO
            )
        except CallRefused as refused:
            await self._done(refused.code.slug)
            return
        if call is None or call.over:
            await self._done("call_ended")
            return
        carried = self._carried = CarriedCall(
            buffer=self._means.buffer,
            threads=self._means.threads,
            schema=self._schema,
            source=SOURCE,
            call_id=job.call_id,
            call=call,
            audio=services.AUDIO,
            limits=self._means.limits,
        )
        try:
            self._reading = ContactReading(job.progress, await carried.open())
            await self._legs()
        except _End as end:
            await self._finish(end.reason)
        except CallOver as over:
            await self._over(over.closing)
        except BaseException:
            await carried.abandon()
            raise
        finally:
            self._close()

    async def _finish(self, reason: str) -> None:
        assert self._carried is not None and self._reading is not None
        try:
            await self._bring(self._reading.finish())
            if reason:
                await self._carried.fail(reason)
            else:
                await self._carried.stop()
        except CallOver as over:
            await self._over(over.closing)
            return
        await self._done(reason)

    async def _over(self, closing: Closing) -> None:
        """The call was taken from us, or cannot be carried on."""
        assert self._carried is not None
        if closing.code is CloseCode.SUPERSEDED:
            raise Superseded
        if closing.code is CloseCode.TRY_AGAIN:
            raise StorageAway
        await self._carried.settle(closing)
        await self._done(closing.code.slug)

    async def _done(self, reason: str) -> None:
        log.info("kvs.done", conversation=str(self._job.conversation_id), reason=reason)
        await self._means.threads.run(
            self._schema,
            services.stream_done,
            stream_id=self._job.stream_id,
            epoch=self._job.epoch,
            reason=reason,
            behind_ms=self._behind,
        )

    # --- Reading ------------------------------------------------------------------------------------------

    async def _legs(self) -> None:
        """Read leg after leg, each through as many connections as it takes. Ends with `_End`."""
        assert self._reading is not None
        self._delay, self._bad = FIRST_DELAY, 0
        while True:
            before = self._reading.fragment
            try:
                await self._connection(before)
                await self._look(force=True)
                self._check_quiet()
                await self._wait(self._delay)
            except _NextLeg:
                self._reading.next_leg(self._reading.leg + 1)
                self._heard = time.monotonic()
            finally:
                self._close()
            moved = self._reading.fragment != before
            self._delay = FIRST_DELAY if moved else min(self._patience.retry, self._delay * 2)

    async def _connection(self, before: str) -> None:
        """Read by one connection; what goes wrong ends the call, or is tried again from where we are."""
        assert self._reading is not None
        ident = str(self._job.conversation_id)
        try:
            await self._read(self._orders.legs[self._reading.leg])
        except KvsError as error:
            log.warning("kvs.error", conversation=ident, reason=error.reason)
            self._heard = time.monotonic()  # whether anybody speaks cannot be known
            if not error.again or time.monotonic() - self._well > self._patience.error:
                raise _End(error.reason) from None
        except EbmlError:
            self._bad = 1 if self._reading.fragment != before else self._bad + 1
            log.warning("kvs.bad_data", conversation=ident, attempts=self._bad)
            self._heard = time.monotonic()
            if self._bad >= BAD_DATA_ATTEMPTS:
                raise _End("kvs_bad_data") from None
        except ClockJump:
            raise _End("clock_jump") from None

    async def _read(self, leg: Leg) -> None:
        """One connection: until the service ends it, or the next leg's turn has come."""
        reading = self._reading
        assert reading is not None
        number, since = reading.leg, None
        hung_up, moved_on = self._orders.ended_at is not None, number + 1 < len(self._orders.legs)
        after = reading.fragment or leg.start_fragment
        if not after and leg.started_ms is not None:
            since = datetime.fromtimestamp(leg.started_ms / 1000, UTC)
        asked = time.monotonic()
        media = self._media = await self._blocking(
            self._client.media, leg.stream_arn, after_fragment=after, since=since, answers=False
        )
        self._heard += time.monotonic() - asked  # who was still to answer was not quiet
        fragments = FragmentReader()
        first = not reading.fragment
        if first:
            self._heard = time.monotonic()
        while data := await self._blocking(media.read):
            self._well, self._fed = time.monotonic(), True
            for fragment in fragments.feed(data):
                if first and fragment.number:
                    await self._first_too(leg, fragment.number)
                    first = False
                await self._fragment(fragment)
                if reading.leg != number:
                    return
        last = fragments.finish()
        if last is not None:
            await self._fragment(last)
        # What began after the call had gone on or was over, and ended well, brought all that there is.
        if moved_on:
            raise _NextLeg
        if hung_up and number == len(self._orders.legs) - 1:
            raise _End

    async def _first_too(self, leg: Leg, number: str) -> None:
        """Read the start fragment itself where the service began behind it: its reference leaves open which it does."""
        start = leg.start_fragment
        if not start or not number.isdigit() or int(number) <= int(start):
            return
        try:
            media = await self._blocking(self._client.fragments, leg.stream_arn, [start])
            fragments = FragmentReader()
            found: list[Fragment] = []
            while data := await self._blocking(media.read):
                found += fragments.feed(data)
            found += [last] if (last := fragments.finish()) else []
        except (KvsError, EbmlError) as error:
            log.warning(
                "kvs.first_fragment_away",
                conversation=str(self._job.conversation_id),
                reason=getattr(error, "reason", "bad data"),
            )
            return
        for fragment in found:
            if fragment.number == start:
                await self._fragment(fragment)

    async def _fragment(self, fragment: Fragment) -> None:
        assert self._reading is not None and self._carried is not None
        if fragment.error:
            raise kvs_error(fragment.error)
        if fragment.behind_ms is not None:
            self._behind = fragment.behind_ms
        verdict = self._reading.verdict(fragment, self._orders.contacts)
        if verdict is Verdict.FOREIGN:
            verdict = await self._foreign(fragment)
        if verdict is not Verdict.OURS:
            await self._look()
            self._check_quiet()
            return
        self._heard = time.monotonic()
        await self._bring(self._reading.take(fragment))
        if self._orders.stop_fragment and fragment.number == self._orders.stop_fragment:
            raise _End
        await self._look()

    async def _foreign(self, fragment: Fragment) -> Verdict:
        """Another contact is on the stream: ours is over, unless an event says that it is the same call."""
        assert self._reading is not None
        give_up = time.monotonic() + self._patience.grace
        while True:
            await self._look(force=True)
            if fragment.contact_id in self._orders.contacts:
                return Verdict.OURS
            if self._reading.leg + 1 < len(self._orders.legs):
                self._reading.next_leg(self._reading.leg + 1)
                return Verdict.FOREIGN
            if self._orders.ended_at is not None or time.monotonic() > give_up:
                raise _End
            await asyncio.sleep(min(0.5, self._patience.tick))

    async def _bring(self, pieces: Iterable[Sound | Hole]) -> None:
        assert self._carried is not None
        for piece in pieces:
            await self._carried.bring(piece, cause=HOLE)

    # --- Meanwhile ----------------------------------------------------------------------------------------

    async def _blocking(self, work: Any, *args: Any, answers: bool = True, **kwargs: Any) -> Any:
        """Run what blocks in a thread, and look after the call meanwhile.

        `answers`: whether the service has answered, so that its silence means something; how long its answer may take
        is limited in `kvs`.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._means.executor, lambda: work(*args, **kwargs))
        try:
            while not future.done():
                await asyncio.wait({future}, timeout=self._patience.tick)
                if not future.done():
                    await self._look()
                    if answers:
                        self._check_quiet()
        except BaseException:
            self._close()
            future.add_done_callback(_forget)
            raise
        return future.result()

    async def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self._patience.tick))
            await self._look()
            self._check_quiet()

    async def _look(self, *, force: bool = False) -> None:
        """Keep how far we are, and hear what has changed. Raises `Superseded`, `CallOver`."""
        assert self._carried is not None and self._reading is not None
        await self._carried.check()
        now = time.monotonic()
        if not force and now - self._looked < self._patience.tick:
            return
        self._looked = now
        orders = await self._means.threads.run(
            self._schema,
            services.stream_save,
            stream_id=self._job.stream_id,
            epoch=self._job.epoch,
            progress=self._reading.kept(self._carried.safe_ms),
            behind_ms=self._behind,
        )
        if orders is None:
            raise Superseded
        self._orders = orders

    def _check_quiet(self) -> None:
        """Whether so long nothing has come that the conversation's audio, or this leg's, is over."""
        assert self._reading is not None
        quiet = time.monotonic() - self._heard
        if quiet > self._patience.grace and self._reading.leg + 1 < len(self._orders.legs):
            raise _NextLeg
        # A service that is slow to begin has not said that there is nothing.
        if self._orders.ended_at is not None and quiet > self._patience.grace and self._fed:
            raise _End
        if quiet > self._patience.quiet:
            raise _End("" if self._job.quiet_is_end else "kvs_stream_quiet")

    def _close(self) -> None:
        if self._media is not None:
            self._media.close()
            self._media = None


def _forget(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this any more; its error is the closing of its connection."""
    if not future.cancelled():
        future.exception()
