"""Request bodies and uploaded files are spooled sealed, and only so large as somebody has a use for.

Twisted (under Daphne) puts bodies of 100 kB into a temporary file, Django puts them into another, and the files of a
form into a third, all in the clear. `SealedRequest`, `SealedHandler` and `SealedUploads` take their places with
`tenants.sealed_spool`. Importing `cresta_app.asgi` installs the first; the third is named in the settings.

A body is handed from Twisted to Django as it lies, under a ticket in a header, because Daphne would otherwise read
all of it into memory. The ticket is drawn at random and works once, within this process.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from typing import IO, Any, cast

from daphne import http_protocol
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.core.handlers.asgi import ASGIHandler
from twisted.internet import reactor

from tenants.sealed_spool import SealedSpool, SpoolFull

TICKET = b"x-sealed-body"
# What does not end within this time after it was refused is cut off.
LINGER_SECONDS = 10.0
# A form's boundaries, names and fields come on top of its files.
FORM_BYTES = 1024 * 1024

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_bodies: dict[bytes, SealedSpool] = {}


def limit_for(path: str) -> int:
    """How many bytes a request to this path may have: many for uploads, few for everything else."""
    if path in {"/uploads/", "/api/v1/uploads/"}:
        return int(settings.UPLOAD_MAX_REQUEST_BYTES) + FORM_BYTES
    if path in {"/knowledge/upload/", "/api/v1/knowledge-uploads/"}:
        return int(settings.KNOWLEDGE_MAX_REQUEST_BYTES) + FORM_BYTES
    return int(settings.WEB_MAX_BODY_BYTES)


def too_large(path: str) -> bytes:
    """The answer's body: the API's error shape."""
    megabytes = limit_for(path) // (1024 * 1024)
    message = f"The request is larger than {megabytes} MB."
    return json.dumps({"error": {"code": "too_large", "message": message}}).encode()


class SealedRequest(http_protocol.WebRequest):  # type: ignore[misc]
    """Daphne's request with its body in a sealed spool, refused as soon as it is known to be too large."""

    content: Any
    refused = False
    under_way = False
    ticket = b""
    door: Any = None
    """The `upload_door.UploadDoor`, where there is one; not named by its type, as models are not there yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Twisted would read a whole form into memory for arguments that nobody asks it for.
        super().__init__(*args, **{**kwargs, "parsePOSTFormSubmission": False})

    def gotLength(self, length: int | None) -> None:
        path = self.channel._path.partition(b"?")[0].decode("latin-1")
        limit = limit_for(path)
        self.content = SealedSpool(limit=limit)
        if length is not None and length > limit:
            self._refuse(path)
        elif length != 0 and self.door is not None and self.door.guards(path):
            # Nothing more is read from the line until it is known who sends it.
            self.channel.transport.pauseProducing()
            self._asked = asyncio.get_running_loop().create_task(self._ask(path))

    async def _ask(self, path: str) -> None:
        refusal = None
        try:
            refusal = await self.door.refusal(path, self._header)
        finally:
            channel = self.channel
            if channel is not None and channel.transport is not None:
                # What had come whole with its head is the view's by now.
                if refusal is not None and not self.under_way and not self.refused:
                    self._answer(refusal.answer())
                channel.transport.resumeProducing()

    def _header(self, name: bytes) -> str:
        return b", ".join(self.requestHeaders.getRawHeaders(name) or []).decode("latin-1")

    def handleContentChunk(self, data: bytes) -> None:
        if self.refused:
            return
        try:
            self.content.write(data)
        except SpoolFull:
            self._refuse(self.channel._path.partition(b"?")[0].decode("latin-1"))

    def process(self) -> Any:
        if self.refused:
            # It has its answer; all that was left was to let the client finish saying what it wanted to.
            self.channel.transport.loseConnection()
            return None
        self.under_way = True
        self.requestHeaders.removeHeader(TICKET)
        if self.content.size:
            self.ticket = secrets.token_hex(16).encode()
            _bodies[self.ticket] = self.content
            self.requestHeaders.addRawHeader(TICKET, self.ticket)
            # Daphne reads this one to its end, and closes it.
            self.content = BytesIO()
        return super().process()

    def connectionLost(self, reason: Any) -> None:
        self._forget()
        super().connectionLost(reason)

    def finish(self) -> None:
        self._forget()
        super().finish()

    def _forget(self) -> None:
        """Drop a body that nobody fetched; one that was fetched belongs to who has it."""
        if body := _bodies.pop(self.ticket, None):
            body.close()

    def _refuse(self, path: str) -> None:
        answer = too_large(path)
        self._answer(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
        )

    def _answer(self, answer: bytes) -> None:
        """Answer before the body has come, and take nothing more of it."""
        self.refused = True
        self.content.close()
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"Expect")  # or Twisted would ask for the body after all
        # Straight to the connection: in Twisted a request answers only once its body has come.
        self.channel.transport.write(answer)
        # Closing at once would reset the connection of a client that is still sending, before it read the answer.
        cast("Any", reactor).callLater(LINGER_SECONDS, self._cut)

    def _cut(self) -> None:
        if self.channel is not None and self.channel.transport is not None:
            self.channel.transport.abortConnection()


def install(door: Any = None) -> None:
    """Have Daphne make our requests; `door` is asked before large bodies come.

    Nothing happens under another server, which hands bodies on as they come.
    """
    SealedRequest.door = door
    http_protocol.WebRequest = SealedRequest


class _WithBody:
    """`receive`, and where the request's body goes. `whole`: it is there already, and the messages are empty."""

    def __init__(self, receive: Receive, body: SealedSpool, *, whole: bool) -> None:
        self._receive = receive
        self.body = body
        self.whole = whole

    async def __call__(self) -> Message:
        return await self._receive()


class SealedHandler(ASGIHandler):
    """Django's handler with bodies in sealed spools."""

    async def handle(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = None
        for name, value in scope["headers"]:
            if name == TICKET:
                body = _bodies.pop(value, None)
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != TICKET]
        # Without one, the server hands the body on as it comes.
        receive = _WithBody(
            receive, body or SealedSpool(limit=limit_for(scope["path"])), whole=body is not None
        )
        try:
            await super().handle(scope, receive, send)
        except SpoolFull:
            answer = too_large(scope["path"])
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    def create_request(self, scope: Mapping[str, Any], body_file: Any) -> Any:
        request, refused = super().create_request(scope, body_file)
        if request is not None:
            # As it came, whatever was announced: Django reads no form whose length it was not told.
            request.META["CONTENT_LENGTH"] = str(body_file.size)
        return request, refused

    async def read_body(self, receive: Receive) -> IO[bytes]:
        """Django's hook. Raises `RequestAborted`, and `SpoolFull` for a body beyond its limit."""
        assert isinstance(receive, _WithBody)
        body = receive.body
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                if not receive.whole:
                    body.write(message.get("body", b""))
                if not message.get("more_body", False):
                    break
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return cast("IO[bytes]", body)


class SealedUploads(FileUploadHandler):
    """Files of forms, each in a sealed spool of its own."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = SealedSpool()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self.file.seek(0)
        return UploadedFile(
            cast("IO[bytes]", self.file),
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()
