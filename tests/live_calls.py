"""Live calls for tests: announced like any other, with audio in the buffer and a script in place of ears."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.ids import new_id
from conversations.live.buffer import AudioBuffer
from conversations.models import CallLedger, CallOwner, Conversation, Participant
from tenants import keys

ROOT = Path(__file__).resolve().parent.parent
RATE = 8000
CHUNK = b"\0\0" * 2 * (RATE // 10)  # 100 ms of two silent channels


def call_make(agent: Any = None, *, roles: tuple[str, ...] = ("agent", "customer")) -> tuple[UUID, bytes]:
    """Announce a call in the current schema, as the way in does, without a line. Returns its id and content key."""
    now, key = timezone.now(), keys.new_key()
    conversation = Conversation.objects.create(
        agent=agent,
        announced_at=now,
        provider_call_id=str(new_id()),
        provider_agent_id="" if agent else "7001",
    )
    for index, role in enumerate(roles):
        Participant.objects.create(
            conversation=conversation,
            role=role,
            channel_index=index,
            joined_at=now,
            user=agent if role == "agent" else None,
        )
    wrapped, version = keys.wrap(connection.schema_name, key, bound_to=f"call:{conversation.pk}")
    CallOwner.objects.create(
        conversation=conversation,
        wrapped_key=wrapped,
        key_version=version,
        audio_format={"codec": "pcm16", "sample_rate": RATE, "channels": len(roles), "roles": list(roles)},
    )
    CallLedger.objects.create(conversation=conversation, source="test", announced_at=now)
    return conversation.pk, key


async def call_play(
    schema: str,
    ident: UUID,
    key: bytes,
    *,
    seconds: float,
    first: int = 1,
    end: str = "stop",
    sound: bytes = b"",
) -> None:
    """Put audio of a call into the buffer, all at once, and announce it with its first chunk.

    Silence, or `sound`: interleaved PCM16 of the whole call. `end`: the reason given after it, "" for none yet.
    """
    client = redis.asyncio.Redis.from_url(settings.REDIS_STREAMS_URL)
    buffer = AudioBuffer(client)
    if first == 1:
        await buffer.announce(schema, ident)
    count = round(seconds * 10)
    size = len(CHUNK)
    for number in range(first, first + count):
        payload = sound[(number - 1) * size : number * size] or CHUNK
        assert await buffer.append(schema, ident, number, payload, datetime.now(UTC), key)
    if end:
        await buffer.append_end(schema, ident, end)
    await client.aclose()


def line(channel: int, start_ms: int, text: str, *, end_ms: int | None = None) -> dict[str, Any]:
    """One utterance of a script: 300 ms a word unless the end is given."""
    words = text.split()
    end = end_ms or start_ms + 300 * len(words)
    step = (end - start_ms) / max(1, len(words))
    return {
        "channel": channel,
        "start_ms": start_ms,
        "end_ms": end,
        "text": text,
        "words": [
            {
                "text": word,
                "start_ms": int(start_ms + number * step),
                "end_ms": int(start_ms + (number + 1) * step),
                "confidence": 0.9,
            }
            for number, word in enumerate(words)
        ],
    }


def test_database_url() -> str:
    """The URL of the database that this test run uses, for processes of our own."""
    parts = urlsplit(settings.DATABASE_URL)
    return urlunsplit(parts._replace(path="/" + connection.settings_dict["NAME"]))


test_database_url.__test__ = False  # type: ignore[attr-defined]


def process_environment(**extra: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": test_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


@contextmanager
def worker_process(script: Path, log: Path, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real live worker that hears `script` (a JSON file: {call id or "*": [utterances]})."""
    defaults = {
        "SPEECH_PROVIDER": "scripted",
        "SPEECH_OPTIONS": json.dumps({"path": str(script)}),
        "LIVE_CLAIM_IDLE_MS": "600",
        # A script does not follow the sound: a second lane would begin in the middle of its sentences.
        "LIVE_SECOND_LANE_SECONDS": "0",
    }
    with _process(["manage.py", "live_worker"], log, **(defaults | extra)) as process:
        yield process


@contextmanager
def celery_process(log: Path, *command: str, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery process, as operations start it: `worker` or `beat` with its options. Ended with the block."""
    with _process(["-m", "celery", "-A", "cresta_app.celery", "--quiet", *command], log, **extra) as process:
        yield process


# What a worker of Celery is started with in tests.
CELERY_WORKER = (
    *("worker", "-P", "threads", "-c", "3", "--loglevel", "warning"),
    *("--without-gossip", "--without-mingle"),
)


@contextmanager
def _process(arguments: list[str], log: Path, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments and this test's services; what it says goes into `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=process_environment(**extra),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], Any], *, seconds: float = 120, what: str = "it") -> Any:
    """Wait until `condition()` is true and return it; fail saying what did not happen."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def marks_seen() -> None:
    """Wait until the one live worker has looked at its call's marks: what was said of the call before, it knows."""

    def looks() -> int:
        with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
            return int(client.info("commandstats").get("cmdstat_xrange", {"calls": 0})["calls"])

    before = looks()
    wait_for(lambda: looks() > before, what="the worker to look at the call's marks")
