"""A line of audio wakes the way in once a chunk; nothing that came is left lying there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from cresta_app.ingest_protocol import AudioProtocol
from tests.test_ingest_early import HANDSHAKE, frame

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="SO_RCVLOWAT is Linux's here")
PARTS = 10
SOUND = b"\x7f" * 320


class Counted(AudioProtocol):
    """Counts how often it was woken; every tenth message of sound completes a chunk."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.woken = 0
        self.heard: list[str | bytes] = []

    def data_received(self, data: bytes) -> None:
        self.woken += 1
        super().data_received(data)


class Talk:
    """A client's end, and the server's protocol behind it."""

    def __init__(self, protocol: Counted, writer: asyncio.StreamWriter) -> None:
        self.protocol = protocol
        self._writer = writer

    async def say(self, *messages: str | bytes) -> None:
        self._writer.write(b"".join(map(frame, messages)))
        await asyncio.sleep(0.005)

    async def chunk(self, sound: bytes = SOUND) -> None:
        for _ in range(PARTS):
            await self.say(sound)

    def leave(self) -> None:
        self._writer.close()


def talk(
    said: Callable[[Talk], Awaitable[None]], *, loop_of: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Run `said` on a line that is being listened to."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        direct, sounds = scope["extensions"]["audio.direct"], 0

        def message(data: str | bytes) -> None:
            nonlocal sounds
            made[0].heard.append(data)
            if isinstance(data, bytes):
                sounds += 1
                if sounds % PARTS == 0:
                    direct.chunk()

        direct.listen(message)
        await receive()

    made: list[Counted] = []

    def protocol() -> Counted:
        made.append(Counted(config=config, server_state=ServerState(), app_state={}))
        return made[-1]

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        await said(Talk(made[0], writer))
        writer.close()
        server.close()
        for task in list(made[0].tasks):
            task.cancel()

    config = uvicorn.Config(application, interface="asgi3", log_config=None, ws_ping_interval=None)
    config.load()
    with asyncio.Runner(loop_factory=loop_of) as runner:
        runner.run(run())


LOOPS = pytest.mark.parametrize("loop_of", [asyncio.new_event_loop, uvloop.new_event_loop])


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - what is waited for says nothing
            await asyncio.sleep(0.005)


@LOOPS
def test_a_steady_line_wakes_the_way_in_about_once_a_chunk(loop_of: Any) -> None:
    async def said(line: Talk) -> None:
        for _ in range(3):
            await line.chunk()
        await _until(lambda: len(line.protocol.heard) == 3 * PARTS)
        before = line.protocol.woken
        for _ in range(8):
            await line.chunk()
        await _until(lambda: len(line.protocol.heard) == 11 * PARTS)
        # Eighty frames came one by one. A busy machine may bring several at once, which only makes it fewer.
        assert line.protocol.woken - before <= 24

    talk(said, loop_of=loop_of)


@LOOPS
def test_what_comes_after_a_line_fell_silent_is_heard(loop_of: Any) -> None:
    async def said(line: Talk) -> None:
        for _ in range(3):
            await line.chunk()
        await line.say(SOUND, "a word")
        await _until(lambda: line.protocol.heard[-1:] == ["a word"])
        # And a line whose chunks got much lighter goes on.
        for _ in range(3):
            await line.chunk(b"\x7f" * 20)
        await _until(lambda: len(line.protocol.heard) == 6 * PARTS + 2)

    talk(said, loop_of=loop_of)


@LOOPS
def test_what_came_before_the_end_of_the_connection_is_heard(loop_of: Any) -> None:
    async def said(line: Talk) -> None:
        for _ in range(3):
            await line.chunk()
        await line.say("the last word")
        line.leave()
        await _until(lambda: line.protocol.disconnected)
        assert line.protocol.heard[-1] == "the last word"

    talk(said, loop_of=loop_of)
