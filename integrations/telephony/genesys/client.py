"""A client of AudioHook that behaves as Genesys's own does: for tests, for trying a connection out, and for load.

It signs its request, waits for `opened`, sends 200 ms frames at the pace of speech, pings 1 s after `opened`, once more
at once and then every 5 s, counts what the server says, and closes with the handshake. What the server does wrong goes
into `faults`, with the code that Genesys gives it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from integrations.telephony.genesys import signature
from integrations.telephony.genesys.messages import EXTERNAL, INTERNAL, NULL_ID, RATE, VERSION

FRAME_MS = 200
OPEN_SECONDS, CLOSE_SECONDS = 5.0, 10.0
FIRST_PING_SECONDS, PING_SECONDS = 1.0, 5.0
STEREO = {"type": "audio", "format": "PCMU", "channels": [EXTERNAL, INTERNAL], "rate": RATE}
OFFERS: tuple[dict[str, Any], ...] = (
    STEREO,
    STEREO | {"channels": [EXTERNAL]},
    STEREO | {"channels": [INTERNAL]},
)
_KINDS = frozenset(
    {"opened", "closed", "disconnect", "event", "pause", "resume", "pong", "reconnect", "updated"}
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where to send, and who sends. `url`: as Genesys has it (it is signed); `secret` is base64, "" signs nothing."""

    url: str
    api_key: str
    secret: str
    organization_id: str = "d7934305-0972-4844-938e-9060eef73d05"


@dataclass(slots=True)
class Heard:
    """What the server said: messages by kind in order, round trips of pings, seconds until `opened`, its mistakes."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    round_trips: list[float] = field(default_factory=list)
    opened_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)
    close_code: int | None = None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]


class AudiohookClient:
    """One session; an asynchronous context manager whose entry connects and whose exit drops the connection.

    `address`: host and port to connect to where the URL's name does not resolve. `ssl`: passed to the connection.
    """

    def __init__(
        self,
        account: Account,
        *,
        address: tuple[str, int] | None = None,
        session_id: str = "",
        headers: Mapping[str, str] | None = None,
        **connection: Any,
    ) -> None:
        self.account = account
        self.session_id = session_id or str(uuid4())
        self.heard = Heard()
        self.media: dict[str, Any] | None = None
        self.seq = 0
        self.samples = 0
        self.paused_at: int | None = None
        self._given = headers
        self._address = address
        self._connection = connection
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Condition()
        self._gone = False
        self._pinged: tuple[int, float] | None = None
        self._ping_every: tuple[float, float] | None = (FIRST_PING_SECONDS, PING_SECONDS)

    # --- The connection ---------------------------------------------------------------------------------

    def headers(self, *, created: int | None = None, nonce: str = "") -> dict[str, str]:
        """The headers of the request, signed."""
        where = urlsplit(self.account.url)
        plain = {
            "audiohook-organization-id": self.account.organization_id,
            "audiohook-session-id": self.session_id,
            "audiohook-correlation-id": str(uuid4()),
            "x-api-key": self.account.api_key,
        }
        if not self.account.secret:
            return plain
        return plain | signature.sign(
            plain,
            request_target=where.path + (f"?{where.query}" if where.query else ""),
            authority=where.netloc.lower(),
            secret=signature.secret_bytes(self.account.secret),
            created=int(time.time()) if created is None else created,
            nonce=nonce,
        )

    async def __aenter__(self) -> Self:
        where: dict[str, Any] = dict(self._connection)
        if self._address is not None:
            where |= {"host": self._address[0], "port": self._address[1]}
        self._socket = await connect(
            self.account.url,
            additional_headers=dict(self._given) if self._given is not None else self.headers(),
            compression=None,
            proxy=None,
            close_timeout=2,
            **where,
        )
        self._tasks.append(asyncio.create_task(self._hear(self._socket)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    # --- What the client says ---------------------------------------------------------------------------

    @property
    def position(self) -> str:
        """Where the client is in its audio, what it left out included."""
        return duration(self.samples)

    async def say(self, kind: str, parameters: Mapping[str, Any] | None = None, **envelope: Any) -> int:
        """Send a message and return its number; `envelope` replaces fields, to say something wrong."""
        self.seq += 1
        message = {
            "version": VERSION,
            "type": kind,
            "id": self.session_id,
            "seq": self.seq,
            "serverseq": len(self.heard.messages),
            "position": self.position,
            "parameters": dict(parameters or {}),
        }
        await self.socket.send(json.dumps(message | envelope))
        return self.seq

    async def open(
        self,
        *,
        media: tuple[dict[str, Any], ...] = OFFERS,
        probe: bool = False,
        pings: tuple[float, float] | None = (FIRST_PING_SECONDS, PING_SECONDS),
        **parameters: Any,
    ) -> dict[str, Any]:
        """Open the session and return `opened`. Raises `TimeoutError`, and `ConnectionError` when it is refused."""
        ident = NULL_ID if probe else None
        self._ping_every = pings
        said: dict[str, Any] = {
            "organizationId": self.account.organization_id,
            "conversationId": ident or str(uuid4()),
            "participant": {
                "id": ident or str(uuid4()),
                "ani": "" if probe else "+1-555-555-1234",
                "aniName": "" if probe else "John Doe",
                "dnis": "" if probe else "+1-800-555-6789",
            },
            "media": list(media),
        }
        began = time.monotonic()
        await self.say("open", said | parameters)
        opened = await self.wait("opened", seconds=OPEN_SECONDS)
        self.heard.opened_seconds = time.monotonic() - began
        chosen = opened["parameters"]["media"]
        if len(chosen) > 1 or any(one not in media for one in chosen):
            self.heard.faults.append("400 selected media not one of the offered")
        self.media = chosen[0] if chosen else None
        if pings is not None:
            self._tasks.append(asyncio.create_task(self._ping(*pings)))
        return opened

    async def send(self, audio: bytes) -> None:
        """Send one message of audio in the format that the server chose."""
        assert self.media is not None, "the server chose no media"
        await self.socket.send(audio)
        sample = 2 if self.media["format"] == "L16" else 1
        self.samples += len(audio) // (sample * len(self.media["channels"]))

    async def stream(self, audio: bytes, *, speed: float = 1.0) -> None:
        """Send audio in 200 ms frames at the pace of speech (`speed` times as fast)."""
        assert self.media is not None, "the server chose no media"
        sample = 2 if self.media["format"] == "L16" else 1
        frame = RATE * FRAME_MS // 1000 * len(self.media["channels"]) * sample
        began = time.monotonic()
        for number, first in enumerate(range(0, len(audio), frame)):
            await self.send(audio[first : first + frame])
            due = began + (number + 1) * FRAME_MS / 1000 / speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def discard(self, samples: int) -> None:
        """Leave audio out, and say so."""
        start, self.samples = self.samples, self.samples + samples
        await self.say("discarded", {"start": duration(start), "discarded": duration(samples)})

    async def pause(self) -> None:
        self.paused_at = self.samples
        await self.say("paused")

    async def resume(self, samples: int) -> None:
        """Go on after a pause in which so much was left out."""
        assert self.paused_at is not None, "it is not paused"
        start, self.samples, self.paused_at = self.paused_at, self.paused_at + samples, None
        await self.say("resumed", {"start": duration(start), "discarded": duration(samples)})

    async def close(self, reason: str = "end") -> dict[str, Any]:
        """Say goodbye, wait until the server has, close the connection, and return `closed`."""
        self._ping_every = None
        await self.say("close", {"reason": reason})
        said = await self.wait("closed", seconds=CLOSE_SECONDS)
        await self.socket.close()
        return said

    async def _ping(self, first: float, every: float) -> None:
        await asyncio.sleep(first)
        again = True
        while self._ping_every is not None and not self._gone:
            if self._pinged is not None:
                self.heard.faults.append("408 timeout waiting for pong")
                return
            rtt = {"rtt": f"PT{self.heard.round_trips[-1]:.6f}S"} if self.heard.round_trips else {}
            sent = time.monotonic()
            self._pinged = (self.seq + 1, sent)
            await self.say("ping", rtt)
            if again:
                await self.wait("pong", seconds=every)
                again = False
            else:
                await asyncio.sleep(every)

    # --- What the server says ---------------------------------------------------------------------------

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None, "the client is not connected"
        return self._socket

    async def wait(self, kind: str, *, seconds: float, count: int = 1) -> dict[str, Any]:
        """The `count`th message of this kind. Raises `TimeoutError`, and `ConnectionError` when the line ends first."""
        async with asyncio.timeout(seconds), self._news:
            while len(found := self.heard.of(kind)) < count:
                if self._gone:
                    raise ConnectionError(f"the server closed with {self.heard.close_code} before {kind}")
                await self._news.wait()
        return found[count - 1]

    async def ended(self, *, seconds: float = CLOSE_SECONDS) -> int | None:
        """Wait until the connection is over, and return the code that the server closed it with (None: it did not)."""
        async with asyncio.timeout(seconds), self._news:
            while not self._gone:
                await self._news.wait()
        return self.heard.close_code

    async def _hear(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._take(await socket.recv())
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed as closed:
            self.heard.close_code = closed.rcvd.code if closed.rcvd else None
        finally:
            self._gone = True
            async with self._news:
                self._news.notify_all()

    def _take(self, data: str | bytes) -> None:
        faults = self.heard.faults
        if isinstance(data, bytes):
            faults.append("415 unexpected binary message")
            return
        if len(data) > 65535:
            faults.append("413 message too large")
        message = json.loads(data)
        if message.get("version") != VERSION or message.get("id") != self.session_id:
            faults.append("400 not a message of this session")
        if message.get("seq") != len(self.heard.messages) + 1:
            faults.append("400 seq is not one more than the last")
        if not 0 <= message.get("clientseq", -1) <= self.seq:
            faults.append("400 clientseq is more than was sent")
        kind = message.get("type")
        if kind not in _KINDS or not isinstance(message.get("parameters"), dict):
            faults.append("400 not a server message")
        if kind == "pong":
            self._take_pong(message)
        self.heard.messages.append(message)

    def _take_pong(self, message: Mapping[str, Any]) -> None:
        if self._pinged is None:
            self.heard.faults.append("409 unexpected pong")
            return
        seq, sent = self._pinged
        if seq != message.get("clientseq"):
            self.heard.faults.append("400 the pong answers another message than the ping")
            return
        self.heard.round_trips.append(time.monotonic() - sent)
        self._pinged = None


def duration(samples: int) -> str:
    """So many samples as AudioHook writes times."""
    seconds, rest = divmod(samples, RATE)
    return f"PT{seconds}.{rest * 1_000_000 // RATE:06d}S"
