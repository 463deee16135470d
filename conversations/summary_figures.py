"""What became of summaries: lines accepted, how far agents edited, what models claimed in vain, moments covered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, Max, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from conversations.access import conversations_visible
from conversations.models import Summary, SummaryLine
from engines.language.summary.grading import edit_distance

PERIODS = (7, 30, 90, 365)


def outcome_count(summary: Summary) -> list[str]:
    """Count what the agent made of the lines, as they stand; returns the fields to save."""
    lines = list(summary.lines.all())
    offered = [one for one in lines if one.way != SummaryLine.Way.AGENT]
    kept = [one for one in offered if not one.removed]
    summary.offered = len(offered)
    summary.left_out = len(offered) - len(kept)
    summary.edited = sum(bool(one.original) for one in kept)
    summary.accepted = len(kept) - summary.edited
    summary.added = sum(one.way == SummaryLine.Way.AGENT and not one.removed for one in lines)
    moved = [
        1.0 if one.removed else edit_distance(one.original, one.text) if one.original else 0.0
        for one in offered
    ]
    summary.distance = sum(moved) / len(moved) if moved else None
    return ["offered", "left_out", "edited", "accepted", "added", "distance"]


@dataclass(frozen=True, slots=True)
class SummaryFigure:
    """Summaries by one template, one way, one model with one revision of its prompt, in a period.

    Shares are 0 to 1, None where there is nothing to count. `accepted_share`: of the lines offered in confirmed
    summaries, those that were left as they were; `edit_distance`: of the same, a mean; `unsupported_rate`: of the lines
    that models claimed; `coverage`: of the utterances in which a moment was heard, those that a line rests on.
    """

    template: str
    revision: int | None
    origin: str
    model: str
    prompt_revision: int
    summaries: int
    confirmed: int
    offered: int
    accepted: int
    edited: int
    left_out: int
    added: int
    accepted_share: float | None
    edit_distance: float | None
    claimed: int
    unsupported: int
    unsupported_rate: float | None
    moments: int
    coverage: float | None
    last: datetime

    @property
    def is_by_model(self) -> bool:
        return self.origin == Summary.Origin.MODEL


def summary_figures(*, user: User, days: int) -> list[SummaryFigure]:
    """What became of the summaries of conversations that a person may read, in the last days. One query."""
    since = timezone.now() - timedelta(days=days)
    rows = Summary.objects.filter(
        created_at__gte=since, conversation__in=conversations_visible(user).order_by().values("pk")
    )
    return [_figure(row) for row in _grouped(rows)]


def _grouped(rows: QuerySet[Summary]) -> QuerySet[Any, Any]:
    confirmed = Q(state=Summary.State.CONFIRMED)
    return (
        rows.order_by()
        .values(
            "origin",
            "model",
            "prompt_revision",
            name=F("template__template__name"),
            number=F("template__number"),
        )
        .annotate(
            summaries=Count("pk"),
            closed=Count("pk", filter=confirmed),
            n_offered=Sum("offered", filter=confirmed),
            n_accepted=Sum("accepted", filter=confirmed),
            n_edited=Sum("edited", filter=confirmed),
            n_left_out=Sum("left_out", filter=confirmed),
            n_added=Sum("added", filter=confirmed),
            moved=Avg("distance", filter=confirmed),
            n_claimed=Sum("claimed"),
            n_unsupported=Sum("unsupported"),
            n_moments=Sum("moments"),
            n_covered=Sum("covered"),
            last=Max("created_at"),
        )
        .order_by("name", "number", "origin", "model", "prompt_revision")
    )


def _figure(row: dict[str, Any]) -> SummaryFigure:
    number = {name: value or 0 for name, value in row.items() if name.startswith("n_")}
    return SummaryFigure(
        template=row["name"] or "",
        revision=row["number"],
        origin=row["origin"],
        model=row["model"],
        prompt_revision=row["prompt_revision"],
        summaries=row["summaries"],
        confirmed=row["closed"],
        offered=number["n_offered"],
        accepted=number["n_accepted"],
        edited=number["n_edited"],
        left_out=number["n_left_out"],
        added=number["n_added"],
        accepted_share=_share(number["n_accepted"], number["n_offered"]),
        edit_distance=None if row["moved"] is None else round(row["moved"], 3),
        claimed=number["n_claimed"],
        unsupported=number["n_unsupported"],
        unsupported_rate=_share(number["n_unsupported"], number["n_claimed"]),
        moments=number["n_moments"],
        coverage=_share(number["n_covered"], number["n_moments"]),
        last=row["last"],
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
