"""Test sets for reading: the trend of a collection's runs, one run question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from knowledge.models import Collection, Document, SearchTest, SearchTestResult, SearchTestRun

TREND_RUNS = 40
# The drawing is 1,000 by 100 units, whatever its size on the page.
WIDTH, HEIGHT = 1_000, 100

State = SearchTestRun.State


@dataclass(frozen=True, slots=True)
class Line:
    """A figure over the runs, as an SVG polyline; `dots`: x, y, the run."""

    key: str
    points: str
    dots: list[tuple[float, float, SearchTestRun]]


def _without_text(way: str) -> Prefetch[str, QuerySet[Document], str]:
    return Prefetch(way, Document.objects.defer("body"))


def runs_listed(collection: Collection) -> QuerySet[SearchTestRun]:
    """A collection's runs, the latest first. One query."""
    return SearchTestRun.objects.filter(collection=collection).select_related("asked_by").order_by("-id")


def trend(runs: Sequence[SearchTestRun]) -> list[Line]:
    """Recall among ten and MRR over runs that are done, given the latest first; drawn the oldest first. No query."""
    done = [run for run in runs if run.state == State.DONE and run.mrr is not None][:TREND_RUNS][::-1]
    if not done:
        return []
    step = WIDTH / (len(done) - 1) if len(done) > 1 else 0.0
    lines = []
    for key in ("recall_at_10", "mrr"):
        dots = [
            (round(number * step, 1), round(HEIGHT * (1 - getattr(run, key)), 1), run)
            for number, run in enumerate(done)
        ]
        lines.append(Line(key, " ".join(f"{x},{y}" for x, y, _run in dots), dots))
    return lines


def results_listed(run: SearchTestRun) -> list[SearchTestResult]:
    """A run's questions with their tests and documents: what got worse first, then what was not found. Two queries."""
    rows = run.results.select_related("test").prefetch_related(_without_text("test__documents"))
    order = {"worse": 0, "": 1, "new": 1, "better": 1}
    return sorted(rows, key=lambda row: (order[row.change], -(row.rank or 99), row.pk))


def tests_listed(collection: UUID | None = None) -> QuerySet[SearchTest]:
    """Questions with their documents and `rank` in the last run that is done (None: not found, or never run)."""
    last = SearchTestRun.objects.filter(collection=OuterRef("collection"), state=State.DONE).order_by("-id")
    rank = SearchTestResult.objects.filter(test=OuterRef("pk"), run=OuterRef("last_run"))
    rows = SearchTest.objects.select_related("collection").prefetch_related(_without_text("documents"))
    rows = rows.annotate(last_run=Subquery(last.values("pk")[:1]))
    rows = rows.annotate(rank=Subquery(rank.values("rank")[:1]))
    return (rows if collection is None else rows.filter(collection=collection)).order_by("-id")
