"""An installation to be measured: database, Redis, one company and the stack's own processes, gone when it is closed.

Everything is durable and set as in production (`cresta_app.stack`). Django is set up in this process on the way.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from bench.report import Unmeasured, say
from cresta_app.stack.errors import ServiceError
from cresta_app.stack.programs import BASE_DIR, Program, environment, manage, programs
from cresta_app.stack.services import free_port, services_remove, services_start

START_SECONDS = 180.0
TICK_SECONDS = 0.5


class House:
    """The installation. Made by `house_open`."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, secret_key: str) -> None:
        self.folder = folder
        self.database_url, self.redis_url, self.secret_key = database_url, redis_url, secret_key
        self.schema = f"bench{secrets.token_hex(4)}"
        self.host = f"{self.schema}.localhost"
        self.ingest_port, self.web_port = free_port(), free_port()
        self.running: dict[str, psutil.Popen] = {}
        self._programs = {
            each.name: each
            for each in programs(
                folder, listen="127.0.0.1", web_port=self.web_port, ingest_port=self.ingest_port
            )
        }

    @property
    def ingest_url(self) -> str:
        return f"ws://127.0.0.1:{self.ingest_port}"

    def environment(self) -> dict[str, str]:
        return environment(
            self.folder,
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis_url,
            SECRET_KEY=self.secret_key,
            INGEST_URL=self.ingest_url,
            WEB_URL=f"http://{self.host}:{self.web_port}",
            LOG_LEVEL="WARNING",
        )

    # --- Processes --------------------------------------------------------------------------------------

    def program(self, name: str) -> Program:
        """As the stack starts it."""
        return self._programs[name]

    def start(self, program: Program) -> None:
        """Start a program of ours; what it says goes to a log in the folder."""
        with (self.folder / f"{program.name}.log").open("ab") as log:
            self.running[program.name] = psutil.Popen(
                program.argv,
                cwd=BASE_DIR,
                env={**self.environment(), **program.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_ingest(self, processes: int, notes: Path) -> None:
        """Start the way in (0: as many processes as the stack has), wrapped by one that notes what was stored.

        `ingest_ready` waits for it.
        """
        ingest = self.program("ingest")
        argv = [
            "bench.ingest_app:application" if "cresta_app.ingest:app" in each else each
            for each in ingest.argv
        ]
        argv = _with_workers(argv, processes)
        self.start(replace(ingest, argv=argv, env={**ingest.env, "BENCH_NOTES": str(notes)}))

    def ingest_ready(self) -> None:
        self.until(lambda: listens(self.ingest_port), "the way in")

    def start_live(self, name: str, **env: str) -> None:
        """Start a live worker; `live_ready` waits until it takes calls."""
        self.start(Program(name, manage("live_worker"), env={"LOG_LEVEL": "INFO", **env}))

    def live_ready(self, name: str) -> None:
        self.until(lambda: "worker.ready" in self.said(name), "a live worker")

    def web_ready(self) -> None:
        self.until(lambda: listens(self.web_port), "the web server")

    def said(self, name: str) -> str:
        """What a program has written so far."""
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace") if log.is_file() else ""

    def until(self, condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
        """Wait for a condition. Raises `Unmeasured` when it takes too long or a program has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise Unmeasured(f"{what} did not come up within {seconds:g} s")
            time.sleep(0.05)

    def check(self) -> None:
        """Raise `Unmeasured` when a program has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                last = "\n".join(self.said(name).splitlines()[-15:])
                raise Unmeasured(f"{name} ended with {process.returncode}; its last words:\n{last}")

    def close(self) -> None:
        """Ask all programs to end, then make them."""
        ending, self.running = self.running, {}
        for process in ending.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for name, process in ending.items():
            try:
                process.wait(15)
            except psutil.TimeoutExpired:
                say(f"{name} did not end by itself")
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def forget_calls(self) -> None:
        """Empty our Redis, so that nobody takes up the calls of a part of the bench that is over."""
        import redis

        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    # --- What they use ----------------------------------------------------------------------------------

    def groups(self) -> dict[str, list[psutil.Process]]:
        """Our processes by what they do: ingest, live, web, redis, postgres."""
        found: dict[str, list[psutil.Process]] = {}
        for name, process in self.running.items():
            kind = name.partition("-")[0]
            with suppress(psutil.NoSuchProcess):
                found.setdefault(kind, []).extend([process, *process.children(recursive=True)])
        for kind, pidfile in (("redis", "redis/redis.pid"), ("postgres", "postgres/postmaster.pid")):
            with suppress(OSError, ValueError, psutil.Error):
                master = psutil.Process(int((self.folder / pidfile).read_text().split()[0]))
                found[kind] = [master, *master.children(recursive=True)]
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used so far, by what it was used for."""
        used: dict[str, float] = {}
        for kind, processes in self.groups().items():
            for process in processes:
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    # With those that have ended: each connection is a process of PostgreSQL's.
                    over = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
                    used[kind] = used.get(kind, 0.0) + times.user + times.system + over
        return used

    def waited_seconds(self) -> dict[str, float]:
        """How long our processes were ready and had no core, by what they do; {} where the system does not say."""
        waited: dict[str, float] = {}
        for kind, processes in self.groups().items():
            for process in processes:
                with suppress(OSError, ValueError):
                    tasks = Path(f"/proc/{process.pid}/task").iterdir()
                    delays = [int((task / "schedstat").read_text().split()[1]) for task in tasks]
                    waited[kind] = waited.get(kind, 0.0) + sum(delays) / 1e9
        return waited

    def memory_kb(self) -> dict[str, float]:
        """Resident memory of the way in and the live workers, and what Redis says that it uses."""
        import redis

        used = {"ingest": 0.0, "live": 0.0}
        for kind, processes in self.groups().items():
            if kind in used:
                for process in processes:
                    with suppress(psutil.Error):
                        used[kind] += process.memory_info().rss / 1024
        with redis.Redis.from_url(self.redis_url) as client:
            used["redis"] = client.info("memory")["used_memory"] / 1024
        return used


def _with_workers(argv: list[str], processes: int) -> list[str]:
    """The same command with another number of processes; 0 leaves the stack's own."""
    if not processes:
        return argv
    at = argv.index("--workers") + 1
    return [*argv[:at], str(processes), *argv[at + 1 :]]


def listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def house_open(database_url: str = "", **env: str) -> Iterator[House]:
    """An installation with one company. Raises `Unmeasured`.

    `database_url`: a database that is prepared, to be used instead of one of our own. `env`: settings of all processes.
    """
    folder = Path(tempfile.mkdtemp(prefix="cresta-bench-"))
    try:
        say("starting Redis" if database_url else "starting PostgreSQL and Redis")
        services = services_start(folder, database=not database_url)
        house = House(folder, services.database_url or database_url, services.redis_url, services.secret_key)
        _django_setup(house, env)
        try:
            with (folder / "prepare.log").open("w") as log, redirect_stdout(log):
                _company_make(house, prepared=bool(database_url))
            yield house
        finally:
            house.close()
            if database_url:
                _company_remove(house)
    except ServiceError as error:
        raise Unmeasured(str(error)) from error
    finally:
        services_remove(folder)


def _django_setup(house: House, env: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("REDIS_") or name == "KEY_FILE"]:
        del os.environ[name]
    os.environ.update(env)
    os.environ.update(house.environment())
    import django

    django.setup()


def _company_make(house: House, *, prepared: bool) -> None:
    from django.conf import settings

    from tenants.services import platform_prepare, tenant_create

    if not prepared:
        say("preparing the database")
        platform_prepare(domain=settings.PLATFORM_DOMAIN)
    tenant_create(schema=house.schema, name="Bench", domain=house.host)


def _company_remove(house: House) -> None:
    from django.db import connection
    from psycopg import sql

    from tenants.models import Domain, Tenant, TenantKey
    from tenants.scope import PUBLIC, schema_scope

    with schema_scope(PUBLIC):
        tenant = Tenant.objects.filter(schema_name=house.schema).first()
        if tenant is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(house.schema)))
        TenantKey.objects.filter(tenant=tenant).delete()
        Domain.objects.filter(tenant=tenant).delete()
        Tenant.objects.filter(pk=tenant.pk).delete()
    connection.close()


def spread(values: dict[str, Any], digits: int = 3) -> dict[str, Any]:
    """The same, rounded, for people to read."""
    return {name: round(value, digits) for name, value in values.items()}
