"""Starts, watches and stops a whole installation on one machine: services, then our processes.

Knows nothing of Django beyond commands to run, so that it is up at once and stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from cresta_app import env
from cresta_app.stack.errors import ServiceError
from cresta_app.stack.ports import port_choose
from cresta_app.stack.process import Child, Say, group_end
from cresta_app.stack.programs import BASE_DIR, environment, manage, programs
from cresta_app.stack.record import Folder, Record
from cresta_app.stack.services import Services, services_down, services_start, services_stop

LISTEN = env.text("LISTEN", "127.0.0.1")
WEB_PORT = env.integer("WEB_PORT", 8000, minimum=0)
INGEST_PORT = env.integer("INGEST_PORT", 8001, minimum=0)
HEALTHY_SECONDS = 60.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What to run. Ports: the wanted one, the next free one is taken; 0 means any. `demo`: provision the companies."""

    folder: Path
    listen: str = LISTEN
    web_port: int = WEB_PORT
    ingest_port: int = INGEST_PORT
    demo: bool = True
    demo_arguments: tuple[str, ...] = ()


class Stack:
    """One running installation in one data folder. `say(name, line)` is told all that is worth reading."""

    def __init__(self, options: Options, say: Say) -> None:
        self.options = options
        self.web_port = options.web_port
        self.ingest_port = options.ingest_port
        self.children: list[Child] = []
        self._say = say
        self._folder = Folder(options.folder.resolve())
        self._record = Record(pid=os.getpid(), since=time.time())
        self._database = not os.environ.get("DATABASE_URL")
        self._redis = not os.environ.get("REDIS_URL")
        self._minding: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        return self._folder.path

    @property
    def reach(self) -> str:
        """An address of this machine at which the processes answer, for a listen address that means all."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.options.listen, self.options.listen)  # noqa: S104

    @property
    def ingest_url(self) -> str:
        return f"ws://{self.reach_host}:{self.ingest_port}"

    @property
    def reach_host(self) -> str:
        """`reach` as it stands in a URL."""
        return f"[{self.reach}]" if ":" in self.reach else self.reach

    def environment(self) -> dict[str, str]:
        """What a command that works with this installation is started with."""
        return environment(
            self.folder,
            INGEST_URL=os.environ.get("INGEST_URL") or self.ingest_url,
            WEB_URL=os.environ.get("WEB_URL") or f"http://{self.reach_host}:{self.web_port}",
        )

    async def start(self) -> None:
        """Bring everything up and wait until it answers. Raises `ServiceError`; what was started is stopped then."""
        self._folder.claim()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        for name in self._folder.orphans_end():
            self._say("stack", f"ended {name}, left over from a run that was killed")
        self._choose_ports()
        self._record.urls = [f"http://localhost:{self.web_port}"]
        self._note()
        names = [name for name, ours in (("PostgreSQL", self._database), ("Redis", self._redis)) if ours]
        if names:
            self._say("stack", f"starting {' and '.join(names)}")
        # Called without any, too: the folder also keeps the secret key.
        services = await self._services_start()
        await self._prepare()
        for program in programs(
            self.folder, listen=self.options.listen, web_port=self.web_port, ingest_port=self.ingest_port
        ):
            child = Child(program, self.environment(), self._say, self._note)
            self.children.append(child)
            child.start()
        self._minding = asyncio.create_task(self._mind(services), name="services")
        await asyncio.gather(*(self._answers(child) for child in self.children if child.program.port))

    def _choose_ports(self) -> None:
        wanted = self.options
        self.web_port = port_choose(wanted.listen, wanted.web_port)
        self.ingest_port = port_choose(wanted.listen, wanted.ingest_port, taken=frozenset({self.web_port}))
        for name, asked, got in (
            ("pages are", wanted.web_port, self.web_port),
            ("audio is", wanted.ingest_port, self.ingest_port),
        ):
            if asked not in (0, got):
                self._say("stack", f"port {asked} is taken, so {name} on {got}")

    # --- Database ---------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Migrate and provision, unless nothing has changed since that was done in this folder."""
        stamp_file = self.folder / "prepared"
        stamp = await asyncio.to_thread(code_stamp, self.options.demo)
        known = stamp_file.read_text() if stamp_file.is_file() else ""
        if self._database and known == stamp and await asyncio.to_thread(self._has_tables):
            return
        self._say("stack", "preparing the database")
        await self.command("prepare", quiet=True)
        if self.options.demo:
            self._say("stack", "making the demo companies (the first time takes a moment)")
            # A line for each of a hundred past calls tells nobody anything.
            await self.command("provision_demo", *self.options.demo_arguments, LOG_LEVEL="WARNING")
        stamp_file.write_text(stamp)

    def _has_tables(self) -> bool:
        """Whether the database is the one that was prepared, not a new one in its place."""
        services = services_start(self.folder, database=True, redis=self._redis)
        with psycopg.connect(services.database_url) as connection:
            row = connection.execute("SELECT to_regclass('public.tenants_domain')").fetchone()
        return row is not None and row[0] is not None

    async def command(self, *arguments: str, quiet: bool = False, **env: str) -> None:
        """Run one of our management commands to its end; `quiet` passes its lines on only if it fails.

        Raises `ServiceError` if it fails.
        """
        kept: list[str] = []
        process = await asyncio.create_subprocess_exec(
            *manage(*arguments),
            cwd=BASE_DIR,
            env=self.environment() | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                words = line.decode(errors="replace").rstrip("\n")
                if quiet:
                    kept.append(words)
                else:
                    self._say(arguments[0], words)
            code = await process.wait()
        finally:
            if process.returncode is None:  # we were told to stop
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code:
            for words in kept:
                self._say(arguments[0], words)
            raise ServiceError(f"`manage.py {arguments[0]}` failed; its last lines are above")

    # --- Running ----------------------------------------------------------------------------------------

    async def _services_start(self) -> Services:
        return await asyncio.to_thread(
            services_start, self.folder, database=self._database, redis=self._redis
        )

    async def _mind(self, services: Services) -> None:
        """Start PostgreSQL or Redis again when it dies, as any other process of ours; the others wait meanwhile."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            down = await asyncio.to_thread(
                services_down, self.folder, database=self._database, redis=self._redis
            )
            if not down:
                continue
            self._say("stack", f"{' and '.join(down)} ended; starting it again")
            try:
                again = await self._services_start()
            except (ServiceError, psycopg.Error, OSError) as error:
                self._say("stack", f"that failed: {error}")
                continue
            if again != services:
                # Its port was taken meanwhile. Processes read the new address when they start.
                services = again
                for child in self.children:
                    if child.pid is not None:
                        group_end(child.pid)

    def _note(self) -> None:
        self._record.processes = [
            (child.program.name, child.pid, child.created)
            for child in self.children
            if child.pid is not None and child.created is not None
        ]
        self._folder.write(self._record)

    async def _answers(self, child: Child) -> None:
        """Wait until the child's port takes connections."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline:
            try:
                _reader, writer = await asyncio.open_connection(self.reach, child.program.port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return
        raise ServiceError(
            f"{child.program.name} does not answer after {HEALTHY_SECONDS:g} s; its lines are above"
        )

    async def stop(self) -> None:
        """Stop everything in order. Safe to call at any time, and twice."""
        if self._minding is not None:
            self._minding.cancel()
            await asyncio.gather(self._minding, return_exceptions=True)
            self._minding = None
        for rank in sorted({child.program.stop_rank for child in self.children}):
            await asyncio.gather(
                *(child.stop() for child in self.children if child.program.stop_rank == rank)
            )
        self.children.clear()
        await asyncio.to_thread(services_stop, self.folder)
        self._folder.release()


def code_stamp(demo: bool) -> str:
    """Changes whenever migrations, or what the demo is made of, change."""
    digest = hashlib.sha256(b"demo" if demo else b"bare")
    paths = [*BASE_DIR.glob("*/migrations/*.py")]
    if demo:
        paths += [path for path in (BASE_DIR / "demo").rglob("*") if path.suffix in {".py", ".json", ".md"}]
    for path in sorted(paths):
        digest.update(str(path.relative_to(BASE_DIR)).encode() + path.read_bytes())
    return digest.hexdigest()


def logs_open(folder: Path) -> Callable[[str, str], None]:
    """A `say` that appends to one file a process below `folder`, turned over at 10 MB."""
    import logging.handlers

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files: dict[str, logging.handlers.RotatingFileHandler] = {}

    def say(name: str, line: str) -> None:
        if name not in files:
            files[name] = logging.handlers.RotatingFileHandler(
                folder / f"{name}.log", maxBytes=10_000_000, backupCount=1, encoding="utf-8"
            )
        files[name].emit(logging.LogRecord(name, logging.INFO, "", 0, line, None, None))

    return say
