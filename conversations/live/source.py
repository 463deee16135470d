"""Where a call's audio comes from: the buffer that its line fills, or a file that was uploaded."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from conversations.live.buffer import AudioBuffer, Chunk, Mark

READ_AHEAD = 50
BLOCK_MS = 500


class AudioSource(Protocol):
    """One call's chunks (see `buffer`), in order, from any number on."""

    async def read(self, after: int) -> list[Chunk]:
        """The next chunks numbered above `after`; waits about half a second for one. The last says why it ended."""

    async def last(self) -> tuple[int, bool]:
        """The number of the last chunk of audio so far, and whether the call has ended."""

    async def marks(self) -> list[Mark]:
        """What has happened to the call since this was asked last; everything, the first time."""

    async def alive(self) -> bool:
        """Whether more may come: a line is attached, or the file is not at its end."""

    async def end(self, reason: str) -> None:
        """Say that the call is over, where nobody else did."""

    async def trim(self, upto_number: int) -> None:
        """Let go of chunks up to this number: they are transcribed and recorded."""


class BufferedAudio:
    """The audio of a live call in the Redis buffer, opened with its key."""

    def __init__(self, buffer: AudioBuffer, schema: str, conversation_id: UUID, key: bytes) -> None:
        self._buffer = buffer
        self._schema = schema
        self._ident = conversation_id
        self._key = key
        self._marked = "0"

    async def read(self, after: int) -> list[Chunk]:
        return await self._buffer.read(
            self._schema, self._ident, after=after, key=self._key, block_ms=BLOCK_MS, count=READ_AHEAD
        )

    async def last(self) -> tuple[int, bool]:
        return await self._buffer.audio_end(self._schema, self._ident)

    async def marks(self) -> list[Mark]:
        found, self._marked = await self._buffer.marks(self._schema, self._ident, self._key, self._marked)
        return found

    async def alive(self) -> bool:
        return await self._buffer.line_alive(self._schema, self._ident)

    async def end(self, reason: str) -> None:
        await self._buffer.append_end(self._schema, self._ident, reason)

    async def trim(self, upto_number: int) -> None:
        await self._buffer.trim(self._schema, self._ident, upto_number)
