"""How likely a passage that was found answers what was asked: a logistic model over what the ranking knows of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engines.retrieval.ranking import Hit

# At and above this a passage is shown as an answer by itself.
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage. `covers`: the share of the question's words that it has, by how rare they are; `lead`:
    its score by the best one's; `margin`: how far the next document's score is behind, as a share."""

    covers: float
    lead: float = 1.0
    margin: float = 0.0


def confidence(evidence: Evidence) -> float:
    """From 0 to 1."""
    sure = -4.0 + 6.0 * evidence.covers + 1.5 * evidence.margin - 1.0 * (1.0 - evidence.lead)
    return 1.0 / (1.0 + math.exp(-sure))


def evidence_of(hit: Hit, ranked: Sequence[Hit]) -> Evidence:
    """What speaks for one of the passages that `rank` found, best first."""
    best = ranked[0].score or 1.0
    behind = next((one.score for one in ranked if one.text != hit.text and one.score <= hit.score), 0.0)
    return Evidence(hit.covers, hit.score / best, 1.0 - behind / (hit.score or 1.0))
