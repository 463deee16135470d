"""Figures of skills, simulated: intervals hold what they promise, and what rises for all is nobody's effect."""

from __future__ import annotations

import math
import random

import pytest

from engines.progress import Tally, beside, estimate, single
from engines.trials import Arm, Estimate, Sums, difference, newcombe, wilson

RUNS = 1500
PART = (0.0, 50.0, 100.0)


def tally(values):
    return single(len(values), sum(values), sum(one * one for one in values))


def calls(groups):
    """Of situations by call, each done (1) or missed (0)."""
    return Tally(
        n=sum(map(len, groups)),
        groups=len(groups),
        total=sum(100 * sum(one) for one in groups),
        squares=sum((100 * sum(one)) ** 2 for one in groups),
        cross=sum(100 * sum(one) * len(one) for one in groups),
        sizes=sum(len(one) ** 2 for one in groups),
    )


def share(chance, count):
    return [100.0 * (random.random() < chance) for _ in range(count)]


def graded(weights, count):
    return random.choices(PART, weights, k=count)


@pytest.fixture(autouse=True)
def seeded():
    random.seed(7)


def covered(make, truth):
    hits = 0
    for _ in range(RUNS):
        found = estimate(make())
        hits += found.low <= truth <= found.high
    return hits / RUNS


def test_yes_and_no_is_wilson_s_interval():
    found = estimate(tally([100.0] * 9 + [0.0]))
    low, high = wilson(Arm((Sums(10, 9, 9),)))
    assert (found.value, found.low, found.high) == pytest.approx((90.0, 100 * low, 100 * high))
    assert estimate(Tally()) is None
    # Ten of ten is not sure to be all of them.
    assert estimate(tally([100.0] * 10)).low == pytest.approx(72.25, abs=0.01)


def test_a_difference_of_shares_is_newcombe_s():
    first, second = Arm((Sums(56, 48, 48),)), Arm((Sums(29, 20, 20),))
    made = difference(Estimate(first.mean, *wilson(first)), Estimate(second.mean, *wilson(second)))
    # Newcombe (1998), table II, method 10, of 56/70 and 48/80 without correction: 0.0524 to 0.3339.
    known = newcombe(Arm((Sums(70, 56, 56),)), Arm((Sums(80, 48, 48),)))
    assert known == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert (made.low, made.high) == newcombe(first, second)


@pytest.mark.parametrize("count", [12, 40, 200])
@pytest.mark.parametrize("chance", [0.5, 0.85])
def test_shares_are_covered(chance, count):
    assert 0.93 <= covered(lambda: tally(share(chance, count)), 100 * chance) <= 0.98


@pytest.mark.parametrize("count", [12, 40, 200])
@pytest.mark.parametrize("weights", [(1, 2, 3), (1, 1, 8)])
def test_graded_answers_are_covered(weights, count):
    truth = sum(one * weight for one, weight in zip(PART, weights, strict=True)) / sum(weights)
    assert 0.93 <= covered(lambda: tally(graded(weights, count)), truth) <= 0.99


def test_situations_of_one_call_are_alike_and_the_interval_knows():
    def make():
        groups = []
        for _ in range(40):
            chance = random.choice((0.4, 0.95))
            groups.append([random.random() < chance for _ in range(random.randint(1, 5))])
        return calls(groups)

    assert 0.93 <= covered(make, 67.5) <= 0.98
    # As if each were a call of its own it would be missed far oftener.
    plain = 0
    for _ in range(RUNS):
        one = make()
        low, high = wilson(Arm((Sums(one.n, one.total / 100, one.total / 100),)))
        plain += low <= 0.675 <= high
    assert plain / RUNS < 0.92


def test_differences_are_covered():
    hits = 0
    for _ in range(RUNS):
        before, after = estimate(tally(share(0.6, 30))), estimate(tally(graded((1, 1, 8), 40)))
        change = difference(after, before)
        hits += change.low <= 25.0 <= change.high
    assert 0.935 <= hits / RUNS <= 0.985


def changes(people, drift, rise, count=40):
    """Changes of people who were at 60 and rise by so much, each by another amount."""
    found = []
    for _ in range(people):
        after = min(0.98, max(0.02, 0.6 + rise + random.gauss(0, drift)))
        found.append(difference(estimate(tally(share(after, count))), estimate(tally(share(0.6, count)))))
    return found


@pytest.mark.parametrize(("people", "drift"), [(4, 0.0), (9, 0.0), (9, 0.1), (20, 0.1)])
def test_what_rises_for_all_is_nobody_s_effect(people, drift):
    """Everybody rises by twenty points, nobody was coached: alone most would be called better, beside the team hardly
    anybody is."""
    alone = called = 0
    runs = 500
    for _ in range(runs):
        own, *others = changes(people + 1, drift, 0.2)
        alone += own.low > 0
        found = beside(own, others)
        called += found.beyond.low > 0 or found.beyond.high < 0
    assert alone / runs > 0.35
    assert called / runs <= 0.08


def test_what_is_more_than_the_team_did_is_found():
    found = 0
    for _ in range(300):
        own = difference(estimate(tally(share(0.85, 120))), estimate(tally(share(0.5, 120))))
        found += beside(own, changes(9, 0.02, 0.0, count=120)).beyond.low > 0
    assert found / 300 > 0.8


def test_too_few_others_are_nothing_to_compare_with():
    own = Estimate(10.0, 2.0, 18.0)
    assert beside(own, [own, own]) is None
    # Three that happen to agree are no better known than chance allows.
    found = beside(own, [own, own, own])
    assert found.n == 3 and found.beyond.value == 0 and found.change.high - found.change.low > 10
    assert math.isclose(found.change.value, 10.0)
