"""The load: calls of one telephony, sent in real time by processes of their own.

A process reads its task as JSON from standard input and writes what it did to standard output. What is said is drawn by
lot from the seed, the same in every call, so that each stored chunk can be told from all others.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from cresta_app.stack.programs import BASE_DIR

FRAME_MS, CHUNK_MS, PER_MS = 20, 100, 8
AUDIOHOOK_FRAME_MS = 200
API_KEY = "bench"
# A chunk whose last frame was sent so much after its time was not sent in real time.
LATE_SECONDS = 0.02


@dataclass
class Task:
    """What one process sends: so many calls, all at once. `secret`: token, key or API key, as the protocol has it."""

    protocol: str
    url: str
    host: str
    connection: str
    secret: str
    calls: int
    seconds: float
    seed: int
    prefix: str
    settle: float = 2.0


@dataclass
class Said:
    """What a process did. `sent`: by call id, when the last frame of each chunk left (monotonic clock)."""

    frames: int = 0
    cpu_seconds: float = 0.0
    sent: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def side(seed: int, track: int, milliseconds: int) -> bytes:
    """What one side of every call says: mu-law at 8 kHz, drawn by lot."""
    return random.Random(f"{seed} {track}").randbytes(milliseconds * PER_MS)


def both(seed: int, milliseconds: int) -> bytes:
    """Both sides of every call, interleaved; the first is the customer (inbound, external)."""
    whole = bytearray(2 * milliseconds * PER_MS)
    whole[0::2], whole[1::2] = side(seed, 0, milliseconds), side(seed, 1, milliseconds)
    return bytes(whole)


def frames_of(protocol: str, seconds: float) -> int:
    """How many frames of audio one call has on the wire."""
    milliseconds = round(seconds * 1000)
    if protocol == "twilio":
        return 2 * (milliseconds // FRAME_MS)
    return milliseconds // (AUDIOHOOK_FRAME_MS if protocol == "audiohook" else FRAME_MS)


def late(times: list[float], together: int = 1) -> int:
    """How many messages left late, going by the one that was most in time; so many chunks leave with each."""
    step, times = together * CHUNK_MS / 1000, times[together - 1 :: together]
    zero = min((at - number * step for number, at in enumerate(times)), default=0.0)
    return sum(at - number * step - zero > LATE_SECONDS for number, at in enumerate(times))


# --- In the process of its own ---------------------------------------------------------------------------


async def _twilio(task: Task, said: Said) -> None:
    from integrations.telephony.twilio.client import FRAME_BYTES, TwilioSender

    milliseconds = round(task.seconds * 1000)
    sides = {
        name: side(task.seed, number, milliseconds) for number, name in enumerate(("inbound", "outbound"))
    }

    def sound(track: str, number: int) -> bytes:
        return sides[track][number * FRAME_BYTES : (number + 1) * FRAME_BYTES]

    sender = TwilioSender(task.url, task.host, task.connection, task.secret)
    for sent in await sender.run(
        task.calls, task.seconds, sound=sound, prefix=task.prefix, settle_seconds=task.settle
    ):
        said.frames += sent.frames
        said.sent[sent.call_sid] = sent.chunk_sent
        if sent.close_code != 1000:
            said.failed.append(f"closed with {sent.close_code} {sent.close_reason}")


async def _many(task: Task, said: Said, one: Any) -> None:
    """Run calls one by one, begun evenly over the time in which they settle."""

    async def later(number: int) -> None:
        await asyncio.sleep(task.settle * number / task.calls)
        try:
            await one(number)
        except Exception as error:
            said.failed.append(f"{type(error).__name__}: {error}")

    await asyncio.gather(*(later(number) for number in range(task.calls)))


async def _audiohook(task: Task, said: Said) -> None:
    from integrations.telephony.genesys.client import Account, AudiohookClient

    port = int(task.url.rpartition(":")[2])
    audio = both(task.seed, round(task.seconds * 1000))
    frame = 2 * AUDIOHOOK_FRAME_MS * PER_MS

    async def one(number: int) -> None:
        url = f"ws://{task.host}:{port}/ingest/genesys/{task.connection}"
        ident = f"{task.prefix}{number:08d}"
        async with AudiohookClient(Account(url, API_KEY, task.secret), address=("127.0.0.1", port)) as client:
            await client.open(conversationId=_uuid(ident))
            times = said.sent.setdefault(client.session_id, [])
            began = time.monotonic()
            for count, first in enumerate(range(0, len(audio), frame), 1):
                due = began + count * AUDIOHOOK_FRAME_MS / 1000
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await client.send(audio[first : first + frame])
                said.frames += 1
                # Both chunks of a frame leave together.
                times += [time.monotonic()] * (AUDIOHOOK_FRAME_MS // CHUNK_MS)
            await client.close()
            if client.heard.faults:
                raise RuntimeError(client.heard.faults[0])

    await _many(task, said, one)


def _uuid(name: str) -> str:
    from uuid import NAMESPACE_URL, uuid5

    return str(uuid5(NAMESPACE_URL, name))


async def _native(task: Task, said: Said) -> None:
    from integrations.telephony.native.client import AudioClient

    milliseconds = round(task.seconds * 1000)
    audio = {"codec": "mulaw", "sample_rate": 8000, "channels": 2, "roles": ["customer", "agent"]}
    sound = both(task.seed, milliseconds)

    async def one(number: int) -> None:
        ident = f"{task.prefix}{number:08d}"
        client = AudioClient(task.url, task.host, task.secret)
        played = await client.play(sound, {"call": {"id": ident}, "audio": audio})
        said.frames += frames_of("native", task.seconds)
        if played.reconnects:
            raise RuntimeError(f"the line broke: {played.closes}")

    await _many(task, said, one)


def main() -> None:
    task = Task(**json.load(sys.stdin))
    said = Said()
    run = {"twilio": _twilio, "audiohook": _audiohook, "native": _native}[task.protocol]
    try:
        asyncio.run(run(task, said))
    except Exception as error:
        said.failed.append(f"{type(error).__name__}: {error}")
    said.cpu_seconds = time.process_time()
    json.dump(asdict(said), sys.stdout)


# --- From the bench's side -------------------------------------------------------------------------------


def start(task: Task) -> subprocess.Popen[bytes]:
    """Start a process that does the task."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.callers"],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(task)).encode())
    process.stdin.close()
    process.stdin = None
    return process


def result(process: subprocess.Popen[bytes], seconds: float) -> Said:
    """Wait for a process that `start` started. Raises `subprocess.TimeoutExpired`, and `ValueError` when it broke."""
    out, _err = process.communicate(timeout=seconds)
    return Said(**json.loads(out))


if __name__ == "__main__":
    main()
