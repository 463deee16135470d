"""Which processes make up a running installation, how each is started, and in which order they stop."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cresta_app import env
from tenants.queues import BACKGROUND

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Marks our processes in their environment, so that a later start can tell them from others with the same number.
MARK = "CRESTA_STACK"
# One process of the way in uses one core at most; on two cores two were better than one (docs/benches.md).
INGEST_PROCESSES = env.integer("INGEST_PROCESSES", 2, minimum=1)
# Processes for long work that nobody waits for, such as history scored anew. Each uses one core when nobody else does.
BACKGROUND_WORKERS = env.integer("BACKGROUND_WORKERS", 2, minimum=1)
# What only some installations need: readers of Amazon Connect's audio, and the address where Five9's comes in.
KVS_READERS = env.integer("KVS_READERS", 0, minimum=0)
FIVE9_LISTEN = env.text("FIVE9_LISTEN", "")


@dataclass(frozen=True)
class Program:
    """One process. `stop_rank`: lower stops earlier. `stop_seconds`: how long it may take to end by itself."""

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    port: int | None = None
    stop_rank: int = 0
    stop_seconds: float = 4.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What every process of ours is started with."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cresta_app.settings",
        "PYTHONUNBUFFERED": "1",
        # Static files come from where they lie, and messages hold JSON alone (Celery fears for pickles as root).
        "PYTHONWARNINGS": "ignore:No directory at,ignore:You're running the worker with superuser",
        "DATA_DIR": str(folder),
        MARK: str(folder),
        **more,
    }


def manage(*arguments: str) -> list[str]:
    """The command line of one of our management commands."""
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


def programs(folder: Path, *, listen: str, web_port: int, ingest_port: int) -> list[Program]:
    """Everything that runs beside the database and Redis."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "cresta_app.celery", "--quiet"]
    return [
        Program(
            "web",
            [
                python,
                "-m",
                "cresta_app.web",
                "-v",
                "0",
                "-b",
                listen,
                "-p",
                str(web_port),
                "cresta_app.asgi:application",
            ],
            env={"DATABASE_POOL_SIZE": "12"},
            port=web_port,
            stop_rank=1,
        ),
        Program(
            "ingest",
            [
                *(python, "-m", "uvicorn", "cresta_app.ingest:application"),
                *("--host", listen, "--port", str(ingest_port)),
                *("--ws", "cresta_app.ingest:AudioProtocol", "--log-level", "warning", "--no-access-log"),
                *("--timeout-graceful-shutdown", "2"),
                # They share one socket. Who is busy for a while is not dead: its calls would be cut off.
                *("--workers", str(INGEST_PROCESSES), "--timeout-worker-healthcheck", "60"),
            ],
            port=ingest_port,
            stop_rank=0,  # first, so that no new audio comes in; clients keep what was not acknowledged
        ),
        Program("live", manage("live_worker"), stop_rank=2),
        Program(
            "worker",
            # Threads: the jobs wait for the database most of the time, a sample call that plays for two minutes
            # holds up none of them, and one process of 100 MB does what three would.
            [
                *(*celery, "worker", "-P", "threads", "-c", "6", "--loglevel", "info"),
                *("--without-gossip", "--without-mingle"),
            ],
            stop_rank=2,
        ),
        Program(
            "background",
            # Processes, as it is work for the processor, and behind everybody else: pages and calls come first.
            [
                *("nice", "-n", "10", *celery, "worker", "-Q", BACKGROUND, "-n", "background@%h"),
                *("-P", "prefork", "-c", str(BACKGROUND_WORKERS), "--loglevel", "info"),
                *("--without-gossip", "--without-mingle"),
            ],
            stop_rank=2,
            stop_seconds=8.0,  # what it has in hand takes five
        ),
        Program(
            "beat",
            [*celery, "beat", "-s", str(folder / "beat-schedule"), "--pidfile=", "--loglevel", "warning"],
            stop_rank=1,
        ),
        *(Program(f"kvs{number}", manage("kvs_reader"), stop_rank=0) for number in range(KVS_READERS)),
        *(
            [Program("five9", manage("five9_gateway", "--listen", FIVE9_LISTEN), stop_rank=0)]
            if FIVE9_LISTEN
            else []
        ),
    ]
