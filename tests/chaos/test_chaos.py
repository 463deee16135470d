"""Parts of an installation die in the middle of calls, and every call comes out as if nothing had happened.

`make chaos` runs it with twenty calls at once, which it holds against an undisturbed run, and with everything dying in
turn; the run of all tests has a short form.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tenants.scope import schema_scope
from tests.chaos.account import assert_as_said, assert_numbers_whole, ended, seal, told
from tests.chaos.house import House, calls_make, house_open

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

CALLS = int(os.environ.get("CHAOS_CALLS") or 4)
LONG = bool(os.environ.get("CHAOS_CALLS"))
SECONDS = 60 if LONG else 20
# The undisturbed run goes as fast as it can; the others last long enough for something to die in them.
SPEED = 4.0
AWAY_SECONDS = 1.5


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[House]:
    log = tmp_path_factory.mktemp("chaos") / "log"
    with django_db_blocker.unblock(), house_open(log) as opened, schema_scope(opened.schema):
        yield opened


@pytest.fixture(scope="module")
def calm(house: House) -> list[dict[str, Any]]:
    """What came of the calls when nothing died. It is what was said in them."""
    calls = calls_make("calm", CALLS, SECONDS)
    house.play_all(calls)
    for call in calls:
        house.until(partial(ended, call))
        assert_as_said(call)
    return [told(call) for call in calls]


async def worker(house: House) -> None:
    """One of two live workers: the other one takes over what it had."""
    house.kill("live-1")


async def ingest(house: House) -> None:
    house.kill("ingest")


async def redis(house: House) -> None:
    house.redis_kill()
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(house.services_again)


async def postgres(house: House) -> None:
    house.postgres_kill()
    await asyncio.sleep(AWAY_SECONDS)
    await asyncio.to_thread(house.services_again)


async def everything(house: House) -> None:
    for death in (worker, redis, ingest, postgres):
        await death(house)
        await asyncio.sleep(1.0)
    house.kill("live-2")


DEATHS: list[Callable[[House], Awaitable[None]]] = [worker, ingest, redis, postgres]


@pytest.mark.parametrize("death", [*DEATHS, *([everything] if LONG else [])])
def test_nothing_is_lost_when_dies(
    house: House, calm: list[dict[str, Any]], death: Callable[[House], Awaitable[None]]
) -> None:
    calls = calls_make(death.__name__, CALLS, SECONDS)
    house.play_all(calls, speed=SPEED, disturb=lambda: death(house))
    for call in calls:
        house.until(partial(ended, call))
    for call, undisturbed in zip(calls, calm, strict=True):
        length = [call.length_ms] * 2
        now = told(call)
        assert now["utterances"] == undisturbed["utterances"], call.name
        assert now == undisturbed, call.name
        assert now["ledger"][0] == "completed" and now["ledger"][2] == []
        assert now["accounted"] == [length, length, length]
        assert_numbers_whole(call)
    for call in calls:
        seal(house, call)
