"""What managers read about the knowledge's care: findings side by side, gaps with their questions, use and coverage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Queue, Team
from knowledge.models import (
    Chunk,
    Collection,
    Document,
    DocumentVersion,
    Finding,
    Gap,
    GapQuestion,
    KnowledgeQuestion,
    KnowledgeReview,
    PassageUse,
)

WEEKS = 8
EXAMPLES = 5
KINDS = tuple(PassageUse.Kind.values)


# --- Findings -------------------------------------------------------------------------------------------


def findings_listed(state: str = Finding.State.OPEN, kind: str = "") -> QuerySet[Finding]:
    """Findings in a state, what weighs most first, contradictions before the rest. One query."""
    rows = Finding.objects.filter(state=state).select_related(
        "collection", "document__collection", "other__collection", "decided_by"
    )
    rows = rows.defer("document__body", "other__body")
    return (rows.filter(kind=kind) if kind else rows).order_by("kind", "-weight", "id")


def findings_counted() -> dict[str, int]:
    """How many are open, by kind. One query."""
    rows = Finding.objects.filter(state=Finding.State.OPEN).order_by().values_list("kind")
    return dict(rows.annotate(n=Count("pk")))


def review_last() -> KnowledgeReview | None:
    """The latest review, over or not. One query."""
    return KnowledgeReview.objects.select_related("asked_by").first()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a passage. `kind`: "" around, "said" in the statement, "mark" what differs."""

    text: str
    kind: str


def segments(side: Mapping[str, Any]) -> list[Segment]:
    """A side of a finding for reading: what is around, the statement, and in it what differs. No query."""
    text, (begin, end) = side["text"], side["statement"]
    whole = (begin, end) == (0, len(text))
    marks = [tuple(one) for one in side["marks"]]
    edges = sorted({0, len(text), begin, end, *(edge for one in marks for edge in one)})
    found = [Segment("… ", "")] if side["before"] else []
    for first, last in pairwise(edges):
        marked = any(a <= first and last <= b for a, b in marks)
        said = begin <= first and last <= end and not whole
        found.append(Segment(text[first:last], "mark" if marked else "said" if said else ""))
    return [*found, Segment(" …", "")] if side["after"] else found


def what_differs(what: str) -> str:
    """A kind of value for people (`engines.upkeep.values`)."""
    kind = what.partition(" ")[0]
    words = {
        "denial": _("One says it is so, the other that it is not."),
        "amount": _("Different amounts"),
        "share": _("Different percentages"),
        "date": _("Different dates"),
        "day": _("Different dates"),
        "clock": _("Different times of day"),
        "count": _("Different numbers"),
    }
    return words.get(kind, _("Different durations"))


# --- Gaps -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class GapShown:
    """A gap with its latest questions, how many a week (the oldest first), and which teams asked."""

    row: Gap
    examples: list[str] = field(default_factory=list)
    weeks: list[int] = field(default_factory=lambda: [0] * WEEKS)
    teams: list[tuple[str, int]] = field(default_factory=list)

    @property
    def bars(self) -> list[tuple[int, float, float]]:
        """The weeks as bars of a drawing of 8 × 12 by 20 units: x, y, height."""
        most = max(self.weeks) or 1
        heights = [round(18 * one / most, 1) + (2 if one else 0) for one in self.weeks]
        return [(12 * number, round(20 - height, 1), height) for number, height in enumerate(heights)]


def gaps_shown(gaps: Iterable[Gap]) -> list[GapShown]:
    """Gaps for reading. Two queries."""
    shown = {gap.pk: GapShown(gap) for gap in gaps}
    teams: defaultdict[UUID, Counter[UUID]] = defaultdict(Counter)
    now = timezone.now()
    members = (
        GapQuestion.objects.filter(gap__in=shown, question__asked_at__gte=now - timedelta(weeks=52))
        .order_by("-question__asked_at")
        .values_list("gap", "question__text", "question__asked_at", "question__team")
    )
    for gap_id, text, asked_at, team in members:
        one = shown[gap_id]
        if text and text != one.row.label and len(one.examples) < EXAMPLES and text not in one.examples:
            one.examples.append(text)
        week = (now - asked_at) // timedelta(weeks=1)
        if 0 <= week < WEEKS:
            one.weeks[WEEKS - 1 - week] += 1
        if team:
            teams[gap_id][team] += 1
    names = dict(Team.objects.values_list("pk", "name")) if teams else {}
    for gap_id, asked in teams.items():
        shown[gap_id].teams = [(names[team], n) for team, n in asked.most_common(3) if team in names]
    return list(shown.values())


def gaps_listed(state: str = Gap.State.OPEN) -> QuerySet[Gap]:
    """Gaps in a state, what was asked most first. One query."""
    return (
        Gap.objects.filter(state=state)
        .select_related("document", "decided_by")
        .defer("document__body")
        .order_by("-count", "-last_at")
    )


# --- Use ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """How often something was shown, opened, used, called helpful and called wrong."""

    shown: int = 0
    opened: int = 0
    used: int = 0
    helpful: int = 0
    wrong: int = 0

    @property
    def any(self) -> bool:
        return any((self.shown, self.opened, self.used, self.helpful, self.wrong))


@dataclass(frozen=True, slots=True)
class DocumentUse:
    """The use of a document: of each passage as it is cut now (by its key), of what was cut otherwise, of all of it;
    and what people wrote with their verdicts."""

    passages: dict[UUID, Use]
    earlier: Use
    whole: Use
    comments: list[PassageUse]


def document_use(document: Document, chunks: Iterable[Chunk]) -> DocumentUse:
    """How a document's passages were used. Uses of earlier versions count where the words are the same.

    Three queries.
    """
    counted = (
        PassageUse.objects.filter(document=document)
        .order_by()
        .values_list("version", "start", "end", "kind")
        .annotate(n=Count("pk"))
    )
    rows = list(counted)
    earlier = {version for version, *_rest in rows if version != document.version}
    bodies = dict(
        DocumentVersion.objects.filter(document=document, number__in=sorted(earlier)[-10:]).values_list(
            "number", "body"
        )
    )
    chunks = list(chunks)
    by_place = {(one.start, one.end): one.pk for one in chunks}
    by_text = {one.text: one.pk for one in chunks}
    totals: defaultdict[UUID | None, Counter[str]] = defaultdict(Counter)
    for version, start, end, kind, n in rows:
        if version == document.version:
            key = by_place.get((start, end))
        else:
            key = by_text.get(bodies.get(version, "")[start:end])
        totals[key][kind] += n
    whole: Counter[str] = sum(totals.values(), Counter())
    comments = PassageUse.objects.filter(document=document).exclude(comment="").select_related("person")
    return DocumentUse(
        {key: Use(**one) for key, one in totals.items() if key is not None},
        Use(**totals[None]),
        Use(**whole),
        list(comments.order_by("-at")[:20]),
    )


# --- Coverage -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions of one queue, source or language: how many, and how many found a passage that answers."""

    name: str
    asked: int
    answered: int

    @property
    def share(self) -> float:
        return 100 * self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class CollectionUse:
    """A collection's documents, how many of them anybody was shown, and the use of its passages."""

    collection: Collection
    documents: int
    found: int
    use: Use

    @property
    def share(self) -> float:
        return 100 * self.found / self.documents if self.documents else 0.0


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was asked in a period and what found an answer; which documents nobody was shown (the first 200)."""

    since: datetime
    days: int
    all: Asked
    queues: list[Asked]
    sources: list[Asked]
    languages: list[Asked]
    by_day: list[Day]
    collections: list[CollectionUse]
    never: list[Document]
    never_total: int

    @property
    def bars(self) -> list[tuple[float, float, float, float, float, Day]]:
        """Days as bars of a drawing of 1,000 by 100: x, width, height of asked, height of answered, half a gap."""
        most = max((one.asked for one in self.by_day), default=0) or 1
        step = 1_000 / max(1, len(self.by_day))
        return [
            (
                round(number * step, 1),
                round(step * 0.8, 1),
                round(100 * one.asked / most, 1),
                round(100 * one.answered / most, 1),
                round(step * 0.1, 1),
                one,
            )
            for number, one in enumerate(self.by_day)
        ]


NEVER = 200


def coverage(days: int = 30) -> Coverage:
    """What the knowledge covered in the last days. Eight queries."""
    today = timezone.localdate()
    since = timezone.make_aware(datetime.combine(today - timedelta(days=days - 1), datetime.min.time()))
    asked = KnowledgeQuestion.objects.filter(asked_at__gte=since)
    answered = Count("pk", filter=Q(answered=True))
    by_queue = list(asked.order_by().values_list("queue").annotate(n=Count("pk"), ok=answered))
    by_source = list(asked.order_by().values_list("source").annotate(n=Count("pk"), ok=answered))
    by_language = list(asked.order_by().values_list("language").annotate(n=Count("pk"), ok=answered))
    dates = asked.order_by().values_list("asked_at__date").annotate(n=Count("pk"), ok=answered)
    by_date = {day: (n, ok) for day, n, ok in dates}
    names = dict(Queue.objects.values_list("pk", "name"))
    sources = dict(KnowledgeQuestion.Source.choices)
    live = Document.objects.filter(version__gt=0, withdrawn_at__isnull=True)
    seen = PassageUse.objects.filter(at__gte=since).order_by().values("document")
    never = live.exclude(pk__in=seen).select_related("collection").defer("body")
    every = [today - timedelta(days=days - 1 - number) for number in range(days)]
    return Coverage(
        since=since,
        days=days,
        all=Asked(_("all"), sum(n for _key, n, _ok in by_source), sum(ok for _key, _n, ok in by_source)),
        queues=_sorted((names.get(key, _("no queue")), n, ok) for key, n, ok in by_queue),
        sources=_sorted((str(sources.get(key, key)), n, ok) for key, n, ok in by_source),
        languages=_sorted((key or _("not known"), n, ok) for key, n, ok in by_language),
        by_day=[Day(day, *by_date.get(day, (0, 0))) for day in every],
        collections=_collections(since, live),
        never=list(never.order_by("collection__name", "title")[:NEVER]),
        never_total=never.count(),
    )


def _sorted(rows: Iterable[tuple[str, int, int]]) -> list[Asked]:
    return sorted((Asked(*row) for row in rows), key=lambda one: (-one.asked, one.name))


def _collections(since: datetime, live: QuerySet[Document]) -> list[CollectionUse]:
    uses = PassageUse.objects.filter(at__gte=since, document__in=live).order_by()
    by_kind: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for key, kind, n in uses.values_list("document__collection", "kind").annotate(n=Count("pk")):
        by_kind[key][kind] = n
    found = dict(uses.values_list("document__collection").annotate(n=Count("document", distinct=True)))
    documents = dict(live.order_by().values_list(F("collection")).annotate(n=Count("pk")))
    return [
        CollectionUse(one, documents.get(one.pk, 0), found.get(one.pk, 0), Use(**by_kind[one.pk]))
        for one in Collection.objects.order_by("name")
    ]
