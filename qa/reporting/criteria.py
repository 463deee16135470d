"""Figures of answers: on which criteria points are lost, and criteria by agents or teams side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Q, Sum

from qa.models import ScorecardRevision
from qa.reporting.asked import Asked
from qa.reporting.figures import FEW, Rows, rounded

# Columns of a heat map at most; what a page or a sheet can show.
COLUMNS_MAX = 200


@dataclass(frozen=True, slots=True)
class CriterionFigures:
    """Answers to one criterion over all revisions of its scorecard, in the words of the newest one of them.

    `n`: answers that were worth something, 0-100; `mean` of them. `below`: those that lost points; `zero`: worth
    nothing. `lost`: what was lost, in weight; `share`: of all that was lost, 0-1.
    """

    key: str
    question: str
    section: str
    scorecard_key: str
    scorecard: str
    auto_fail: bool
    weight: int
    n: int
    mean: float | None
    below: int
    zero: int
    lost: float
    share: float | None

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW


@dataclass(slots=True)
class _Sum:
    n: int = 0
    points: float = 0.0
    below: int = 0
    zero: int = 0
    lost: float = 0.0

    def add(self, row: dict[str, Any], weight: int) -> None:
        self.n += row["n"]
        self.points += row["points"]
        self.below += row["below"]
        self.zero += row["zero"]
        self.lost += weight * (100 * row["n"] - row["points"]) / 100


@dataclass(frozen=True, slots=True)
class _Criterion:
    """A criterion as its newest revision has it, and its place there."""

    spec: dict[str, Any]
    revision: ScorecardRevision
    position: int


def answer_sums(
    rows: Rows, *by: str, keys: Collection[str] | None = None, **more: Any
) -> list[dict[str, Any]]:
    """Sums of answers that are worth something, by revision, criterion and these fields. One query.

    `n` and `points` of them, and `more`, aggregates by name. `keys`: of these criteria alone.
    """
    worth = Q(answers__score__isnull=False)
    if keys is not None:
        worth &= Q(answers__criterion_key__in=keys)
    return list(
        rows.filter(worth)
        .values("revision_id", "answers__criterion_key", *by)
        .annotate(n=Count("answers__score"), points=Sum("answers__score"), **more)
    )


def _answers(rows: Rows, *by: str) -> list[dict[str, Any]]:
    lost: dict[str, Any] = {
        "below": Count("pk", filter=Q(answers__score__lt=100)),
        "zero": Count("pk", filter=Q(answers__score=0)),
    }
    return answer_sums(rows, *by, **lost)


def _specs(revisions: Iterable[UUID]) -> tuple[dict[str, _Criterion], dict[tuple[UUID, str], int]]:
    """Criteria by key as the newest of these revisions has them, and their weights in each. One query."""
    known: dict[str, _Criterion] = {}
    weights: dict[tuple[UUID, str], int] = {}
    found = ScorecardRevision.objects.filter(pk__in=set(revisions)).select_related("template")
    for revision in found.order_by("template__name", "template_id", "number"):
        for position, one in enumerate(revision.spec["criteria"]):
            weights[revision.pk, one["key"]] = one["weight"]
            known[one["key"]] = _Criterion(one, revision, position)
    return known, weights


def weights_known(revisions: Iterable[UUID]) -> dict[tuple[UUID, str], tuple[UUID, int]]:
    """Each criterion of these revisions by revision and key: its scorecard's id and what it weighs. One query."""
    return {
        (revision.pk, one["key"]): (revision.template_id, one["weight"])
        for revision in ScorecardRevision.objects.filter(pk__in=set(revisions))
        for one in revision.spec["criteria"]
    }


def _figures(one: _Criterion, made: _Sum, whole: float) -> CriterionFigures:
    spec, template = one.spec, one.revision.template
    return CriterionFigures(
        key=spec["key"],
        question=spec["question"],
        section=spec["section"],
        scorecard_key=str(template.pk),
        scorecard=template.name,
        auto_fail=spec["auto_fail"],
        weight=spec["weight"],
        n=made.n,
        mean=rounded(made.points / made.n) if made.n else None,
        below=made.below,
        zero=made.zero,
        lost=round(made.lost, 2),
        share=round(made.lost / whole, 4) if whole else None,
    )


def criteria(rows: Rows) -> list[CriterionFigures]:
    """Each criterion that was answered, the one on which most was lost first. Two queries."""
    found = _answers(rows)
    known, weights = _specs(row["revision_id"] for row in found)
    sums: defaultdict[str, _Sum] = defaultdict(_Sum)
    for row in found:
        key = row["answers__criterion_key"]
        sums[key].add(row, weights.get((row["revision_id"], key), 0))
    whole = sum(one.lost for one in sums.values())
    made = [_figures(known[key], one, whole) for key, one in sums.items() if key in known]
    return sorted(made, key=lambda one: (-one.lost, one.mean or 0.0, one.question, one.key))


@dataclass(frozen=True, slots=True)
class Cell:
    """Answers of one agent or team to one criterion; of a total, their scores."""

    n: int
    mean: float | None

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW


@dataclass(frozen=True, slots=True)
class Column:
    """An agent or a team, with the mean of their scores. `key` is "none" where there is none."""

    key: str
    name: str
    total: Cell


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A criterion: of all together, and by column; None where a column has no answer to it."""

    criterion: CriterionFigures
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Criteria by agents of one team (`by` "agent"), or by teams. `left_out`: columns beyond what can be shown."""

    by: str
    columns: list[Column] = field(default_factory=list)
    rows: list[HeatRow] = field(default_factory=list)
    left_out: int = 0


def heat_map(rows: Rows, asked: Asked) -> HeatMap:
    """Means by criterion and agent where one team or agent is asked for, else by team. Three queries.

    The team is the one that agents were in then: nobody is compared outside of it.
    """
    by = "agent" if asked.team is not None or asked.no_team or asked.agent is not None else "team"
    totals = rows.values(f"{by}_id", f"{by}__name").annotate(n=Count("pk"), mean=Avg("total"))
    ordered = sorted(totals, key=lambda row: (row[f"{by}__name"] is None, row[f"{by}__name"] or ""))
    shown = ordered[:COLUMNS_MAX]
    places = {row[f"{by}_id"]: place for place, row in enumerate(shown)}
    found = _answers(rows, f"{by}_id")
    known, weights = _specs(row["revision_id"] for row in found)
    whole: defaultdict[str, _Sum] = defaultdict(_Sum)
    parts: defaultdict[tuple[str, Any], _Sum] = defaultdict(_Sum)
    for row in found:
        key, column = row["answers__criterion_key"], row[f"{by}_id"]
        weight = weights.get((row["revision_id"], key), 0)
        whole[key].add(row, weight)
        parts[key, column].add(row, weight)
    lost = sum(one.lost for one in whole.values())
    heat = []
    for key in sorted((one for one in whole if one in known), key=lambda one: _place(known[one])):
        cells: list[Cell | None] = [None] * len(shown)
        for column, place in places.items():
            if one := parts.get((key, column)):
                cells[place] = Cell(one.n, rounded(one.points / one.n))
        heat.append(HeatRow(_figures(known[key], whole[key], lost), cells))
    columns = [
        Column(str(row[f"{by}_id"] or "none"), row[f"{by}__name"] or "", Cell(row["n"], rounded(row["mean"])))
        for row in shown
    ]
    return HeatMap(by, columns, heat, len(ordered) - len(shown))


def _place(one: _Criterion) -> tuple[str, str, int]:
    return one.revision.template.name, str(one.revision.template.pk), one.position
