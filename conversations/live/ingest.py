"""The way in for audio: a plain ASGI application that puts what lines bring into the buffer, and acknowledges it.

A line is one WebSocket of one call. Its wire format is read by a codec (`wire.LineCodec`), chosen by path. Nothing is
acknowledged before it is in the Redis stream; what is not acknowledged the other side keeps and sends again. A line
that breaks leaves its call open: the live worker ends it when no line has come back for a while.

Logs hold ids and codes, never what a client said about a call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from accounts.permissions import Scope as KeyScope
from accounts.services import api_key_find
from conversations.live.buffer import AudioBuffer
from conversations.live.calls import call_announce, call_line_closed, call_refused, call_resume
from conversations.live.carrier import Carrier, Closing, Limits, LineGone, read
from conversations.live.wire import CloseCode, LineCodec, ProtocolError, Start
from tenants.middleware import host_of, tenant_by_host
from tenants.scope import PUBLIC, TenantThreads

log = structlog.get_logger(__name__)

ASGIScope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Refusals of strangers that a company's ledger notes at most once in this time, so that they cannot fill it.
STRANGERS_EVERY_SECONDS = 60.0
# A client that leaves before it has begun a call has nothing to answer for.
_LEFT = frozenset({CloseCode.LINE_BROKEN, CloseCode.SERVER_RESTART})


class IngestApp:
    """ASGI application for WebSockets. One per process; `codec_by_path` makes a codec per line."""

    def __init__(
        self,
        codec_by_path: Mapping[str, Callable[[], LineCodec]],
        buffer: AudioBuffer,
        threads: TenantThreads,
        limits: Limits | None = None,
    ) -> None:
        self.codec_by_path = codec_by_path
        self.buffer = buffer
        self.threads = threads
        self.limits = limits or Limits.from_settings()
        self.lines = 0
        self._strangers: dict[tuple[str, CloseCode], float] = {}

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        self.lines += 1
        try:
            await Line(self, scope, receive, send).run()
        finally:
            self.lines -= 1

    def stranger_is_news(self, schema: str, code: CloseCode) -> bool:
        """Whether a refused stranger shall be noted: the first of its kind in a minute."""
        now = time.monotonic()
        if now - self._strangers.get((schema, code), -STRANGERS_EVERY_SECONDS) < STRANGERS_EVERY_SECONDS:
            return False
        self._strangers[schema, code] = now
        return True


class Line:
    """One connection, from its handshake to its close."""

    def __init__(self, app: IngestApp, scope: ASGIScope, receive: Receive, send: Send) -> None:
        self.app = app
        self.scope = scope
        self._receive = receive
        self._send = send
        self.schema = ""
        self.admitted = False
        make_codec = app.codec_by_path.get(scope["path"])
        self.codec = make_codec() if make_codec else None
        self.carrier: Carrier | None = None

    async def run(self) -> None:
        """Serve the line. Raises nothing: what goes wrong closes the line with a code."""
        closing = Closing(CloseCode.SERVER_ERROR, "internal error")
        try:
            await self._receive()
            # Accepted before anything is checked: a client is told a code only on a line that was open.
            await self._send({"type": "websocket.accept"})
            closing = await self._serve()
        except ProtocolError as error:
            closing = Closing(error.code, error.reason)
        except LineGone as gone:
            closing = gone.closing
        except OSError:
            # The server's way to say that a message could not be sent any more. (Redis errors are none of these.)
            closing = LineGone(1006).closing
        except (RedisError, DatabaseError, InterfaceError) as error:
            log.warning("ingest.storage_away", schema=self.schema, error=type(error).__name__)
            closing = Closing(CloseCode.TRY_AGAIN, "storage is away, come back")
        except Exception as error:
            # The message of an exception may quote what a client said; its type and place do not.
            log.error("ingest.failed", schema=self.schema, error=type(error).__name__, place=_place(error))
        await self._note(closing)
        if not closing.gone:
            with suppress(OSError):
                await self._send(
                    {"type": "websocket.close", "code": int(closing.code), "reason": closing.reason}
                )

    async def _serve(self) -> Closing:
        if self.codec is None:
            raise ProtocolError(CloseCode.UNKNOWN_HOST, "nothing at this path")
        await self._admit()
        start = await self._first(self.codec)
        return await self._follow(self.codec, start)

    async def _admit(self) -> None:
        """Find the company by host, and check the key within it."""
        tenant = await self.app.threads.run(PUBLIC, tenant_by_host, host_of(self.scope))
        if tenant is None:
            raise ProtocolError(CloseCode.UNKNOWN_HOST, "unknown host")
        self.schema = tenant.schema_name
        header = next((value for name, value in self.scope["headers"] if name == b"authorization"), b"")
        scheme, _, secret = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise ProtocolError(CloseCode.NO_KEY, "an API key is required: Authorization: Bearer")
        key = await self.app.threads.run(self.schema, api_key_find, secret=secret.strip())
        if key is None:
            raise ProtocolError(CloseCode.NO_KEY, "this API key is not valid here")
        if KeyScope.INGEST not in key.scopes:
            raise ProtocolError(CloseCode.NOT_ALLOWED, "this API key is not for audio")
        self.admitted = True

    async def _first(self, codec: LineCodec) -> Start:
        try:
            async with asyncio.timeout(self.app.limits.start):
                message = await self.receive()
        except TimeoutError:
            raise ProtocolError(CloseCode.NO_START, "no start came") from None
        action = read(codec, message)
        if not isinstance(action, Start):
            raise ProtocolError(CloseCode.BAD_MESSAGE, "the first message must be start")
        return action

    async def _follow(self, codec: LineCodec, start: Start) -> Closing:
        """Find or make the call, say from where to send, and carry what comes."""
        run, buffer, schema = self.app.threads.run, self.app.buffer, self.schema
        call = None
        if start.resume:
            call = await run(
                schema, call_resume, source=codec.source, call_id=start.call.id, audio=start.audio
            )
        if call is None:
            call = await run(schema, call_announce, source=codec.source, start=start.call, audio=start.audio)
        carrier = Carrier(
            buffer=buffer,
            schema=schema,
            codec=codec,
            call=call,
            audio=start.audio,
            limits=self.app.limits,
            receive=self.receive,
            say=self.say,
        )
        if not call.over:
            self.carrier = carrier
            await carrier.take()
            if not call.claimed:
                # Again for a call that came back before any worker took it: the first time may not have got through.
                await buffer.announce(schema, call.conversation_id)
        return await carrier.carry()

    # --- Messages ---------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """The next message. Raises `LineGone`."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise LineGone(int(message.get("code") or 1006))
        # The server's own limit closes before a message is read whole; this one holds under any server.
        if len(message.get("bytes") or message.get("text") or b"") > self.app.limits.message_bytes:
            raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, "message too big")
        return message

    async def say(self, text: str | None) -> None:
        """Send a codec's answer, if it has one. Raises `LineGone`."""
        if text is None:
            return
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError:
            raise LineGone(1006) from None

    # --- The ledger -------------------------------------------------------------------------------------

    async def _note(self, closing: Closing) -> None:
        """Let the ledger say how the line was closed. Its own trouble changes nothing for the line."""
        code = closing.code
        carrier = self.carrier
        conversation = str(carrier.call.conversation_id) if carrier else ""
        if code is CloseCode.DONE:
            return
        log.info("ingest.line_closed", schema=self.schema, conversation=conversation, code=int(code))
        if not self.schema:
            return
        try:
            if carrier is not None:
                if code is not CloseCode.SUPERSEDED:
                    await self.app.threads.run(
                        self.schema, call_line_closed, conversation_id=carrier.call.conversation_id, code=code
                    )
                await carrier.leave(closing)
            elif code in _LEFT:
                return
            elif self.admitted or self.app.stranger_is_news(self.schema, code):
                source, call_id = (self.codec.source, self.codec.call_id) if self.codec else ("", "")
                await self.app.threads.run(
                    self.schema, call_refused, source=source, call_id=call_id, code=code
                )
        except (RedisError, DatabaseError, InterfaceError, ProtocolError) as error:
            log.warning("ingest.not_noted", schema=self.schema, error=type(error).__name__)


def _place(error: Exception) -> str:
    """The file and line where an exception arose."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
