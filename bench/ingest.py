"""Many calls at once into the way in, in real time: is every frame kept, and how fast is it safe?

A company of its own, real ingest processes as the stack starts them, the load from processes of their own on the same
machine. No recogniser takes part. With `--worker` live workers follow the calls (with a recogniser that hears nothing),
cut the recording and trim the buffer; without, what is in Redis at the end is opened and compared with what was sent,
byte by byte.

  frames_lost      frames that are not at their place in the stream, or (--worker) that the call's ledger lacks
  frames_late      how often the load itself sent a chunk's last frame more than 20 ms late: the machine was too busy;
                   not counted for our own protocol
  p50_ms, p99_ms   a chunk's last frame heard by the way in to the chunk in the stream, flushed to the disk
  wire_p50_ms, …   the same from the moment the load sent that frame: with kernel, wake-up and reading
  cpu_share        of the way in, while all calls speak; 1 is one core. `cpu` has it for everything that runs
  cpu_waited       how much of the time way in and Redis were ready and had no core: on a machine that does
                   nothing else next to 0; far from it, the delays are the machine's
  rss_per_call_kb  what way in, live workers and Redis hold more than before the calls, by call, at the end;
                   memory_per_call_kb_series has it after 25, 50 and 100 percent of the run
  bare             the limits of this machine in the same minutes: the same frames to a server that only counts, and
                   single chunks written to Redis
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import bare, callers
from bench.finals import finals_measure
from bench.house import House, house_open, spread
from bench.notes import chunks_read, counts_read
from bench.report import Unmeasured, percentile, say

WHAT = "many calls at once into the way in"
PROTOCOLS = {"twilio": "twilio", "audiohook": "genesys", "native": "native"}
SERVER = "uvicorn"
TICK_SECONDS = 0.25
SETTLE_PER_CALL = 0.02
QUARTERS = (25, 50, 100)
BARE_SECONDS = 8.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=int, default=300, help="calls at once (default: 300)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each speaks (default: 30)")
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), default="twilio")
    parser.add_argument("--processes", type=int, default=0, help="of the way in (default: the stack's own)")
    parser.add_argument("--callers", type=int, default=1, help="processes that send the load (default: 1)")
    parser.add_argument(
        "--worker", type=int, default=0, metavar="N", help="have N live workers follow the calls"
    )
    parser.add_argument(
        "--finals", type=int, default=20, metavar="N", help="calls of the second figure; 0: leave it"
    )
    parser.add_argument("--no-bare", action="store_true", help="leave the machine's own limits out")
    parser.add_argument(
        "--database", default="", metavar="URL", help="a prepared database instead of one of our own"
    )


@dataclass
class Sample:
    """What our processes had used at one moment."""

    at: float
    cpu: dict[str, float]
    waited: dict[str, float]
    memory_kb: dict[str, float]


@dataclass
class Load:
    """What the load processes did, and what was seen meanwhile."""

    said: list[callers.Said] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return sum(each.frames for each in self.said)

    @property
    def sent(self) -> dict[str, list[float]]:
        return {ident: times for each in self.said for ident, times in each.sent.items()}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the bench. Raises `Unmeasured`."""
    if options.calls < 1 or options.seconds < 1:
        raise Unmeasured("it takes a call, and a second of it")
    env = {
        "SPEECH_PROVIDER": "bench.deaf:DeafProvider",
        "SPEECH_OPTIONS": "{}",
        "LIVE_CALLS_PER_WORKER": str(-(-options.calls // max(1, options.worker)) + 10),
    }
    with house_open(options.database, **env) as house:
        limits = {} if options.no_bare else _bare(house, options)
        result = _calls(house, options)
        if options.finals:
            result |= finals_measure(
                house,
                calls=options.finals,
                seconds=options.seconds,
                seed=options.seed,
                processes=options.processes,
            )
        return result | ({"bare": limits} if limits else {})


# --- The calls -------------------------------------------------------------------------------------------


def _calls(house: House, options: argparse.Namespace) -> dict[str, Any]:
    notes = _folder(house, "notes")
    house.start_ingest(options.processes, notes)
    workers = [f"live-{number}" for number in range(1, options.worker + 1)]
    for name in workers:
        house.start_live(name)
    house.ingest_ready()
    for name in workers:
        house.live_ready(name)
    say(f"{options.calls} calls of {options.seconds:g} s by {options.protocol}")
    ident, secret = connection_make(house, options.protocol)
    idle = _sample(house)
    load = load_run(house, options, house.ingest_url, ident, secret)
    failed = [each for one in load.said for each in one.failed]
    if failed and not load.frames:
        raise Unmeasured(f"no call got through: {failed[0]}")
    if options.worker:
        _wait_ended(house, options.calls)
    lost, known = _account(house, options)
    processes = len(house.groups()["ingest"])
    house.close()
    house.forget_calls()
    delays, wire, zero = _delays(notes, known, load.sent)
    during = [sample for sample in load.samples if zero <= sample.at <= zero + options.seconds]
    if len(during) < 2:
        raise Unmeasured("the machine was too busy to look at our processes during the calls")
    together = callers.AUDIOHOOK_FRAME_MS // callers.CHUNK_MS if options.protocol == "audiohook" else 1
    return {
        "protocol": options.protocol,
        "calls": options.calls,
        "calls_failed": len(failed),
        "failures": failed[:3],
        "call_seconds": options.seconds,
        "frames_sent": load.frames,
        "frames_lost": lost,
        "frames_late": sum(callers.late(times, together) for times in load.sent.values()),
        "verified_by": "ledger" if options.worker else "content of the stream",
        "chunks": len(delays),
        **_percentiles("", delays),
        **_percentiles("wire_", wire),
        "p99_ms_by_second": _by_second(notes, known, zero),
        "server": SERVER,
        # Several have a parent and a tracker of resources beside them.
        "server_processes": processes if processes == 1 else processes - 2,
        "live_workers": options.worker,
        **_used(during, load, options),
        **_memory(during, idle, options),
    }


def connection_make(house: House, protocol: str, name: str = "Bench") -> tuple[str, str]:
    """A connection of this telephony: its id and its secret. For our own protocol an API key."""
    from accounts.services import api_key_create, user_create
    from integrations.services import connection_create
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        if protocol == "native":
            admin = user_create(
                email=f"{protocol}@bench.test",
                name="Bench",
                role="admin",
                password=f"{house.schema}-{protocol}",
            )
            _key, secret = api_key_create(owner=admin, name="bench", scopes=["ingest"])
            return "", secret
        connection, secret = connection_create(
            provider=PROTOCOLS[protocol],
            name=name,
            settings={"api_key": callers.API_KEY} if protocol == "audiohook" else {},
        )
        return str(connection.pk), secret


def load_run(house: House, options: argparse.Namespace, url: str, ident: str, secret: str) -> Load:
    """Send the calls, looking at our processes meanwhile. Raises `Unmeasured`."""
    load, count = Load(), min(options.callers, options.calls)
    shares = [options.calls // count + (number < options.calls % count) for number in range(count)]
    processes = []
    for number, share in enumerate(shares):
        task = callers.Task(
            protocol=options.protocol,
            url=url,
            host=house.host,
            connection=ident,
            secret=secret,
            calls=share,
            seconds=options.seconds,
            seed=options.seed,
            prefix=f"CA{number:02d}",
            settle=SETTLE_PER_CALL * options.calls,
        )
        processes.append(callers.start(task))
    deadline = time.monotonic() + 60 + 2 * options.seconds + SETTLE_PER_CALL * options.calls
    try:
        with _reading(processes) as answers:
            while not all(answer.done() for answer in answers):
                house.check()
                if time.monotonic() > deadline:
                    raise Unmeasured("the load did not come to its end")
                load.samples.append(_sample(house))
                time.sleep(TICK_SECONDS)
            load.said = [answer.result() for answer in answers]
    except (ValueError, TypeError, subprocess.SubprocessError) as error:
        raise Unmeasured(f"a load process broke: {error}") from error
    return load


@contextmanager
def _reading(processes: list[subprocess.Popen[bytes]]) -> Iterator[list[Any]]:
    """Read the answers of load processes in threads; whatever happens they are gone afterwards."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(processes)) as threads:
        try:
            yield [threads.submit(callers.result, process, 3600.0) for process in processes]
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()


def _sample(house: House) -> Sample:
    return Sample(time.monotonic(), house.cpu_seconds(), house.waited_seconds(), house.memory_kb())


def _folder(house: House, name: str) -> Path:
    folder = house.folder / name
    folder.mkdir(exist_ok=True)
    return folder


# --- What came of them -----------------------------------------------------------------------------------


def _wait_ended(house: House, calls: int) -> None:
    from conversations.models import CallLedger
    from tenants.scope import schema_scope

    def ended() -> bool:
        with schema_scope(house.schema):
            return CallLedger.objects.filter(closed_at__isnull=False).count() >= calls

    house.until(ended, "the end of the calls")


def _account(house: House, options: argparse.Namespace) -> tuple[int, dict[UUID, str]]:
    """How many frames are not where they belong, and the calls' ids at their telephony by ours."""
    from conversations.models import CallLedger
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        ledgers = list(CallLedger.objects.filter(conversation__isnull=False))
        known = {
            ledger.conversation_id: ledger.provider_call_id for ledger in ledgers if ledger.conversation_id
        }
        frames = callers.frames_of(options.protocol, options.seconds)
        lost = frames * max(0, options.calls - len(known))
        if options.worker:
            sent = round(options.seconds * 1000) * 2
            per_ms = frames / sent
            lost += sum(round((sent - sum(ledger.received_ms)) * per_ms) for ledger in ledgers)
        else:
            expected = callers.both(options.seed, round(options.seconds * 1000))
            found: list[int] = asyncio.run(_streams(house, list(known), expected, options.protocol, frames))
            lost += sum(found)
    return lost, known


async def _streams(
    house: House, idents: list[UUID], expected: bytes, protocol: str, frames: int
) -> list[int]:
    """Of each call, how many frames the stream does not have at their place."""
    from django.conf import settings
    from redis.asyncio import Redis

    from conversations.live.buffer import AudioBuffer
    from tenants.scope import TenantThreads

    threads = TenantThreads(1, "bench")
    lost = []
    try:
        async with Redis.from_url(settings.REDIS_STREAMS_URL) as redis:
            buffer = AudioBuffer(redis)
            for ident in idents:
                key = await threads.run(house.schema, _key, ident)
                chunks = await buffer.read(house.schema, ident, 0, key, None, 1_000_000)
                lost.append(missing(b"".join(chunk.payload for chunk in chunks), expected, protocol, frames))
    finally:
        threads.close()
    return lost


def _key(ident: UUID) -> bytes:
    from conversations.models import CallOwner
    from tenants.keys import unwrap
    from tenants.scope import current_schema

    owner = CallOwner.objects.get(pk=ident)
    if owner.wrapped_key is None:
        raise Unmeasured("a call was closed that nobody follows")
    return unwrap(current_schema(), bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{ident}")


def missing(heard: bytes, expected: bytes, protocol: str, frames: int) -> int:
    """How many of a call's frames are not at their place in its audio; what is too much counts as one."""
    if heard == expected:
        return 0
    sides = [(heard, expected)]
    if protocol == "twilio":
        sides = [(heard[track::2], expected[track::2]) for track in (0, 1)]
    step = len(expected) // frames
    wrong = sum(
        got[first : first + step] != wanted[first : first + step]
        for got, wanted in sides
        for first in range(0, len(wanted), step)
    )
    return wrong + (len(heard) > len(expected))


def _delays(
    notes: Path, known: dict[UUID, str], sent: dict[str, list[float]]
) -> tuple[list[float], list[float], float]:
    """Milliseconds from heard to stored, from sent to stored, and when the calls began to speak."""
    delays, wire, first_at = [], [], float("inf")
    for ident, number, delay, at in chunks_read(notes):
        if ident not in known:
            continue
        delays.append(delay * 1000)
        times = sent.get(known[ident], [])
        if number <= len(times):
            wire.append((at - times[number - 1]) * 1000)
        first_at = min(first_at, at)
    return delays, wire, min((times[0] for times in sent.values() if times), default=first_at)


def _by_second(notes: Path, known: dict[UUID, str], zero: float) -> list[float]:
    """The 99th percentile of each second of the run, which shows whether a bad one was a moment or lasts."""
    seconds: dict[int, list[float]] = {}
    for ident, _number, delay, at in chunks_read(notes):
        if ident in known:
            seconds.setdefault(int(at - zero), []).append(delay * 1000)
    return [round(percentile(seconds[number], 99), 1) for number in sorted(seconds)]


def _percentiles(prefix: str, delays: list[float]) -> dict[str, float]:
    if not delays:
        return {}
    return {f"{prefix}p{part}_ms": round(percentile(delays, part), 1) for part in (50, 95, 99)} | {
        f"{prefix}max_ms": round(max(delays), 1)
    }


def _used(during: list[Sample], load: Load, options: argparse.Namespace) -> dict[str, Any]:
    first, last = during[0], during[-1]
    seconds = last.at - first.at
    shares = {kind: (last.cpu[kind] - first.cpu.get(kind, 0.0)) / seconds for kind in last.cpu}
    shares["load"] = sum(said.cpu_seconds for said in load.said) / options.seconds
    waits: dict[str, Any] = {
        kind: (last.waited[kind] - first.waited.get(kind, 0.0)) / seconds
        for kind in ("ingest", "redis")
        if kind in last.waited
    }
    return {"cpu_share": round(shares["ingest"], 3), "cpu": spread(shares), "cpu_waited": spread(waits)}


def _memory(during: list[Sample], idle: Sample, options: argparse.Namespace) -> dict[str, Any]:
    def grown(sample: Sample) -> dict[str, float]:
        return {
            kind: (sample.memory_kb[kind] - idle.memory_kb.get(kind, 0.0)) / options.calls
            for kind in sample.memory_kb
        }

    at = [during[max(0, len(during) * part // 100 - 1)] for part in QUARTERS]
    return {
        "rss_per_call_kb": round(sum(grown(at[-1]).values()), 1),
        "memory_per_call_kb_series": [round(sum(grown(sample).values()), 1) for sample in at],
        "memory_per_call_kb": spread(grown(at[-1]), 1),
        "rss_idle_kb": spread(idle.memory_kb, 0),
    }


# --- The machine's own limits ----------------------------------------------------------------------------


def _bare(house: House, options: argparse.Namespace) -> dict[str, Any]:
    say("what the machine can do by itself")
    limits: dict[str, Any] = bare.xadd(house.redis_url, seconds=min(2.0, options.seconds))
    if options.protocol != "twilio":
        return limits
    notes = _folder(house, "bare")
    ingest = house.program("ingest")
    argv = ["bench.bare:application" if "cresta_app.ingest:app" in each else each for each in ingest.argv]
    ws = argv.index("--ws")
    argv[ws : ws + 2] = ["--ws", "websockets-sansio"]
    argv[argv.index("--workers") + 1] = "1"
    house.start(replace(ingest, argv=argv, env={"BENCH_NOTES": str(notes)}))
    house.ingest_ready()
    seconds = min(BARE_SECONDS, options.seconds)
    load = load_run(
        house,
        argparse.Namespace(**{**vars(options), "seconds": seconds}),
        house.ingest_url,
        "00000000-0000-0000-0000-000000000000",
        "bare",
    )
    house.close()
    sent = load.sent
    delays = [
        (at - sent[ident][number - 1]) * 1000
        for ident, number, at in counts_read(notes)
        if ident in sent and number <= len(sent[ident])
    ]
    zero = min((times[0] for times in sent.values() if times), default=0.0)
    during = [sample for sample in load.samples if zero <= sample.at <= zero + seconds]
    if not delays or len(during) < 2:
        raise Unmeasured(f"nothing came to the counting server: {[said.failed[:1] for said in load.said]}")
    shares = _used(during, load, argparse.Namespace(seconds=seconds))
    return limits | {
        "chunks_late_or_lost": sum(len(times) for times in sent.values()) - len(delays),
        **_percentiles("count_wire_", delays),
        "count_cpu_share": shares["cpu_share"],
    }
