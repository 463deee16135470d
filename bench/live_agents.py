"""The agents of the live bench: one process with a bare WebSocket for each, which notes what comes and when.

Reads its task as JSON from standard input, writes `ready` to standard output once every agent has been greeted, then
what it did as JSON once the time is over. What comes is kept as it came and looked at afterwards: reading shall cost as
little as it can on a machine that does all the rest, too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.report import Unmeasured
from cresta_app.stack.programs import BASE_DIR

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
# As the pages do.
PING_SECONDS = 10.0
AT_ONCE = 8
GREET_SECONDS = 120.0


@dataclass
class Task:
    """`agents`: cookie and conversation of each. `go`: the file that says when the calls begin and end."""

    host: str
    port: int
    agents: list[tuple[str, str]]
    go: str
    settle_seconds: float = 5.0


@dataclass
class Heard:
    """What the process did. `events`: for each agent in order `[when, sequence, kind, what]`, by the monotonic clock.

    `what` is what `_what` makes of the event's data. `others` counts all other messages by type.
    """

    events: list[list[list[Any]]] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0
    bytes: int = 0


class Agent(asyncio.Protocol):
    """One socket."""

    def __init__(self, task: Task, cookie: str, conversation: str) -> None:
        self._head = (
            f"GET /ws/conversations/{conversation}/?after=0 HTTP/1.1\r\n"
            f"Host: {task.host}:{task.port}\r\nOrigin: http://{task.host}:{task.port}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nCookie: {cookie}\r\n\r\n"
        ).encode()
        self._rest = b""
        self._upgraded = False
        self._transport: Any = None
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.events: list[tuple[float, bytes]] = []
        self.others: dict[bytes, int] = {}
        self.bytes = 0
        self.gone = ""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = self.gone or f"the line broke: {exc}"
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError(self.gone))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self.bytes += len(data)
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.gone = head.split(b"\r\n", 1)[0].decode(errors="replace")
                self._transport.close()
                return
            self._upgraded = True
        at, size = 0, len(data)
        while size - at >= 2:
            length, body = data[at + 1], at + 2
            if length == 126:
                length, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if body + length > size:
                break
            self._frame(data[at] & 0x0F, data[body : body + length], now)
            at = body + length
        self._rest = data[at:]

    def _frame(self, kind: int, payload: bytes, now: float) -> None:
        if kind == TEXT:
            # `{"type": "event"` with or without the blank.
            start = payload[:18].replace(b" ", b"")
            if start.startswith(b'{"type":"event"'):
                self.events.append((now, payload))
                return
            name = payload[:40].split(b'"', 4)[3]
            self.others[name] = self.others.get(name, 0) + 1
            if name == b"hello" and not self.greeted.done():
                self.greeted.set_result(None)
        elif kind == PING:
            self._send(PONG, payload)
        elif kind == CLOSE:
            self.gone = f"closed with {int.from_bytes(payload[:2], 'big')}"

    def ping(self) -> None:
        """Ask as the page does whether the line is alive."""
        if not self.gone:
            self._send(TEXT, b'{"type":"ping"}')

    def _send(self, kind: int, payload: bytes) -> None:
        # Masked with zeros: the mask hides nothing from a server of our own.
        self._transport.write(bytes([0x80 | kind, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)


async def _run(task: Task) -> Heard:
    loop = asyncio.get_running_loop()
    agents: list[Agent] = []
    room = asyncio.Semaphore(AT_ONCE)

    async def enter(cookie: str, conversation: str) -> Agent:
        async with room:
            _transport, agent = await loop.create_connection(
                lambda: Agent(task, cookie, conversation), "127.0.0.1", task.port
            )
            async with asyncio.timeout(GREET_SECONDS):
                await agent.greeted
            return agent

    agents = await asyncio.gather(*(enter(*each) for each in task.agents))
    print("ready", flush=True)
    until = await _until(Path(task.go))
    step = PING_SECONDS / len(agents)
    turn, due = 0, time.monotonic()
    while time.monotonic() < until + task.settle_seconds:
        # Pings are spread, as they are among people.
        while due < time.monotonic():
            agents[turn % len(agents)].ping()
            turn, due = turn + 1, due + step
        await asyncio.sleep(0.02)
    used = time.process_time()
    heard = Heard(cpu_seconds=used)
    for agent in agents:
        heard.events.append([_event(at, payload) for at, payload in agent.events])
        heard.bytes += agent.bytes
        for name, count in agent.others.items():
            heard.others[name.decode()] = heard.others.get(name.decode(), 0) + count
        if agent.gone:
            heard.failed.append(agent.gone)
    return heard


async def _until(go: Path) -> float:
    """Wait for the file that says when the calls end."""
    told = await asyncio.to_thread(_told, go)
    return float(told["until"])


def _told(go: Path) -> dict[str, float]:
    while not go.exists():
        time.sleep(0.05)
    return dict(json.loads(go.read_text()))


def _event(at: float, payload: bytes) -> list[Any]:
    event = json.loads(payload)
    return [at, event["seq"], event["kind"], _what(event["kind"], event["data"])]


def _what(kind: str, data: dict[str, Any]) -> Any:
    """What the figures need of an event: an utterance by its id and end, guidance by its id, cause and call time."""
    if kind == "utterance":
        return [data["id"], data["end_ms"]]
    if kind == "guidance":
        cause = data["evidence"][0]["utterance"] if data["evidence"] else None
        return [data["id"], cause, data["at_ms"]]
    return None


def main() -> None:
    task = Task(**json.load(sys.stdin))
    try:
        import uvloop

        heard = uvloop.run(_run(task))
    except (OSError, TimeoutError, ImportError) as error:
        heard = Heard(failed=[f"{type(error).__name__}: {error}"])
    json.dump(asdict(heard), sys.stdout)


# --- From the bench's side -------------------------------------------------------------------------------


class Agents:
    """The process of all agents. Ended with the block."""

    def __init__(self, task: Task) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.live_agents"],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(task)).encode())
        self.process.stdin.close()
        self.process.stdin = None

    def __enter__(self) -> Agents:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ready(self) -> None:
        """Wait until every agent has been greeted. Raises `Unmeasured`."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if said.strip() != b"ready":
            try:
                failed = json.loads(said)["failed"][0]
            except (ValueError, LookupError):
                failed = "its process broke"
            raise Unmeasured(f"an agent did not get in: {failed}")

    def heard(self, seconds: float) -> Heard:
        """Wait for the end. Raises `Unmeasured`."""
        try:
            out, _err = self.process.communicate(timeout=seconds)
            return Heard(**json.loads(out))
        except (subprocess.SubprocessError, ValueError, TypeError) as error:
            raise Unmeasured(f"the agents' process broke: {type(error).__name__}") from error


if __name__ == "__main__":
    main()
