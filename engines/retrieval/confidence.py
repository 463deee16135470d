"""How likely a passage that was found answers what was asked: a logistic model over what the ranking knows of it.

Its weights are learnt by `make train-confidence` (`bench.confidence`, which says how good they are): from sentences
with the documents that answer them, and from sentences of other trades, which nothing there answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.retrieval.ranking import Hit

WEIGHTS = Path(__file__).with_name("confidence.json")
# At and above this a passage is taken for an answer; so sure it must be to come up without being asked for; and where
# all are below the last, nothing answers.
THRESHOLD, BY_ITSELF, LEAST = 0.5, 0.6, 0.2

FEATURES = ("one", "covers", "has", "margin")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage. `covers`: the share of the question's words that it has, by how rare they are, and
    `has`: how many; `margin`: how far the next document's score is behind it, as a share."""

    covers: float
    has: int = 1
    margin: float = 0.0

    def features(self) -> list[float]:
        """In the order of `FEATURES`."""
        return [1.0, self.covers, math.log1p(self.has), self.margin]


def evidence_of(hit: Hit, ranked: Sequence[Hit]) -> Evidence:
    """What speaks for one of the passages that `rank` found, best first."""
    behind = next((one.score for one in ranked if one.text != hit.text and one.score <= hit.score), 0.0)
    return Evidence(hit.covers, hit.has, 1.0 - behind / (hit.score or 1.0))


def confidence(evidence: Evidence) -> float:
    """How likely it answers, from 0 to 1."""
    sure = sum(weight * value for weight, value in zip(_LEARNT, evidence.features(), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, sure))))


def _learnt() -> list[float]:
    known = json.loads(WEIGHTS.read_text())
    return [float(known[name]) for name in FEATURES]


_LEARNT = _learnt()
