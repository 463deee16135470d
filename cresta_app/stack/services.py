"""The embedded PostgreSQL and Redis, from wheels, for a machine that has neither.

Both keep their data under one folder. Starting is idempotent: what runs is used, what a `kill -9` left behind
is healed. `services.json` in the folder (mode 0600) tells our processes where they listen.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cresta_app.stack.errors import ServiceError
from cresta_app.stack.postgres import postgres_remove, postgres_runs, postgres_start, postgres_stop
from cresta_app.stack.redis_server import free_port, redis_runs, redis_start, redis_stop

__all__ = [
    "ServiceError",
    "Services",
    "free_port",
    "services_down",
    "services_remove",
    "services_start",
    "services_stop",
]


@dataclass(frozen=True)
class Services:
    """Where things listen, and the secret key of this installation."""

    database_url: str
    redis_url: str
    secret_key: str


def services_start(
    folder: Path, *, durable: bool = True, database: bool = True, redis: bool = True
) -> Services:
    """Start both (or find them running), prepare the database. `durable=False` trades safety for test speed.

    One that is not wanted, because a URL in the environment names another, has an empty URL in the result.
    Raises `ServiceError`. Two callers at once wait for each other.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # For root PostgreSQL runs as another user below this folder, which it may pass but not list.
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    with _alone(folder):
        known = _read(folder)
        services = Services(
            database_url=postgres_start(folder / "postgres", durable=durable) if database else "",
            redis_url=redis_start(folder / "redis", known.redis_url if known else None, durable=durable)
            if redis
            else "",
            secret_key=known.secret_key if known else secrets.token_urlsafe(48),
        )
        if services != known:
            _write(folder, services)
    return services


def services_down(folder: Path, *, database: bool = True, redis: bool = True) -> list[str]:
    """The names of those that should run and do not. Looks at processes only, so it may be asked often."""
    folder = folder.resolve()
    down = []
    if database and not postgres_runs(folder / "postgres"):
        down.append("PostgreSQL")
    if redis and not redis_runs(folder / "redis"):
        down.append("Redis")
    return down


def services_stop(folder: Path) -> None:
    """Stop both. Says nothing when they do not run."""
    folder = folder.resolve()
    if folder.is_dir():
        with _alone(folder), ThreadPoolExecutor(2) as threads:
            stops = [
                threads.submit(redis_stop, folder / "redis"),
                threads.submit(postgres_stop, folder / "postgres"),
            ]
            for stop in stops:
                stop.result()


def services_remove(folder: Path) -> None:
    """Stop both and delete the folder with all data."""
    services_stop(folder)
    postgres_remove(folder.resolve() / "postgres")
    shutil.rmtree(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; it goes with the process that held it."""
    with (folder / "services.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(folder: Path) -> Services | None:
    path = folder / "services.json"
    return Services(**json.loads(path.read_text())) if path.is_file() else None


def _write(folder: Path, services: Services) -> None:
    draft = folder / "services.json.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(services), file)
    draft.replace(folder / "services.json")
