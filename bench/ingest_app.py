"""The way in as it is, with a note of each chunk that was stored; only for the bench.

Notes go to a file per process in the folder `BENCH_NOTES`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.notes import CHUNK

# First of ours: it sets Django up.
from cresta_app.ingest import application as _application
from cresta_app.ingest import lines

from conversations.live.buffer import AudioBuffer, Outcome  # isort: skip


class NotedBuffer(AudioBuffer):
    """The buffer of `buffer`, which notes what was stored."""

    def __init__(self, buffer: AudioBuffer, path: Path) -> None:
        self.__dict__.update(buffer.__dict__)
        self._notes = path.open("ab", buffering=1 << 16)

    async def append_many(
        self,
        schema: str,
        conversation_id: UUID,
        first: int,
        chunks: Sequence[tuple[bytes, datetime]],
        key: bytes,
        **how: Any,
    ) -> tuple[Outcome, int]:
        answer = await super().append_many(schema, conversation_id, first, chunks, key, **how)
        if answer[0] is Outcome.STORED:
            now, clock = time.time(), time.monotonic()
            for number, (_payload, heard_at) in enumerate(chunks, first):
                self._notes.write(
                    CHUNK.pack(conversation_id.bytes, number, now - heard_at.timestamp(), clock)
                )
        return answer

    def close(self) -> None:
        self._notes.close()


noted = NotedBuffer(lines.buffer, Path(os.environ["BENCH_NOTES"]) / f"{os.getpid()}.notes")
lines.buffer = noted


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI: what `cresta_app.ingest` is."""
    await _application(scope, receive, send)
    if scope["type"] == "lifespan":
        noted.close()
