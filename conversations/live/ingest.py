"""The way in for audio: a plain ASGI application that puts what lines bring into the buffer, and acknowledges it.

A line is one WebSocket of one call. Its vendor (`wire.LineVendor`) is chosen by path: it decides who may send, and has
a codec for its wire format. The line is heard from its first message on, while the company, the connection and the
call are still being looked up. Nothing is acknowledged before it is in the Redis stream; what is not acknowledged the
other side keeps and sends again, where it can. A line that breaks leaves its call open: the live worker ends it when
no line has come back for a while.

Logs hold ids and codes, never what a client said about a call.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from accounts.errors import error_place
from conversations.live.buffer import AudioBuffer
from conversations.live.calls import Announced, call_announce, call_line_closed, call_refused, call_resume
from conversations.live.carrier import PATIENCE_SECONDS, Carrier
from conversations.live.circles import SETTLED_SECONDS, Circles
from conversations.live.hearing import Closing, Hearing, Limits, gone
from conversations.live.voice import Voice
from conversations.live.wire import (
    Admission,
    CallAudio,
    CallStart,
    CloseCode,
    Done,
    LineCodec,
    LineRequest,
    LineVendor,
    ProtocolError,
    Start,
)
from tenants.middleware import host_of, tenant_by_host
from tenants.scope import PUBLIC, TenantThreads

log = structlog.get_logger(__name__)

T = TypeVar("T")
ASGIScope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Refusals of strangers that a company's ledger notes at most once in this time, so that they cannot fill it.
STRANGERS_EVERY_SECONDS = 60.0
# A client that leaves before it has begun a call has nothing to answer for.
_LEFT = frozenset({CloseCode.LINE_BROKEN, CloseCode.SERVER_RESTART})
_AWAY = (RedisError, DatabaseError, InterfaceError)


def public_url(host: str, path: str) -> str:
    """A way in's address as the other side has it: the company's host, with the scheme and port of `INGEST_URL`."""
    parts = urlsplit(settings.INGEST_URL)
    port = f":{parts.port}" if parts.port not in {None, 443 if parts.scheme == "wss" else 80} else ""
    return f"{parts.scheme}://{host}{port}{path}"


class IngestApp:
    """ASGI application for WebSockets. One per process."""

    def __init__(
        self,
        vendors: Iterable[LineVendor],
        buffer: AudioBuffer,
        threads: TenantThreads,
        limits: Limits | None = None,
    ) -> None:
        self.vendors = {vendor.prefix: vendor for vendor in vendors}
        self.buffer = buffer
        self.threads = threads
        self.limits = limits or Limits.from_settings()
        self.lines = 0
        self.circles = Circles()
        # Seconds from a chunk's last byte to the chunk in the stream, of the last chunks.
        self.delays: deque[float] = deque(maxlen=10_000)
        self._strangers: dict[tuple[str, CloseCode], float] = {}

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        self.lines += 1
        try:
            await Line(self, scope, receive, send).run()
        finally:
            self.lines -= 1
            self.circles.left += 1

    async def tidy(self) -> None:
        """Keep the search for circles of objects short, until cancelled."""
        while True:
            self.circles.settle(self.lines)
            await asyncio.sleep(SETTLED_SECONDS)

    def vendor_at(self, path: str) -> tuple[LineVendor | None, str]:
        """The vendor that listens at a path, and what of it is the vendor's to read."""
        if path in self.vendors and not path.endswith("/"):
            return self.vendors[path], ""
        head, slash, tail = path.rstrip("/").rpartition("/")
        vendor = self.vendors.get(head + slash)
        return (vendor, tail) if vendor is not None and tail else (None, "")

    def delay_ms(self) -> dict[str, float]:
        """How long chunks took lately from their last byte to the stream, in milliseconds; {} when there were none."""
        delays = sorted(self.delays)
        if not delays:
            return {}
        last = len(delays) - 1
        return {f"stored_p{part}_ms": round(delays[last * part // 100] * 1000, 1) for part in (50, 99)}

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
        self.vendor, tail = app.vendor_at(scope["path"])
        self.request = _request(scope, tail)
        self.codec: LineCodec | None = None
        self.hearing: Hearing | None = None
        self.carrier: Carrier | None = None
        self.voice = Voice(self._say)

    async def run(self) -> None:
        """Serve the line. Raises nothing: what goes wrong closes the line with a code."""
        speaking = asyncio.create_task(self.voice.run())
        closing = Closing(CloseCode.SERVER_ERROR, "internal error")
        try:
            closing = await self._accept()
        except ProtocolError as error:
            closing = Closing(error.code, error.reason)
        except _AWAY as error:
            log.warning("ingest.storage_away", schema=self.schema, error=type(error).__name__)
            closing = Closing(CloseCode.TRY_AGAIN, "storage is away, come back")
        except OSError:
            # The server's way to say that a message could not be sent any more.
            closing = gone(1006)
        except Exception as error:
            # The message of an exception may quote what a client said; its type and place do not.
            log.error(
                "ingest.failed", schema=self.schema, error=type(error).__name__, place=error_place(error)
            )
        try:
            await self._note(closing)
            if not closing.gone:
                await self._close(closing)
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _accept(self) -> Closing:
        """Open the line, and hear it while it is being served."""
        await self._receive()
        # Accepted before anything is checked: a client is told a code only on a line that was open.
        accept: Message = {"type": "websocket.accept"}
        offered = self.scope.get("subprotocols") or []
        ours = [name for name in (self.vendor.subprotocols if self.vendor else ()) if name in offered]
        await self._send(accept | {"subprotocol": ours[0]} if ours else accept)
        if self.vendor is None:
            raise ProtocolError(CloseCode.UNKNOWN_HOST, "nothing at this path")
        self.codec = self.vendor.codec(self.request)
        hearing = Hearing(self.codec, self.app.limits, self.voice, live=self.vendor.live)
        self.hearing = hearing
        tasks = [
            asyncio.create_task(self._listen(hearing)),
            asyncio.create_task(hearing.watch()),
        ]
        try:
            return await self._serve(self.vendor, hearing)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            hearing.forget()

    async def _listen(self, hearing: Hearing) -> None:
        try:
            await hearing.listen(self._receive, self.scope.get("extensions", {}).get("audio.direct"))
        except Exception as error:
            hearing.fail(error)

    async def _serve(self, vendor: LineVendor, hearing: Hearing) -> Closing:
        connected = time.monotonic()
        admission = await self._admission(vendor, hearing)
        if admission is None:
            return hearing.ended.result()
        self.voice.open()
        left = connected + self.app.limits.start - time.monotonic()
        either: set[asyncio.Future[Any]] = {hearing.started, hearing.ended}
        await asyncio.wait(either, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
        if not hearing.started.done():
            if hearing.ended.done():
                return hearing.ended.result()
            raise ProtocolError(CloseCode.NO_START, "no start came")
        return await self._follow(admission, hearing)

    async def _admission(self, vendor: LineVendor, hearing: Hearing) -> Admission | None:
        """Find the company by host, and let the vendor decide within it. None when the line has gone meanwhile."""
        admitting = asyncio.create_task(self._admit(vendor))
        try:
            either: set[asyncio.Future[Any]] = {admitting, hearing.ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not admitting.done() and not hearing.ended.exception():
                ended = hearing.ended.result()
                if not ended.gone and ended.code is not CloseCode.SERVER_RESTART:
                    # Whether it may send at all decides what a stranger's mistake is worth.
                    await asyncio.wait({admitting})
            return admitting.result() if admitting.done() else None
        finally:
            admitting.cancel()
            await asyncio.gather(admitting, return_exceptions=True)

    async def _admit(self, vendor: LineVendor) -> Admission:
        tenant = await self._patiently(
            lambda _again: self.app.threads.run(PUBLIC, tenant_by_host, host_of(self.scope))
        )
        if tenant is None:
            raise ProtocolError(CloseCode.UNKNOWN_HOST, "unknown host")
        self.schema, asked = tenant.schema_name, time.monotonic()
        try:
            admission = await self._patiently(
                lambda _again: self.app.threads.run(self.schema, vendor.admit, self.request)
            )
        except ProtocolError:
            await asyncio.sleep(max(0.0, asked + vendor.refusal_seconds - time.monotonic()))
            raise
        self.admitted = True
        return admission

    async def _follow(self, admission: Admission, hearing: Hearing) -> Closing:
        """Find or make the call, say from where to send, and carry what comes."""
        buffer, schema = self.app.buffer, self.schema
        start = hearing.started.result()
        details, audio = await self._patiently(
            lambda _again: self.app.threads.run(schema, _prepared, admission, start)
        )
        call = await self._patiently(lambda again: self._call(start.resume or again, details, audio))
        carrier = Carrier(
            buffer=buffer,
            schema=schema,
            hearing=hearing,
            call=call,
            audio=audio,
            stored=self.app.delays.append,
        )
        if not call.over:
            self.carrier = carrier
            await self._patiently(lambda _again: carrier.take())
            if not call.claimed:
                # Again for a call that came back before any worker took it: the first time may not have got through.
                await self._patiently(lambda _again: buffer.announce(schema, call.conversation_id))
        return await carrier.carry()

    async def _call(self, resume: bool, details: CallStart, audio: CallAudio) -> Announced:
        """The call of this line: one that it comes back to, or a new one. Raises `CallRefused`."""
        run, source = self.app.threads.run, self.codec.source if self.codec else ""
        call = None
        if resume:
            call = await run(self.schema, call_resume, source=source, call_id=details.id, audio=audio)
        if call is None:
            call = await run(self.schema, call_announce, source=source, start=details, audio=audio)
        return call

    async def _patiently(self, work: Callable[[bool], Awaitable[T]]) -> T:
        """Await `work(again)`; while storage is away, again and again for a line that would not come back."""
        assert self.vendor is not None
        give_up, delay, again = time.monotonic() + PATIENCE_SECONDS, 0.1, False
        while True:
            try:
                return await work(again)
            except _AWAY as error:
                if not self.vendor.live or time.monotonic() > give_up:
                    raise
                log.warning("ingest.storage_away", schema=self.schema, error=type(error).__name__)
            # What was asked for may have been done all the same, and only the answer lost.
            again = True
            await asyncio.sleep(delay)
            delay = min(2.0, delay * 2)

    # --- Messages ---------------------------------------------------------------------------------------

    async def _say(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _close(self, closing: Closing) -> None:
        """Say what the vendor's format has to say about it, and close."""
        refusal = None
        if self.hearing is not None and self.vendor and self.vendor.linger_seconds:
            # Before anything is said: the other side may answer faster than we look.
            self.hearing.afterwards = self._parting
        if closing.code is not CloseCode.DONE and self.codec is not None:
            refusal = self.codec.refused(closing.code, closing.reason)
            self.voice.say(refusal)
        self.voice.open()
        await self.voice.flush()
        # A server that goes away has no time to wait.
        waits = closing.code is CloseCode.DONE or (refusal and closing.code is not CloseCode.SERVER_RESTART)
        if waits and await self._other_side_closes():
            return
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": int(closing.code), "reason": closing.reason})

    async def _other_side_closes(self) -> bool:
        """Give the other side the time to close first that its vendor's protocol asks for; answer its goodbye."""
        linger = self.vendor.linger_seconds if self.vendor else 0.0
        if not linger:
            return False
        try:
            async with asyncio.timeout(linger):
                while (message := await self._receive())["type"] == "websocket.receive":
                    self._parting(message.get("text"))
        except TimeoutError:
            return False
        return True

    def _parting(self, message: str | bytes | None) -> None:
        if self.codec is None or not isinstance(message, str) or len(message) > self.app.limits.message_bytes:
            return
        try:
            action = self.codec.text(message)
        except ProtocolError:
            return  # the line is over already, and why was said
        if isinstance(action, Done):
            self.voice.say(action.text)

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
                    self.schema, call_refused, source=source, call_id=call_id[:120], code=code
                )
        except (*_AWAY, ProtocolError) as error:
            log.warning("ingest.not_noted", schema=self.schema, error=type(error).__name__)


def _prepared(admission: Admission, start: Start) -> Any:
    return admission.prepare(start.call), admission.arrange(start.audio)


def _request(scope: ASGIScope, tail: str) -> LineRequest:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    host = headers.get("host", "").rsplit(":", 1)[0].lower()
    return LineRequest(path, tail, query, headers, public_url(host, path))
