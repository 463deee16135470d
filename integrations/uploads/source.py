"""The audio of an uploaded file, as the way of a live call reads it: numbered chunks, from any number on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from conversations.live import ending
from conversations.live.buffer import Chunk
from engines.speech.decoding import chunks

READ_AHEAD = 50


class FileAudio:
    """A file that is decoded as it is read. `total`: how many chunks it has; decoding it again gives the same ones.

    One reader, in order; whoever begins further on waits until what lies before is decoded. `read` raises what
    decoding and reading the file raise.
    """

    def __init__(self, file: BinaryIO, *, total: int, max_seconds: int) -> None:
        self._file = file
        self._total = total
        self._max_seconds = max_seconds
        self._pieces: Iterator[bytes] = iter(())
        self._at = -1  # no reading yet

    async def read(self, after: int) -> list[Chunk]:
        return await asyncio.to_thread(self._read, after)

    def _read(self, after: int) -> list[Chunk]:
        if self._at != after:
            self._pieces = chunks(self._file, max_seconds=self._max_seconds)
            self._at = 0
            while self._at < after and next(self._pieces, None) is not None:
                self._at += 1
        now = datetime.now(UTC)
        found: list[Chunk] = []
        while len(found) < READ_AHEAD:
            piece = next(self._pieces, None)
            if piece is None:
                found.append(Chunk(self._at + 1, now, b"", ending.STOP))
                break
            self._at += 1
            found.append(Chunk(self._at, now, piece, ""))
        return found

    async def last(self) -> tuple[int, bool]:
        return self._total, True

    async def marks(self) -> list[Any]:
        return []

    async def alive(self) -> bool:
        return True

    async def end(self, reason: str) -> None:
        """A file ends by itself."""

    async def trim(self, upto_number: int) -> None:
        """The file is needed whole until its call is done."""
