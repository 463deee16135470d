"""Carries the audio of one line into the buffer: cuts it into chunks, stores them, acknowledges what is stored.

Four tasks share a line: one hears, one stores, one acknowledges, one says that the line is there. What was heard and
is not stored yet is bounded; when it is too much, nothing more is read, and the network holds the other side up.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from conversations.live.buffer import CHUNK_MS, AudioBuffer, Outcome
from conversations.live.calls import Announced
from conversations.live.wire import (
    ENDS_CALL,
    Action,
    Audio,
    CallAudio,
    CloseCode,
    LineCodec,
    ProtocolError,
    Stop,
)

log = structlog.get_logger(__name__)

T = TypeVar("T")
Message = dict[str, Any]

ACK_EVERY_SECONDS = 0.2
PULSE_SECONDS = 1.0
# A line that has not been heard of for this long is gone, as if it had said so.
ALIVE_SECONDS = 5.0
# Five seconds of audio may wait for Redis before nothing more is read from the line.
WAITING_CHUNKS = 50
BATCH_CHUNKS = 25
# How long Redis may be away, and the worker too far behind, before the client is told to come back later.
PATIENCE_SECONDS = 15.0
FULL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a line may do. Seconds until its start, without any message, and of a call; bytes of a message."""

    start: float
    idle: float
    call: float
    message_bytes: int

    @classmethod
    def from_settings(cls) -> Limits:
        idle = settings.INGEST_IDLE_SECONDS
        return cls(
            start=min(10.0, idle),
            idle=idle,
            call=settings.INGEST_MAX_CALL_SECONDS,
            message_bytes=settings.INGEST_MAX_MESSAGE_BYTES,
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """How a line ends. `gone`: the other side has left, or the server has closed it; there is nobody to tell."""

    code: CloseCode
    reason: str
    gone: bool = False


class LineGone(Exception):
    """The connection is no more. `code` as the server saw it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"line gone: {code}")
        self.code = code

    @property
    def closing(self) -> Closing:
        for known in (CloseCode.MESSAGE_TOO_BIG, CloseCode.SERVER_RESTART):
            if self.code == known:
                return Closing(known, known.slug, gone=True)
        return Closing(CloseCode.LINE_BROKEN, "line broken", gone=True)


def read(codec: LineCodec, message: Message) -> Action:
    """What a WebSocket message says. Raises `ProtocolError`."""
    text = message.get("text")
    return codec.text(text) if text is not None else codec.binary(message.get("bytes") or b"")


class Carrier:
    """One line of one call. `receive` gives the next message or raises `LineGone`; `say` sends a text."""

    def __init__(
        self,
        *,
        buffer: AudioBuffer,
        schema: str,
        codec: LineCodec,
        call: Announced,
        audio: CallAudio,
        limits: Limits,
        receive: Callable[[], Awaitable[Message]],
        say: Callable[[str | None], Awaitable[None]],
    ) -> None:
        self.call = call
        self._buffer = buffer
        self._schema = schema
        self._codec = codec
        self._limits = limits
        self._receive = receive
        self._say = say
        self._line = secrets.token_hex(8)
        self._bytes_per_ms = audio.format.bytes_per_ms
        self._chunk_bytes = audio.format.bytes_per_ms * CHUNK_MS
        self._rest = bytearray()  # heard, not yet a whole chunk
        self._waiting: deque[tuple[bytes, datetime]] = deque()  # whole chunks, not yet stored
        self._number = 0  # the last chunk stored
        self._short_bytes = 0  # what the last chunk lacks to a whole one
        self._heard = asyncio.Event()
        self._stored = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._hung_up = False
        self._over = False

    @property
    def safe_ms(self) -> int:
        """All audio before this is in the stream."""
        return self._number * CHUNK_MS - -(-self._short_bytes // self._bytes_per_ms)

    # --- The line takes the call, and leaves it ---------------------------------------------------------

    async def take(self) -> None:
        """Become the line that holds the call, and see how far it has come. Raises `ProtocolError` if it is over."""
        ident = self.call.conversation_id
        await self._buffer.line_take(self._schema, ident, self._line, ALIVE_SECONDS)
        self._number, ended = await self._buffer.audio_end(self._schema, ident)
        if ended and not await self._was_stopped():
            raise ProtocolError(CloseCode.CALL_USED_BEFORE, "the call has ended")
        self._hung_up = ended

    async def leave(self, closing: Closing) -> None:
        """Let go of the call; end it if what happened ends it. Raises redis errors and `ProtocolError`."""
        ident = self.call.conversation_id
        if closing.code in ENDS_CALL:
            await self._patiently(
                lambda: self._buffer.append_end(self._schema, ident, closing.code.slug, line=self._line)
            )
        await self._buffer.line_release(self._schema, ident, line=self._line)

    async def _was_stopped(self) -> bool:
        return await self._buffer.end_reason(self._schema, self.call.conversation_id) == "stop"

    async def _stop(self) -> None:
        """Put the end behind the audio; that it was there already is as good."""
        ident = self.call.conversation_id
        said = await self._patiently(
            lambda: self._buffer.append_end(self._schema, ident, "stop", line=self._line)
        )
        if not said and not await self._patiently(self._was_stopped):
            raise ProtocolError(CloseCode.SUPERSEDED, "another line has taken over this call")
        await self._patiently(lambda: self._buffer.line_release(self._schema, ident, line=self._line))

    # --- Carrying ---------------------------------------------------------------------------------------

    async def carry(self) -> Closing:
        """Serve the line until it ends. What was heard before that is stored. Raises `ProtocolError`, `LineGone`."""
        if self.call.over or self._hung_up:
            # The client came back for the answer to a stop that it had sent before.
            await self._say(self._codec.stopped(self.safe_ms))
            return Closing(CloseCode.DONE, "")
        await self._say(self._codec.ready(self.call.conversation_id, self.safe_ms))
        hearing = asyncio.create_task(self._hear())
        storing = asyncio.create_task(self._store())
        tasks: set[asyncio.Task[Any]] = {
            hearing,
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
        closing = hearing.result()
        if closing.code is CloseCode.DONE:
            await self._stop()
            await self._say(self._codec.stopped(self.safe_ms))
        return closing

    async def _hear(self) -> Closing:
        """Read messages and cut them into chunks until the line ends."""
        closing = None
        while closing is None:
            await self._room.wait()
            try:
                async with asyncio.timeout(self._limits.idle):
                    message = await self._receive()
                closing = self._take_in(read(self._codec, message))
            except TimeoutError:
                closing = Closing(CloseCode.IDLE, f"no message for {self._limits.idle:g} seconds")
            except LineGone as gone:
                closing = gone.closing
            except ProtocolError as error:
                closing = Closing(error.code, error.reason)
        if self._rest and (closing.code is CloseCode.DONE or closing.code in ENDS_CALL):
            self._short_bytes = self._chunk_bytes - len(self._rest)
            self._waiting.append((bytes(self._rest), datetime.now(UTC)))
            self._rest.clear()
        self._hung_up = True
        self._heard.set()
        return closing

    def _take_in(self, action: Action) -> Closing | None:
        if isinstance(action, Stop):
            return Closing(CloseCode.DONE, "")
        now = datetime.now(UTC)
        if isinstance(action, Audio):
            self._rest += action.payload
            while len(self._rest) >= self._chunk_bytes:
                self._waiting.append((bytes(self._rest[: self._chunk_bytes]), now))
                del self._rest[: self._chunk_bytes]
                self._heard.set()
            if len(self._waiting) >= WAITING_CHUNKS:
                self._room.clear()
        audio_ms = (self._number + len(self._waiting)) * CHUNK_MS
        lasted = max(audio_ms / 1000, (now - self.call.announced_at).total_seconds())
        if lasted > self._limits.call:
            return Closing(CloseCode.TOO_LONG, f"a call may last {self._limits.call:g} seconds")
        return None

    async def _store(self) -> None:
        """Put chunks into the stream as they come, until the line has ended and all are in."""
        while not self._over:
            await self._heard.wait()
            self._heard.clear()
            hung_up = self._hung_up
            while self._waiting and not self._over:
                batch = list(islice(self._waiting, BATCH_CHUNKS))
                await self._put(batch)
                for _ in batch:
                    self._waiting.popleft()
                self._number += len(batch)
                if len(self._waiting) < WAITING_CHUNKS:
                    self._room.set()
                self._stored.set()
            if hung_up:
                return

    async def _put(self, batch: list[tuple[bytes, datetime]]) -> None:
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
            try:
                await self._say(self._codec.ack(self.safe_ms))
            except LineGone:
                return  # whoever hears the line learns why it went, which decides about the call
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
