"""Parts of an installation die in the middle of calls, and every call comes out as if nothing had happened.

`make chaos` has twenty calls at once, longer outages, and everything dying in turn; the run of all tests has a short
form. Each disturbed call is held against an undisturbed one of the same sound, the same in every respect.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from conversations.models import CallLedger, Utterance
from cresta_app.stack.programs import Program
from cresta_app.stack.services import free_port
from tenants.scope import call_in_schema, schema_scope
from tests.chaos.account import assert_as_said, assert_numbers_whole, ended, seal, told
from tests.chaos.house import CODED, IMPATIENT, Call, House, answers, calls_make, house_open

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CALLS = int(os.environ.get("CHAOS_CALLS") or 4)
LONG = bool(os.environ.get("CHAOS_CALLS"))
SECONDS = 60 if LONG else 20
# The undisturbed run goes as fast as it can; the others last long enough for something to die in them.
SPEED = 4.0
AWAY_SECONDS = 1.5
# Longer than a line waits for Redis before it sends its client away.
LONG_AWAY_SECONDS = 20.0

Death = Callable[[House], Awaitable[None]]


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[House]:
    log = tmp_path_factory.mktemp("chaos") / "log"
    with django_db_blocker.unblock(), house_open(log) as opened, schema_scope(opened.schema):
        yield opened


@pytest.fixture(scope="module")
def calm(house: House) -> list[dict[str, Any]]:
    """What came of the calls when nothing died. It is what was said in them."""
    house.hear_with(CODED)
    calls = calls_make("calm", CALLS, SECONDS)
    house.play_all(calls)
    for call in calls:
        house.until(partial(ended, call))
        assert_as_said(call)
    return [told(call) for call in calls]


# --- Deaths ---------------------------------------------------------------------------------------------


async def worker(house: House) -> None:
    """The other live worker takes over what it had."""
    house.kill(await asyncio.to_thread(call_in_schema, house.schema, house.busiest))


async def ingest(house: House) -> None:
    house.kill("ingest")


async def redis(house: House, seconds: float = AWAY_SECONDS) -> None:
    house.redis_kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(house.services_again)


async def postgres(house: House, seconds: float = AWAY_SECONDS) -> None:
    house.postgres_kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(house.services_again)


async def redis_for_long(house: House) -> None:
    await redis(house, LONG_AWAY_SECONDS)


async def postgres_for_long(house: House) -> None:
    await postgres(house, LONG_AWAY_SECONDS)


async def everything(house: House) -> None:
    for death in (worker, redis, ingest, postgres):
        await death(house)
        await asyncio.sleep(1.0)
    house.kill("live-1")
    house.kill("live-2")


# What must be in the log if the death was felt in the calls: a test in which nothing happened says nothing.
FELT: dict[Death, str] = {
    worker: "worker.takes_over",
    redis: "buffer_away",
    postgres: "call.storage_away",
    redis_for_long: "buffer_away",
    postgres_for_long: "call.storage_away",
    everything: "worker.takes_over",
}
SHORT: list[Death] = [worker, redis, postgres]


def assert_as_undisturbed(calls: list[Call], calm: list[dict[str, Any]]) -> None:
    for call, undisturbed in zip(calls, calm, strict=True):
        now = told(call)
        assert now["utterances"] == undisturbed["utterances"], call.name
        assert now == undisturbed, call.name
        assert now["ledger"] == ("completed", "stop", [])
        assert now["accounted"] == [[call.length_ms] * 2] * 3
        assert_numbers_whole(call)


@pytest.mark.parametrize("death", [*FELT] if LONG else SHORT)
def test_calls_go_on_as_if_nothing_had_died(house: House, calm: list[dict[str, Any]], death: Death) -> None:
    house.hear_with(CODED)
    calls = calls_make(death.__name__, CALLS, SECONDS)
    before = len(house.said())
    house.play_all(calls, speed=SPEED, disturb=lambda: death(house))
    for call in calls:
        house.until(partial(ended, call))
    house.until(lambda: FELT[death] in house.said()[before:])
    assert_as_undisturbed(calls, calm)
    if death is redis:
        # What it had confirmed it still has, so no line had to begin again.
        assert [call.played.reconnects for call in calls] == [0] * CALLS
    for call in calls:
        seal(house, call)


def test_the_way_in_dies(house: House, calm: list[dict[str, Any]]) -> None:
    """Who can come back loses nothing; who cannot is heard to the break, and the ledger says so."""
    house.hear_with(CODED)
    calls = calls_make("way-in", CALLS, SECONDS)
    [once] = calls_make("once", 1, SECONDS)
    house.play_all(calls, speed=SPEED, disturb=lambda: ingest(house), once=once)
    for call in calls:
        house.until(partial(ended, call))
        assert call.played.reconnects >= 1
    assert_as_undisturbed(calls, calm)
    for call in calls:
        seal(house, call)
    assert not ended(once)
    house.hear_with(IMPATIENT)
    house.until(partial(ended, once))
    ledger = CallLedger.objects.get(conversation=once.ident)
    assert (ledger.state, ledger.reason) == ("incomplete", "no_stop")
    came = ledger.received_ms[0]
    assert 0.3 * once.length_ms < came < once.length_ms
    assert ledger.received_ms == ledger.transcribed_ms == ledger.recorded_ms == [came, came]
    found = set(
        Utterance.objects.filter(conversation=once.ident).values_list("channel_index", "start_ms", "text")
    )
    said = {(line.channel, line.start_ms, line.text) for line in once.lines if line.end_ms <= came}
    assert said <= found
    # One more of each side at most: who was speaking when the line broke.
    begun = {(line.channel, line.start_ms) for line in once.lines if line.start_ms < came}
    assert {(channel, start) for channel, start, _text in found} <= begun
    assert_numbers_whole(once)


def test_the_recogniser_dies(house: House, tmp_path_factory: Any) -> None:
    """A Deepgram that is killed and comes back: what it had not confirmed it is told again."""
    port = free_port()
    peer = [sys.executable, "-m", "tests.peers.deepgram", "--port", str(port), "--key", "chaos"]
    options = {"api_key": "chaos", "base_url": f"http://127.0.0.1:{port}", "max_rate": 0}
    house.start(Program("deepgram", peer))
    house.until(lambda: answers(port))
    house.hear_with({"SPEECH_PROVIDER": "deepgram", "SPEECH_OPTIONS": json.dumps(options)})
    calm, calls = calls_make("deep-calm", CALLS, SECONDS), calls_make("deep", CALLS, SECONDS)
    house.play_all(calm, speed=2 * SPEED)
    before = len(house.said())

    async def die() -> None:
        house.kill("deepgram")

    house.play_all(calls, speed=SPEED, disturb=die)
    for call in [*calm, *calls]:
        house.until(partial(ended, call))
    house.until(lambda: "deepgram | ended with signal SIGKILL" in house.said()[before:])
    for call, undisturbed in zip(calls, calm, strict=True):
        now, then = told(call), told(undisturbed)
        assert now["utterances"] == then["utterances"], call.name
        assert len(now["utterances"]) >= len(call.lines) // 2
        assert now["ledger"] == then["ledger"] == ("completed", "stop", [])
        assert now["accounted"] == [[call.length_ms] * 2] * 3
        assert_numbers_whole(call)
        seal(house, call)
    house.stop("deepgram")
