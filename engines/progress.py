"""How good somebody is at something, whether they got better, and whether that is more than everybody did.

Observations are worth 0 to 100 each: answers to a criterion, or situations in which something was done (100) or missed
(0). Intervals are of 95 % and for one look.

- A mean: Wilson's interval (1927) of a share, for as many observations as these are worth. Answers between 0 and 100
  vary less than yes and no with the same mean, situations of one call more than those of as many calls; both is
  measured (the design effect, Kish, 1965), with one observation's worth of doubt added, so that five answers that
  happen to be alike do not make an interval of no width. Where it is measured the quantile is Student's t.
- A difference: MOVER (`engines.trials.difference`), which of shares is Newcombe's.
- A difference in differences: how much somebody changed, less how much the others changed on average. Others change by
  themselves, too, each by another amount: how far they lie apart beyond chance (the estimator of Hedges, 1983) is how
  far this one may lie from them without any coaching, and widens the interval (as the prediction interval of Higgins,
  Thompson and Spiegelhalter, 2009, does). So what rises for all is nobody's effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from engines.trials import ALPHA, Estimate, difference, score_interval, student

_Z = NormalDist().inv_cdf(1 - ALPHA / 2)
# Fewer others than this, and it is not known how much people change by themselves.
OTHERS_LEAST = 3


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums of `n` observations of 0 to 100 in `groups` calls.

    Over calls: `squares` of the call's sum, `cross` of its sum times its observations, `sizes` of its observations
    squared. `between`: sum of x (100 - x) over observations x, 0 where each is 0 or 100.
    """

    n: int = 0
    groups: int = 0
    total: float = 0.0
    squares: float = 0.0
    cross: float = 0.0
    sizes: float = 0.0
    between: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.n + other.n,
            self.groups + other.groups,
            self.total + other.total,
            self.squares + other.squares,
            self.cross + other.cross,
            self.sizes + other.sizes,
            self.between + other.between,
        )

    @property
    def mean(self) -> float:
        return self.total / self.n


def single(n: int, total: float, squares: float) -> Tally:
    """Of observations that are one a call: how many, their sum and the sum of their squares."""
    return Tally(n, n, total, squares, total, n, max(0.0, 100 * total - squares))


def estimate(tally: Tally) -> Estimate | None:
    """The mean with its interval, 0 to 100; None of nothing."""
    if not tally.n:
        return None
    worth, quantile = _worth(tally)
    low, high = score_interval(min(1.0, max(0.0, tally.mean / 100)), worth, quantile)
    return Estimate(tally.mean, min(100 * low, tally.mean), max(100 * high, tally.mean))


def _worth(tally: Tally) -> tuple[float, float]:
    """As many independent ones of yes and no, and how many standard errors make the interval."""
    n, groups, mean = tally.n, tally.groups, tally.mean
    alone = groups == n
    plain = mean * (100 - mean) / n
    if (alone and tally.between < 1e-6) or plain < 1e-9 or groups < 2:
        # Nothing to measure: each call counts once.
        return float(groups), _Z
    squares = tally.squares - 2 * mean * tally.cross + mean * mean * tally.sizes
    variance = groups / (groups - 1) * max(0.0, squares) / (n * n)
    effect = ((groups - 1) * variance / plain + n / groups) / groups
    return n / effect, quantile(groups - 1)


@lru_cache(maxsize=4096)
def quantile(degrees: int) -> float:
    """Of Student's t, for both sides of 95 %."""
    return _Z if degrees > 500 else student(degrees, 1 - ALPHA / 2)


@dataclass(frozen=True, slots=True)
class Others:
    """How much `n` others changed on average, with its interval, and by how much more somebody did: `beyond`."""

    n: int
    change: Estimate
    beyond: Estimate


def beside(own: Estimate, others: Sequence[Estimate]) -> Others | None:
    """Somebody's change beside the changes of others in the same time; None where the others are too few."""
    count = len(others)
    if count < OTHERS_LEAST:
        return None
    mean = sum(one.value for one in others) / count
    spread = sum((one.value - mean) ** 2 for one in others) / (count - 1)
    chance = sum(((one.high - one.low) / (2 * _Z)) ** 2 for one in others) / count
    drift = max(0.0, spread - chance)
    # Others that lie closer together than chance allows are no better known for it.
    error = max(spread, chance) / count
    wide = quantile(count - 1)
    half, ahead = wide * math.sqrt(error), math.hypot(wide * math.sqrt(error), wide * math.sqrt(drift))
    around = Estimate(mean, mean - half, mean + half)
    beyond = difference(own, Estimate(mean, mean - ahead, mean + ahead))
    return Others(count, around, beyond)
