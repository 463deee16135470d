"""The way in for audio, run for tests: a real uvicorn server in a thread, raw lines to it, and what arrived."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import uvicorn
from django.conf import settings
from django.db import connection
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from accounts.services import api_key_create
from conversations.live.buffer import AudioBuffer, Chunk
from conversations.live.hearing import Limits
from conversations.live.ingest import IngestApp
from conversations.live.wire import LineVendor
from conversations.models import CallOwner
from cresta_app.stack.services import free_port
from integrations.telephony.native.codec import PATH
from integrations.telephony.native.vendor import NativeVendor
from tenants import keys
from tenants.scope import TenantThreads

LIMITS = Limits(start=30.0, idle=30.0, call=600.0, message_bytes=256 * 1024)


@dataclass
class Server:
    """Where the server listens. `app` may be looked into."""

    port: int
    app: IngestApp
    stop: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@contextmanager
def server_running(
    *,
    redis_timeout: float = 5.0,
    vendors: tuple[LineVendor, ...] = (),
    **limits: float,
) -> Iterator[Server]:
    """Serve the native protocol, or these vendors', on a free port, with its own event loop in a thread."""
    from cresta_app.ingest import AudioProtocol

    threads = TenantThreads(4, "ingest-test")
    redis = Redis.from_url(
        settings.REDIS_STREAMS_URL, socket_timeout=redis_timeout, retry=Retry(NoBackoff(), 0)
    )
    app = IngestApp(
        vendors or (NativeVendor(),), AudioBuffer(redis, gather=True), threads, replace(LIMITS, **limits)
    )
    port = free_port()
    config = uvicorn.Config(
        app, port=port, ws=AudioProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield Server(port, app, lambda: setattr(server, "should_exit", True))
    finally:
        server.should_exit = True
        thread.join(30)
        threads.close()
        assert not thread.is_alive(), "the server did not stop"


def ingest_key(company: Any, scopes: tuple[str, ...] = ("ingest",)) -> str:
    """A key's secret of this company's admin."""
    with company.scope():
        _key, secret = api_key_create(owner=company.people["admin"], name="line", scopes=list(scopes))
    return secret


def start_message(call_id: str = "call-1", **changes: Any) -> dict[str, Any]:
    """A good start of a one-channel mu-law call; `changes` replace whole fields."""
    message: dict[str, Any] = {
        "type": "start",
        "version": 1,
        "call": {"id": call_id},
        "audio": {"codec": "mulaw", "sample_rate": 8000, "channels": 1, "roles": ["customer"]},
    }
    return message | changes


def knock(server: Server, company: Any, key: str | None) -> connect:
    """A WebSocket to be opened, on the company's host (or on a host name given as a text)."""
    host = company if isinstance(company, str) else company.host
    return connect(
        f"ws://{host}:{server.port}{PATH}",
        host="127.0.0.1",
        port=server.port,
        additional_headers={"Authorization": f"Bearer {key}"} if key is not None else {},
        compression=None,
        proxy=None,
        close_timeout=2,
    )


@asynccontextmanager
async def line(server: Server, company: Any, key: str | None) -> AsyncIterator[ClientConnection]:
    """An open WebSocket on the company's host, closed in the end."""
    async with knock(server, company, key) as socket:
        yield socket


async def say(socket: ClientConnection, message: object) -> None:
    """Send bytes as audio, text as it is, anything else as JSON."""
    await socket.send(message if isinstance(message, bytes | str) else json.dumps(message))


async def hear(socket: ClientConnection, kind: str, *, seconds: float = 60) -> dict[str, Any]:
    """The next message of this kind; acknowledgements before it are passed over."""
    async with asyncio.timeout(seconds):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind:
                return message
            assert message["type"] == "ack", message


async def closed(socket: ClientConnection, *, seconds: float = 60) -> tuple[int, str]:
    """Wait until the server closes, and return its code and reason."""
    async with asyncio.timeout(seconds):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as error:
            assert error.rcvd is not None, "the line broke without a close"
            return error.rcvd.code, error.rcvd.reason


def chunks_of(schema: str, conversation_id: UUID | str) -> list[Chunk]:
    """All that the stream holds of a call, opened with the call's key. In the current schema."""
    owner = CallOwner.objects.get(pk=conversation_id)
    key = keys.unwrap(
        connection.schema_name, bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{owner.pk}"
    )

    async def read() -> list[Chunk]:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            return await AudioBuffer(redis).read(schema, owner.pk, 0, key, None, 100_000)

    return asyncio.run(read())


def audio_of(company: Any, conversation_id: UUID | str) -> tuple[bytes, str]:
    """A call's audio as it arrived, checked for its numbers, and the reason of its end ("" while it goes on)."""
    with company.scope():
        chunks = chunks_of(company.schema, conversation_id)
    assert [chunk.number for chunk in chunks] == list(range(1, len(chunks) + 1))
    return b"".join(chunk.payload for chunk in chunks), chunks[-1].end if chunks else ""


class Cutter:
    """A TCP relay that breaks its connections, as a bad network does: each after so many bytes towards the server."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self.target = port
        self._cuts = cuts
        self.port = 0

    async def __aenter__(self) -> Cutter:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._cuts.pop(0) if self._cuts else None
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        back = asyncio.create_task(_relay(there_reader, writer, None))
        await _relay(reader, there_writer, left)
        back.cancel()
        for side in (writer, there_writer):
            side.transport.abort()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    """Pass bytes on until the other end closes, or `left` of them have passed."""
    try:
        while data := await reader.read(4096 if left is None else min(4096, left)):
            writer.write(data)
            await writer.drain()
            if left is not None:
                left -= len(data)
                if left <= 0:
                    return
    except ConnectionError:
        return
