"""Whether a classifier still hears what it was trained on: the scores of now against those of training.

Both are counts in the same twenty bins of the score (0..1). PSI, the population stability index, is the sum of
(now - then) * ln(now / then) over the bins; KS, after Kolmogorov and Smirnov, the largest distance of the two
cumulative shares. By custom a PSI below 0.1 is no change, above 0.25 a large one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

BINS = 20
LEAST_TEXTS = 200
SOME, MUCH = 0.1, 0.25


class Drift(StrEnum):
    """How far the scores of now are from those of training."""

    UNKNOWN = "unknown"  # too few texts
    NONE = "none"
    SOME = "some"
    MUCH = "much"


@dataclass(frozen=True, slots=True)
class DriftFigures:
    """`psi` and `ks` are None where too few texts were seen to say anything."""

    verdict: Drift
    psi: float | None
    ks: float | None
    texts: int


def bin_of(score: float) -> int:
    """The bin of a score; what lies outside 0..1 counts to the outermost."""
    return min(BINS - 1, max(0, int(score * BINS)))


def histogram(scores: Iterable[float]) -> list[int]:
    """Count scores by bin."""
    counts = [0] * BINS
    for score in scores:
        counts[bin_of(score)] += 1
    return counts


def drift(then: Sequence[int], now: Sequence[int]) -> DriftFigures:
    """Compare the counts of now with those of training. Raises ValueError when they are not by the same bins."""
    if len(then) != len(now):
        raise ValueError("the two histograms have different bins")
    seen, known = sum(now), sum(then)
    if seen < LEAST_TEXTS or known < LEAST_TEXTS:
        return DriftFigures(Drift.UNKNOWN, None, None, seen)
    # Half a text in each bin: an empty one must not make the index infinite.
    before = [(count + 0.5) / (known + 0.5 * len(then)) for count in then]
    after = [(count + 0.5) / (seen + 0.5 * len(now)) for count in now]
    psi = sum((b - a) * math.log(b / a) for a, b in zip(before, after, strict=True))
    distance, sum_before, sum_after = 0.0, 0, 0
    for old, new in zip(then, now, strict=True):
        sum_before, sum_after = sum_before + old, sum_after + new
        distance = max(distance, abs(sum_before / known - sum_after / seen))
    verdict = Drift.MUCH if psi > MUCH else Drift.SOME if psi > SOME else Drift.NONE
    return DriftFigures(verdict, round(psi, 4), round(distance, 4), seen)
