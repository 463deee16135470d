"""Where sealed chunks go when Redis is full: to the storage, a file for each batch. Nothing is dropped.

A file is called after the numbers of its chunks and holds them one after another, each behind its length (four bytes,
big-endian). What it holds was sealed before with the call's key, so whoever reads the storage reads nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from redis.asyncio import Redis

from tenants import names

LOOK_EVERY_SECONDS = 1.0
# Once over its share, Redis must come well below it before audio goes there again.
RELIEF = 0.9


class Spill:
    """The files of all calls. `memory_bytes`: what Redis may hold; 0 never spills by itself."""

    def __init__(self, redis: Redis, memory_bytes: int) -> None:
        self._redis = redis
        self._memory_bytes = memory_bytes
        self.due = False
        self._looked_at = -LOOK_EVERY_SECONDS
        self._last: tuple[str, list[bytes]] = ("", [])

    async def is_due(self) -> bool:
        """Whether Redis holds too much. Looks once a second. Raises redis errors."""
        now = time.monotonic()
        if self._memory_bytes and now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = now
            used = int((await self._redis.info("memory"))["used_memory"])
            self.due = used > self._memory_bytes * (RELIEF if self.due else 1.0)
        return self.due

    async def write(
        self, schema: str, conversation_id: UUID, first: int, sealed: Sequence[bytes]
    ) -> list[str]:
        """Store a batch numbered from `first`. Returns what each chunk's entry says of its place. Raises `OSError`."""
        name = f"{first}-{first + len(sealed) - 1}"
        content = b"".join(len(each).to_bytes(4, "big") + each for each in sealed)
        # Told first: a file that nobody knows of would stay for ever.
        await self._redis.sadd(_known(schema, conversation_id), name)
        await asyncio.to_thread(_store, _path(schema, conversation_id, name), content)
        return [f"{name}:{index}" for index in range(len(sealed))]

    async def fetch(self, schema: str, conversation_id: UUID, entries: Iterable[dict[bytes, bytes]]) -> None:
        """Give entries that were spilled their audio back, in place. Raises `OSError`."""
        for fields in entries:
            if b"spilled" not in fields:
                continue
            name, _colon, index = fields[b"spilled"].decode().partition(":")
            path = _path(schema, conversation_id, name)
            if self._last[0] != path:
                self._last = path, await asyncio.to_thread(_load, path)
            fields[b"audio"] = self._last[1][int(index)]

    async def trim(self, schema: str, conversation_id: UUID, upto_number: int) -> None:
        """Remove the files of which every chunk is numbered up to `upto_number`."""
        known: Any = await self._redis.smembers(_known(schema, conversation_id))
        for each in known:
            name = each.decode()
            if int(name.partition("-")[2]) <= upto_number:
                await asyncio.to_thread(default_storage.delete, _path(schema, conversation_id, name))
                await self._redis.srem(_known(schema, conversation_id), name)

    async def forget(self, schema: str, conversation_id: UUID) -> None:
        """Remove every file of a call."""
        known: Any = await self._redis.smembers(_known(schema, conversation_id))
        for each in known:
            await asyncio.to_thread(default_storage.delete, _path(schema, conversation_id, each.decode()))
        await self._redis.delete(_known(schema, conversation_id))


def _store(path: str, content: bytes) -> None:
    # A batch that is stored again (its answer was lost) replaces the file: it holds the same numbers.
    if default_storage.exists(path):
        default_storage.delete(path)
    default_storage.save(path, ContentFile(content))


def _load(path: str) -> list[bytes]:
    with default_storage.open(path, "rb") as file:
        content = file.read()
    chunks, at = [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return chunks


def _known(schema: str, conversation_id: UUID) -> str:
    return names.redis_key(schema, "spilled", conversation_id)


def spill_folder(schema: str, conversation_id: UUID) -> str:
    return names.storage_path(schema, "spilled", conversation_id)


def _path(schema: str, conversation_id: UUID, name: str) -> str:
    return names.storage_path(schema, "spilled", conversation_id, f"{name}.chunks")
