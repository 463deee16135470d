"""Guidance in live calls: how long from a final, where recognition hands it over, to the hint at the agent's socket?

Everything real on one machine: PostgreSQL, Redis, a live worker, the web server, and for each call an agent with a
WebSocket, signed in by session; all of the load besides. In place of recognition a script says, in each call, an
utterance every three seconds: three partials and a final. No audio is sent, which `bench ingest` measures.

  p50_ms, p95_ms, …   a final due to the guidance that it causes read from the agent's socket
  utterance_p50_ms, … the same to the final itself, for all of them
  lost                finals that did not come to their agent, and events that the database has and the socket had not
  duplicated          events that came twice, finals that came as two
  reordered           events that came after one with a higher number
  cpu_share           of one core, while measured: `load` is the script and the agents; `commit` in the worker, the
                      database's own beside it; `sockets` is the web server
  restarted           calls that a live worker had to begin anew, by what it said; what was said meanwhile is lost
  rss_start_mb, …     of each kind of process when measuring began and ended; `postgres` by its share of shared memory
  spoken_to_shown_…   the end of the spoken words to the hint at the socket, in a few calls by the whole way with audio,
                      in which a recogniser on loopback answers `asr_delay_ms` after the end
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from bench.finals import finals_measure
from bench.house import House, house_open
from bench.live_agents import Agents, Task
from bench.live_figures import figures, shares
from bench.live_policies import hint_always_publish, policies_publish
from bench.live_talk import ROLES, topics_make
from bench.live_worker import Go, Plan
from bench.report import Unmeasured, say
from cresta_app.stack.programs import Program

WHAT = "from a final to guidance at the agent's socket, in many calls at once"
SOURCE = "bench"
LEAD_SECONDS = 1.0
SETTLE_SECONDS = 4.0
TEAM_SIZE = 20
# What a live worker says as it begins a call anew, or takes or loses one.
_ANEW = ("call.failed", "call.storage_away", "call.superseded", "worker.takes_over", "commit.again")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conversations", type=int, default=300, help="calls at once (default: 300)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long is measured (default: 30)")
    parser.add_argument("--rules", type=int, default=200, help="published rules (default: 200)")
    parser.add_argument(
        "--policies", type=int, default=50, help="policies they are spread over (default: 50)"
    )
    parser.add_argument(
        "--warm-up", type=float, default=8.0, metavar="S", help="calls before measuring (default: 8)"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="live workers (default: one a core)"
    )
    parser.add_argument(
        "--spoken", type=int, default=8, metavar="N", help="calls with audio for the last figure; 0: leave it"
    )
    parser.add_argument(
        "--database", default="", metavar="URL", help="a prepared database instead of one of our own"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the bench. Raises `Unmeasured`."""
    if options.conversations < 1 or options.seconds < 1 or options.rules < 1 or options.workers < 1:
        raise Unmeasured("it takes a call, a rule, a worker, and a second of it")
    try:
        topics = topics_make(options.rules)
    except ValueError as error:
        raise Unmeasured(str(error)) from error
    env = {"SPEECH_PROVIDER": "bench.live_worker:TalkProvider", "SPEECH_OPTIONS": "{}"}
    with house_open(options.database, **env) as house:
        result = _run(house, options, topics)
        if options.spoken:
            try:
                result |= _spoken(house, options)
            except Unmeasured as error:
                # What was measured before is no less true.
                result["spoken_unmeasured"] = str(error)
                say(f"not measured with audio: {error}")
        return result


def _run(house: House, options: argparse.Namespace, topics: list[Any]) -> dict[str, Any]:
    count = options.conversations
    house.start(house.program("web"))
    say(f"{options.rules} rules over {options.policies} policies, {count} agents")
    agents = _prepare(house, options, topics)
    house.web_ready()
    plan = house.folder / "live.plan"
    conversations = _announce(house, agents)
    upto_ms = round((options.warm_up + options.seconds) * 1000)
    calls = {ident: number for number, ident in enumerate(conversations)}
    Plan(calls, options.rules, options.seed, upto_ms).write(plan)
    _workers_start(house, options, plan, conversations)
    _opened(house, plan, count)
    task = Task(
        host=house.host,
        port=house.web_port,
        agents=list(zip((cookie for _ident, cookie in agents), conversations, strict=True)),
        go=str(plan.with_suffix(".go")),
        settle_seconds=SETTLE_SECONDS,
    )
    say("agents come in")
    with Agents(task) as sockets:
        sockets.ready()
        began = time.monotonic() + LEAD_SECONDS
        go = Go(began, began + options.warm_up, began + options.warm_up + options.seconds)
        _go_write(plan, go)
        say(f"{options.warm_up + options.seconds:g} s of calls")
        with _watched(house, sockets.process.pid) as look:
            _sleep(house, go.measured)
            first = look()
            _sleep(house, go.until)
            last = look()
        heard = sockets.heard(60 + SETTLE_SECONDS)
    failed = heard.failed
    if failed:
        raise Unmeasured(f"{len(failed)} agents lost their sockets: {failed[0]}")
    parts = _parts(plan)
    found = figures(
        heard,
        heads=_heads(house, conversations),
        topics=topics,
        seed=options.seed,
        began=go.began,
        measured=go.measured,
        until=go.until,
    )
    house.close()
    restarted = {
        what: times
        for what in _ANEW
        if (times := sum(house.said(name).count(what) for name in _workers(options)))
    }
    if restarted:
        say(f"calls begun anew: {restarted}")
    house.forget_calls()
    return {
        "conversations": count,
        "rules": options.rules,
        "policies": options.policies,
        "measured_seconds": options.seconds,
        "live_workers": options.workers,
        **found,
        "restarted": restarted,
        "messages": {**heard.others, "event": sum(len(each) for each in heard.events)},
        "cpu_share": shares(first["cpu"], last["cpu"], parts, last["at"] - first["at"]),
        "cpu_total": round(
            sum(last["cpu"][kind] - first["cpu"].get(kind, 0.0) for kind in last["cpu"])
            / (last["at"] - first["at"]),
            3,
        ),
        "rss_start_mb": first["rss"],
        "rss_end_mb": last["rss"],
    }


# --- Before the calls ------------------------------------------------------------------------------------


def _prepare(house: House, options: argparse.Namespace, topics: list[Any]) -> list[tuple[str, str]]:
    """Publish the policies and make the agents. Returns each one's id at the telephony and cookie."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from accounts.models import Team, TelephonyIdentity, User
    from tenants.scope import schema_scope

    made = []
    with schema_scope(house.schema):
        policies_publish(topics, options.policies)
        teams = [
            Team.objects.create(name=f"Team {number + 1}")
            for number in range(-(-options.conversations // TEAM_SIZE))
        ]
        users = [
            User(
                email=f"agent{number}@bench.test",
                name=f"Agent {number}",
                role="agent",
                team=teams[number // TEAM_SIZE],
            )
            for number in range(options.conversations)
        ]
        for user in users:
            user.set_unusable_password()
        User.objects.bulk_create(users)
        TelephonyIdentity.objects.bulk_create(
            TelephonyIdentity(user=user, provider=SOURCE, agent_id=f"A{number}")
            for number, user in enumerate(users)
        )
        for number, user in enumerate(users):
            session = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.create()
            made.append((f"A{number}", f"{settings.SESSION_COOKIE_NAME}={session.session_key}"))
    return made


def _announce(house: House, agents: list[tuple[str, str]]) -> list[str]:
    """Let each agent have a call, as the way in does. Returns the conversations' ids."""
    from conversations.live.calls import call_announce
    from conversations.live.wire import CallAudio, CallStart
    from engines.speech.audio import AudioFormat
    from tenants.scope import schema_scope

    audio = CallAudio(AudioFormat(codec="mulaw", sample_rate=8000, channels=2), ROLES)
    with schema_scope(house.schema):
        return [
            str(
                call_announce(
                    source=SOURCE, start=CallStart(id=f"call{ident}", agent=ident), audio=audio
                ).conversation_id
            )
            for ident, _cookie in agents
        ]


def _workers_start(house: House, options: argparse.Namespace, plan: Path, conversations: list[str]) -> None:
    import redis.asyncio

    from conversations.live.buffer import AudioBuffer

    room = -(-options.conversations // options.workers)
    for name in _workers(options):
        house.start(
            Program(
                name,
                [sys.executable, "-m", "bench.live_worker"],
                env={
                    "LOG_LEVEL": "INFO",
                    "BENCH_LIVE": str(plan),
                    "LIVE_CALLS_PER_WORKER": str(room),
                },
            )
        )
    for name in _workers(options):
        house.live_ready(name)

    async def tell() -> None:
        async with redis.asyncio.Redis.from_url(house.redis_url) as client:
            buffer = AudioBuffer(client)
            for ident in conversations:
                await buffer.announce(house.schema, UUID(ident))

    asyncio.run(tell())


def _workers(options: argparse.Namespace) -> list[str]:
    return [f"live-{number}" for number in range(1, options.workers + 1)]


def _opened(house: House, plan: Path, count: int) -> None:
    """Wait until the live workers follow all calls."""

    def follows() -> bool:
        notes = plan.parent.glob(f"{plan.stem}.*.open")
        return sum(int(note.read_text()) for note in notes) >= count

    house.until(follows, "every call's live worker", seconds=60 + 0.1 * count)


def _go_write(plan: Path, go: Go) -> None:
    new = plan.with_suffix(".going")
    new.write_text(json.dumps(go.__dict__))
    new.replace(plan.with_suffix(".go"))


# --- While they run --------------------------------------------------------------------------------------


def _sleep(house: House, until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        house.check()
        time.sleep(min(left, 0.5))


@contextmanager
def _watched(house: House, agents: int) -> Iterator[Any]:
    process = psutil.Process(agents)

    def look() -> dict[str, Any]:
        times = process.cpu_times()
        cpu = {**house.cpu_seconds(), "agents": times.user + times.system}
        found = {"at": time.monotonic(), "cpu": cpu}
        rss = {"agents": _megabytes([process])}
        for kind, processes in house.groups().items():
            rss[kind] = _megabytes(processes)
        return {**found, "rss": rss}

    yield look


def _megabytes(processes: list[psutil.Process]) -> float:
    """What processes hold together; of memory that several share, each its share."""
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            whole = process.memory_full_info()
            total += getattr(whole, "pss", whole.rss) if len(processes) > 1 else whole.rss
    return round(total / 2**20, 1)


def _parts(plan: Path) -> dict[str, float]:
    """Processor time by part of the live workers."""
    total: dict[str, float] = {}
    for note in plan.parent.glob(f"{plan.stem}.*.used"):
        for name, seconds in json.loads(note.read_text()).items():
            total[name] = total.get(name, 0.0) + seconds
    return total


def _heads(house: House, conversations: list[str]) -> list[int]:
    from conversations.models import CallOwner
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        heads = dict(CallOwner.objects.values_list("conversation_id", "head"))
    return [heads[UUID(ident)] for ident in conversations]


# --- With audio ------------------------------------------------------------------------------------------


def _spoken(house: House, options: argparse.Namespace) -> dict[str, Any]:
    from tenants.scope import schema_scope

    with schema_scope(house.schema):
        hint_always_publish()
    found = finals_measure(
        house,
        calls=options.spoken,
        seconds=min(30.0, max(10.0, options.seconds)),
        seed=options.seed,
        guided=True,
    )
    return {
        "spoken_calls": options.spoken,
        "spoken_to_shown_p50_ms": found["hint_total_p50_ms"],
        "spoken_to_shown_p95_ms": found["hint_total_p95_ms"],
        "asr_delay_ms": found["asr_delay_ms"],
    }
