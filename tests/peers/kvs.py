"""Kinesis Video Streams on loopback, for the real boto3: the endpoints, live media in chunks, faults on demand."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.peers.kvs_stream import Piece

ARN = "arn:aws:kinesisvideo:us-east-1:111122223333:stream/connect-test/1"


@dataclass
class Stream:
    """One stream. `faults`: what the next requests for media meet, in order; None is none.

    ("error", type, status) · ("cut", bytes): the connection breaks after so many · ("end", pieces): a good end after
    so many fragments · ("garbage", bytes): these instead of media.
    """

    pieces: list[Piece] = field(default_factory=list)
    open: bool = False  # more may come: readers wait
    inclusive: bool = True  # whether reading after a fragment begins with that fragment itself
    faults: list[tuple[Any, ...] | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, *pieces: Piece) -> None:
        with self.changed:
            self.pieces += pieces
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.open = False
            self.changed.notify_all()

    def read(self, after: str, since_ms: float, limit: int | None) -> Iterator[bytes]:
        """The fragments from a place on, as they come."""
        at = 0
        while limit is None or limit > 0:
            with self.changed:
                while at >= len(self.pieces) and self.open:
                    self.changed.wait(0.5)
                if at >= len(self.pieces):
                    return
                piece = self.pieces[at]
            at += 1
            if piece.number < after or (piece.number == after and not self.inclusive):
                continue
            if piece.at_ms + 1024 <= since_ms:
                continue
            yield piece.mkv()
            limit = None if limit is None else limit - 1


class Kvs:
    """The server. `streams` by ARN; `url` is the `endpoint_url` of the control plane."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.streams: dict[str, Stream] = {ARN: Stream()}
        self.signed: list[str] = []

    @property
    def stream(self) -> Stream:
        return self.streams[ARN]


@contextmanager
def kvs_running() -> Iterator[Kvs]:
    """Serve on a free port, a thread a request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.kvs = Kvs(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.kvs  # type: ignore[attr-defined]
    finally:
        for stream in server.kvs.streams.values():  # type: ignore[attr-defined]
            stream.close()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        kvs: Kvs = self.server.kvs  # type: ignore[attr-defined]
        said = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        kvs.signed.append(self.headers.get("Authorization", ""))
        stream = kvs.streams.get(said.get("StreamARN", ""))
        if stream is None:
            self._error("ResourceNotFoundException", 404)
        elif self.path == "/getDataEndpoint":
            self._json(200, {"DataEndpoint": kvs.url})
        elif self.path == "/getMediaForFragmentList":
            wanted = [piece for piece in stream.pieces if piece.number in said["Fragments"]]
            self._media(piece.mkv() for piece in wanted)
        elif self.path == "/getMedia":
            start = said["StartSelector"]
            stream.asked.append(start)
            fault = stream.faults.pop(0) if stream.faults else None
            if fault and fault[0] == "error":
                self._error(fault[1], fault[2])
                return
            if fault and fault[0] == "garbage":
                self._media([fault[1]])
                return
            limit = fault[1] if fault and fault[0] == "end" else None
            since_ms = float(start.get("StartTimestamp", 0)) * 1000
            media = stream.read(start.get("AfterFragmentNumber", ""), since_ms, limit)
            self._media(media, cut=fault[1] if fault and fault[0] == "cut" else None)
        else:
            self._error("InvalidArgumentException", 400)

    def _error(self, kind: str, status: int) -> None:
        self._json(status, {"Message": "told to"}, kind=kind)

    def _json(self, status: int, body: Any, *, kind: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if kind:
            self.send_header("x-amzn-ErrorType", kind)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _media(self, parts: Any, *, cut: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/x-matroska")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for part in parts:
                for at in range(0, len(part), 3000):
                    data = part[at : at + 3000]
                    if cut is not None:
                        data = data[:cut]
                        cut -= len(data)
                    if data:
                        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                    if cut == 0:
                        self.wfile.flush()
                        time.sleep(0.05)
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True  # the reader has gone
