"""A receiver of webhooks on loopback: keeps what comes, answers as told, verifies with `standardwebhooks`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import transaction
from standardwebhooks import Webhook

from conversations import news
from integrations.webhooks.models import WebhookEndpoint, WebhookMessage
from integrations.webhooks.services import endpoint_create


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The message, if the secret's signature is among those it came with. Raises otherwise."""
        return Webhook(secret).verify(self.body, self.headers)

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`answers`: (status, headers) for the next requests; then `usual`. `wait`: seconds before it answers."""

    port: int = 0
    usual: int = 204
    wait: float = 0.0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/in") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer_next(self, status: int, **headers: str) -> None:
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))

    def of(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]


@contextmanager
def receiver_run() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                receiver.received.append(Received(self.path, headers, body))
                status, more = receiver.answers.pop(0) if receiver.answers else (receiver.usual, {})
            receiver.over.wait(receiver.wait)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            server.shutdown()
            thread.join()


def endpoint_for(receiver: Receiver, *events: str, path: str = "/in") -> tuple[WebhookEndpoint, str]:
    return endpoint_create(url=receiver.url(path), events=events or news.KINDS)


def told(kind: str, conversation: Any, ref: Any = None) -> WebhookMessage:
    with transaction.atomic():
        news.tell(kind=kind, conversation_id=conversation.pk, ref=ref)
    return WebhookMessage.objects.latest("id")
