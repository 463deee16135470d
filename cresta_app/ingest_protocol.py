"""uvicorn's WebSocket for lines of audio: our limit on messages, and no detour for the frames that audio comes in.

Three hundred calls are thirty thousand frames a second. Through uvicorn each of them passes a general parser, pauses
the socket, waits in a queue and wakes a task. Here a plain frame (whole, masked, short) is read where it lies and
handed to who asked for it by `Direct.listen`, in the same turn of the loop. All other frames go uvicorn's way: control
frames, fragments, long ones, compressed ones, what is wrong, and all there is before somebody listens. What came before
that is handed over first, and like the rest only while nobody asks us to pause.

Nothing comes of a frame before its chunk of audio is whole: so the kernel wakes us once a chunk (`ingest_wakes`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from django.conf import settings
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from cresta_app.ingest_wakes import Wakes, watch_of

try:
    from websockets.speedups import apply_mask
except ImportError:  # built without a compiler
    from websockets.utils import apply_mask

LINGER_SECONDS = 5.0
_TEXT, _BINARY = 0x81, 0x82  # whole messages: FIN, nothing reserved
_PLAIN = (_TEXT, _BINARY)
_LONG, _LONGER = 0xFE, 0xFF  # masked, and the length follows in two bytes or in eight
# A plain frame that is not there whole is waited for up to this size.
_PLAIN_BYTES = 65_535


class Direct:
    """The way past the queue, as `scope["extensions"]["audio.direct"]`."""

    def __init__(self, protocol: AudioProtocol) -> None:
        self._protocol = protocol

    def listen(self, message: Callable[[str | bytes], None]) -> None:
        """Hand each message to `message` from now on; only the line's end still comes by `receive`."""
        self._protocol.direct_begin(message)

    def pause(self, paused: bool) -> None:
        """Read nothing more, or go on."""
        self._protocol.direct_pause(paused)

    def chunk(self) -> None:
        """The message that is being handed over completes a chunk of audio."""
        self._protocol.direct_chunk()


class AudioProtocol(WebSocketsSansIOProtocol):
    """Also sees to it that a close arrives when a message is over the limit.

    uvicorn closes the connection together with the close frame. A client that is still sending then meets a reset
    and often never reads why. Here what it sends is thrown away for a moment, until it has read the close frame.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.max_message_size = settings.INGEST_MAX_MESSAGE_BYTES
        self._plain_bytes = min(_PLAIN_BYTES, settings.INGEST_MAX_MESSAGE_BYTES)
        self._tell: Callable[[str | bytes], None] | None = None
        self._paused = False
        self._early: deque[Any] = deque()  # what came before somebody listened, as uvicorn has it
        self._pending = bytearray()  # read, and not yet looked at
        self._through = 0  # bytes of a frame that still go uvicorn's way
        self._in_fragments = False
        self._astray = False  # the parser has seen something that only it understands
        self._chunk = False  # the message just handed over completed a chunk
        self._since = 0  # bytes taken since the last chunk
        self._wakes: Wakes | None = None

    # --- What goes past uvicorn -------------------------------------------------------------------------

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]  # type: ignore[assignment]
            extensions["audio.direct"] = Direct(self)

    def direct_begin(self, tell: Callable[[str | bytes], None]) -> None:
        left, self.queue = self.queue, asyncio.Queue()
        self._tell = tell
        self._wakes = watch_of(self.loop).wakes_of(self.transport)
        while not left.empty():
            self._early.append(left.get_nowait())
        self._go_on()

    def direct_pause(self, paused: bool) -> None:
        if paused == self._paused:
            return
        self._paused = paused
        if self.transport.is_closing():
            return
        if paused and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        elif not paused:
            # Not from within the caller, who may be in the middle of a message.
            self.loop.call_soon(self._go_on)

    def direct_chunk(self) -> None:
        self._chunk = True

    def _go_on(self) -> None:
        if self._paused:
            return
        self._look()
        if not (self._paused or self.disconnected or self.transport.is_closing()) and self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._uvicorn(data)
            # Frames that came with the handshake are taken by the parser, and only it knows where the last one ends.
            self._astray = not data.endswith(b"\n")
            return
        if self.close_sent or self._astray:
            if self._pending:
                data = bytes(self._pending) + data
                self._pending.clear()
            self._uvicorn(data)
            return
        self._pending += data
        if not self._paused:
            self._look()
        if self._wakes is not None:
            self._wakes.read(self._since + len(self._pending))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._wakes is not None:
            self._wakes.end()
            self._wakes = None
        super().connection_lost(exc)

    def _uvicorn(self, data: bytes) -> None:
        if not self.disconnected:
            super().data_received(data)

    def _look(self) -> None:
        """Take the frames that are there, one after the other, until there is no whole one or we are to pause."""
        pending, tell = self._pending, self._tell
        while self._early and tell is not None and not self._paused:
            early = self._early.popleft()
            if early["type"] == "websocket.receive":
                text = early.get("text")
                tell(text if text is not None else early["bytes"])
            else:
                self.queue.put_nowait(early)
        at, size, chunk_at = 0, len(pending), -self._since
        while at < size and not self._paused:
            if self.close_sent or self._astray:
                rest = bytes(pending[at:])
                pending.clear()
                self._uvicorn(rest)
                return
            if self._through:
                count = min(self._through, size - at)
                self._through -= count
                part = bytes(pending[at : at + count])
                at += count
                self._uvicorn(part)
                continue
            if size - at < 2:
                break
            kind, length = pending[at], pending[at + 1]
            if length == _LONG and size - at >= 4:
                length, header = pending[at + 2] << 8 | pending[at + 3], 8
            elif not length & 0x80:
                self._astray = True  # not masked: an error, which the parser words
                continue
            elif length < _LONG:
                length, header = length & 0x7F, 6
            elif length == _LONGER and size - at >= 10:
                length, header = int.from_bytes(pending[at + 2 : at + 10], "big"), 14
            else:
                break
            if tell is not None and kind in _PLAIN and length <= self._plain_bytes and not self._in_fragments:
                end = at + header + length
                if end > size:
                    break
                mask = at + header - 4
                body = apply_mask(pending[mask + 4 : end], pending[mask : mask + 4])
                message: str | bytes | None = body
                if kind == _TEXT:
                    try:
                        message = body.decode()
                    except UnicodeDecodeError:
                        message = None  # an error, which the parser words
                if message is not None:
                    at = end
                    tell(message)
                    if self._chunk:
                        self._chunk = False
                        if self._wakes is not None:
                            self._wakes.chunk(at - chunk_at)
                        chunk_at = at
                    continue
            if kind & 0x70 or length > settings.INGEST_MAX_MESSAGE_BYTES:
                self._astray = True
                continue
            if kind & 0x0F in {0, 1, 2}:
                self._in_fragments = not kind & 0x80
            self._through = header + length
        del pending[:at]
        self._since = at - chunk_at

    def send_receive_event_to_app(self) -> None:
        if self._tell is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        body = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            self._tell(bytes(body))
            return
        try:
            text = bytes(body).decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        self._tell(text)

    # --- Closing ----------------------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        if self.close_sent and message["type"] == "websocket.send":
            # uvicorn takes this for a mistake of the application, which cannot know yet.
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            # The other side's answer must be read, and what it still has to say is not heard any more.
            self._paused = False
            self._early.clear()
            self._pending.clear()
        await super().send(message)

    def shutdown(self) -> None:
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        # The line is told, stores what it has heard, says goodbye in its vendor's words, and closes with 1012 itself.
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1012})

    def handle_parser_exception(self) -> None:
        if self.close_sent:
            return
        # What came whole before it, in the same read, is still the call's.
        self.handle_events()
        close = self.conn.close_sent
        assert close is not None
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": int(close.code), "reason": close.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
