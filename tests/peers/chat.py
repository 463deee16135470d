"""A chat server on loopback that speaks OpenAI's chat completions, with faults and answers on command.

By itself it is a reader that looks for the words in `knows` and names them with their types, wherever they stand in the
turns that it is sent; asked for replies it has one. `script` is obeyed one a request before that: a fault ("429",
"500", "401", "404", "400", "slow", "drip", "cut", "page", "odd", "garbage", "redirect"), an end ("refusal", "length",
"empty"), or `say(...)` anything, or `call(...)` a tool. Asked to stream, it answers in pieces of a few letters; "stall"
stops after the first line, "tools" calls a tool beside its words. Asked for an answer, it says what `answers` makes of
the request; asked questions about turns, what `found` makes of it. `usage` is what it says it took.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# What a server's own words may quote, and nobody may repeat.
REPLY = "Let me look into that for you."
LOUD = "the key sk-inside heard about saoirse in this conversation"


class ChatServer:
    """What it was asked and how it answers; `url` ends with `/v1`."""

    def __init__(self, knows: dict[str, str]) -> None:
        self.knows = knows
        self.script: list[str] = []
        self.answers: Callable[[dict[str, Any]], str] = lambda request: "NOTHING"
        self.found: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda request: []
        self.requests: list[dict[str, Any]] = []
        self.usage: dict[str, Any] | None = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.url = ""
        self.elsewhere = ""  # where "redirect" leads
        self.stopped = threading.Event()

    def turns(self, request: int = -1) -> list[dict[str, Any]]:
        """The turns of one request, as the model sees them."""
        return _turns(self.requests[request])

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        form = request.get("response_format", {}).get("json_schema", {}).get("name")
        if form == "replies":
            return {"replies": [REPLY]}
        if form == "answers":
            return {"found": self.found(request)}
        if form != "findings":
            return {"said": REPLY}
        return {
            "findings": [
                {"turn": turn["turn"], "text": words, "type": type_name}
                for turn in _turns(request)
                for words, type_name in self.knows.items()
                if words in turn["text"]
            ]
        }


def _turns(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request["messages"][1]["content"].split("\n")]


def say(answer: Any) -> str:
    """A request's answer: as it is if it is a text, else as JSON."""
    return "say:" + (answer if isinstance(answer, str) else json.dumps(answer))


def call(name: str, arguments: str) -> str:
    """A request's answer: a call of a tool, whose arguments may be anything."""
    return "call:" + json.dumps([name, arguments])


def found(*findings: tuple[int, str, str]) -> str:
    """An answer of the right form, true or not: turn, words, type."""
    return say({"findings": [{"turn": turn, "text": text, "type": name} for turn, text, name in findings]})


@contextmanager
def chat_server(knows: dict[str, str] | None = None) -> Iterator[ChatServer]:
    """A running server on a free port of loopback."""
    server = ChatServer(knows or {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
            if order == "cut":
                self.close_connection = True
                self.connection.close()
                return
            if order == "slow":
                server.stopped.wait(5.0)
            if order.isdigit():
                self._send(int(order), json.dumps({"error": {"message": LOUD}}))
            elif order == "page":
                self._send(200, f"<html>{LOUD}</html>", kind="text/html")
            elif order == "garbage":
                self._send(200, '{"choices": "' + LOUD)
            elif order == "odd":
                self._send(200, json.dumps({"choices": LOUD}))
            elif order == "redirect":
                self._send(307, "", location=server.elsewhere)
            elif order == "drip":
                self._drip()
            elif request.get("stream"):
                self._stream(order, request)
            else:
                self._send(200, json.dumps(_completion(order, server, request)))

        def _send(
            self, status: int, text: str, *, kind: str = "application/json", location: str = ""
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            if location:
                self.send_header("Location", location)
            if status == 429:
                self.send_header("Retry-After", "0.3")
            self.end_headers()
            self.wfile.write(text.encode())

        def _stream(self, order: str, request: dict[str, Any]) -> None:
            """Server-sent chunks, a few letters each, so that no sentence comes in one piece."""
            text = order.removeprefix("say:") if order.startswith("say:") else server.answers(request)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            first, _line, rest = text.partition("\n")
            for part in (f"{first}\n", rest) if order == "stall" else (text,):
                for at in range(0, len(part), 7):
                    self._chunk(request, {"content": part[at : at + 7]})
                if order == "stall":
                    server.stopped.wait(5.0)
            if order == "tools":
                call = {"name": "send_mail", "arguments": '{"to": "thief"}'}
                self._chunk(
                    request, {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": call}]}
                )
            self._chunk(request, {}, end="length" if order == "length" else "stop")
            if request.get("stream_options", {}).get("include_usage") and server.usage:
                told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "choices": []}
                told |= {"model": request["model"], "usage": server.usage}
                self.wfile.write(f"data: {json.dumps(told)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def _chunk(self, request: dict[str, Any], delta: dict[str, Any], *, end: str | None = None) -> None:
            chunk = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": request["model"],
                "choices": [{"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

        def _drip(self) -> None:
            """A byte now and then, so that no wait for the next one is ever too long."""
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            ends = time.monotonic() + 30.0
            while time.monotonic() < ends and not server.stopped.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)


def _completion(order: str, server: ChatServer, request: dict[str, Any]) -> dict[str, Any]:
    content: str | None = (
        order.removeprefix("say:") if order.startswith("say:") else json.dumps(server.read(request))
    )
    if order == "length":
        content = json.dumps(server.read(request))[:20]
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if order.startswith("call:"):
        name, arguments = json.loads(order.removeprefix("call:"))
        told = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}
        message |= {"content": None, "tool_calls": [told]}
    if order == "refusal":
        message |= {"content": None, "refusal": "I cannot help with that."}
    took = {} if server.usage is None else {"usage": server.usage}
    return took | {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": []
        if order == "empty"
        else [
            {
                "index": 0,
                "message": message,
                "finish_reason": "length" if order == "length" else "stop",
                "logprobs": None,
            }
        ],
    }
