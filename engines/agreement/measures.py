"""Figures of agreement, as pure functions of ratings. None where the figure is not defined, never a guess.

Cohen: A coefficient of agreement for nominal scales (1960). Krippendorff: Computing Krippendorff's alpha-reliability
(2011), whose coincidence matrix is followed here, so that ratings may be missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import permutations
from typing import Literal

Rating = Hashable
Pairs = Sequence[tuple[Rating, Rating]]
Level = Literal["nominal", "ordinal", "interval"]


def percent_agreement(pairs: Pairs) -> float | None:
    """The share of pairs that say the same, 0-100; None without pairs."""
    return 100 * sum(one == other for one, other in pairs) / len(pairs) if pairs else None


def points_off(pairs: Sequence[tuple[float, float]]) -> float | None:
    """By how many points two raters differ on average, whichever is higher; None without pairs."""
    return sum(abs(one - other) for one, other in pairs) / len(pairs) if pairs else None


def cohens_kappa(pairs: Pairs) -> float | None:
    """Agreement of two raters beyond what their own habits would bring by chance: 1 at best, 0 as by chance.

    None without pairs, and where both always said one and the same: nothing is known of their telling things apart.
    """
    if not pairs:
        return None
    n = len(pairs)
    observed = sum(one == other for one, other in pairs) / n
    first, second = Counter(one for one, _other in pairs), Counter(other for _one, other in pairs)
    expected = sum(first[value] * second[value] for value in first) / (n * n)
    return None if expected >= 1 else (observed - expected) / (1 - expected)


def krippendorffs_alpha(units: Sequence[Sequence[Rating]], level: Level = "nominal") -> float | None:
    """Agreement of any number of raters, of which each may have left units out: 1 at best, 0 as by chance.

    `units`: what was rated, each with the ratings that it got; one with fewer than two says nothing. Ordinal and
    interval ratings are numbers. None where there is nothing to compare, or only ever one rating.
    """
    coincidences: defaultdict[tuple[Rating, Rating], float] = defaultdict(float)
    for ratings in units:
        if len(ratings) < 2:
            continue
        for pair in permutations(ratings, 2):
            coincidences[pair] += 1 / (len(ratings) - 1)
    totals: defaultdict[Rating, float] = defaultdict(float)
    for (one, _other), weight in coincidences.items():
        totals[one] += weight
    n = sum(totals.values())
    if n < 2:
        return None
    distance = _distance(level, totals)
    observed = sum(weight * distance(*pair) for pair, weight in coincidences.items())
    expected = sum(totals[one] * totals[other] * distance(one, other) for one in totals for other in totals)
    return None if not expected else 1 - (n - 1) * observed / expected


def _distance(level: Level, totals: Mapping[Rating, float]) -> Callable[[Rating, Rating], float]:
    """The squared difference of two ratings, as their level of measurement has it."""
    if level == "nominal":
        return lambda one, other: float(one != other)
    if level == "interval":
        return lambda one, other: (float(one) - float(other)) ** 2  # type: ignore[arg-type]
    ranks = sorted(totals, key=lambda value: float(value))  # type: ignore[arg-type]

    def ordinal(one: Rating, other: Rating) -> float:
        low, high = sorted((ranks.index(one), ranks.index(other)))
        between = sum(totals[value] for value in ranks[low : high + 1])
        return float((between - (totals[one] + totals[other]) / 2) ** 2)

    return ordinal
