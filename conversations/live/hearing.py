"""Hears one line from its first message on: reads its wire format, cuts audio into chunks, holds them until stored.

Nothing here waits: a message is taken in at once, also while the company, its connection and its call are still
being looked up. What is heard and not stored yet is bounded. When it is too much, when messages come in a flood, or
when the other side does not read its answers, nothing more is read from this line, and the network holds it up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from conversations.live.buffer import CHUNK_MS
from conversations.live.voice import Voice
from conversations.live.wire import (
    EARLY_SECONDS,
    ENDS_CALL,
    Action,
    Audio,
    CloseCode,
    Done,
    Gap,
    KeepAlive,
    LineCodec,
    Missing,
    ProtocolError,
    Reply,
    Several,
    Start,
    Stop,
)

Message = dict[str, Any]

# Five seconds of audio may wait for Redis before nothing more is read from the line.
WAITING_CHUNKS = 50
# A flood of messages is let in by so many in such a time: a hundred times what speech needs, and no more than a few
# milliseconds of work between two turns of the others.
FLOOD_MESSAGES, FLOOD_SECONDS = 500, 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a line may do. Seconds until its start, without any message, and of a call; bytes of a message.

    `gap`: the longest stretch of audio that may be missing in one place. `ahead`: how far the audio of a live line may
    run before the clock. Both in seconds.
    """

    start: float
    idle: float
    call: float
    message_bytes: int
    gap: float = 600.0
    ahead: float = 10.0

    @classmethod
    def from_settings(cls) -> Limits:
        idle = settings.INGEST_IDLE_SECONDS
        return cls(
            start=min(10.0, idle),
            idle=idle,
            call=settings.INGEST_MAX_CALL_SECONDS,
            message_bytes=settings.INGEST_MAX_MESSAGE_BYTES,
            gap=settings.INGEST_MAX_GAP_SECONDS,
            ahead=settings.INGEST_AHEAD_SECONDS,
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """How a line ends. `reason`: in words; of a call that the other side ended (`DONE`), as in `wire.Stop`.

    `gone`: the other side has left, or the server has closed it; there is nobody to tell.
    """

    code: CloseCode
    reason: str
    gone: bool = False


def gone(code: int) -> Closing:
    """How a line ended that is no more; `code` as the server saw it."""
    for known in (CloseCode.MESSAGE_TOO_BIG, CloseCode.SERVER_RESTART):
        if code == known:
            # A server that goes away may still say so.
            return Closing(known, known.slug, gone=known is not CloseCode.SERVER_RESTART)
    return Closing(CloseCode.LINE_BROKEN, "line broken", gone=True)


# A chunk of audio and when its last byte was heard, or something to be noted behind the audio before it.
Piece = tuple[bytes, datetime]


class Hearing:
    """One line. `live` as in `wire.LineVendor`. `on_pause(True)` asks the server to read nothing more for now,
    `on_chunk()` tells it that the message it hands over completes a chunk.

    `waiting` holds pieces and notes in order, for the carrier to store; `heard` is set when there is something new.
    """

    def __init__(self, codec: LineCodec, limits: Limits, voice: Voice, *, live: bool) -> None:
        self.codec = codec
        self.limits = limits
        self.voice = voice
        self.live = live
        self.waiting: deque[Piece | Missing] = deque()
        self.heard = asyncio.Event()
        self.room = asyncio.Event()
        self.room.set()
        self.on_pause: Callable[[bool], None] | None = None
        self.on_chunk: Callable[[], None] | None = None
        self.afterwards: Callable[[str | bytes], None] | None = None
        # The next two are done when the line has said its start, and when it has ended.
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[Start] = loop.create_future()
        self.ended: asyncio.Future[Closing] = loop.create_future()
        self.short_bytes = 0  # what the last chunk lacks to a whole one
        self.base_ms = 0  # where in the call this line's audio begins
        self._loop = loop
        self._closing: Closing | None = None
        self._rest = bytearray()  # heard, not yet a whole chunk
        self._chunk_bytes = 0
        self._bytes_per_ms = 1
        self._silence = b""
        self._chunks = 0  # heard on this line
        self._began: datetime | None = None
        self._call_began: datetime | None = None
        self._last = time.monotonic()
        self._held: set[str] = set()
        self._window = 0.0
        self._in_window = 0
        voice.on_room = lambda room: self._release("voice") if room else self._hold("voice")

    # --- From the line ----------------------------------------------------------------------------------

    async def listen(self, receive: Callable[[], Awaitable[Message]], direct: Any = None) -> None:
        """Take in what an ASGI server receives, until the line ends. `direct`: our own server's shorter way."""
        if direct is not None:
            self.on_pause, self.on_chunk = direct.pause, direct.chunk
            direct.listen(self.message)
        while self._closing is None:
            await self.room.wait()
            message = await receive()
            if message["type"] != "websocket.receive":
                self._left(int(message.get("code") or 1006))
                return
            text = message.get("text")
            self.message(text if text is not None else message.get("bytes") or b"")

    def _left(self, code: int) -> None:
        said = self.codec.ended() if code == CloseCode.DONE and self.started.done() else None
        if said is not None and not self.over:
            self._act(said)
        self.end(gone(code))

    def message(self, data: str | bytes) -> None:
        """Take in one message. What comes after the line's end is for `afterwards`, if anybody waits for it."""
        if self._closing is not None:
            if self.afterwards is not None:
                self.afterwards(data)
            return
        self._last = now = time.monotonic()
        if now - self._window >= FLOOD_SECONDS:
            self._window, self._in_window = now, 0
        self._in_window += 1
        if self._in_window == FLOOD_MESSAGES:
            self._hold("flood")
            self._loop.call_later(FLOOD_SECONDS, self._release, "flood")
        try:
            # The server's own limit closes before a message is read whole; this one holds under any server.
            if len(data) > self.limits.message_bytes:
                raise ProtocolError(CloseCode.MESSAGE_TOO_BIG, "message too big")
            action = self.codec.text(data) if type(data) is str else self.codec.binary(data)  # type: ignore[arg-type]
            if type(action) is Audio:
                self._audio(action.payload)
            elif type(action) is not KeepAlive:
                self._act(action)
        except ProtocolError as error:
            self.end(Closing(error.code, error.reason))
        except Exception as error:
            self.fail(error)  # a codec's mistake is this line's trouble alone

    def end(self, closing: Closing) -> None:
        """The line ends here. What was heard before is stored, but for what the other side will send again."""
        if self._closing is not None:
            return
        whole = closing.code is CloseCode.DONE or closing.code in ENDS_CALL
        if (whole or self.live) and self._chunk_bytes:
            self._rest += self.codec.rest()
            self._cut()
            if self._rest:
                lacking = self._chunk_bytes - len(self._rest)
                if not whole:
                    # The call may go on, and what follows must begin with a chunk of its own.
                    self._rest += self._silence[:lacking]
                    lacking = 0
                self.short_bytes = lacking
                self.waiting.append((bytes(self._rest), datetime.now(UTC)))
                self._rest.clear()
        self._close(closing)
        self.ended.set_result(closing)

    def fail(self, error: Exception) -> None:
        """Something of ours went wrong; who serves the line reports it."""
        if self._closing is None:
            self._close()
            self.ended.set_exception(error)

    def forget(self) -> None:
        """Nobody will ask for how the line ended."""
        if self.ended.done() and not self.ended.cancelled():
            self.ended.exception()

    def _close(self, closing: Closing | None = None) -> None:
        self._closing = closing or Closing(CloseCode.SERVER_ERROR, "internal error")
        self.heard.set()

    @property
    def over(self) -> bool:
        """Whether nothing more will be heard."""
        return self._closing is not None

    # --- What it says -----------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        if isinstance(action, Several):
            for part in action.actions:
                if self._closing is None:
                    self._act(part)
        elif isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Audio):
            self._audio(action.payload)
        elif isinstance(action, Reply):
            self._answer(action.text, admitted=action.admitted)
        elif isinstance(action, Gap):
            self._gap(action)
        elif isinstance(action, Missing):
            self._note(action)
        elif isinstance(action, Stop):
            self.end(Closing(CloseCode.DONE, action.reason))
        elif isinstance(action, Done):
            self._answer(action.text, admitted=True)
            self.end(Closing(CloseCode.DONE, ""))

    def _start(self, start: Start) -> None:
        if self.started.done():
            raise ProtocolError(CloseCode.SECOND_START, "the call has started already")
        form = start.audio.format
        self._bytes_per_ms = form.bytes_per_ms
        self._chunk_bytes = form.bytes_per_ms * CHUNK_MS
        self._silence = (b"\xff" if form.codec == "mulaw" else b"\0") * self._chunk_bytes
        self._began = datetime.now(UTC)
        self.started.set_result(start)
        self._answer(start.early, admitted=True)

    def _answer(self, text: Any, *, admitted: bool) -> None:
        self.voice.say(text, admitted=admitted)
        if admitted and text:
            self._loop.call_later(EARLY_SECONDS, self.voice.open)

    def _audio(self, payload: bytes) -> None:
        rest = self._rest
        rest += payload
        if len(rest) >= self._chunk_bytes:
            self._cut()
            self._check_clock(CloseCode.TOO_FAST, "audio runs too far before the clock")

    def _cut(self) -> None:
        if not self._chunk_bytes:
            raise ProtocolError(CloseCode.AUDIO_BEFORE_START, "audio came before the start")
        rest, size, at = self._rest, self._chunk_bytes, datetime.now(UTC)
        first, whole = 0, len(rest) // size * size
        while first < whole:
            self.waiting.append((bytes(rest[first : first + size]), at))
            first += size
        if whole:
            del rest[:whole]
            self._chunks += whole // size
            self.heard.set()
            if self.on_chunk is not None:
                self.on_chunk()
            if len(self.waiting) >= WAITING_CHUNKS:
                self._hold("store")

    def _gap(self, gap: Gap) -> None:
        """Put silence in; whole chunks of it are one piece of memory however many they are."""
        if gap.ms <= 0:
            return
        if gap.ms > self.limits.gap * 1000:
            raise ProtocolError(CloseCode.CLOCK_JUMP, f"more than {self.limits.gap:g} seconds are missing")
        if not self._chunk_bytes:
            raise ProtocolError(CloseCode.BAD_MESSAGE, "a gap came before the start")
        from_ms = self.heard_ms
        for channel in range(self.started.result().audio.format.channels):
            self._note(Missing(channel, from_ms, from_ms + gap.ms, gap.cause))
        left = gap.ms * self._bytes_per_ms
        if self._rest:
            filled = min(left, self._chunk_bytes - len(self._rest))
            self._rest += self._silence[:filled]
            left -= filled
            if len(self._rest) == self._chunk_bytes:
                self._cut()
        chunks, left = divmod(left, self._chunk_bytes)
        if chunks:
            self.waiting.extend([(self._silence, datetime.now(UTC))] * chunks)
            self._chunks += chunks
            self.heard.set()
        self._rest += self._silence[:left]
        self._check_clock(CloseCode.CLOCK_JUMP, "the audio's clock jumped ahead")
        if len(self.waiting) >= WAITING_CHUNKS:
            self._hold("store")

    def _note(self, note: Missing) -> None:
        if isinstance(note, Missing) and (note.to_ms <= note.from_ms):
            return
        self.waiting.append(note)
        self.heard.set()
        if len(self.waiting) >= WAITING_CHUNKS:
            self._hold("store")

    @property
    def heard_ms(self) -> int:
        """How much audio this line has brought, silence for gaps included."""
        return self._chunks * CHUNK_MS + len(self._rest) // self._bytes_per_ms

    def _check_clock(self, code: CloseCode, reason: str) -> None:
        now = datetime.now(UTC)
        assert self._began is not None
        if self.live and self.heard_ms / 1000 - (now - self._began).total_seconds() > self.limits.ahead:
            raise ProtocolError(code, reason)
        if self.lasted > self.limits.call:
            raise ProtocolError(CloseCode.TOO_LONG, f"a call may last {self.limits.call:g} seconds")

    @property
    def lasted(self) -> float:
        """How long the call has lasted, by its audio or by the clock, in seconds."""
        audio = (self.base_ms + self._chunks * CHUNK_MS) / 1000
        if self._call_began is None:
            return audio
        return max(audio, (datetime.now(UTC) - self._call_began).total_seconds())

    # --- From the carrier -------------------------------------------------------------------------------

    def call_begins(self, announced_at: datetime, base_ms: int) -> None:
        """The call is known: when it began, and how far it had come before this line."""
        self._call_began, self.base_ms = announced_at, base_ms
        if not self.live or not base_ms or self._began is None:
            return
        # What was said while no line was there will never come.
        away = round((self._began - announced_at) / timedelta(milliseconds=1)) - base_ms
        chunks = away // CHUNK_MS
        if chunks <= 0:
            return
        if away > self.limits.gap * 1000:
            raise ProtocolError(CloseCode.CLOCK_JUMP, f"more than {self.limits.gap:g} seconds are missing")
        channels = self.started.result().audio.format.channels
        self.waiting.extendleft([(self._silence, self._began)] * chunks)
        # Before this line's own audio: its clock is at 0 there.
        self.base_ms += chunks * CHUNK_MS
        self.waiting.extendleft(
            Missing(channel, -chunks * CHUNK_MS, 0, "line away") for channel in range(channels)
        )
        self.heard.set()

    def stored(self) -> None:
        """Something that waited is stored."""
        if len(self.waiting) < WAITING_CHUNKS:
            self._release("store")

    async def watch(self) -> None:
        """End the line when nothing has come for too long, or the call takes too long. One sleeper per line."""
        while self._closing is None:
            now = time.monotonic()
            if self._held:
                self._last = now  # it is we who do not read
            left = min(self._last + self.limits.idle - now, self.limits.call - self.lasted)
            if left > 0:
                await asyncio.sleep(min(left, 1.0 if self._held else left) + 0.001)
            elif self.lasted >= self.limits.call:
                self.end(Closing(CloseCode.TOO_LONG, f"a call may last {self.limits.call:g} seconds"))
            else:
                self.end(Closing(CloseCode.IDLE, f"no message for {self.limits.idle:g} seconds"))

    def _hold(self, cause: str) -> None:
        if not self._held:
            self.room.clear()
            if self.on_pause is not None:
                self.on_pause(True)
        self._held.add(cause)

    def _release(self, cause: str) -> None:
        if cause not in self._held:
            return
        self._held.remove(cause)
        if not self._held:
            self._last = time.monotonic()
            self.room.set()
            if self.on_pause is not None:
                self.on_pause(False)
