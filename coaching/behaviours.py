"""How often agents did what was expected of them: outcomes of behaviours, and the score that they add up to.

The score is the share of the weight of all situations in which what was expected was done, 0 to 100.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, FloatField, Max, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from coaching.models import BehaviourOutcome

_DONE = Q(result=BehaviourOutcome.Result.DONE)
# What `score_of` is taken of, for `.aggregate` and `.annotate`.
SUMS: dict[str, Any] = {
    "situations": Count("pk"),
    "done": Count("pk", filter=_DONE),
    "expected_weight": Sum("weight"),
    "done_weight": Coalesce(Sum("weight", filter=_DONE), Value(0.0), output_field=FloatField()),
}


@dataclass(frozen=True, slots=True)
class BehaviourFigures:
    """One behaviour of one policy. `agents`: how many were in such a situation."""

    policy: str
    policy_id: UUID
    key: str
    name: str
    situations: int
    done: int
    conversations: int
    agents: int

    @property
    def missed(self) -> int:
        return self.situations - self.done

    @property
    def share(self) -> float:
        return self.done / self.situations


def score_of(sums: dict[str, Any]) -> float | None:
    """The score of what `SUMS` gave, 0 to 100; None where nothing that counts was expected."""
    return 100 * sums["done_weight"] / sums["expected_weight"] if sums["expected_weight"] else None


def behaviour_figures(outcomes: QuerySet[BehaviourOutcome]) -> list[BehaviourFigures]:
    """These outcomes by behaviour, what is missed most often first. One query."""
    rows: Any = (
        outcomes.order_by()
        .values("revision__policy", "behaviour_key")
        .annotate(
            **SUMS,
            policy=Max("revision__policy__name"),
            called=Max("name"),
            conversations=Count("conversation", distinct=True),
            agents=Count("conversation__agent", distinct=True),
        )
    )
    found = [
        BehaviourFigures(
            row["policy"],
            row["revision__policy"],
            row["behaviour_key"],
            row["called"],
            row["situations"],
            row["done"],
            row["conversations"],
            row["agents"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (-one.missed, one.policy, one.name))
