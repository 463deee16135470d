"""Audio comes in here, under uvicorn in processes of its own: which vendor speaks at which path, and what it writes to.

    uvicorn cresta_app.ingest:application --ws cresta_app.ingest:AudioProtocol

`AudioProtocol` brings the limit on a message's size with it. `GET /healthz` says whether Redis and PostgreSQL answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cresta_app.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.db import connection  # noqa: E402
from redis.asyncio import BlockingConnectionPool, Redis  # noqa: E402
from redis.asyncio.retry import Retry  # noqa: E402
from redis.backoff import NoBackoff  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402
from uvicorn.protocols.utils import ClientDisconnected  # noqa: E402
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: E402

from conversations.live.buffer import AudioBuffer  # noqa: E402
from conversations.live.ingest import IngestApp, Message, Receive, Send  # noqa: E402
from integrations.telephony.native.vendor import NativeVendor  # noqa: E402
from tenants.scope import PUBLIC, TenantThreads  # noqa: E402

if settings.SECRET_KEY == settings.NO_SECRET_KEY:
    raise ImproperlyConfigured(
        "Set SECRET_KEY: references of customers that had to be hidden are made with it."
    )

# uvicorn writes the path and query of every WebSocket into its log.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

VENDORS = (NativeVendor(),)
REDIS_CONNECTIONS = 64
LINGER_SECONDS = 5.0


class AudioProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, with our limit on messages, and a close that arrives when a message is over it.

    uvicorn closes the connection together with the close frame. A client that is still sending then meets a reset
    and often never reads why. Here what it sends is thrown away for a moment, until it has read the close frame.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn.max_message_size = settings.INGEST_MAX_MESSAGE_BYTES

    async def send(self, message: Any) -> None:
        if self.close_sent and message["type"] == "websocket.send":
            # uvicorn takes this for a mistake of the application, which cannot know yet.
            raise ClientDisconnected
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


threads = TenantThreads(4, "ingest")
streams = Redis(
    connection_pool=BlockingConnectionPool.from_url(
        settings.REDIS_STREAMS_URL,
        max_connections=REDIS_CONNECTIONS,
        timeout=5,
        socket_timeout=5,
        socket_connect_timeout=2,
        # The way in retries by itself, and knows what it may repeat.
        retry=Retry(NoBackoff(), 0),
    )
)
lines = IngestApp(VENDORS, AudioBuffer(streams), threads)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """ASGI: WebSockets are lines of audio, HTTP is for those who look after us."""
    if scope["type"] == "websocket":
        await lines(scope, receive, send)
    elif scope["type"] == "http":
        await _http(scope, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await streams.aclose()
    await asyncio.to_thread(threads.close)
    await send({"type": "lifespan.shutdown.complete"})


def _database_answers() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _http(scope: dict[str, Any], send: Send) -> None:
    if scope["path"] != "/healthz":
        await _answer(send, 404, {"error": "nothing here: audio comes by WebSocket"})
        return
    try:
        async with asyncio.timeout(3):
            await streams.ping()
            await threads.run(PUBLIC, _database_answers)
    except (RedisError, django.db.Error, TimeoutError) as error:
        await _answer(send, 503, {"ok": False, "error": type(error).__name__})
        return
    await _answer(send, 200, {"ok": True, "lines": lines.lines})


async def _answer(send: Send, status: int, body: Message) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
