"""Two sides of a call that come apart, on one clock: holes, overlaps, jumps, and going on where another stopped."""

from __future__ import annotations

import numpy as np
import pytest

from integrations.telephony.sides import RATE, SAMPLES_PER_MS, ClockJump, Hole, Sides, Sound

MS = 1_000_000


def tone(ms: int, value: int) -> bytes:
    return np.full(ms * SAMPLES_PER_MS, value, dtype="<i2").tobytes()


def drain(given: object) -> tuple[np.ndarray, list[Hole]]:
    parts = list(given)  # type: ignore[call-overload]
    frames = np.frombuffer(b"".join(one.payload for one in parts if isinstance(one, Sound)), dtype="<i2")
    return frames.reshape(-1, 2), [one for one in parts if isinstance(one, Hole)]


def test_sides_lie_where_their_times_say() -> None:
    sides = Sides()
    sides.put(0, 5_000 * MS, tone(64, 1))
    sides.put(1, 5_032 * MS, tone(64, 2))
    frames, holes = drain(sides.finish())
    assert len(frames) == 96 * SAMPLES_PER_MS
    assert (frames[: 64 * 8, 0] == 1).all() and not frames[64 * 8 :, 0].any()
    assert not frames[: 32 * 8, 1].any() and (frames[32 * 8 :, 1] == 2).all()
    assert holes == []


def test_a_hole_is_silent_and_noted_behind_its_silence() -> None:
    sides = Sides(origin_ns=0)
    for side in (0, 1):
        sides.put(side, 0, tone(1000, 1))
    sides.put(0, 4_000 * MS, tone(1000, 3))
    sides.put(1, 1_000 * MS, tone(4000, 2))
    parts = list(sides.give(5 * RATE))
    assert [len(one.payload) if isinstance(one, Sound) else one for one in parts] == [
        *[RATE * 4] * 4,
        Hole(0, 1000, 4000),
        RATE * 4,
    ]
    frames, _ = drain(parts)
    assert not frames[RATE : 4 * RATE, 0].any() and (frames[4 * RATE :, 0] == 3).all()
    assert (frames[RATE:, 1] == 2).all()


def test_rounded_times_make_no_clicks_and_do_not_drift() -> None:
    sides = Sides(origin_ns=0)
    for index in range(1000):  # 20.5 ms of sound each, times in whole milliseconds
        sides.put(0, int(index * 20.5) * MS, tone(1, 7)[:2] * 164)
    frames, holes = drain(sides.finish())
    assert (frames[:164_000, 0] == 7).all()
    assert len(frames) == 164_000
    assert holes == [Hole(1, 0, 20_500)]


def test_a_short_block_shifts_nothing_behind_it() -> None:
    sides = Sides(origin_ns=0)
    sides.put(0, 0, tone(12, 1))  # announced at a place for 64 ms
    sides.put(0, 64 * MS, tone(64, 2))
    frames, holes = drain(sides.finish())
    assert (frames[64 * 8 :, 0] == 2).all() and not frames[12 * 8 : 64 * 8, 0].any()
    assert holes == [Hole(1, 0, 128)]


def test_what_comes_twice_is_given_once() -> None:
    sides = Sides(origin_ns=0)
    sides.put(0, 0, tone(100, 1))
    sides.put(0, 0, tone(100, 9))
    sides.put(0, 50 * MS, tone(100, 2))
    frames, _ = drain(sides.finish())
    assert (frames[:800, 0] == 1).all() and (frames[800:, 0] == 2).all() and len(frames) == 1200


@pytest.mark.parametrize("known", [0, 3, 7])
@pytest.mark.parametrize("cut", [0, 1, 700, 8_001, 30_000, 50_000])
def test_a_successor_gives_the_same(known: int, cut: int) -> None:
    """`known`: stretches whose state was kept; `cut`: samples that had been given by then or since."""
    rng = np.random.default_rng(4)
    stretches = []
    at = 0
    for _ in range(10):
        count = int(rng.integers(1, 9_000))
        stretches.append((int(rng.integers(0, 2)), at, rng.integers(-9, 9, count).astype("<i2").tobytes()))
        at += int(rng.integers(0, 8_000))
    calm = Sides(origin_ns=0)
    state = (0, 0)
    for index, stretch in enumerate(stretches):
        if index == known:
            state = calm.ends
        calm.put_at(*stretch)
    whole, all_holes = drain(calm.finish())
    cut = min(cut, min(state))
    successor = Sides(origin_ns=0, given=cut, ends=state)
    for stretch in stretches[known:]:
        successor.put_at(*stretch)
    rest, holes = drain(successor.finish())
    # Before the kept state's end the successor knows nothing; it is used from there on.
    behind = max(state)
    assert (rest[behind - cut :] == whole[behind:]).all()
    assert len(rest) + cut == len(whole)
    assert [hole for hole in all_holes if hole.from_ms * 8 >= behind] == [
        hole for hole in holes if hole.from_ms * 8 >= behind
    ]


def test_clock_jumps_are_no_silence() -> None:
    sides = Sides(origin_ns=0)
    sides.put(0, 0, tone(100, 1))
    with pytest.raises(ClockJump):
        sides.put(0, 5 * 86_400_000 * MS, tone(10, 1))
    sides.put(0, 60_000 * MS, tone(100, 1))
    with pytest.raises(ClockJump):
        sides.put(0, 30_000 * MS, tone(10, 1))


def test_half_a_sample_is_none() -> None:
    sides = Sides(origin_ns=0)
    sides.put(0, 0, b"\1\0\2")
    sides.put(1, 0, b"\1")
    frames, _ = drain(sides.finish())
    assert frames.tolist() == [[1, 0]]
