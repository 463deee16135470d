"""Whether anything was lost: the ledger of a period added up, with what is open, what is missing and why.

Every announced call is in one of the ledger's states; each millisecond of its audio is transcribed and recorded, or in
a gap with a cause. What telephony said of calls that never came is shown, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, Count, F, Func, Q, QuerySet
from django.utils import timezone

from conversations.models import CallLedger, Conversation, WaitingMetadata

PERIODS = (1, 7, 30)
SHOWN = 50
# Gaps that are meant: nobody asked for these stretches to be heard.
MEANT = frozenset({"hold", "ivr", "queue", "ringing", "no consent", "pci pause"})


@dataclass(frozen=True)
class Reason:
    """Why calls did not end as they should, and how many."""

    state: str
    reason: str
    calls: int


@dataclass(frozen=True)
class GapCause:
    """Seconds of audio, of one channel each, that are missing for one cause, and in how many calls."""

    cause: str
    seconds: float
    calls: int

    @property
    def is_meant(self) -> bool:
        return self.cause in MEANT


@dataclass(frozen=True)
class Source:
    """One telephony's share."""

    source: str
    announced: int
    completed: int
    incomplete: int
    refused: int
    open: int


@dataclass(frozen=True)
class Trouble:
    """One call that is not whole, or stands still."""

    ledger_id: UUID
    conversation_id: UUID | None
    source: str
    state: str
    reason: str
    close_code: int | None
    announced_at: datetime
    missing_seconds: float
    causes: list[str]


@dataclass(frozen=True)
class Unmet:
    """What was said of a call that never came."""

    provider: str
    keys: list[str]
    received_at: datetime
    what: list[str]


@dataclass(frozen=True)
class Completeness:
    """`announced` are calls; `*_seconds` are of audio, all channels together.

    `imported` conversations came as text, without audio, and are in none of the other figures.
    """

    since: datetime
    until: datetime
    announced: int = 0
    completed: int = 0
    incomplete: int = 0
    refused: int = 0
    open: int = 0
    imported: int = 0
    still: int = 0
    received_seconds: float = 0.0
    transcribed_seconds: float = 0.0
    recorded_seconds: float = 0.0
    unmet: int = 0
    sources: list[Source] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    gaps: list[GapCause] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    waiting: list[Unmet] = field(default_factory=list)

    @property
    def complete_share(self) -> float | None:
        """Of the calls that have ended, those that ended as they should."""
        over = self.completed + self.incomplete
        return self.completed / over if over else None

    @property
    def unexplained_seconds(self) -> float:
        """Audio that came and is neither transcribed nor in a gap that was meant."""
        return sum(gap.seconds for gap in self.gaps if not gap.is_meant)


_AUDIO = """
    SELECT COALESCE(SUM((SELECT SUM(value::numeric) FROM jsonb_array_elements_text(received_ms))), 0),
           COALESCE(SUM((SELECT SUM(value::numeric) FROM jsonb_array_elements_text(transcribed_ms))), 0),
           COALESCE(SUM((SELECT SUM(value::numeric) FROM jsonb_array_elements_text(recorded_ms))), 0)
      FROM conversations_callledger
     WHERE announced_at >= %s AND announced_at < %s
"""
_GAPS = """
    SELECT gap->>'cause', SUM((gap->>'to_ms')::numeric - (gap->>'from_ms')::numeric), COUNT(DISTINCT ledger.id)
      FROM conversations_callledger ledger, jsonb_array_elements(ledger.gaps) gap
     WHERE announced_at >= %s AND announced_at < %s
     GROUP BY 1 ORDER BY 2 DESC
"""


_UNMEANT = " && ".join(f'@.cause != "{cause}"' for cause in sorted(MEANT))


def still_calls() -> QuerySet[CallLedger]:
    """Open calls that nobody has written to for so long that something must be wrong."""
    quiet = timedelta(seconds=max(60.0, 3 * settings.INGEST_RESUME_SECONDS))
    return CallLedger.objects.filter(
        state=CallLedger.State.OPEN, conversation__owner__updated_at__lt=timezone.now() - quiet
    )


def completeness(*, days: int, until: datetime | None = None) -> Completeness:
    """The company's account of the last `days` days. Eight queries, whatever the number of calls."""
    until = until or timezone.now()
    since = until - timedelta(days=days)
    rows = CallLedger.objects.filter(announced_at__gte=since, announced_at__lt=until)
    state = CallLedger.State
    by_source = list(
        rows.values("source")
        .annotate(
            completed=Count("pk", filter=Q(state=state.COMPLETED)),
            incomplete=Count("pk", filter=Q(state=state.INCOMPLETE)),
            refused=Count("pk", filter=Q(state=state.REFUSED)),
            open=Count("pk", filter=Q(state=state.OPEN)),
        )
        .order_by("source")
    )
    found = [Source(announced=row["completed"] + row["incomplete"] + row["open"], **row) for row in by_source]
    sources = [source for source in found if source.source != Conversation.IMPORTED]
    reasons = (
        rows.filter(state__in=[state.INCOMPLETE, state.REFUSED])
        .values("state", "reason")
        .annotate(calls=Count("pk"))
        .order_by("-calls", "reason")
    )
    with connection.cursor() as cursor:
        cursor.execute(_AUDIO, [since, until])
        received, transcribed, recorded = (float(value) / 1000 for value in cursor.fetchone())
        cursor.execute(_GAPS, [since, until])
        gaps = [GapCause(cause, float(ms) / 1000, calls) for cause, ms, calls in cursor.fetchall()]
    waiting = WaitingMetadata.objects.filter(joined_at__isnull=True, received_at__gte=since)
    return Completeness(
        since=since,
        until=until,
        announced=sum(source.announced for source in sources),
        completed=sum(source.completed for source in sources),
        incomplete=sum(source.incomplete for source in sources),
        refused=sum(source.refused for source in sources),
        open=sum(source.open for source in sources),
        imported=sum(source.announced for source in found if source.source == Conversation.IMPORTED),
        still=still_calls().count(),
        received_seconds=received,
        transcribed_seconds=transcribed,
        recorded_seconds=recorded,
        unmet=waiting.count(),
        sources=sources,
        reasons=[Reason(**row) for row in reasons],
        gaps=gaps,
        troubles=_troubles(rows),
        waiting=[_unmet(row) for row in waiting.order_by("-received_at")[:SHOWN]],
    )


def _troubles(rows: QuerySet[CallLedger]) -> list[Trouble]:
    """The newest calls that are incomplete, stand still or have a gap that nobody meant."""
    unmeant = Func(
        F("gaps"),
        template=f"jsonb_path_exists(%(expressions)s, '$[*] ? ({_UNMEANT})')",
        output_field=BooleanField(),
    )
    found = (
        rows.exclude(state=CallLedger.State.REFUSED)
        .alias(unmeant=unmeant)
        .filter(Q(state=CallLedger.State.INCOMPLETE) | Q(unmeant=True) | Q(pk__in=still_calls().values("pk")))
        .order_by("-announced_at")[:SHOWN]
    )
    troubles = []
    for row in found:
        bad = [gap for gap in row.gaps if gap["cause"] not in MEANT]
        troubles.append(
            Trouble(
                ledger_id=row.pk,
                conversation_id=row.conversation_id,
                source=row.source,
                state=row.state,
                reason=row.reason,
                close_code=row.close_code,
                announced_at=row.announced_at,
                missing_seconds=sum(gap["to_ms"] - gap["from_ms"] for gap in bad) / 1000,
                causes=sorted({gap["cause"] for gap in bad}),
            )
        )
    return troubles


def _unmet(row: WaitingMetadata) -> Unmet:
    return Unmet(
        provider=row.provider,
        keys=[key.partition(":")[2] for key in row.keys],
        received_at=row.received_at,
        what=sorted({*row.fields, *(event["phase"] for event in row.events if event["phase"])}),
    )
