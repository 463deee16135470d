"""Audio comes in here, under uvicorn in processes of its own: which vendor speaks at which path, and what it writes to.

    uvicorn cresta_app.ingest:application --ws cresta_app.ingest:AudioProtocol

`AudioProtocol` brings the limit on a message's size with it. `GET /healthz` says whether Redis and PostgreSQL answer.
"""

from __future__ import annotations

import asyncio
import gc
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

from conversations.live.buffer import AudioBuffer  # noqa: E402
from conversations.live.ingest import IngestApp, Message, Receive, Send  # noqa: E402
from cresta_app.ingest_protocol import AudioProtocol as AudioProtocol  # noqa: E402
from integrations.telephony.genesys.vendor import GenesysVendor  # noqa: E402
from integrations.telephony.jambonz.vendor import JambonzVendor  # noqa: E402
from integrations.telephony.native.vendor import NativeVendor  # noqa: E402
from integrations.telephony.twilio.vendor import TwilioVendor  # noqa: E402
from tenants.scope import PUBLIC, TenantThreads  # noqa: E402

if settings.SECRET_KEY == settings.NO_SECRET_KEY:
    raise ImproperlyConfigured(
        "Set SECRET_KEY: references of customers that had to be hidden are made with it."
    )

# uvicorn writes the path and query of every WebSocket into its log.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

VENDORS = (NativeVendor(), TwilioVendor(), GenesysVendor(), JambonzVendor())
REDIS_CONNECTIONS = 64


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
lines = IngestApp(
    VENDORS, AudioBuffer(streams, memory_bytes=settings.AUDIO_BUFFER_MEMORY_BYTES, gather=True), threads
)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """ASGI: WebSockets are lines of audio, HTTP is for those who look after us."""
    if scope["type"] == "websocket":
        await lines(scope, receive, send)
    elif scope["type"] == "http":
        await _http(scope, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    tidying: set[asyncio.Task[None]] = set()
    while (await receive())["type"] != "lifespan.shutdown":
        gc.collect()
        tidying.add(asyncio.create_task(lines.tidy()))
        await send({"type": "lifespan.startup.complete"})
    for task in tidying:
        task.cancel()
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
    await _answer(send, 200, {"ok": True, "lines": lines.lines} | lines.delay_ms())


async def _answer(send: Send, status: int, body: Message) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
