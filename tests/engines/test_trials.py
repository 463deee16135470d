"""Two arms compared at every look: how often there is a difference where none is, and how often a real one is found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engines.trials import (
    MISMATCH,
    Arm,
    Kind,
    Sums,
    always_valid,
    compare,
    estimate,
    mismatch,
    mixture,
    newcombe,
    plan,
    too_few_agents,
    too_little,
    wilson,
)


def one_by_one(values):
    return Arm((Sums(len(values), float(np.sum(values)), float(np.sum(np.square(values)))),))


def looks(make, *, runs, days, worth, kind, effect=0.0):
    """The share of runs in which any look tells a difference: by the interval for every look, and by that for one."""
    rng = np.random.default_rng(7)
    ours = naive = 0
    for _run in range(runs):
        always = once = False
        for first, second in make(rng, days, effect):
            if min(first.n, second.n) < 50 or too_little(first, second, kind):
                continue
            found = compare(first, second, kind=kind, worth=worth)
            always = always or found.sure
            once = once or found.once[0] > 0 or found.once[1] < 0
        ours, naive = ours + always, naive + once
    return ours / runs, naive / runs


def calls(draw, share=0.3, daily=40):
    """Conversations drawn one by one, looked at every day."""

    def make(rng, days, effect):
        held = rng.random((days, daily)) < share
        values = draw(rng, (days, daily), np.where(held, 0.0, effect))
        sums = [
            np.cumsum([(mask.sum(1)), (values * mask).sum(1), (values**2 * mask).sum(1)], axis=1).T
            for mask in (~held, held)
        ]
        for shown, without in zip(*sums, strict=True):
            yield tuple(Arm((Sums(int(n), t, s),)) for n, t, s in (shown, without))

    return make


def lengths(rng, size, effect):
    return rng.normal(5.7, 0.7, size) + effect


def sales(rng, size, effect):
    return (rng.random(size) < 0.12 + effect).astype(float)


def agents(count=30, daily=3, between=0.25):
    """Whole agents in an arm, who differ from each other: a third of them without guidance."""

    def make(rng, days, effect):
        held = rng.permutation(count) < count // 3
        own = rng.normal(0, between, count) + np.where(held, 0.0, effect)
        values = rng.normal(5.7, 0.7, (days, count, daily)) + own[None, :, None]
        totals, squares = np.cumsum(values.sum(2), axis=0), np.cumsum((values**2).sum(2), axis=0)
        for day in range(days):
            n = (day + 1) * daily
            yield tuple(
                Arm(tuple(Sums(n, totals[day, a], squares[day, a]) for a in np.flatnonzero(mask)), True)
                for mask in (~held, held)
            )

    return make


@pytest.mark.parametrize(
    ("make", "kind", "worth", "for_one_look"),
    [
        (calls(lengths), Kind.MEAN, 0.06, 0.2),
        (calls(sales), Kind.RATE, 0.03, 0.2),
        (agents(), Kind.MEAN, 0.15, 0.1),
    ],
    ids=["handle time", "conversion", "by agent"],
)
def test_daily_looks_at_two_equal_arms_seldom_tell_a_difference(make, kind, worth, for_one_look):
    ours, naive = looks(make, runs=200, days=60, worth=worth, kind=kind)
    assert ours <= 0.06
    # What looking every day does to an interval made for one look.
    assert naive > for_one_look


@pytest.mark.parametrize(
    ("make", "kind", "worth"),
    [(calls(lengths), Kind.MEAN, 0.12), (calls(sales), Kind.RATE, 0.05), (agents(80, between=0.1), Kind.MEAN, 0.12)],
    ids=["handle time", "conversion", "by agent"],
)  # fmt: skip
def test_an_effect_of_the_size_asked_for_is_found_by_the_time_that_was_told(make, kind, worth):
    rng = np.random.default_rng(3)
    found = 0
    for _run in range(100):
        for first, second in make(rng, 120, worth):
            if too_little(first, second, kind):
                continue
            told = compare(first, second, kind=kind, worth=worth)
            if told.sure or told.more == 0:
                found += told.low > 0
                break
        else:
            raise AssertionError("120 days were not enough")
    assert found >= 74  # 80 of 100 are promised


def test_the_interval_for_every_look_is_that_of_the_confidence_sequence():
    # Waudby-Smith et al. (2021), eq. 2.9, with n observations of variance s² and rho² = t² / s².
    n, spread, scale, alpha = 400, 2.5, 0.4, 0.05
    rho = scale**2 / spread
    published = math.sqrt(
        spread * 2 * (n * rho + 1) / (n**2 * rho) * math.log(math.sqrt(n * rho + 1) / alpha)
    )
    assert always_valid(spread / n, scale, alpha) == pytest.approx(published)
    widths = [always_valid(0.0155**2, mixture(0.06) * factor) for factor in (0.3, 1, 3)]
    assert widths[1] == min(widths)


def test_shares_have_their_published_intervals():
    # Newcombe (1998), table II: 56/70 - 48/80.
    first, second = Arm((Sums(70, 56, 56),)), Arm((Sums(80, 48, 48),))
    assert newcombe(first, second) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert wilson(Arm((Sums(263, 81, 81),))) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert compare(first, second, kind=Kind.RATE, worth=0.1).once == newcombe(first, second)
    assert estimate(first, Kind.RATE).value == 0.8


def test_agents_who_differ_make_the_interval_wider_than_their_calls_one_by_one():
    rng = np.random.default_rng(1)
    sides = []
    for _arm in range(2):
        own = rng.normal(0, 1, 10)
        sides.append([rng.normal(mean, 0.5, 200) for mean in own])
    clustered = [Arm(tuple(Sums(200, v.sum(), (v**2).sum()) for v in side), True) for side in sides]
    alone = [one_by_one(np.concatenate(side)) for side in sides]
    apart, together = compare(*clustered, worth=0.2), compare(*alone, worth=0.2)
    assert apart.difference == pytest.approx(together.difference)
    assert apart.high - apart.low > 5 * (together.high - together.low)
    # No number of calls of these twenty would do: it takes more agents.
    assert apart.more is None
    assert apart.agents > 100
    assert together.more is not None


def test_what_is_too_little_says_how_much_is_missing():
    few, many = one_by_one(np.ones(20)), one_by_one(np.ones(80))
    assert too_little(many, few) == 150
    assert too_little(many, many) == 0
    # One sale in eighty: five are wanted in each arm.
    rare = Arm((Sums(80, 1, 1),))
    assert too_little(rare, rare, Kind.RATE) == 640
    agents_few = Arm(tuple(Sums(30, 3, 3) for _ in range(3)), True)
    assert too_few_agents(agents_few, agents_few, 0.2) == 25
    assert too_few_agents(many, few, 0.5) == 0
    assert compare(Arm((Sums(30, 3, 3),), True), agents_few, worth=1) is None
    assert compare(Arm(()), many, worth=1) is None
    # Nothing differs: there is no error to speak of.
    assert compare(many, many, worth=1) is None
    assert estimate(Arm(())) is None
    with pytest.raises(ValueError, match="above 0"):
        compare(many, few, worth=0)


def test_arms_that_were_not_drawn_as_said_are_told():
    assert mismatch(900, 100, 0.1) == mismatch(0, 0, 0.5) == 1
    assert mismatch(880, 120, 0.1) == pytest.approx(0.449, abs=1e-3)
    assert mismatch(850, 150, 0.1) < 1e-4
    assert mismatch(0, 2_000, 0.001) < 1e-9
    assert mismatch(5_000_000, 5_020_000, 0.5) < 1e-3 < mismatch(5_000_000, 5_010_000, 0.5)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_who_looks_at_the_sizes_every_day_is_misled_no_more_often(share):
    rng = np.random.default_rng(5)
    looks = np.arange(50, 3_001, 50)
    misled = by_one_look = found = 0
    for real, runs in ((share, 400), (share + 0.07, 40)):
        held = (rng.random((runs, looks[-1])) < real).cumsum(axis=1)[:, looks - 1]
        least = [
            min(mismatch(int(n - k), int(k), share) for n, k in zip(looks, run, strict=True)) for run in held
        ]
        if real == share:
            misled = sum(p < 0.05 for p in least) / runs
            chi = (held - looks * share) ** 2 / (looks * share * (1 - share))
            by_one_look = (chi > 3.84).any(axis=1).mean()
        else:
            found = sum(p < MISMATCH for p in least)
    assert misled <= 0.05, "at all looks together"
    assert by_one_look > 0.15, "the test for one look misleads who looks often"
    assert found == 40


def test_a_plan_says_what_it_would_take_by_the_past():
    rng = np.random.default_rng(2)
    past = one_by_one(rng.normal(5.7, 0.7, 20_000))
    # Twice the variance over the square of the effect by 3.87 errors, for each half.
    assert plan(past, share=0.5, worth=0.06).calls == pytest.approx(4 * 0.49 * (3.87 / 0.06) ** 2, rel=0.03)
    assert plan(past, share=0.1, worth=0.06).calls > 2.5 * plan(past, share=0.5, worth=0.06).calls
    own = rng.normal(0, 0.25, 40)
    values = rng.normal(5.7, 0.7, (40, 200)) + own[:, None]
    agents_past = Arm(tuple(Sums(200, v.sum(), (v**2).sum()) for v in values), True)
    assert plan(agents_past, share=0.5, worth=0.4).agents is None
    told = plan(agents_past, share=0.5, worth=0.06)
    assert (told.calls, told.agents) == (None, pytest.approx(4 * 0.0625 * (3.87 / 0.06) ** 2, rel=0.5))
    rare = Arm((Sums(1_000, 2, 2),))
    assert plan(rare, share=0.5, kind=Kind.RATE, worth=0.1).calls == 5_000
    assert plan(one_by_one(np.ones(20)), share=0.5, worth=1) is None
