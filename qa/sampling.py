"""Which conversations a sampling plan draws. No database: candidates in, the chosen ones out."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """A conversation that could be evaluated. `risk`: the higher, the sooner somebody should look at it."""

    conversation_id: UUID
    agent_id: UUID
    queue: str | None = None
    risk: int = 0


def drawn(
    candidates: Sequence[Candidate],
    *,
    strata: str,
    most: int,
    per_agent: int,
    taken: Mapping[UUID, int],
    chance: random.Random,
) -> list[Candidate]:
    """Draw at most `most`, none of an agent beyond `per_agent`, counting what was `taken` of them before.

    `strata`: "none" at random; "agent" and "queue" in turn, so that each gets its share whatever their numbers;
    "risk" from the riskiest down, at random within the same risk.
    """
    shuffled = list(candidates)
    chance.shuffle(shuffled)
    had = dict(taken)
    buckets: dict[Hashable, list[Candidate]] = {}
    for one in shuffled:
        buckets.setdefault(_stratum(one, strata), []).append(one)
    chosen: list[Candidate] = []

    def choose(one: Candidate) -> bool:
        if had.get(one.agent_id, 0) >= per_agent:
            return False
        had[one.agent_id] = had.get(one.agent_id, 0) + 1
        chosen.append(one)
        return True

    if strata == "risk":
        for risk in sorted(buckets, reverse=True):  # type: ignore[type-var]
            for one in buckets[risk]:
                if len(chosen) >= most:
                    return chosen
                choose(one)
        return chosen
    rows = list(buckets.values())
    if strata == "agent":
        # Who has had the fewest comes first, should there not be enough for all.
        rows.sort(key=lambda row: had.get(row[0].agent_id, 0))
    while rows and len(chosen) < most:
        left = []
        for row in rows:
            while row and len(chosen) < most:
                if choose(row.pop()):
                    break
            if row:
                left.append(row)
        rows = left
    return chosen


def _stratum(one: Candidate, strata: str) -> Hashable:
    return {"agent": one.agent_id, "queue": one.queue, "risk": one.risk}.get(strata)
