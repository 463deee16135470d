"""Several rankings as one, by the places alone: their scores have no common scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

# As in Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet" (SIGIR 2009).
RANK = 60

K = TypeVar("K", bound=Hashable)


def fused(rankings: Sequence[Sequence[K]], weights: Sequence[float] | None = None) -> list[tuple[K, float]]:
    """Fuse rankings, each best first. Returns what is in any of them with its score, best first."""
    scores: dict[K, float] = defaultdict(float)
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for place, key in enumerate(ranking, 1):
            scores[key] += weight / (RANK + place)
    return sorted(scores.items(), key=lambda one: -one[1])
