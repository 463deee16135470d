"""When Redis holds too much, sealed audio goes to the storage: nothing is dropped, nothing lies there in the clear."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import redis.asyncio as redis
from django.conf import settings
from django.core.files.storage import default_storage

from conversations.live.buffer import AudioBuffer, Outcome
from tenants import keys

SCHEMA = "spilltest"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def chunks(count: int) -> list[tuple[bytes, datetime]]:
    return [(b"spoken words %05d " % number + os.urandom(1600), NOW) for number in range(count)]


def folder(ident) -> list[str]:
    path = f"{SCHEMA}/spilled/{ident}"
    return sorted(default_storage.listdir(path)[1]) if default_storage.exists(path) else []


@pytest.fixture
def run():
    """Run a coroutine function with a fresh client."""

    def runner(work, **options):
        async def go():
            client = redis.Redis.from_url(settings.REDIS_STREAMS_URL)
            try:
                return await work(AudioBuffer(client, **options), client)
            finally:
                await client.aclose()

        return asyncio.run(go())

    return runner


def test_a_full_redis_takes_no_audio_and_nothing_is_lost(run):
    ident, key, said = uuid4(), keys.new_key(), chunks(45)

    async def work(buffer, client):
        for first in range(0, 45, 15):
            outcome, last = await buffer.append_many(
                SCHEMA, ident, first + 1, said[first : first + 15], key, line=""
            )
            assert (outcome, last) == (Outcome.STORED, first + 15)
        assert buffer.is_spilling
        assert folder(ident) == ["1-15.chunks", "16-30.chunks", "31-45.chunks"]
        with default_storage.open(f"{SCHEMA}/spilled/{ident}/1-15.chunks") as file:
            assert b"spoken words" not in file.read()
        in_redis = await client.memory_usage(f"cresta:{SCHEMA}:audio:{ident}")
        assert in_redis < sum(len(payload) for payload, _at in said)
        heard = await buffer.read(SCHEMA, ident, 0, key, None, 100)
        assert [chunk.payload for chunk in heard] == [payload for payload, _at in said]
        # From the middle of a file, as a worker that takes over reads.
        assert [each.number for each in await buffer.read(SCHEMA, ident, 20, key, None, 3)] == [21, 22, 23]
        await buffer.trim(SCHEMA, ident, 29)
        assert folder(ident) == ["16-30.chunks", "31-45.chunks"]
        await buffer.destroy(SCHEMA, ident)
        assert folder(ident) == []

    run(work, memory_bytes=1)


def test_a_long_backlog_of_one_call_spills_and_the_others_do_not(run):
    ident, key, said = uuid4(), keys.new_key(), chunks(12)

    async def work(buffer, client):
        for first in range(0, 12, 4):
            outcome, _last = await buffer.append_many(
                SCHEMA, ident, first + 1, said[first : first + 4], key, line="", limit=8
            )
            assert outcome is Outcome.STORED
        assert folder(ident) == ["9-12.chunks"]
        assert not buffer.is_spilling
        heard = await buffer.read(SCHEMA, ident, 0, key, None, 100)
        assert [chunk.payload for chunk in heard] == [payload for payload, _at in said]
        await buffer.destroy(SCHEMA, ident)

    run(work)


def test_storage_that_is_away_too_is_said_and_nothing_is_confirmed(run, monkeypatch):
    ident, key = uuid4(), keys.new_key()

    def away(*_args, **_kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(default_storage, "save", away)

    async def work(buffer, client):
        outcome, last = await buffer.append_many(SCHEMA, ident, 1, chunks(3), key, line="")
        assert (outcome, last) == (Outcome.FULL, 0)
        assert await buffer.last_number(SCHEMA, ident) == 0

    run(work, memory_bytes=1)


def test_an_answer_that_was_lost_may_be_asked_for_again(run):
    ident, key, said = uuid4(), keys.new_key(), chunks(6)

    async def work(buffer, client):
        await buffer.append_many(SCHEMA, ident, 1, said[:4], key, line="")
        outcome, last = await buffer.append_many(SCHEMA, ident, 1, said, key, line="")
        assert (outcome, last) == (Outcome.STORED, 6)
        heard = await buffer.read(SCHEMA, ident, 0, key, None, 100)
        assert [chunk.payload for chunk in heard] == [payload for payload, _at in said]
        await buffer.destroy(SCHEMA, ident)
        assert folder(ident) == []

    run(work, memory_bytes=1)


def test_marks_are_sealed_told_once_and_placed_behind_the_audio(run):
    ident, key = uuid4(), keys.new_key()

    async def work(buffer, client):
        await buffer.append_many(SCHEMA, ident, 1, chunks(7), key, line="")
        assert await buffer.append_mark(SCHEMA, ident, {"kind": "phase", "phase": "hold"}, key) == 700
        raw = await client.xrange(f"cresta:{SCHEMA}:marks:{ident}")
        assert b"hold" not in raw[0][1][b"mark"]
        marks, after = await buffer.marks(SCHEMA, ident, key)
        assert marks == [{"kind": "phase", "phase": "hold", "at_ms": 700}]
        assert await buffer.marks(SCHEMA, ident, key, after) == ([], after)
        with pytest.raises(keys.SealError):
            await buffer.marks(SCHEMA, ident, keys.new_key())
        await buffer.destroy(SCHEMA, ident)

    run(work)
