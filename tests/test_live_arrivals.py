"""When a call's audio came, by its own time; kept for minutes, in the same memory however long the call is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from conversations.live.arrivals import FORGOTTEN_AT_ONCE, KEPT, Arrivals

BEGAN = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SOUND = b"\x00\x10" * 800
SILENCE = bytes(1600)


def came(count: int) -> Arrivals:
    """Chunks of 100 ms, each half a second after it was spoken."""
    arrivals = Arrivals(2)
    for number in range(1, count + 1):
        at = BEGAN + timedelta(milliseconds=100 * number + 500)
        arrivals.add(100 * number, at, [SOUND if number <= 3 else SILENCE, SILENCE])
    return arrivals


def test_a_moment_came_with_its_chunk_and_within_it_by_its_place():
    arrivals = came(10)
    assert arrivals.upto_ms == 1_000
    assert arrivals.arrival(1_000) == BEGAN + timedelta(milliseconds=1_500)
    assert arrivals.arrival(930) == BEGAN + timedelta(milliseconds=1_430)
    assert arrivals.arrival(0) == BEGAN + timedelta(milliseconds=500)


def test_what_lies_beyond_is_now_or_the_last():
    before = datetime.now(UTC)
    assert Arrivals(1).arrival(50) >= before
    assert came(3).arrival(9_000) == BEGAN + timedelta(milliseconds=800)


def test_a_long_call_takes_no_more_than_a_short_one():
    arrivals = came(5 * KEPT)
    assert len(arrivals._ends_ms) <= KEPT + FORGOTTEN_AT_ONCE
    assert arrivals.arrival(5 * KEPT * 100) == BEGAN + timedelta(milliseconds=5 * KEPT * 100 + 500)


def test_sound_is_told_by_side():
    assert came(10).quiet_ms(["agent", "customer"]) == {"agent": 700, "customer": 1_000}
