"""A server on loopback that makes vectors and puts passages in order, without a model: to measure the way there.

A text's vector is the sum of one random direction for each of its words, so that texts with words in common lie near
each other. That says nothing about what a model's vectors would find.
"""

from __future__ import annotations

import json
import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL = "words"
_WORD = re.compile(r"[^\W_]{3,}")


@lru_cache(maxsize=100_000)
def _direction(word: str, dimensions: int) -> NDArray[np.float32]:
    lot = np.random.default_rng(zlib.crc32(word.encode()))
    return lot.standard_normal(dimensions).astype(np.float32)


def vector_of(text: str, dimensions: int) -> list[float]:
    """A text's vector; one of nothing but a constant where there is no word."""
    total = np.full(dimensions, 1e-3, np.float32)
    for word in _WORD.findall(text.casefold()):
        total += _direction(word[:6], dimensions)
    return [round(float(number), 5) for number in total / np.linalg.norm(total)]


def vectors_answer(request: dict[str, Any], dimensions: int) -> dict[str, Any]:
    """What `/embeddings` answers."""
    given = request["input"]
    texts: Sequence[str] = [given] if isinstance(given, str) else given
    return {
        "object": "list",
        "model": request["model"],
        "data": [
            {"object": "embedding", "index": at, "embedding": vector_of(text, dimensions)}
            for at, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


def order_answer(request: dict[str, Any], dimensions: int) -> dict[str, Any]:
    """What `/rerank` answers, the best first."""
    question = np.array(vector_of(request["query"], dimensions))
    scores = [float(question @ vector_of(text, dimensions)) for text in request["documents"]]
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return {"results": [{"index": at, "relevance_score": scores[at]} for at in order]}


@contextmanager
def vectors_server(dimensions: int) -> Iterator[str]:
    """A running server; its address, which ends with `/v1`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # The head and the body go out as one, or the second waits for the first to be acknowledged.
        wbufsize = -1

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = order_answer if self.path.endswith("/rerank") else vectors_answer
            body = json.dumps(answer(request, dimensions)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1"
    finally:
        httpd.shutdown()
        httpd.server_close()
