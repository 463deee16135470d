"""Carries the audio of one line into the buffer: stores what was heard, and acknowledges what is stored.

What was heard comes from `hearing.Hearing` in chunks. Three tasks share a line's carrying: one stores, one
acknowledges, one says that the line is there.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from redis.exceptions import RedisError

from conversations.live.buffer import CHUNK_MS, AudioBuffer, Outcome
from conversations.live.calls import Announced
from conversations.live.hearing import Closing, Hearing, Piece
from conversations.live.wire import ENDS_CALL, STOP, CallAudio, CloseCode, Missing, ProtocolError

log = structlog.get_logger(__name__)

T = TypeVar("T")

ACK_EVERY_SECONDS = 0.2
PULSE_SECONDS = 1.0
# A line that has not been heard of for this long is gone, as if it had said so.
ALIVE_SECONDS = 5.0
BATCH_CHUNKS = 25
SPILL_CHUNKS = 10
SPILL_WAIT_SECONDS = 0.1
# How long Redis may be away, and the worker too far behind, before the client is told to come back later.
PATIENCE_SECONDS = 15.0
FULL_SECONDS = 60.0


class Carrier:
    """One line of one call. `stored` is told each chunk's delay."""

    def __init__(
        self,
        *,
        buffer: AudioBuffer,
        schema: str,
        hearing: Hearing,
        call: Announced,
        audio: CallAudio,
        stored: Callable[[float], None],
    ) -> None:
        self.call = call
        self._buffer = buffer
        self._schema = schema
        self._hearing = hearing
        self._codec = hearing.codec
        self._voice = hearing.voice
        self._tell_stored = stored
        self._line = secrets.token_hex(8)
        self._bytes_per_ms = audio.format.bytes_per_ms
        self._number = 0  # the last chunk stored
        self._all_stored = False
        self._stored = asyncio.Event()
        self._hung_up = False
        self._over = False

    @property
    def safe_ms(self) -> int:
        """All audio before this is in the stream."""
        short = self._hearing.short_bytes if self._all_stored else 0
        return self._number * CHUNK_MS - -(-short // self._bytes_per_ms)

    # --- The line takes the call, and leaves it ---------------------------------------------------------

    async def take(self) -> None:
        """Become the line that holds the call, and see how far it has come. Raises `ProtocolError` if it is over."""
        ident = self.call.conversation_id
        await self._buffer.line_take(self._schema, ident, self._line, ALIVE_SECONDS)
        self._number, ended = await self._buffer.audio_end(self._schema, ident)
        if ended and not await self._was_ended(STOP):
            raise ProtocolError(CloseCode.CALL_USED_BEFORE, "the call has ended")
        self._hung_up = ended
        self._hearing.call_begins(self.call.announced_at, self._number * CHUNK_MS)

    async def leave(self, closing: Closing) -> None:
        """Let go of the call; end it if what happened ends it. Raises redis errors and `ProtocolError`."""
        ident = self.call.conversation_id
        if closing.code in ENDS_CALL:
            await self._patiently(
                lambda: self._buffer.append_end(self._schema, ident, closing.code.slug, line=self._line)
            )
        await self._buffer.line_release(self._schema, ident, line=self._line)

    async def _was_ended(self, reason: str) -> bool:
        return await self._buffer.end_reason(self._schema, self.call.conversation_id) == reason

    async def _stop(self, reason: str) -> None:
        """Put the end behind the audio; that it was there already is as good."""
        ident = self.call.conversation_id
        said = await self._patiently(
            lambda: self._buffer.append_end(self._schema, ident, reason, line=self._line)
        )
        if not said and not await self._patiently(lambda: self._was_ended(reason)):
            raise ProtocolError(CloseCode.SUPERSEDED, "another line has taken over this call")
        await self._patiently(lambda: self._buffer.line_release(self._schema, ident, line=self._line))

    # --- Carrying ---------------------------------------------------------------------------------------

    async def carry(self) -> Closing:
        """Serve the line until it ends. What was heard before that is stored. Raises `ProtocolError`."""
        if self.call.over or self._hung_up:
            # The client came back for the answer to a stop that it had sent before.
            self._voice.say(self._codec.stopped(self.safe_ms))
            return Closing(CloseCode.DONE, "")
        self._voice.say(self._codec.ready(self.call.conversation_id, self.safe_ms))
        storing = asyncio.create_task(self._store())
        tasks: set[asyncio.Task[Any]] = {
            storing,
            asyncio.create_task(self._acknowledge()),
            asyncio.create_task(self._pulse()),
        }
        pending = set(tasks)
        try:
            while not storing.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            # A cancellation can get lost: redis-py sends within `asyncio.wait_for`, which up to Python 3.11 swallows
            # one that comes as its work is done. So each task also looks, between two commands, whether it is over.
            self._over = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        closing = self._hearing.ended.result()
        if closing.code is CloseCode.DONE:
            await self._stop(closing.reason or STOP)
            self._voice.say(self._codec.stopped(self.safe_ms))
        return closing

    async def _store(self) -> None:
        """Put chunks into the stream as they come, until the line has ended and all are in."""
        hearing = self._hearing
        waiting = hearing.waiting
        while not self._over:
            over = hearing.over
            while waiting and not self._over:
                batch: list[Piece] = []
                for piece in waiting:
                    if type(piece) is not tuple or len(batch) == BATCH_CHUNKS:
                        break
                    batch.append(piece)
                if batch:
                    if len(batch) < SPILL_CHUNKS and self._buffer.is_spilling and not hearing.over:
                        # Small files would cost more than they hold: wait for a second of audio.
                        await asyncio.sleep(SPILL_WAIT_SECONDS)
                        continue
                    await self._put(batch)
                    for _ in batch:
                        waiting.popleft()
                    self._number += len(batch)
                    now = time.time()
                    for _payload, heard_at in batch:
                        self._tell_stored(now - heard_at.timestamp())
                    self._stored.set()
                else:
                    await self._note(waiting[0])  # type: ignore[arg-type]
                    waiting.popleft()
                hearing.stored()
            if over:
                self._all_stored = True
                return
            await hearing.heard.wait()
            hearing.heard.clear()

    async def _note(self, note: Missing) -> None:
        """Pass on what is not audio, at its place between the chunks."""
        base = self._hearing.base_ms
        mark = {
            "kind": "gap",
            "at_ms": base + note.from_ms,
            "channel": note.channel,
            "from_ms": base + note.from_ms,
            "to_ms": base + note.to_ms,
            "cause": note.cause,
        }
        await self._patiently(
            lambda: self._buffer.append_mark(self._schema, self.call.conversation_id, mark, self.call.key)
        )

    async def _put(self, batch: list[Piece]) -> None:
        give_up = time.monotonic() + FULL_SECONDS
        while not self._over:
            outcome, _last = await self._patiently(
                lambda: self._buffer.append_many(
                    self._schema,
                    self.call.conversation_id,
                    self._number + 1,
                    batch,
                    self.call.key,
                    line=self._line,
                )
            )
            if outcome is Outcome.STORED:
                return
            if outcome is Outcome.SUPERSEDED:
                raise ProtocolError(CloseCode.SUPERSEDED, "another line has taken over this call")
            if outcome is Outcome.ENDED:
                raise ProtocolError(CloseCode.CALL_USED_BEFORE, "the call has ended")
            if outcome is Outcome.GAP:
                raise ProtocolError(CloseCode.TRY_AGAIN, "audio was lost here, come back and send it again")
            if time.monotonic() > give_up:
                raise ProtocolError(CloseCode.TRY_AGAIN, "too much audio waits to be heard, come back later")
            await asyncio.sleep(1.0)

    async def _acknowledge(self) -> None:
        while not self._over:
            await self._stored.wait()
            self._stored.clear()
            said = self._codec.ack(self.safe_ms)
            if said is None:
                return  # this vendor keeps nothing, and asks for no word
            self._voice.say(said)
            await asyncio.sleep(ACK_EVERY_SECONDS)

    async def _pulse(self) -> None:
        """Keep saying that the line is there; notice when another has taken over although this one is silent."""
        ident = self.call.conversation_id
        while not self._over:
            await asyncio.sleep(PULSE_SECONDS)
            try:
                holds = await self._buffer.line_touch(self._schema, ident, ALIVE_SECONDS, self._line)
            except RedisError as error:
                log.warning("ingest.pulse_missed", conversation=str(ident), error=type(error).__name__)
                continue
            if not holds:
                raise ProtocolError(CloseCode.SUPERSEDED, "another line has taken over this call")

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await `work`, again and again while Redis is away. Raises `ProtocolError` when that takes too long."""
        give_up, delay = time.monotonic() + PATIENCE_SECONDS, 0.05
        while True:
            try:
                return await work()
            except RedisError as error:
                log.warning(
                    "ingest.buffer_away",
                    conversation=str(self.call.conversation_id),
                    error=type(error).__name__,
                )
                if time.monotonic() > give_up:
                    raise ProtocolError(CloseCode.TRY_AGAIN, "storage is away, come back") from None
            await asyncio.sleep(delay)
            delay = min(1.0, delay * 2)
