"""A client of our own audio protocol that resumes exactly. Plays recordings, and serves the demo, tests and load runs.

What was not acknowledged is sent again after a break, from the millisecond that the server names: nothing is lost and
nothing is said twice.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import soundfile
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from conversations.live.wire import CloseCode
from engines.speech.audio import SAMPLE_BYTES, mulaw_encode
from integrations.telephony.native.codec import PATH, VERSION

log = structlog.get_logger(__name__)

FRAME_MS = 20
# Acknowledged audio of a recording costs nothing to keep, so a server that lost some can have it again.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.1, 5.0
# After these there is no use in coming back.
_HOPELESS = frozenset(CloseCode) - {
    CloseCode.DONE,
    CloseCode.LINE_BROKEN,
    CloseCode.IDLE,
    CloseCode.TRY_AGAIN,
    CloseCode.SERVER_ERROR,
    CloseCode.SERVER_RESTART,
}


class IngestRefused(Exception):
    """The server closed the line for good: `code` and `reason` are its own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class IngestUnreachable(Exception):
    """The server could not be reached, or made no progress, for too long."""


@dataclass(slots=True)
class Played:
    """How it went: the conversation's id, audio sent and safe (ms), and how often the line was made anew."""

    conversation: str = ""
    safe_ms: int = 0
    reconnects: int = 0
    closes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    """One call being played: where it is, and what is known to be safe."""

    pcm: memoryview
    bytes_per_ms: int
    start: dict[str, Any]
    played: Played
    position_ms: int = 0
    stopped: bool = False

    @property
    def length_ms(self) -> int:
        return -(-len(self.pcm) // self.bytes_per_ms)


class AudioClient:
    """Speaks to one company's way in. `url`: where the server listens, e.g. `ws://127.0.0.1:8001`.

    `host`: the company's host name, which the server picks the company by; it need not resolve.
    """

    def __init__(
        self, url: str, host: str, api_key: str, *, frame_ms: int = FRAME_MS, patience_seconds: float = 60.0
    ) -> None:
        where = urlsplit(url)
        secure = where.scheme == "wss"
        self._address = (where.hostname or "127.0.0.1", where.port or (443 if secure else 80))
        self._uri = urlunsplit((where.scheme, f"{host}:{self._address[1]}", PATH, "", ""))
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._frame_ms = frame_ms
        self._patience = patience_seconds

    async def play(
        self,
        source: Path | str | bytes,
        start: dict[str, Any],
        speed: float = 1.0,
        on_ack: Callable[[int], None] | None = None,
        pace: Callable[[int], Awaitable[None]] | None = None,
    ) -> Played:
        """Play a sound file, or raw samples in the format that `start["audio"]` gives, as one call; then stop.

        `start`: {"call": {...}, "audio": {...}} as in `docs/ingest.md`; a file gives rate and channels itself. `speed`:
        1 as it was recorded, `math.inf` as fast as it is taken. `on_ack(ms)` hears what is safe. `pace(ms)` is awaited
        before the audio up to `ms` is sent, and may hold it back further. Returns when the server has said that all of
        it is safe. Raises `IngestRefused` and `IngestUnreachable`.
        """
        call = await asyncio.to_thread(_prepare, source, start)
        clock = _Clock(speed, pace)
        wait, since_progress = FIRST_WAIT_SECONDS, asyncio.get_running_loop().time()
        while not call.stopped:
            before = call.played.safe_ms
            await self._attempt(call, clock, on_ack)
            if call.stopped:
                break
            now = asyncio.get_running_loop().time()
            if call.played.safe_ms > before:
                wait, since_progress = FIRST_WAIT_SECONDS, now
            elif now - since_progress > self._patience:
                raise IngestUnreachable("no way in to the server for too long")
            call.played.reconnects += 1
            call.start["resume"] = True
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WAIT_SECONDS, wait * 2)
        return call.played

    async def _attempt(self, call: _Call, clock: _Clock, on_ack: Callable[[int], None] | None) -> None:
        """One connection, until the call is over or the line breaks. Raises `IngestRefused`."""
        host, port = self._address
        try:
            async with connect(
                self._uri,
                host=host,
                port=port,
                additional_headers=self._headers,
                compression=None,
                proxy=None,
                open_timeout=10,
                close_timeout=2,
            ) as socket:
                await socket.send(json.dumps(call.start))
                await self._converse(socket, call, clock, on_ack)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else CloseCode.LINE_BROKEN
            call.played.closes.append(int(code))
            if code in _HOPELESS:
                raise IngestRefused(int(code), closed.rcvd.reason if closed.rcvd else "") from None
        except (OSError, InvalidHandshake) as error:
            log.info("client.unreachable", error=type(error).__name__)

    async def _converse(
        self, socket: ClientConnection, call: _Call, clock: _Clock, on_ack: Callable[[int], None] | None
    ) -> None:
        sending: asyncio.Task[None] | None = None
        try:
            async for text in socket:
                message = json.loads(text)
                kind, ms = message.get("type"), message.get("ms", 0)
                if kind == "ready":
                    call.played.conversation = message["conversation"]
                    # Where the server is, be it before what it had acknowledged: then it has lost some.
                    call.position_ms = ms
                    clock.begin(ms)
                    sending = asyncio.create_task(self._send(socket, call, clock))
                elif kind == "stopped":
                    call.stopped = True
                    # A call that was closed before this line came is told without a position.
                    ms = ms or call.length_ms
                if kind in {"ready", "ack", "stopped"} and ms > call.played.safe_ms:
                    call.played.safe_ms = ms
                    if on_ack is not None:
                        on_ack(ms)
                if call.stopped:
                    return
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        # The iteration ends quietly after a normal close; without "stopped" that is a broken line like any other.
        raise ConnectionClosed(socket.protocol.close_rcvd, socket.protocol.close_sent)

    async def _send(self, socket: ClientConnection, call: _Call, clock: _Clock) -> None:
        """Send from the call's position to its end, each frame when it was spoken, and stop."""
        step = self._frame_ms
        while call.position_ms < call.length_ms:
            await clock.until(min(call.position_ms + step, call.length_ms))
            first = call.position_ms * call.bytes_per_ms
            await socket.send(bytes(call.pcm[first : first + step * call.bytes_per_ms]))
            call.position_ms += step
        await socket.send(json.dumps({"type": "stop"}))


class _Clock:
    """When each millisecond of a call was spoken. After a break it does not wait for what is already past."""

    def __init__(self, speed: float, pace: Callable[[int], Awaitable[None]] | None) -> None:
        self._speed = speed
        self._pace = pace
        self._zero: float | None = None

    def begin(self, ms: int) -> None:
        """The first line begins now, at `ms`; later ones change nothing."""
        if self._zero is None:
            self._zero = asyncio.get_running_loop().time() - self._seconds(ms)

    def _seconds(self, ms: int) -> float:
        return 0.0 if math.isinf(self._speed) else ms / 1000 / self._speed

    async def until(self, ms: int) -> None:
        assert self._zero is not None
        delay = self._zero + self._seconds(ms) - asyncio.get_running_loop().time()
        # Given up once a frame even when late, so that acknowledgements are heard.
        await asyncio.sleep(max(0.0, delay))
        if self._pace is not None:
            await self._pace(ms)


def _prepare(source: Path | str | bytes, start: dict[str, Any]) -> _Call:
    audio = dict(start.get("audio") or {})
    if isinstance(source, bytes):
        samples = source
    else:
        pcm, rate = soundfile.read(str(source), dtype="int16", always_2d=True)
        samples = pcm.tobytes()
        audio |= {"sample_rate": rate, "channels": pcm.shape[1]}
        audio.setdefault("codec", "pcm16")
        audio.setdefault("roles", ["agent", "customer"] if pcm.shape[1] == 2 else ["customer"])
        if audio["codec"] == "mulaw":
            samples = mulaw_encode(samples)
    bytes_per_ms = SAMPLE_BYTES[audio["codec"]] * audio["channels"] * audio["sample_rate"] // 1000
    message = {**start, "type": "start", "version": VERSION, "audio": audio}
    return _Call(memoryview(samples), bytes_per_ms, message, Played())
