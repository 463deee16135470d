"""What redaction found in a period, by type and detector and by when it was found; how often people said it erred."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Max, Q
from django.utils import timezone

from conversations.models import Redaction, RedactionCheck, RedactionReview

PERIODS = (1, 7, 30, 90)
TROUBLES_SHOWN = 20
Pass = Redaction.Pass


@dataclass(slots=True)
class Counts:
    """Findings of a kind by when they were made, and what people said of those they looked at."""

    live: int = 0
    second: int = 0
    again: int = 0
    manual: int = 0
    confirmed: int = 0
    false_alarms: int = 0

    @property
    def all(self) -> int:
        """All that is hidden."""
        return self.live + self.second + self.again + self.manual

    @property
    def reviewed(self) -> int:
        """How many people looked at."""
        return self.confirmed + self.false_alarms

    @property
    def false_share(self) -> float | None:
        """Of those that people looked at, the share that was none. Not of all: the uncertain are looked at."""
        return self.false_alarms / self.reviewed if self.reviewed else None

    @property
    def second_share(self) -> float | None:
        """Of what the live way and the second reading found, the share that only the second did."""
        found = self.live + self.second
        return self.second / found if found else None


@dataclass(frozen=True, slots=True)
class Row:
    """One type, or one detector of a type."""

    type: str
    detector: str
    counts: Counts


@dataclass(slots=True)
class Checks:
    """Second readings of the period: how many were done, are under way, cannot be done; times in milliseconds."""

    done: int = 0
    open: int = 0
    failed: int = 0
    with_finds: int = 0
    mean_ms: int = 0
    longest_ms: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """`types` and `detectors` most first; `troubles` are checks that were tried several times and are not done."""

    since: datetime
    until: datetime
    total: Counts
    types: list[Row]
    detectors: list[Row]
    checks: Checks
    open_reviews: int
    troubles: list[RedactionCheck] = field(default_factory=list)


def report(*, days: int, until: datetime | None = None) -> Report:
    """Add up what was found in conversations of the last `days` days. Five queries, whatever there is."""
    until = until or timezone.now()
    since = until - timedelta(days=days)
    period: dict[str, Any] = {"announced_at__gte": since, "announced_at__lt": until}
    said = {f"utterance__conversation__{name}": value for name, value in period.items()}
    of_call = {f"conversation__{name}": value for name, value in period.items()}
    rows: dict[tuple[str, str], Counts] = {}
    for one in (
        Redaction.objects.filter(**said)
        .order_by()
        .values("type", "detector", "found_in")
        .annotate(count=Count("pk"))
    ):
        counts = rows.setdefault((one["type"], one["detector"]), Counts())
        setattr(counts, one["found_in"], getattr(counts, one["found_in"]) + one["count"])
    state = RedactionReview.State
    reviews = RedactionReview.objects.filter(**of_call)
    for said_of in (
        reviews.exclude(state=state.OPEN)
        .order_by()
        .values("type", "detector", "state")
        .annotate(count=Count("pk"))
    ):
        counts = rows.setdefault((said_of["type"], said_of["detector"]), Counts())
        if said_of["state"] == state.CONFIRMED:
            counts.confirmed += said_of["count"]
        else:
            counts.false_alarms += said_of["count"]
    by_type: dict[str, Counts] = {}
    total = Counts()
    for (type_name, _detector), counts in rows.items():
        for sums in (by_type.setdefault(type_name, Counts()), total):
            for name in Counts.__slots__:
                setattr(sums, name, getattr(sums, name) + getattr(counts, name))
    detectors = [Row(name, detector, counts) for (name, detector), counts in rows.items()]
    checks = RedactionCheck.objects.filter(**of_call)
    return Report(
        since=since,
        until=until,
        total=total,
        types=_most_first([Row(name, "", counts) for name, counts in by_type.items()]),
        detectors=_most_first(detectors),
        checks=_checks(checks),
        open_reviews=reviews.filter(state=state.OPEN, redaction__isnull=False).count(),
        troubles=list(
            checks.exclude(state=RedactionCheck.State.DONE)
            .filter(attempts__gt=1)
            .order_by("-begun_at")[:TROUBLES_SHOWN]
        ),
    )


def _most_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.counts.all, row.type, row.detector))


def _checks(rows: Any) -> Checks:
    state = RedactionCheck.State
    found = rows.aggregate(
        done=Count("pk", filter=Q(state=state.DONE)),
        open=Count("pk", filter=Q(state=state.RUNNING)),
        failed=Count("pk", filter=Q(state=state.FAILED)),
        with_finds=Count("pk", filter=Q(found__gt=0)),
        mean_ms=Avg("took_ms", filter=Q(state=state.DONE)),
        longest_ms=Max("took_ms"),
    )
    return Checks(**{name: round(value or 0) for name, value in found.items()})
