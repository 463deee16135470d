"""What a line says before anybody listens to it: in order, cut anywhere, and no more at once than is asked for."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from cresta_app.ingest_protocol import AudioProtocol

HANDSHAKE = (
    b"GET /ingest HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SPOKEN: list[str | bytes] = [
    os.urandom(160),
    "a text",
    b"",
    os.urandom(4_000),
    "é" * 200,
    os.urandom(70_000),
] * 3


def frame(message: str | bytes) -> bytes:
    """A whole frame, masked as a client does."""
    body, opcode = (message.encode(), 0x81) if isinstance(message, str) else (message, 0x82)
    mask, size = os.urandom(4), len(body)
    if size < 126:
        head = struct.pack("!BB", opcode, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", opcode, 0x80 | 127, size)
    return head + mask + bytes(each ^ mask[at % 4] for at, each in enumerate(body))


class Wire(asyncio.Transport):
    """The server's end of a connection of which nothing is read by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.paused = False

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Line:
    """One connection at our protocol, and an application that listens when it is told to."""

    def __init__(self) -> None:
        self.heard: list[str | bytes] = []
        self.direct: Any = None
        self.left: int | None = None
        self.wire = Wire()
        config = uvicorn.Config(self._application, interface="asgi3", log_config=None, ws_ping_interval=None)
        config.load()
        self.protocol = AudioProtocol(config=config, server_state=ServerState(), app_state={})
        self.protocol.connection_made(self.wire)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.direct = scope["extensions"]["audio.direct"]
        await asyncio.Event().wait()

    async def began(self) -> Line:
        self.protocol.data_received(HANDSHAKE)
        await turn()
        return self


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@contextmanager
def ended(line: Line) -> Iterator[None]:
    try:
        yield
    finally:
        for task in list(line.protocol.tasks):
            task.cancel()


@pytest.mark.parametrize("cut", [1, 7, 161, 4_099, 60_000])
def test_messages_keep_their_order_and_content_wherever_listening_begins(cut: int) -> None:
    sent = b"".join(frame(each) for each in SPOKEN)

    async def talk() -> None:
        line = await Line().began()
        with ended(line):
            # Most of a read may have come before somebody listens, its last frame cut in two.
            line.protocol.data_received(sent[:cut])
            line.direct.listen(line.heard.append)
            for first in range(cut, len(sent), 1_499):
                line.protocol.data_received(sent[first : first + 1_499])
            await turn()
            assert line.heard == SPOKEN

    asyncio.run(talk())


def test_what_came_early_is_held_back_like_the_rest() -> None:
    early, later = [f"early {number}" for number in range(50)], [f"later {number}" for number in range(50)]

    async def talk() -> None:
        line = await Line().began()

        def message(data: str | bytes) -> None:
            line.heard.append(data)
            if len(line.heard) % 20 == 0:
                line.direct.pause(True)

        with ended(line):
            line.protocol.data_received(b"".join(map(frame, early)))
            line.direct.listen(message)
            assert len(line.heard) == 20 and line.wire.paused
            line.protocol.data_received(b"".join(map(frame, later)))
            for count in (40, 60, 80, 100):
                line.direct.pause(False)
                await turn()
                assert len(line.heard) == count
            assert line.heard == [*early, *later]
            line.direct.pause(False)
            await turn()
            assert not line.wire.paused

    asyncio.run(talk())


def test_the_end_of_a_line_comes_behind_what_came_early() -> None:
    async def talk() -> None:
        line = await Line().began()
        with ended(line):
            line.protocol.data_received(frame("one") + frame("two"))
            line.protocol.connection_lost(None)

            def message(data: str | bytes) -> None:
                line.heard.append(data)
                line.direct.pause(True)

            line.direct.listen(message)
            assert line.heard == ["one"] and line.protocol.queue.empty()
            line.direct.pause(False)
            await turn()
            assert line.heard == ["one", "two"] and line.protocol.queue.empty()
            line.direct.pause(False)
            await turn()
            assert line.protocol.queue.get_nowait()["type"] == "websocket.disconnect"

    asyncio.run(talk())
