"""A server of vectors and of order on loopback, with faults on command: deterministic, by `bench.vectors`.

`script` is obeyed one a request before that: a status ("429", "500", "401", "400"), "late" (it answers when `free` is
set), "short" (vectors of three numbers), "few" (one too few), "odd", "garbage", "zero", "nan", "page".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.vectors import order_answer, vectors_answer

LOUD = "the key sk-inside was sent with saoirse mcglone's letter"


class VectorServer:
    """What it was asked; `url` ends with `/v1`."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.script: list[str] = []
        # What a model would know: this text means that one.
        self.means: dict[str, str] = {}
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self.free = threading.Event()

    @property
    def texts(self) -> list[str]:
        """All texts that it was given, one after another."""
        return [text for one in self.requests for text in one.get("input", [])]

    def answer(self, order: str, request: dict[str, Any]) -> dict[str, Any]:
        if "query" in request:
            answer = order_answer(request, self.dimensions)
            if order == "odd":
                answer["results"][0]["index"] = 99
            return {} if order == "few" else answer
        texts = [self.means.get(text, text) for text in request["input"]]
        answer = vectors_answer({**request, "input": texts}, 3 if order == "short" else self.dimensions)
        if order == "few":
            answer["data"].pop()
        elif order == "odd":
            answer["data"][0]["embedding"] = LOUD
        elif order == "zero":
            answer["data"][0]["embedding"] = [0.0] * self.dimensions
        elif order == "nan":
            answer["data"][0]["embedding"][0] = float("nan")
        return answer


@contextmanager
def vector_server(dimensions: int = 256) -> Iterator[VectorServer]:
    """A running server on a free port of loopback."""
    server = VectorServer(dimensions)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append({**body, "path": self.path, "headers": told})
            order = server.script.pop(0) if server.script else ""
            try:
                self._obey(order, body)
            except OSError:
                self.close_connection = True  # the client did not wait

        def _obey(self, order: str, request: dict[str, Any]) -> None:
            if order == "late":
                server.free.wait(30.0)
            if order.isdigit():
                self._send(int(order), json.dumps({"error": {"message": LOUD}}))
            elif order == "garbage":
                self._send(200, '{"data": "' + LOUD)
            elif order == "page":
                self._send(200, f"<html>{LOUD}</html>", kind="text/html")
            else:
                self._send(200, json.dumps(server.answer(order, request)))

        def _send(self, status: int, text: str, *, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            if status == 429:
                self.send_header("Retry-After", "0.1")
            self.end_headers()
            self.wfile.write(text.encode())

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.free.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)
