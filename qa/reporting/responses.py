"""A report's file as the answer to a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from conversations.playback import in_thread
from qa.reporting.tables import TYPES

# What is read of a file at once, in bytes.
BLOCK = 64 * 1024


def file_response(request: HttpRequest, file: IO[bytes], name: str, form: str) -> StreamingHttpResponse:
    """Hand a file out in pieces, and close it. `form`: "csv" or "xlsx"."""
    blocks = _blocks(file)
    return StreamingHttpResponse(
        in_thread(blocks) if isinstance(request, ASGIRequest) else blocks,
        content_type=TYPES[form],
        # Desks are shared: the next person at this browser must not find it in a cache.
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block
