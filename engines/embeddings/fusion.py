"""Two rankings made one: reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

Scores of words and of vectors cannot be compared; places can. What stands high in both comes first.
"""

from __future__ import annotations

from collections.abc import Sequence

# From the paper: how little the first place counts more than the second.
DAMPING = 60


def fused(rankings: Sequence[Sequence[str]], weights: Sequence[float] = ()) -> list[tuple[str, float]]:
    """The keys of all rankings with their scores, best first; of equal ones that of the earlier ranking first.

    A key counts where it stands first in a ranking. `weights`: how much each ranking counts, 1 if none is given.
    """
    scores: dict[str, float] = {}
    for number, ranking in enumerate(rankings):
        weight = weights[number] if weights else 1.0
        for place, key in enumerate(dict.fromkeys(ranking), 1):
            scores[key] = scores.get(key, 0.0) + weight / (DAMPING + place)
    return sorted(scores.items(), key=lambda one: -one[1])
