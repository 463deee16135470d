"""Figures of scores: all together, how they are spread, over time, and side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.db.models import Avg, Count, F, IntegerField, Q, QuerySet
from django.db.models.functions import Cast, Floor, Least, Trunc

from accounts.models import User
from qa.access import teams_reported
from qa.models import Evaluation
from qa.reporting.asked import Asked
from tenants.aggregates import Percentile

Rows = QuerySet[Evaluation]
# A figure of fewer says little, and is marked.
FEW = 10
BIN = 10
BINS = 100 // BIN


@dataclass(frozen=True, slots=True)
class Figures:
    """Of `n` scores: mean and median, 0-100 (None of none), how many are under the bar, failed outright, by people."""

    n: int = 0
    mean: float | None = None
    median: float | None = None
    under: int = 0
    auto_failed: int = 0
    by_people: int = 0

    @property
    def under_share(self) -> float | None:
        """0-1."""
        return self.under / self.n if self.n else None

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW


@dataclass(frozen=True, slots=True)
class Bin:
    """How many scores are from `low` on and under `high`; the last one has 100, too."""

    low: int
    high: int
    n: int


@dataclass(frozen=True, slots=True)
class Point:
    """The figures of a stretch of time, from `since` to `until`, both included."""

    since: date
    until: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one agent (in one team), team, queue or scorecard; `key` is "none" where there is none.

    Of agents `team` is the one that they were in then, and `team_mean` that of all its scores, where the reader may
    read them all; None elsewhere.
    """

    key: str
    name: str
    figures: Figures
    team_key: str = ""
    team: str = ""
    team_mean: float | None = None
    team_n: int = 0

    @property
    def against_team(self) -> float | None:
        """Points above the team's mean, of the time when they were in it."""
        if self.team_mean is None or self.figures.mean is None:
            return None
        return round(self.figures.mean - self.team_mean, 2)


def _sums(bar: int) -> dict[str, Any]:
    return {
        "n": Count("pk"),
        "mean": Avg("total"),
        "median": Percentile("total", 0.5),
        "under": Count("pk", filter=Q(total__lt=bar)),
        "failed": Count("pk", filter=Q(auto_failed=True)),
        "people": Count("pk", filter=Q(kind=Evaluation.Kind.PERSON)),
    }


def rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 2)


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(
        row["n"], rounded(row["mean"]), rounded(row["median"]), row["under"], row["failed"], row["people"]
    )


def summary(rows: Rows, asked: Asked) -> Figures:
    """All of it together. One query."""
    return _figures(rows.aggregate(**_sums(asked.bar)))


def distribution(rows: Rows) -> list[Bin]:
    """How scores are spread, in tens. One query."""
    step = Cast(Least(Floor(F("total") / BIN), BINS - 1), IntegerField())
    found = dict(rows.annotate(bin=step).values("bin").annotate(n=Count("pk")).values_list("bin", "n"))
    return [Bin(BIN * at, BIN * (at + 1), found.get(at, 0)) for at in range(BINS)]


def trend(rows: Rows, asked: Asked) -> list[Point]:
    """Each day, ISO week or month of the period, the oldest first, those without scores among them. One query.

    The first and the last one may be a part of their week or month.
    """
    moment = Trunc("conversation__announced_at", asked.step)
    found = {
        row["begun"].date(): _figures(row)
        for row in rows.annotate(begun=moment).values("begun").annotate(**_sums(asked.bar))
    }
    points = []
    day = begin_of(asked.since, asked.step)
    while day <= asked.until:
        following = next_of(day, asked.step)
        inside = max(day, asked.since), min(following - timedelta(days=1), asked.until)
        points.append(Point(*inside, found.get(day, Figures())))
        day = following
    return points


def begin_of(day: date, step: str) -> date:
    """When the day, the ISO week or the month began that a day is in."""
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def next_of(day: date, step: str) -> date:
    """When the next one begins, from when this one began."""
    if step == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if step == "week" else 1)


_BY = {
    "team": ("team_id", "team__name"),
    "queue": ("conversation__queue__key", "conversation__queue__name"),
    "scorecard": ("revision__template_id", "revision__template__name"),
}
GROUPED = ("agent", *_BY)


def groups(user: User, asked: Asked, by: str) -> list[Group]:
    """Side by side, by name: "agent", "team", "queue" or "scorecard". One query; two more for agents."""
    rows = asked.rows(user)
    if by == "agent":
        return _agents(user, asked, rows)
    key, name = _BY[by]
    found = rows.values(key, name).annotate(**_sums(asked.bar)).order_by(F(name).asc(nulls_last=True), key)
    return [Group(str(row[key] or "none"), row[name] or "", _figures(row)) for row in found]


def _agents(user: User, asked: Asked, rows: Rows) -> list[Group]:
    """Agents by the team that they were in then: who changed teams stands in each of them."""
    fields = ("agent_id", "agent__name", "team_id", "team__name")
    order = (F("team__name").asc(nulls_last=True), F("agent__name").asc(nulls_last=True), "agent_id")
    found = list(rows.values(*fields).annotate(**_sums(asked.bar)).order_by(*order))
    teams = team_means(user, asked, {row["team_id"] for row in found if row["team_id"]})
    return [
        Group(
            str(row["agent_id"] or "none"),
            row["agent__name"] or "",
            _figures(row),
            str(row["team_id"] or "none"),
            row["team__name"] or "",
            *teams.get(row["team_id"], (None, 0)),
        )
        for row in found
    ]


def team_means(user: User, asked: Asked, teams: set[Any]) -> dict[Any, tuple[float | None, int]]:
    """Mean and number of all scores of those of these teams that this person may read whole. Two queries."""
    whole = list(teams_reported(user).filter(pk__in=teams).values_list("pk", flat=True)) if teams else []
    if not whole:
        return {}
    rows = replace(asked, agent=None).rows(user).filter(team__in=whole)
    found = rows.values("team_id").annotate(mean=Avg("total"), n=Count("pk"))
    return {row["team_id"]: (rounded(row["mean"]), row["n"]) for row in found}
