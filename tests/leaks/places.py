"""Where anything could be left, as text: PostgreSQL, Redis, files, logs. Each gives pairs of a place and its text."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.contrib.sessions.models import Session

from cresta_app.stack.postgres import _wheel_binaries
from tests.live_calls import test_database_url

Found = Iterator[tuple[str, str]]

LARGE = 64 * 1024 * 1024


def databases() -> tuple[str, ...]:
    """The addresses of all of Redis' databases that we use."""
    return (
        settings.REDIS_STREAMS_URL,
        settings.REDIS_LAYER_URL,
        settings.REDIS_BROKER_URL,
        settings.REDIS_CACHE_URL,
    )


# --- PostgreSQL -----------------------------------------------------------------------------------------


def postgres() -> Found:
    """Every table of every schema as `pg_dump` writes it, and what its columns hold packed."""
    program = _wheel_binaries() / "pg_dump"
    if not os.access(program, os.X_OK):
        program = Path("pg_dump")
    dumped = subprocess.run(
        [str(program), "--data-only", "--no-owner", test_database_url()], check=True, capture_output=True
    ).stdout.decode()
    table = ""
    rows: list[str] = []
    for line in dumped.splitlines():
        if line.startswith("COPY "):
            table, rows = line.split()[1], []
        elif line == "\\.":
            yield f"postgresql {table}", "\n".join(rows)
            table = ""
        elif table:
            rows.append(line)


def sessions() -> Found:
    """Sessions are signed and packed in their table. In the current schema."""
    for row in Session.objects.all():
        yield "postgresql django_session", repr(row.get_decoded())


# --- Redis ------------------------------------------------------------------------------------------------


def _value(client: Any, name: bytes) -> Any:
    return {
        b"none": lambda _name: b"",
        b"string": client.get,
        b"stream": client.xrange,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }[client.type(name)](name)


_PACKED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def unpacked(text: str) -> str:
    """`text`, and behind it what its pieces of base64 hold: Celery's messages are such."""
    parts = [text]
    for piece in _PACKED.findall(text):
        try:
            parts.append(base64.b64decode(piece + "=" * (-len(piece) % 4)).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return "\n".join(parts)


def redis_keys() -> Found:
    """Every key of every database with its value, whatever its type."""
    for url in databases():
        with redis.Redis.from_url(url) as client:
            for name in client.scan_iter():
                place = "broker" if url == settings.REDIS_BROKER_URL else "redis"
                yield f"{place} {name!r}", unpacked(f"{name!r} {_value(client, name)!r}")


class Listener:
    """Keeps all that is published while a test runs: what browsers' sockets are fed from."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._listen, args=(url,)) for url in set(databases())]

    def _listen(self, url: str) -> None:
        with redis.Redis.from_url(url) as client, client.pubsub() as channel:
            channel.psubscribe("*")
            self._ready.release()
            while not self._over.is_set():
                message = channel.get_message(timeout=0.1)
                if message is not None and message["type"] == "pmessage":
                    self.heard.append(f"{message['channel']!r} {message['data']!r}")

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        self._ready = threading.Semaphore(0)
        for thread in self._threads:
            thread.start()
        for _thread in self._threads:
            assert self._ready.acquire(timeout=10)
        try:
            yield self
        finally:
            time.sleep(0.2)
            self._over.set()
            for thread in self._threads:
                thread.join()

    def found(self) -> Found:
        for message in self.heard:
            yield "published", unpacked(message)


# --- Files ------------------------------------------------------------------------------------------------


def files(*folders: Path, since: float) -> Found:
    """Every file below that was written since then. PostgreSQL's own tables are read by `postgres` instead."""
    for folder in folders:
        for path in folder.rglob("*"):
            if {"base", "pg_wal", "pg_xact", "global"} & set(path.relative_to(folder).parts):
                continue
            try:
                if path.is_file() and path.stat().st_mtime >= since and path.stat().st_size < LARGE:
                    yield f"file {path.name}", path.read_bytes().decode("latin-1")
            except OSError:
                continue


def pretty(body: bytes) -> str:
    """An answer's text: JSON without its escapes, everything else as it is."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body.decode(errors="replace")
