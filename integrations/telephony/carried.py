"""A call whose audio is fetched or joined by us: carried like any line, without a WebSocket of its own.

The same hearing, fencing, buffer and account as a line of audio has; only what comes in is handed over as actions
(`conversations.live.wire`), and what would be said to a client is kept to be looked at.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from conversations.live.buffer import CHUNK_MS, AudioBuffer
from conversations.live.calls import Announced, call_line_closed
from conversations.live.carrier import Carrier
from conversations.live.hearing import Closing, Hearing, Limits
from conversations.live.voice import Voice
from conversations.live.wire import (
    Action,
    Audio,
    CallAudio,
    CallStart,
    CloseCode,
    KeepAlive,
    LineCodec,
    Missing,
    ProtocolError,
    Start,
    Stop,
)
from integrations.telephony.sides import Hole, Sound
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)


class CallOver(Exception):
    """Nothing more can be brought to this call; `closing` says why."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.code.slug)
        self.closing = closing


class _Inside(LineCodec):
    """Actions instead of a wire format; they are handed over one by one, each behind a text that announces it."""

    def __init__(self, source: str, call_id: str) -> None:
        self.source, self.call_id = source, call_id
        self.actions: deque[Action] = deque()
        self.ready_ms: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.safe_ms = 0

    def text(self, message: str) -> Action:
        return self.actions.popleft()

    def binary(self, message: bytes) -> Action:
        return Audio(message)

    def ready(self, conversation_id: UUID, ms: int) -> None:
        self.safe_ms = ms
        self.ready_ms.set_result(ms)

    def ack(self, ms: int) -> str:
        self.safe_ms = ms
        return ""  # nothing to be said, but to be told again

    def stopped(self, ms: int) -> None:
        self.safe_ms = ms


async def _nobody(_text: str) -> None:
    """There is nobody to say it to."""


class CarriedCall:
    """One call in this process' hands. `open`, then bring what comes, then `stop`, `fail` or `leave`."""

    def __init__(
        self,
        *,
        buffer: AudioBuffer,
        threads: TenantThreads,
        schema: str,
        source: str,
        call_id: str,
        call: Announced,
        audio: CallAudio,
        limits: Limits,
    ) -> None:
        self._buffer = buffer
        self._threads = threads
        self._schema = schema
        self.call = call
        self._codec = _Inside(source, call_id)
        self._hearing = Hearing(self._codec, limits, Voice(_nobody), live=False)
        self._start = Start(CallStart(id=call_id), audio, resume=True)
        self._carrier = Carrier(
            buffer=buffer,
            schema=schema,
            hearing=self._hearing,
            call=call,
            audio=audio,
            stored=lambda _seconds: None,
        )
        self._carrying: asyncio.Task[Closing] | None = None
        self._base_ms = 0
        self._bytes_per_ms = audio.format.bytes_per_ms
        self._brought = 0

    @property
    def safe_ms(self) -> int:
        """All audio before this is in the stream."""
        return self._codec.safe_ms

    async def open(self) -> int:
        """Take the call, from whoever had it. Returns the milliseconds of its audio that are there already.

        Raises `CallOver`, and redis errors.
        """
        self._hand_over(self._start)
        try:
            await self._carrier.take()
        except ProtocolError as error:
            raise CallOver(Closing(error.code, error.reason)) from None
        if not self.call.claimed:
            await self._buffer.announce(self._schema, self.call.conversation_id)
        self._carrying = asyncio.create_task(self._carrier.carry())
        either: set[asyncio.Future[Any]] = {self._carrying, self._codec.ready_ms}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._codec.ready_ms.done():
            raise CallOver(await self._how())
        self._base_ms = self._codec.ready_ms.result()
        return self._base_ms

    async def bring(self, piece: Sound | Hole, *, cause: str = "") -> None:
        """Put sound, or the note of a hole, behind what was brought. Waits for room. Raises `CallOver`."""
        await self._room()
        if isinstance(piece, Sound):
            self._brought += len(piece.payload)
            self._hearing.message(piece.payload)
        else:
            start, end = piece.from_ms - self._base_ms, piece.to_ms - self._base_ms
            self._hand_over(Missing(piece.side, start, end, cause))

    async def check(self) -> None:
        """There is nothing to bring now, and the other side is there. Raises `CallOver`."""
        if self.over or self._hearing.over:
            raise CallOver(await self._how())
        self._hand_over(KeepAlive())

    @property
    def over(self) -> bool:
        """Whether the call was taken away, or cannot be carried on."""
        return self._carrying is not None and self._carrying.done()

    async def stop(self) -> None:
        """The call is over and complete: what was brought is stored, then its end. Raises `CallOver` if it cannot."""
        self._hand_over(Stop())
        closing = await self._how()
        if closing.code is not CloseCode.DONE:
            raise CallOver(closing)

    async def fail(self, reason: str) -> None:
        """The call is over and incomplete, for this reason of at most 40 characters. What was brought is stored.

        Raises `CallOver`, and redis errors.
        """
        lacking = -self._brought % (self._bytes_per_ms * CHUNK_MS)
        await self.bring(Sound(bytes(lacking)))
        await self.leave()
        await self._buffer.append_end(self._schema, self.call.conversation_id, reason)

    async def leave(self) -> None:
        """Let go of the call: whole chunks are stored, the rest is for whoever goes on. Raises `CallOver`."""
        away = Closing(CloseCode.SERVER_RESTART, CloseCode.SERVER_RESTART.slug, gone=True)
        self._hearing.end(away)
        closing = await self._how()
        if closing.code is not away.code:
            raise CallOver(closing)
        await self.settle(closing)

    async def settle(self, closing: Closing) -> None:
        """Note how carrying ended; a breach of the rules ends the call. Raises redis errors."""
        try:
            await self._threads.run(
                self._schema,
                call_line_closed,
                conversation_id=self.call.conversation_id,
                code=closing.code,
            )
            await self._carrier.leave(closing)
        except (DatabaseError, InterfaceError, ProtocolError) as error:
            log.warning("carried.not_noted", schema=self._schema, error=type(error).__name__)

    async def abandon(self) -> None:
        """Stop at once, storing nothing more, as if the process had died."""
        if self._carrying is not None:
            self._carrying.cancel()
            with suppress(asyncio.CancelledError, ProtocolError):
                await self._carrying

    # --- The line within ----------------------------------------------------------------------------------

    def _hand_over(self, action: Action) -> None:
        self._codec.actions.append(action)
        self._hearing.message("action")

    async def _room(self) -> None:
        """Wait until what was brought may be followed by more. Raises `CallOver`."""
        while not self._hearing.room.is_set() and not self.over:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._hearing.room.wait()
        if self.over or self._hearing.over:
            raise CallOver(await self._how())

    async def _how(self) -> Closing:
        """How carrying ended."""
        assert self._carrying is not None
        try:
            return await self._carrying
        except ProtocolError as error:
            return Closing(error.code, error.reason)
        except RedisError as error:
            log.warning("carried.buffer_away", schema=self._schema, error=type(error).__name__)
            return Closing(CloseCode.TRY_AGAIN, "storage is away")
