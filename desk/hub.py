"""What is published, brought to the sockets of this process: one connection to the layer, and a queue for each socket.

Channels' own way wakes two tasks a message, makes a new one, and asks its Redis client for each message with a time
limit: at a thousand agents that is a core. Here what comes is read in bulk and put where its readers wait, or done at
once where nothing waits before it; the format and the names on the wire are the layer's (`conversations.publish`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import hiredis
import structlog
from channels.exceptions import StopConsumer
from channels_redis.serializers import registry
from django.conf import settings
from redis.asyncio.connection import SSLConnection, parse_url

from conversations.publish import channel_of

log = structlog.get_logger(__name__)

READ_BYTES = 1 << 16
JOIN_SECONDS = 5.0
AGAIN_SECONDS = 1.0
_deserialize = registry.get_serializer("msgpack").deserialize


class Mailbox(asyncio.Queue[Any]):
    """What waits for one socket, in order.

    `at_once`, where there is one, is offered what comes while nothing waits and nothing is being done: whether it did
    it. So what needs no waiting wakes no task.
    """

    at_once: Callable[[dict[str, Any]], bool] | None = None
    idle = False

    def deliver(self, data: bytes) -> None:
        """Take what was published."""
        if self.idle and self.at_once is not None and self.empty():
            try:
                if self.at_once(_deserialize(data)):
                    return
            except Exception as error:
                # It is this socket's trouble, which its own task meets again, and nobody else's.
                log.warning("hub.not_at_once", error=type(error).__name__)
        self.put_nowait(data)

    async def next(self) -> Any:
        """Wait for what is to be done next; until it is asked again, that is being done."""
        self.idle = True
        try:
            return await self.get()
        finally:
            self.idle = False


class Hub:
    """Of one event loop. Listens while somebody has joined something; a layer that is away comes back by itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._members: dict[bytes, set[Mailbox]] = {}
        self._joining: dict[bytes, asyncio.Future[None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    async def join(self, group: str, mailbox: Mailbox) -> None:
        """Put what is said to this group into `mailbox` from now on: returns when the layer has confirmed it.

        Raises `OSError` or `TimeoutError` while the layer is away.
        """
        channel = channel_of(group).encode()
        members = self._members.setdefault(channel, set())
        members.add(mailbox)
        joined = self._joining.get(channel)
        if joined is None:
            if len(members) > 1:
                return
            joined = self._joining[channel] = asyncio.get_running_loop().create_future()
            if self._listener is None:
                self._listener = asyncio.create_task(self._listen())
            elif self._writer is not None:
                self._writer.write(_command("SUBSCRIBE", channel))
        async with asyncio.timeout(JOIN_SECONDS):
            await asyncio.shield(joined)

    def leave(self, group: str, mailbox: Mailbox) -> None:
        """Take it back; who never joined may ask, too."""
        channel = channel_of(group).encode()
        members = self._members.get(channel)
        if members is None:
            return
        members.discard(mailbox)
        if members:
            return
        del self._members[channel]
        self._joining.pop(channel, None)
        if self._writer is not None:
            self._writer.write(_command("UNSUBSCRIBE", channel))
        if not self._members and self._listener is not None:
            self._listener.cancel()
            self._listener = None

    async def _listen(self) -> None:
        while True:
            try:
                await self._connected()
            except (OSError, TimeoutError, hiredis.HiredisError, ValueError) as error:
                log.warning("hub.layer_away", error=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _connected(self) -> None:
        """Listen until the connection breaks. What is said while there is none is read back by the next heartbeat."""
        reader, writer = await _connect(self._url)
        try:
            for channel in self._members:
                writer.write(_command("SUBSCRIBE", channel))
            self._writer = writer
            answers = hiredis.Reader()
            while data := await reader.read(READ_BYTES):
                answers.feed(data)
                while (answer := answers.gets()) is not False:
                    self._answer(answer)
        finally:
            self._writer = None
            writer.close()

    def _answer(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            raise OSError(f"the layer refuses: {type(answer).__name__}")
        if not isinstance(answer, list) or len(answer) != 3:
            return  # what greeting and choosing a database answer
        kind, channel, data = answer
        if kind == b"message":
            for mailbox in self._members.get(channel, ()):
                mailbox.deliver(data)
        elif kind == b"subscribe":
            joined = self._joining.pop(channel, None)
            if joined is not None and not joined.done():
                joined.set_result(None)


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where: dict[str, Any] = dict(parse_url(url))
    async with asyncio.timeout(JOIN_SECONDS):
        if "path" in where:
            reader, writer = await asyncio.open_unix_connection(where["path"])
        else:
            secured = ssl.create_default_context() if where.get("connection_class") is SSLConnection else None
            reader, writer = await asyncio.open_connection(
                where.get("host", "localhost"), where.get("port", 6379), ssl=secured
            )
    if where.get("password"):
        names = [where["username"]] if where.get("username") else []
        writer.write(_command("AUTH", *names, where["password"]))
    return reader, writer


def _command(*words: str | bytes) -> bytes:
    parts = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub(settings.REDIS_LAYER_URL)
    return found


async def mailbox_run(
    mailbox: Mailbox,
    receive: Callable[[], Awaitable[dict[str, Any]]],
    dispatch: Callable[[dict[str, Any]], Awaitable[None]],
    groups: Iterable[str],
) -> None:
    """Dispatch what comes from the browser and from the hub, one after the other, until the consumer stops.

    `groups`: what the consumer has joined by then, which is left at the end.
    """

    async def from_browser() -> None:
        while True:
            mailbox.put_nowait(await receive())

    def ended(task: asyncio.Task[None]) -> None:
        # A browser that cannot be read any more ends its consumer.
        if not task.cancelled():
            mailbox.put_nowait(task.exception())

    reading = asyncio.create_task(from_browser())
    reading.add_done_callback(ended)
    try:
        while True:
            message = await mailbox.next()
            if isinstance(message, BaseException):
                raise message
            await dispatch(_deserialize(message) if isinstance(message, bytes) else message)
    except StopConsumer:
        pass
    finally:
        reading.cancel()
        for group in groups:
            hub().leave(group, mailbox)
        with contextlib.suppress(asyncio.CancelledError):
            await reading
