"""An installation to be killed in parts: real processes on a PostgreSQL and a Redis of its own that keep what they say.

Processes are kept running as `manage.py run` keeps them: who is killed is started again. The database of the test
process itself is swapped for the installation's, so that a test reads what came of a call as any other test does.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import secrets
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psutil
from django.conf import settings
from django.db import connection
from django.test import override_settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conversations.live.wire import CloseCode
from conversations.models import CallOwner
from cresta_app.stack.process import Child
from cresta_app.stack.programs import Program, environment, manage, programs
from cresta_app.stack.services import free_port, services_remove, services_start
from integrations.telephony.native.client import AudioClient, Played
from integrations.telephony.native.codec import PATH
from tenants.scope import schema_scope
from tests.made import copy_begin
from tests.peers.coded import FRAME_MS, RATE, Line, sound, talk
from tests.services import RUN

T = TypeVar("T")
ANSWER_SECONDS = 120.0
# Longer than any machine needs to start the way in again.
RESUME_SECONDS = 600.0
# Calls are disturbed when so much of each is safe; none goes on beyond the second mark before that.
MIDWAY, HELD = 0.4, 0.6
CODED = {"SPEECH_PROVIDER": "tests.peers.coded:CodedProvider", "SPEECH_OPTIONS": "{}"}
# Workers that do not wait for lines to come back.
IMPATIENT = CODED | {"INGEST_RESUME_SECONDS": "1"}


@dataclass
class Call:
    """One call that is played: what is said in it, and whether the first two fifths of it are safe.

    With `may_go_on` it waits at three fifths until that is set.
    """

    name: str
    seconds: int
    lines: list[Line]
    played: Played = field(default_factory=Played)
    midway: asyncio.Event = field(default_factory=asyncio.Event)
    may_go_on: asyncio.Event | None = None

    @property
    def ident(self) -> UUID:
        return UUID(self.played.conversation)

    @property
    def length_ms(self) -> int:
        return self.seconds * 1000

    def safe(self, ms: int) -> None:
        """Take note that all audio before `ms` is safe."""
        if ms >= self.length_ms * MIDWAY:
            self.midway.set()

    async def pace(self, ms: int) -> None:
        """Wait until the audio up to `ms` may be sent."""
        if self.may_go_on is not None and ms > self.length_ms * HELD:
            await self.may_go_on.wait()


def calls_make(kind: str, count: int, seconds: int) -> list[Call]:
    """`count` calls, each with words of its own: the first of one kind says what the first of any other says."""
    return [Call(f"{kind}-{number}", seconds, talk(f"talk {number}", seconds)) for number in range(count)]


class House:
    """The running installation. Made by `house_open`."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self.schema = f"chaos{secrets.token_hex(3)}"
        self.host = f"{self.schema}.localhost"
        self.port = free_port()
        self.key = ""
        self.log = log
        self.children: dict[str, Child] = {}
        self.ears: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="house")

    # --- Processes --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the way in and two live workers, and wait until all are ready."""
        self._thread.start()
        ours = programs(self.folder, listen="127.0.0.1", web_port=0, ingest_port=self.port)
        self.start(next(program for program in ours if program.name == "ingest"))
        self.hear_with(CODED)
        self.until(lambda: answers(self.port))

    def start(self, program: Program) -> None:
        """Keep a program running until the end, or until `stop`."""
        env = environment(
            self.folder,
            DATABASE_URL=settings.DATABASE_URL,
            REDIS_URL=settings.REDIS_URL,
            SECRET_KEY=settings.SECRET_KEY,
            DATA_DIR=str(settings.DATA_DIR),
            INGEST_RESUME_SECONDS=str(RESUME_SECONDS),
            LIVE_CLAIM_IDLE_MS="1500",
            LOG_LEVEL="INFO",
        )
        self.children[program.name] = Child(program, env, self._say, lambda: None)
        self._loop.call_soon_threadsafe(self.children[program.name].start)

    def stop(self, name: str) -> None:
        asyncio.run_coroutine_threadsafe(self.children.pop(name).stop(), self._loop).result(30)

    def hear_with(self, ears: dict[str, str]) -> None:
        """Have two live workers with these settings, in place of those that are there with others."""
        if self.ears == ears:
            return
        self.ears = ears
        for name in [name for name in self.children if name.startswith("live")]:
            self.stop(name)
        before = self.said().count("worker.ready")
        for number in (1, 2):
            self.start(Program(f"live-{number}", manage("live_worker"), env=ears))
        self.until(lambda: self.said().count("worker.ready") == before + 2)

    def close(self) -> None:
        """End everything, whatever state it is in."""
        try:
            for name in list(self.children):
                self.stop(name)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def kill(self, name: str) -> None:
        """SIGKILL one of our processes; it is started again as in production."""
        os.kill(self.pid(name), signal.SIGKILL)

    def pid(self, name: str) -> int:
        pid = self.children[name].pid
        assert pid is not None
        return pid

    def busiest(self) -> str:
        """The live worker that has most calls now. In the company's schema."""

        def calls() -> Counter[int]:
            names = CallOwner.objects.filter(conversation__ended_at=None).values_list("worker", flat=True)
            return Counter(int(name.split("-")[-2]) for name in names if name)

        # Audio is safe before a worker has taken its call.
        [(pid, _calls)] = self.until(calls).most_common(1)
        return next(name for name in ("live-1", "live-2") if self.pid(name) == pid)

    def redis_kill(self) -> None:
        os.kill(int((self.folder / "redis" / "redis.pid").read_text()), signal.SIGKILL)

    def postgres_kill(self) -> None:
        """SIGKILL the server and every session of it at once, as when a machine's memory runs out."""
        master = psutil.Process(int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0]))
        processes = [master, *master.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, 10)

    def services_again(self) -> None:
        """Start what was killed: on the same data, at the same address."""
        again = services_start(self.folder)
        assert (again.database_url, again.redis_url) == (settings.DATABASE_URL, settings.REDIS_URL)

    def _say(self, name: str, line: str) -> None:
        with self.log.open("a") as file:
            file.write(f"{name} | {line}\n")

    def said(self) -> str:
        return self.log.read_text() if self.log.is_file() else ""

    def until(self, condition: Callable[[], T], seconds: float = ANSWER_SECONDS) -> T:
        """Wait until `condition()` is true and return it; fail with the processes' last lines."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError("waited in vain; the last lines:\n" + self.said()[-6000:])
            time.sleep(0.05)
        return value

    # --- Calls ------------------------------------------------------------------------------------------

    def client(self) -> AudioClient:
        return AudioClient(f"ws://127.0.0.1:{self.port}", self.host, self.key)

    async def play(self, call: Call, speed: float) -> None:
        """Play a call with a client that resumes, to its end."""
        call.played = await self.client().play(
            sound(call.lines, call.seconds), start_of(call), speed=speed, on_ack=call.safe, pace=call.pace
        )

    def play_all(
        self,
        calls: list[Call],
        *,
        speed: float = math.inf,
        disturb: Callable[[], Coroutine[Any, Any, None]] | None = None,
        once: Call | None = None,
    ) -> None:
        """Play calls at once, and disturb them when each is two fifths through. `once`: one whose line breaks."""

        async def run() -> None:
            async with asyncio.timeout(300), asyncio.TaskGroup() as group:
                every = [*calls, once] if once is not None else calls
                if disturb is not None:
                    may_go_on = asyncio.Event()
                    for call in every:
                        call.may_go_on = may_go_on
                players = [group.create_task(self.play(call, speed)) for call in calls]
                if once is not None:
                    group.create_task(self.line_once(once, speed))
                if disturb is not None:
                    for call in every:
                        await call.midway.wait()
                    assert not any(player.done() for player in players), "the calls were over too soon"
                    may_go_on.set()
                    await disturb()

        # The database may be about to die: this thread asks it anew afterwards.
        connection.close()
        asyncio.run(run())

    async def line_once(self, call: Call, speed: float) -> None:
        """Play a call as a telephony does that cannot come back: when the line breaks, that was all.

        It breaks before the call's end: the last fifth is not sent.
        """
        samples, step = sound(call.lines, call.seconds), FRAME_MS * RATE // 1000 * 4
        socket = await self._line_begin(call)

        async def send() -> None:
            for number in range(len(samples) // step * 4 // 5):
                await asyncio.sleep(FRAME_MS / 1000 / speed)
                await call.pace((number + 1) * FRAME_MS)
                await socket.send(samples[number * step : (number + 1) * step])

        async with socket:
            sending = asyncio.create_task(send())
            try:
                while True:
                    message = json.loads(await socket.recv())
                    call.safe(message["ms"])
            except ConnectionClosed:
                return
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _line_begin(self, call: Call) -> ClientConnection:
        """Connect and begin the call. A database that was killed before may cost the first try its connection."""
        for attempt in range(10):
            # As our client does: the call may have been made before the first try lost its answer.
            start = {"type": "start", "version": 1, "resume": attempt > 0} | start_of(call)
            socket = await connect(
                f"ws://{self.host}:{self.port}{PATH}",
                host="127.0.0.1",
                port=self.port,
                additional_headers={"Authorization": f"Bearer {self.key}"},
                proxy=None,
            )
            try:
                await socket.send(json.dumps(start))
                call.played.conversation = json.loads(await socket.recv())["conversation"]
                return socket
            except ConnectionClosed as closed:
                if closed.rcvd is None or closed.rcvd.code != CloseCode.TRY_AGAIN:
                    raise
            await asyncio.sleep(0.2)
        raise AssertionError("no line came about")


def start_of(call: Call) -> dict[str, Any]:
    audio = {"codec": "pcm16", "sample_rate": RATE, "channels": 2, "roles": ["agent", "customer"]}
    return {"call": {"id": call.name}, "audio": audio}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def database_of(database_url: str, redis_url: str) -> Iterator[None]:
    """Have this process read and write the installation's database and Redis instead of the tests' own."""
    parts = urlsplit(database_url)
    where = parse_qs(parts.query)
    swapped = {
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "HOST": where["host"][0],
        "PORT": where["port"][0],
    }
    connection.close()
    # The one dictionary that the connections of all threads are made from.
    kept = {name: connection.settings_dict[name] for name in swapped}
    connection.settings_dict.update(swapped)
    streams = {
        name: redis_url + urlsplit(getattr(settings, name)).path
        for name in ("REDIS_STREAMS_URL", "REDIS_LAYER_URL", "REDIS_BROKER_URL", "REDIS_CACHE_URL")
    }
    try:
        with override_settings(DATABASE_URL=database_url, REDIS_URL=redis_url, **streams):
            connection.set_schema_to_public()
            yield
    finally:
        connection.close()
        connection.settings_dict.update(kept)
        connection.set_schema_to_public()


@contextmanager
def house_open(log: Path) -> Iterator[House]:
    """A whole installation with one company and one key for audio; nothing of it is left afterwards."""
    from accounts.services import api_key_create, user_create
    from tenants.services import platform_prepare, tenant_create

    folder = Path(tempfile.mkdtemp(prefix="cresta-chaos-", dir="/tmp"))
    try:
        copy_begin(RUN, folder)
        services = services_start(folder)
        with database_of(services.database_url, services.redis_url):
            house = House(folder, log)
            platform_prepare(domain=settings.PLATFORM_DOMAIN)
            tenant_create(schema=house.schema, name="Chaos", domain=house.host)
            with schema_scope(house.schema):
                admin = user_create(
                    email="a@chaos.test", name="A", role="admin", password=secrets.token_hex()
                )
                _key, house.key = api_key_create(owner=admin, name="line", scopes=["ingest"])
            try:
                house.open()
                yield house
            finally:
                house.close()
    finally:
        services_remove(folder)
