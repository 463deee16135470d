"""The supervisor and the embedded services: they start, heal, say who runs, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from cresta_app import env
from cresta_app.stack import postgres, programs, supervisor
from cresta_app.stack.errors import ServiceError
from cresta_app.stack.ports import port_choose
from cresta_app.stack.process import Child
from cresta_app.stack.programs import MARK, Program
from cresta_app.stack.record import Folder, Record
from cresta_app.stack.services import services_down, services_remove, services_start, services_stop
from cresta_app.stack.supervisor import Options, Stack, code_stamp

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that PostgreSQL's own account can reach (pytest's are closed to others)."""
    path = Path(tempfile.mkdtemp(prefix="cresta-test-", dir="/tmp"))
    yield path
    services_remove(path)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# --- Services -------------------------------------------------------------------------------------------


def test_services_keep_their_data_and_addresses(folder: Path) -> None:
    first = services_start(folder, durable=False)
    assert services_start(folder, durable=False) == first
    with psycopg.connect(first.database_url, autocommit=True) as connection:
        assert connection.info.user == "cresta"
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'cresta'").fetchone() == (
            False,
        )
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('yes')")
    services_stop(folder)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.database_url)
    second = services_start(folder, durable=False)
    assert second.secret_key == first.secret_key
    with psycopg.connect(second.database_url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("yes",)
    assert (folder / "services.json").stat().st_mode & 0o777 == 0o600


def test_killed_services_heal(folder: Path) -> None:
    services = services_start(folder, durable=False)
    os.kill(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    os.kill(int((folder / "redis" / "redis.pid").read_text()), signal.SIGKILL)
    again = services_start(folder, durable=False)
    with psycopg.connect(again.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with redis.Redis.from_url(again.redis_url) as client:
        assert client.ping()
    assert again.secret_key == services.secret_key


def test_pid_files_that_name_a_stranger_are_not_believed(folder: Path) -> None:
    services_start(folder, durable=False)
    services_stop(folder)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        lines = [
            str(stranger.pid),
            str(folder / "postgres"),
            "1",
            "5432",
            str(folder / "postgres"),
            "",
            "0 0",
            "ready",
        ]
        (folder / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        (folder / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")
        services = services_start(folder, durable=False)
        with psycopg.connect(services.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must run PostgreSQL as somebody else")
def test_closed_folders_of_root_stay_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    away = folder / "away"
    folder.chmod(0o755)
    monkeypatch.setattr(postgres, "AWAY", away)
    services = services_start(closed / "data", durable=False)
    assert str(away) in (closed / "data" / "postgres.path").read_text()
    with psycopg.connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert closed.stat().st_mode & 0o777 == 0o700
    services_remove(closed / "data")
    assert not list(away.glob("*/postgres"))


# --- Ports ----------------------------------------------------------------------------------------------


def test_taken_port_gives_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < port_choose("127.0.0.1", port) <= port + 50
        assert port_choose("127.0.0.1", port + 1, taken=frozenset({port + 1})) > port + 1
    assert port_choose("127.0.0.1", port) == port
    assert port_choose("127.0.0.1", 0) > 1023


def test_impossible_ports_get_a_clear_word() -> None:
    with pytest.raises(ServiceError, match="is no port"):
        port_choose("127.0.0.1", 70_000)
    with pytest.raises(ServiceError, match="not an address"):
        port_choose("no.such.host.invalid", 8000)


# --- Processes ------------------------------------------------------------------------------------------


def child(code: str, said: list[str], **options: float) -> Child:
    program = Program("it", [sys.executable, "-c", code], **options)  # type: ignore[arg-type]
    return Child(program, dict(os.environ), lambda name, line: said.append(line), lambda: None)


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 what is waited for is another process
            await asyncio.sleep(0.02)


def test_crashed_process_comes_back_and_it_is_said() -> None:
    said: list[str] = []

    async def work() -> int:
        it = child("print('up', flush=True); raise SystemExit(3)", said)
        it.start()
        await until(lambda: said.count("up") >= 2)
        await it.stop()
        return it.starts

    assert asyncio.run(work()) >= 2
    assert any(re.search("ended with code 3; starting it again in 0.5 s", line) for line in said)


def test_stubborn_process_is_killed_with_all_it_started() -> None:
    said: list[str] = []
    code = (
        "import signal, subprocess, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('child', subprocess.Popen(['sleep', '60']).pid, flush=True)\n"
        "time.sleep(60)"
    )

    async def work() -> int:
        it = child(code, said, stop_seconds=0.3)
        it.start()
        await until(lambda: said)
        await it.stop()
        assert it.pid is not None
        return it.pid

    pid = asyncio.run(work())
    assert "did not end within 0.3 s; killed" in said
    for number in (pid, int(said[0].split()[1])):
        wait_for(lambda number=number: not _runs(number))


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_second_start_says_who_runs(tmp_path: Path) -> None:
    first = Folder(tmp_path)
    first.claim()
    first.write(Record(pid=4711, since=time.time(), urls=["http://localhost:8000"]))
    with pytest.raises(ServiceError, match=r"already running at http://localhost:8000 \(process 4711"):
        Folder(tmp_path).claim()
    first.release()
    Folder(tmp_path).claim()


def test_killed_supervisor_leaves_no_lock_and_its_orphans_are_ended(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from cresta_app.stack.record import Folder\n"
        "Folder(Path(sys.argv[1])).claim(); print('mine', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"mine\n"
    orphan = subprocess.Popen(["sleep", "60"], start_new_session=True)
    # Its leader is gone; only the mark in the environment says whose it is.
    leaderless = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!"],
        start_new_session=True,
        env=os.environ | {MARK: str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert leaderless.stdout is not None
    left = int(leaderless.stdout.readline())
    leaderless.wait()
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        holder.kill()
        holder.wait()
        folder = Folder(tmp_path)
        folder.claim()
        born = psutil.Process(orphan.pid).create_time()
        folder.write(
            Record(
                pid=holder.pid,
                since=time.time(),
                processes=[
                    ("web", orphan.pid, born),
                    ("worker", leaderless.pid, born),
                    ("beat", stranger.pid, born - 1000),  # the number was given to somebody else since
                ],
            )
        )
        assert folder.orphans_end() == ["web", "worker"]
        assert orphan.wait(5) == -signal.SIGKILL
        wait_for(lambda: not _runs(left))
        assert stranger.poll() is None
    finally:
        for process in (holder, orphan, stranger):
            process.kill()
            process.wait()


def test_failed_start_stops_what_it_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: Stack, *arguments: str, quiet: bool = False) -> None:
        raise ServiceError("no database today")

    monkeypatch.setattr(Stack, "command", refuse)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    stack = Stack(Options(folder=folder, web_port=0, ingest_port=0), lambda name, line: None)
    with pytest.raises(ServiceError, match="no database today"):
        asyncio.run(stack.start())
    assert not (folder / "postgres" / "postmaster.pid").exists()
    assert not (folder / "redis" / "redis.pid").exists()
    assert not (folder / "run.json").exists()
    assert not (folder / "prepared").exists()


def test_killed_services_come_back_and_it_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the same addresses, which the processes beside them still hold."""

    async def nothing(self: Stack) -> None:
        return None

    monkeypatch.setattr(Stack, "_prepare", nothing)
    monkeypatch.setattr(supervisor, "programs", lambda *_args, **_named: [])
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    said: list[str] = []
    stack = Stack(Options(folder=folder, web_port=0, ingest_port=0), lambda name, line: said.append(line))

    async def run() -> None:
        await stack.start()
        services = services_start(folder)
        for name in ("postgres/postmaster.pid", "redis/redis.pid"):
            os.kill(int((folder / name).read_text().split()[0]), signal.SIGKILL)
        await until(
            lambda: all(any(f"{name} " in line for line in said[1:]) for name in ("PostgreSQL", "Redis"))
        )
        await until(lambda: not services_down(folder))
        assert services_start(folder) == services
        with psycopg.connect(services.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with redis.Redis.from_url(services.redis_url) as client:
            assert client.ping()
        await stack.stop()

    asyncio.run(run())
    assert services_down(folder) == ["PostgreSQL", "Redis"]


def test_what_only_some_need_is_started_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beside() -> list[list[str]]:
        found = programs.programs(tmp_path, listen="127.0.0.1", web_port=1, ingest_port=2)
        return [each.argv[2:] for each in found if each.name.startswith(("kvs", "five9"))]

    assert beside() == []
    monkeypatch.setattr(programs, "KVS_READERS", 2)
    monkeypatch.setattr(programs, "FIVE9_LISTEN", "0.0.0.0:8002")
    assert beside() == [["kvs_reader"], ["kvs_reader"], ["five9_gateway", "--listen", "0.0.0.0:8002"]]


def test_long_work_runs_behind_everything_else(tmp_path: Path, settings: Any) -> None:
    found = programs.programs(tmp_path, listen="127.0.0.1", web_port=1, ingest_port=2)
    argv = next(each.argv for each in found if each.name == "background")
    assert argv[:3] == ["nice", "-n", "10"]
    assert argv[argv.index("-Q") + 1] == "background"
    assert argv[argv.index("-c") + 1] == str(settings.BACKGROUND_WORKERS)
    assert {each["queue"] for each in settings.CELERY_TASK_ROUTES.values()} == {"background"}
    # The other worker takes none of it.
    assert "-Q" not in next(each.argv for each in found if each.name == "worker")


def test_changed_migrations_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BASE_DIR", tmp_path)
    migration = tmp_path / "room" / "migrations" / "0001_initial.py"
    migration.parent.mkdir(parents=True)
    migration.write_text("one")
    before = code_stamp(demo=False)
    assert code_stamp(demo=True) != before
    migration.write_text("two")
    assert code_stamp(demo=False) != before


# --- Settings -------------------------------------------------------------------------------------------


def test_env_example_lists_every_setting_with_its_default() -> None:
    shown = dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert shown == env.REGISTRY


def test_every_setting_is_explained() -> None:
    told = "".join(path.read_text() for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
    assert not [name for name in env.REGISTRY if not re.search(rf"\b{name}\b", told)]


def test_a_program_whose_children_outlive_it_is_noticed_and_they_are_ended(tmp_path: Path) -> None:
    """A server with workers: killed, it leaves them holding its output, and asyncio says nothing of its end."""
    left = tmp_path / "left"
    script = f"sleep 60 & echo $! > {left}; exec sleep 60"

    async def run() -> tuple[int, int]:
        said: list[str] = []
        child = Child(
            Program("parent", ["bash", "-c", script]),
            dict(os.environ),
            lambda _name, line: said.append(line),
            lambda: None,
        )
        child.start()
        while not left.exists() or not left.read_text():  # noqa: ASYNC110 - a file tells of no event
            await asyncio.sleep(0.05)
        orphan = int(left.read_text())
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while child.starts < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await child.stop()
        return orphan, child.starts

    orphan, starts = asyncio.run(run())
    assert starts == 2
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
