"""Sends calls as Twilio does: signed, both tracks as messages of their own, in real time, many calls in one process.

For tests and load runs. It speaks WebSocket by itself, with as little work per frame as there can be: the machine that
is measured often runs both sides. Frames are masked with zeros, which the protocol allows.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from integrations.telephony.twilio.signature import sign

FRAME_MS, FRAME_BYTES = 20, 160
SILENCE = b"\xff" * FRAME_BYTES
BOTH = ("inbound", "outbound")


class Refused(Exception):
    """The server did not open the line, or closed it. `code`: HTTP status or close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class Sent:
    """How a call went. `chunk_sent`: when the last frame of each 100 ms was sent (by the loop's clock)."""

    call_sid: str
    frames: int = 0
    close_code: int = 0
    close_reason: str = ""
    chunk_sent: list[float] = field(default_factory=list)


class TwilioCall(asyncio.Protocol):
    """One stream. `connected()`, `start()`, `media()` …, `stop()`, then `closed()`."""

    def __init__(self, call_sid: str, stream_sid: str = "") -> None:
        self.sent = Sent(call_sid)
        self.stream_sid = stream_sid or f"MZ{os.urandom(16).hex()}"
        self.transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._read = bytearray()
        self._sequence = 0
        self._chunks = dict.fromkeys(BOTH, 0)

    # --- The connection ---------------------------------------------------------------------------------

    @classmethod
    async def open(
        cls, url: str, host: str, path: str, signature: str, call_sid: str, **more: Any
    ) -> TwilioCall:
        """Connect to `url` as `host`. Raises `Refused` for an answer that is no WebSocket, and `OSError`."""
        where = urlsplit(url)
        secure = where.scheme == "wss"
        port = where.port or (443 if secure else 80)
        loop = asyncio.get_running_loop()
        _transport, call = await loop.create_connection(
            lambda: cls(call_sid, **more),
            where.hostname or "127.0.0.1",
            port,
            ssl=True if secure else None,
            server_hostname=host if secure else None,
        )
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        if signature:
            lines.append(f"X-Twilio-Signature: {signature}")
        assert call.transport is not None
        call.transport.write("\r\n".join([*lines, "", ""]).encode())
        await call._opened
        return call

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        if not self._opened.done():
            head, found, rest = bytes(self._read).partition(b"\r\n\r\n")
            if not found:
                return
            status = int(head.split(b" ", 2)[1])
            self._read = bytearray(rest)
            if status != 101:
                self._opened.set_exception(Refused(status, "no WebSocket"))
                return
            self._opened.set_result(None)
        while len(self._read) >= 2:
            opcode, length = self._read[0] & 0x0F, self._read[1]
            header = 2
            if length == 126 and len(self._read) >= 4:
                length, header = int.from_bytes(self._read[2:4], "big"), 4
            if len(self._read) < header + length:
                return
            body = bytes(self._read[header : header + length])
            del self._read[: header + length]
            if opcode == 8:
                self.sent.close_code = int.from_bytes(body[:2], "big") or 1005
                self.sent.close_reason = body[2:].decode()
                self._write(8, body[:2])
                assert self.transport is not None
                self.transport.close()
            elif opcode == 9:
                self._write(10, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(Refused(0, "connection lost"))
        if not self._closed.done():
            self._closed.set_result(None)

    def _write(self, opcode: int, body: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(frame(opcode, body))

    # --- What Twilio says -------------------------------------------------------------------------------

    def say(self, message: dict[str, Any]) -> None:
        self._write(1, json.dumps(message, separators=(",", ":")).encode())

    def connected(self) -> None:
        self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(
        self,
        account_sid: str,
        tracks: Sequence[str] = BOTH,
        parameters: dict[str, str] | None = None,
        **changes: Any,
    ) -> None:
        """Begin the stream; `changes` replace fields of `start`."""
        self._sequence = 1
        start = {
            "accountSid": account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.sent.call_sid,
            "tracks": list(tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters or {},
        }
        self.say(
            {
                "event": "start",
                "sequenceNumber": "1",
                "streamSid": self.stream_sid,
                "start": {**start, **changes},
            }
        )

    def media_frame(self, track: str, at_ms: int, payload: bytes) -> bytes:
        """A media message as it goes on the wire. `payload`: base64."""
        self._sequence += 1
        self._chunks[track] += 1
        self.sent.frames += 1
        return frame(
            1,
            b'{"event":"media","sequenceNumber":"%d","media":{"track":"%s","chunk":"%d","timestamp":"%d",'
            b'"payload":"%s"},"streamSid":"%s"}'
            % (
                self._sequence,
                track.encode(),
                self._chunks[track],
                at_ms,
                payload,
                self.stream_sid.encode(),
            ),
        )

    def media(self, track: str, at_ms: int, sound: bytes) -> None:
        self.write(self.media_frame(track, at_ms, base64.b64encode(sound)))

    def write(self, raw: bytes) -> None:
        assert self.transport is not None
        if not self.transport.is_closing():
            self.transport.write(raw)

    def stop(self, account_sid: str) -> None:
        self._sequence += 1
        stop = {"accountSid": account_sid, "callSid": self.sent.call_sid}
        self.say(
            {
                "event": "stop",
                "sequenceNumber": str(self._sequence),
                "streamSid": self.stream_sid,
                "stop": stop,
            }
        )

    async def closed(self, seconds: float = 20.0) -> Sent:
        """Wait until the line is closed. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            await self._closed
        return self.sent


class TwilioSender:
    """Sends calls to one company's connection."""

    def __init__(
        self,
        url: str,
        host: str,
        connection_id: str,
        token: str,
        *,
        account_sid: str = "AC" + "0" * 32,
        public_url: str = "",
    ) -> None:
        """`url`: where the server listens. `public_url`: what the server takes for its own address, to be signed."""
        self.url = url
        self.host = host
        self.account_sid = account_sid
        self.path = f"/ingest/twilio/{connection_id}"
        base = urlsplit(public_url or url)
        port = f":{base.port}" if base.port else ""
        self.signature = sign(token, f"wss://{host}{port}{self.path}")

    async def open(self, call_sid: str) -> TwilioCall:
        """A line that has said `connected`."""
        call = await TwilioCall.open(self.url, self.host, self.path, self.signature, call_sid)
        call.connected()
        return call

    async def run(
        self,
        calls: int,
        seconds: float,
        *,
        tracks: Sequence[str] = BOTH,
        sound: Callable[[str, int], bytes] = lambda _track, _number: SILENCE,
        parameters: dict[str, str] | None = None,
        prefix: str = "CA",
        settle_seconds: float = 0.0,
    ) -> list[Sent]:
        """Send so many calls of such a length at once, their frames spread over 100 ms; return how each went.

        `sound(track, number)`: the 160 bytes of a frame. `settle_seconds`: over which the lines are opened, one after
        the other, before anything is said. Raises `OSError` and `Refused`.
        """
        lines = []
        for number in range(calls):
            if settle_seconds:
                await asyncio.sleep(settle_seconds / calls)
            line = await self.open(f"{prefix}{number:08d}{os.urandom(8).hex()}")
            line.start(self.account_sid, tracks, parameters)
            lines.append(line)
        frames = round(seconds * 1000 / FRAME_MS)
        groups = min(100, max(1, calls))
        loop = asyncio.get_running_loop()
        zero = loop.time() + (1.0 if settle_seconds else 0.05)

        async def speak(group: int) -> None:
            mine = lines[group::groups]
            for number in range(frames):
                due = zero + number * FRAME_MS / 1000 + group * 0.1 / groups
                await asyncio.sleep(max(0.0, due - loop.time()))
                payloads = {track: base64.b64encode(sound(track, number)) for track in tracks}
                last = number % 5 == 4
                for line in mine:
                    line.write(
                        b"".join(
                            line.media_frame(track, number * FRAME_MS, payloads[track]) for track in tracks
                        )
                    )
                    if last:
                        line.sent.chunk_sent.append(loop.time())

        await asyncio.gather(*(speak(group) for group in range(groups)))
        for line in lines:
            line.stop(self.account_sid)
        return list(await asyncio.gather(*(line.closed() for line in lines)))


def frame(opcode: int, body: bytes) -> bytes:
    """A whole masked frame."""
    length = len(body)
    if length < 126:
        return struct.pack("!BBI", 0x80 | opcode, 0x80 | length, 0) + body
    if length < 65_536:
        return struct.pack("!BBHI", 0x80 | opcode, 0xFE, length, 0) + body
    return struct.pack("!BBQI", 0x80 | opcode, 0xFF, length, 0) + body
