"""A peer for tests: Deepgram on loopback, streaming and pre-recorded, in its own wire format, with faults on demand.

In a thread (`with DeepgramPeer() as peer: peer.url`), or as a process that prints its port as a line of JSON:

    python -m tests.peers.deepgram --port 0 [--script FILE] [--delay-ms 300] [--key KEY]

FILE is JSON: recordings for `Scripted` by marker (a `tag` or `extra` of the query, or the key), `"*"` for all others.
Without one, words are made from the samples heard (see `deepgram_ears`). `GET /peer/log` gives the connections,
`GET /peer/said` the finals with the wall times at which their sound had come and they went out, `POST
/peer/faults` sets the faults (a list as in `Fault`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers

from tests.peers.deepgram_ears import Scripted, audible
from tests.peers.deepgram_recorded import transcribe
from tests.peers.deepgram_stream import Stream
from tests.peers.deepgram_wire import Fault, Refused, Seen, check_query

__all__ = ["DeepgramPeer", "Fault"]


class DeepgramPeer:
    """One Deepgram. Everything it saw is in `seen`; `faults` may be changed at any time."""

    def __init__(
        self,
        *,
        key: str = "",
        script: Mapping[str, Any] | None = None,
        delay_ms: int = 0,
        idle_seconds: float = 10.0,
        faults: list[Fault] | None = None,
        port: int = 0,
    ) -> None:
        self.key, self.delay, self.idle_seconds, self.port = key, delay_ms / 1000, idle_seconds, port
        self.scripts: dict[str, Callable[..., Any]] = {
            marker: Scripted(recordings) for marker, recordings in (script or {}).items()
        }
        self.seen: list[Seen] = []
        self.said: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.set_faults(faults or [])
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def set_faults(self, faults: list[Fault]) -> None:
        """Set what goes wrong from now on; connections that are open count as -1 only."""
        self.faults, self._counted = faults, 0
        self._generation = getattr(self, "_generation", 0) + 1

    def faults_of(self, number: int, generation: int) -> list[Fault]:
        known = (-1, number) if generation == self._generation else (-1,)
        return [fault for fault in self.faults if fault.connection in known]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> DeepgramPeer:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve(started.set)), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def serve(self, started: Callable[[], Any]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        tasks: set[asyncio.Task[Any]] = set()
        self._tasks = tasks
        started()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._request(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = Headers([tuple(line.split(": ", 1)) for line in lines])  # type: ignore[misc]
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        if url.path.startswith("/peer/"):
            await self._control(reader, writer, method, url.path, headers)
            return
        seen = Seen(query, headers.get("User-Agent", ""), headers.get("Content-Type", ""))
        self.seen.append(seen)
        number, self._counted = self._counted, self._counted + 1
        generation = self._generation
        faults = self.faults_of(number, generation)
        streaming = headers.get("Upgrade", "").lower() == "websocket"
        try:
            words_of = self._admit(url.path, query, headers, faults, streaming=streaming)
        except Refused as refused:
            seen.closed = f"HTTP {refused.status}"
            body = json.dumps(
                {"err_code": "REFUSED", "err_msg": refused.reason, "request_id": str(uuid.uuid4())}
            )
            extra = f"dg-error: {refused.reason}\r\nConnection: close\r\n"
            await _answer(writer, refused.status, body, extra)
            return
        if streaming:
            await Stream(
                self, reader, writer, seen, lambda: self.faults_of(number, generation), words_of
            ).run(head)
        else:
            seen.messages.append("file")
            sound = await _body(reader, headers)
            seen.audio_bytes = len(sound)
            if any(fault.kind == "abort" for fault in faults):
                writer.transport.abort()
            elif any(fault.kind == "silent" for fault in faults):
                await asyncio.sleep(3600)
            elif any(fault.kind == "garbage" for fault in faults):
                await _answer(writer, 200, "<html>not JSON</html>")
            else:
                answer = await asyncio.to_thread(transcribe, sound, query, words_of)
                await _answer(writer, 200, json.dumps(answer), f"dg-request-id: {uuid.uuid4()}\r\n")

    def _admit(
        self,
        path: str,
        query: dict[str, list[str]],
        headers: Headers,
        faults: list[Fault],
        *,
        streaming: bool,
    ) -> Callable[..., Any]:
        if path != "/v1/listen":
            raise Refused(404, "Not Found")
        scheme, _, key = headers.get("Authorization", "").partition(" ")
        if scheme not in ("Token", "Bearer") or (self.key and key != self.key):
            raise Refused(401, "Invalid credentials.")
        for fault in faults:
            if fault.kind == "refuse" and fault.times > 0:
                fault.times -= 1
                raise Refused(fault.status, fault.reason or "refused by the test")
        check_query(query, streaming=streaming)
        markers = [*query.get("tag", []), *query.get("extra", []), key, "*"]
        return next((self.scripts[marker] for marker in markers if marker in self.scripts), audible)

    async def _control(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        headers: Headers,
    ) -> None:
        body = await _body(reader, headers)
        if (method, path) == ("POST", "/peer/faults"):
            self.set_faults([Fault(**each) for each in json.loads(body)])
            await _answer(writer, 200, "{}")
        elif (method, path) == ("GET", "/peer/log"):
            await _answer(writer, 200, json.dumps([asdict(each) for each in self.seen]))
        elif (method, path) == ("GET", "/peer/said"):
            await _answer(writer, 200, json.dumps(list(self.said)))
        else:
            await _answer(writer, 404, "{}")


async def _body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    if "chunked" not in headers.get("Transfer-Encoding", ""):
        return await reader.readexactly(int(headers.get("Content-Length", "0")))
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    return b"".join(parts)


async def _answer(writer: asyncio.StreamWriter, status: int, body: str, extra: str = "") -> None:
    data = body.encode()
    head = f"HTTP/1.1 {status} Peer\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    writer.write((head + extra + "\r\n").encode() + data)
    await writer.drain()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path)
    parser.add_argument("--delay-ms", type=int, default=0)
    parser.add_argument("--idle-seconds", type=float, default=10.0)
    parser.add_argument("--key", default="")
    given = parser.parse_args()
    peer = DeepgramPeer(
        key=given.key,
        script=json.loads(given.script.read_text()) if given.script else None,
        delay_ms=given.delay_ms,
        idle_seconds=given.idle_seconds,
        port=given.port,
    )
    asyncio.run(peer.serve(lambda: print(json.dumps({"port": peer.port}), flush=True)))


if __name__ == "__main__":
    main()
