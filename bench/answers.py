"""How soon the first cited sentence of an answer is there: by a chat server on loopback whose own time is known.

The server repeats the first sentence of the first passage that it is given, after `first_ms` and then a word each
`word_ms`, as a model would that knows nothing else. It notes when a question reached it and when the word went out that
ends the first sentence; what is left of the time until the sentence was there is the product's own: search, what is
hidden before it goes out, the request and its connection, cutting, and the check that the passage says it.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from bench.report import Unmeasured, percentile, say

if TYPE_CHECKING:
    from tenants.scope import TenantThreads

WARM = 3
# Of a question so many words are a passage's own, and more do not help.
WORDS = (5, 9)
# So many passages are tried for each question that search is sure of.
TRIES = 20
_PASSAGE = re.compile(r"<<\S+ passage 1>>\s*(.*?)\s*(?=<<)", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass
class Told:
    """What the server knows of its last request, by `time.perf_counter()` in ms."""

    came: float = 0.0
    said: float = 0.0


@contextmanager
def chat_writer(first_ms: float, word_ms: float) -> Iterator[tuple[str, Told]]:
    """A running server, its address (with its `/v1`), and what it notes."""
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.came = _now()
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            time.sleep(first_ms / 1000)
            sentence = first_sentence(request["messages"][1]["content"])
            try:
                for word in f"{sentence} [1]\n".split(" "):
                    told.said = _now()
                    self._piece(request, f"{word} " if not word.endswith("\n") else word)
                    time.sleep(word_ms / 1000)
                self.wfile.write(b"data: [DONE]\n\n")
            except OSError:
                return  # the client has what it wanted

        def _piece(self, request: dict[str, Any], words: str) -> None:
            choice = {"index": 0, "delta": {"content": words}, "finish_reason": None, "logprobs": None}
            chunk = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": request["model"],
                "choices": [choice],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1", told
    finally:
        httpd.shutdown()
        httpd.server_close()


def first_sentence(prompt: str) -> str:
    """The first sentence of the first passage that a model is given, without its title; NOTHING where there is none."""
    found = _PASSAGE.search(prompt)
    text = found[1].partition("\n\n")[2] if found else ""
    for line in text.splitlines():
        sentence = re.match(r"\s*(?:[-*]\s+|#+\s+)?(.{20,}?[.!?])(?=\s|$)", line)
        if sentence is not None:
            return " ".join(sentence[1].split())
    return "NOTHING"


def answers_measure(many: int, lot: random.Random, first_ms: float, word_ms: float) -> dict[str, Any]:
    """Ask so many questions of the current company's documents. Raises `Unmeasured`."""
    from django.test.utils import override_settings

    from knowledge.models import Chunk
    from providers.services import chat_server_create
    from tenants.scope import current_schema

    override_settings(PROVIDER_ALLOW_PRIVATE_URLS=True).enable()
    schema = current_schema()
    ids = list(Chunk.objects.order_by("pk").values_list("pk", flat=True))
    lot.shuffle(ids)
    with chat_writer(first_ms, word_ms) as (address, told):
        server = chat_server_create(name="Bench", base_url=address, model="first sentence", inside=True)
        try:
            return asyncio.run(_asked(schema, many, ids[: TRIES * many], lot, told)) | {
                "server": {"first_ms": first_ms, "word_ms": word_ms}
            }
        finally:
            server.delete()


async def _asked(schema: str, many: int, ids: list[Any], lot: random.Random, told: Told) -> dict[str, Any]:
    from tenants.scope import TenantThreads

    threads = TenantThreads(1, "bench")
    took: list[float] = []
    ours: list[float] = []
    begun: list[float] = []
    counts: Counter[str] = Counter()
    cpu = 0.0
    for pk in ids:
        if len(took) == many:
            break
        words = _WORD.findall(await threads.run(schema, _text, pk))
        if len(words) < WORDS[0]:
            continue
        at = lot.randrange(len(words))
        question = " ".join(words[at : at + lot.randint(*WORDS)]) + "?"
        before = time.process_time()
        one = await _first(schema, threads, question, told)
        if isinstance(one, str):
            counts[one] += 1
            continue
        counts["answered"] += 1
        if counts["answered"] <= WARM:
            continue
        cpu += time.process_time() - before
        took.append(one.total)
        ours.append(one.ours)
        begun.append(one.found)
    threads.close()
    if not took:
        raise Unmeasured(
            "search is sure of nothing that was asked, or the model's sentences are not borne out"
        )
    say(f"{len(took)} answered, {dict(counts)} asked")
    return {
        "questions": len(took),
        # Those that search was not sure of, and whose sentence no passage bears out, are not timed.
        "left_out": {key: n for key, n in counts.items() if key != "answered"},
        "first_sentence": _figures(took),
        "ours": _figures(ours),
        "of_it_search": _figures(begun),
        # The server's own work is in it, as it runs in this process.
        "cpu_ms": round(1000 * cpu / len(took), 1),
        "under_half_a_second": round(sum(one < 500 for one in took) / len(took), 3),
    }


@dataclass(frozen=True, slots=True)
class _Took:
    """Milliseconds: to the first sentence, of it the product's own, of that until a model was asked."""

    total: float
    ours: float
    found: float


async def _first(schema: str, threads: TenantThreads, question: str, told: Told) -> _Took | str:
    """Ask, and leave when the first sentence is there; why not, where there is none."""
    from knowledge.answers.composing import MODEL, answer_stream

    began = _now()
    answering = await threads.run(schema, _begin, question)
    found = _now() - began
    if answering.source != MODEL:
        return "unsure"
    async with aclosing(answer_stream(answering)) as parts:
        async for part in parts:
            if part["kind"] == "sentence":
                ended = _now()
                if answering.source != MODEL or not part["citations"]:
                    break
                return _Took(ended - began, ended - began - (told.said - told.came), found)
    return "not borne out"


def _text(pk: Any) -> str:
    from knowledge.models import Chunk

    return Chunk.objects.only("text").get(pk=pk).text


def _begin(question: str) -> Any:
    from knowledge.answers.composing import answer_begin
    from knowledge.documents.audience import Audience, collections_for
    from knowledge.documents.selectors import documents_for

    audience = Audience()
    return answer_begin(
        query=question, documents=documents_for(audience), collections=collections_for(audience)
    )


def _figures(took: list[float]) -> dict[str, float]:
    return {f"p{share}_ms": round(percentile(took, share), 1) for share in (50, 95)}


def _now() -> float:
    return time.perf_counter() * 1000
