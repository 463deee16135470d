"""A transcription server on loopback that speaks OpenAI's wire format, with faults on command.

It hears the tones of `tests.peers.toned`. `kind` says what it can: "timed" (verbose_json with words and segments),
"segments" (segments without words), "words" (words without segments) or "text" (refuses verbose_json, as the
gpt-4o-transcribe models do). `faults` are obeyed one a request: "429", "500", "401", "404", "slow", "garbage" (not
JSON), "page" (HTML), "odd" (JSON that is no transcription), "cut" (the connection breaks).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from engines.speech.audio import read_audio
from tests.peers.toned import recognise

SEGMENT_PAUSE_S = 0.8


class TranscriptionServer:
    """What it was asked and how it answers; `url` ends with `/v1`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.faults: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.url = ""

    def answer(self, fields: dict[str, Any]) -> tuple[int, str, bytes]:
        """Status, content type and body for the fields of one form."""
        rate, (pcm,) = read_audio(BytesIO(fields["file"]))
        heard = recognise(pcm, rate)
        text = " ".join(word for word, _start, _end in heard)
        wanted = fields.get("response_format", "json")
        if wanted == "verbose_json" and self.kind == "text":
            error = {"message": f"response_format {wanted} is not compatible", "code": "unsupported_value"}
            return 400, "application/json", json.dumps({"error": error}).encode()
        if wanted == "text":
            return 200, "text/plain", (text + "\n").encode()
        body: dict[str, Any] = {"text": text}
        if wanted == "verbose_json":
            body |= {"task": "transcribe", "language": "english", "duration": len(pcm) / 2 / rate}
            if self.kind in {"timed", "words"}:
                body["words"] = [{"word": word, "start": start, "end": end} for word, start, end in heard]
            if self.kind in {"timed", "segments"}:
                body["segments"] = _segments(heard)
        return 200, "application/json", json.dumps(body).encode()


def _segments(heard: list[tuple[str, float, float]]) -> list[dict[str, Any]]:
    groups: list[list[tuple[str, float, float]]] = []
    for word in heard:
        if groups and word[1] - groups[-1][-1][2] < SEGMENT_PAUSE_S:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [
        {
            "id": number,
            "seek": 0,
            "start": group[0][1],
            "end": group[-1][2],
            "text": " " + " ".join(word for word, _start, _end in group),
            "tokens": [1],
            "temperature": 0.0,
            "avg_logprob": -0.1,
            "compression_ratio": 1.2,
            "no_speech_prob": 0.01,
        }
        for number, group in enumerate(groups)
    ]


@contextmanager
def transcription_server(kind: str = "timed") -> Iterator[TranscriptionServer]:
    """A running server on a free port of loopback."""
    server = TranscriptionServer(kind)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fields = _form(self.headers["Content-Type"], body)
            server.requests.append(
                {**fields, "path": self.path, "authorization": self.headers.get("Authorization", "")}
            )
            fault = server.faults.pop(0) if server.faults else ""
            if fault == "cut":
                self.close_connection = True
                self.connection.close()
                return
            if fault == "slow":
                time.sleep(1.0)
            status, kind_of, answer = _broken(fault) or server.answer(fields)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind_of)
                self.send_header("Content-Length", str(len(answer)))
                if fault == "429":
                    self.send_header("retry-after-ms", "10")
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                self.close_connection = True  # the client did not wait

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join(5)


def _broken(fault: str) -> tuple[int, str, bytes] | None:
    if fault.isdigit():
        secret = "the key sk-secret said hello my bill"
        return int(fault), "application/json", json.dumps({"error": {"message": secret}}).encode()
    return {
        "garbage": (200, "application/json", b'{"text": "hello'),
        "page": (200, "text/html", b"<html>hello</html>"),
        "odd": (200, "application/json", b'{"words": 7}'),
    }.get(fault)


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    """The parts of a multipart form; repeated names with `[]` become lists."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        value = part.get_payload(decode=True)
        if name.endswith("[]"):
            fields.setdefault(name[:-2], []).append(value.decode())
        else:
            fields[name] = value if name == "file" else value.decode()
    return fields
