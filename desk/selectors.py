"""What the desk and the floor show, read at once: no query more for a hundred calls than for one.

Everything here is plain data, ready for JSON: times as `events.stamp`, lengths in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from statistics import fmean
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from accounts.models import Team, User
from accounts.permissions import Permission, Role
from coaching.events import alert_rows, alert_shown
from coaching.models import Alert, Guidance
from conversations.access import conversations_visible
from conversations.consent import consent_meaning
from conversations.events import Payload, person, snapshot, stamp
from conversations.models import (
    CallPhase,
    Conversation,
    Disposition,
    Handover,
    Note,
    Speaker,
    Summary,
    SummaryLine,
    Utterance,
)
from conversations.selectors import item_visible
from tenants.models import Tenant
from tenants.scope import current_schema

State = Conversation.State
LIVE = (State.ANNOUNCED, State.LIVE)
ROWS_MAX = 300
TRAY_MAX = 20
CONTACTS = 5
MOOD_POINTS = 20
# Change of the smoothed sentiment (-1 to 1) from a call's first third to its last that counts as a trend.
TREND = 0.12


def now_ms() -> int:
    """The server's clock, for pages to set theirs by: milliseconds since 1970."""
    return round(timezone.now().timestamp() * 1000)


def today_start() -> datetime:
    """When today began where the company is."""
    schema: str = current_schema()
    zone = Tenant.objects.filter(schema_name=schema).values_list("time_zone", flat=True).first()
    local = timezone.localtime(timezone=ZoneInfo(zone or "UTC"))
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


# --- The agent's desk -----------------------------------------------------------------------------------


def desk_state(user: User) -> Payload:
    """Read the agent's live calls, oldest first, and what waits for them: `{"now", "calls", "tray"}`.

    The tray holds ended calls whose summary is still to be written or confirmed, newest first.
    """
    mine = Conversation.objects.filter(agent=user).exclude(provider=Conversation.UPLOADED)
    mine = mine.select_related("customer", "queue", "summary")
    calls = mine.filter(state__in=LIVE).order_by("announced_at")
    tray = mine.filter(Q(state=State.WRAP_UP) | Q(summary__state=Summary.State.DRAFT)).exclude(state__in=LIVE)
    return {
        "now": now_ms(),
        "calls": [_call(row) for row in calls],
        "tray": [_call(row) for row in tray.order_by("-announced_at")[:TRAY_MAX]],
    }


def _call(row: Conversation) -> Payload:
    summary: Summary | None = getattr(row, "summary", None)
    return {
        "id": str(row.pk),
        "state": row.state,
        "customer": str(row.customer) if row.customer else None,
        "queue": row.queue.name if row.queue else None,
        "started_at": stamp(row.started_at or row.announced_at),
        "ended_at": stamp(row.ended_at),
        "summary": summary.state if summary else None,
        "confirm_by": stamp(summary.confirm_by) if summary else None,
        "erased": row.words_erased_at is not None,
    }


def call_open(user: User, conversation: Conversation) -> Payload:
    """All that a page needs to show one call: snapshot, note, last contacts, what consent means, how it can end.

    The caller has checked that this person may read the conversation.
    """
    shown = snapshot(conversation)
    shown["items"] = {kind: rows for kind, rows in shown["items"].items() if item_visible(user, kind)}
    note = Note.objects.filter(conversation=conversation).first()
    return {
        "now": now_ms(),
        "id": str(conversation.pk),
        **shown,
        "note": None if note is None else {"text": note.text, "updated_at": stamp(note.updated_at)},
        "contacts": last_contacts(user, conversation),
        "consent": consent_meaning(conversation),
        "disposition": str(conversation.disposition_id) if conversation.disposition_id else None,
        "dispositions": [
            {"id": str(row.pk), "name": row.name} for row in Disposition.objects.filter(active=True)
        ],
    }


def last_contacts(user: User, conversation: Conversation) -> list[Payload]:
    """That customer's earlier conversations, newest first, as far as this person may read them."""
    if conversation.customer_id is None:
        return []
    rows = list(
        conversations_visible(user)
        .filter(customer=conversation.customer_id, ended_at__isnull=False)
        .exclude(pk=conversation.pk)
        .select_related("queue", "disposition")
        .order_by("-announced_at")[:CONTACTS]
    )
    lines = (
        SummaryLine.objects.filter(summary__conversation__in=[row.pk for row in rows], removed=False)
        .order_by("summary__conversation", "position")
        .distinct("summary__conversation")
        .values_list("summary__conversation", "text")
    )
    titles: dict[UUID, str] = dict(lines) if rows else {}
    return [
        {
            "id": str(row.pk),
            "at": stamp(row.announced_at),
            "channel": row.channel,
            "title": titles.get(row.pk)
            or (row.disposition.name if row.disposition else "")
            or str(row.queue or ""),
            "duration_ms": _length_ms(row.started_at, row.ended_at),
        }
        for row in rows
    ]


def _length_ms(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))


# --- The supervisor's floor -----------------------------------------------------------------------------


def floor_conversations(user: User) -> QuerySet[Conversation]:
    """What is on this person's floor: calls now, calls in wrap-up, and whatever still has an open alert."""
    alerted = Alert.objects.filter(state=Alert.State.OPEN).values("conversation")
    visible = conversations_visible(user).exclude(provider=Conversation.UPLOADED, state__in=LIVE)
    return visible.filter(Q(state__in=[*LIVE, State.WRAP_UP]) | Q(pk__in=alerted))


def floor_rows(user: User, ids: Iterable[UUID] | None = None) -> list[Payload]:
    """One row a call, the longest first; only those among `ids` where given. Four queries, however many rows.

    A row: `{"id", "state", "phase", "phase_since", "transferred", "agent", "team", "unmatched", "queue", "segment",
    "customer", "started_at", "ended_at", "guidance", "alert", "mood"}`, the last three as `_last_guidance`,
    `_open_alerts` and `mood` give them, or None.
    """
    newest = CallPhase.objects.filter(conversation=OuterRef("pk"), refused=False).order_by("-at", "-pk")
    wanted = floor_conversations(user).annotate(
        phase=Subquery(newest.values("phase")[:1]),
        phase_since=Subquery(newest.values("at")[:1]),
        transferred=Exists(Handover.objects.filter(conversation=OuterRef("pk"))),
    )
    if ids is not None:
        wanted = wanted.filter(pk__in=list(ids))
    calls = list(
        wanted.select_related("agent__team", "queue", "customer").order_by("announced_at")[:ROWS_MAX]
    )
    keys = [call.pk for call in calls]
    guidance = _last_guidance(keys)
    alerts = _open_alerts(keys)
    moods = _moods(keys)
    return [
        {
            "id": str(call.pk),
            "state": call.state,
            "phase": call.phase,
            "phase_since": stamp(call.phase_since),
            "transferred": call.transferred,
            "agent": person(call.agent),
            "team": {"id": str(call.agent.team_id), "name": call.agent.team.name}
            if call.agent and call.agent.team
            else None,
            "unmatched": call.provider_agent_id if call.is_unmatched else None,
            "queue": call.queue.name if call.queue else None,
            "segment": call.customer.segment if call.customer else None,
            "customer": str(call.customer) if call.customer else None,
            "started_at": stamp(call.started_at or call.announced_at),
            "ended_at": stamp(call.ended_at),
            "guidance": guidance.get(call.pk),
            "alert": alerts.get(call.pk),
            "mood": moods.get(call.pk),
        }
        for call in calls
    ]


def _last_guidance(keys: list[UUID]) -> dict[UUID, Payload]:
    rows = (
        Guidance.objects.filter(conversation__in=keys, kind="hint")
        .order_by("conversation", "-at_ms", "-id")
        .distinct("conversation")
        .values_list("conversation", "title", "label", "state", "at_ms")
    )
    return {
        key: {"title": title, "label": label, "state": state, "at_ms": at_ms}
        for key, title, label, state, at_ms in rows
    }


def _open_alerts(keys: list[UUID]) -> dict[UUID, Payload]:
    """The gravest open alert of each call, the oldest of them first, and how many more there are (`more`)."""
    rows = (
        alert_rows()
        .filter(conversation__in=keys, state=Alert.State.OPEN)
        .order_by("conversation", "severity", "raised_at")  # "bad" sorts before "warn"
    )
    found: dict[UUID, Payload] = {}
    for key, group in groupby(rows, key=lambda alert: alert.conversation_id):
        first, *others = group
        found[key] = {**alert_shown(first), "more": len(others)}
    return found


def _moods(keys: list[UUID]) -> dict[UUID, Payload]:
    """How the customers sounded over their last utterances."""
    rows = (
        Utterance.objects.filter(conversation__in=keys, speaker=Speaker.CUSTOMER, sentiment__isnull=False)
        .annotate(back=Window(RowNumber(), partition_by=F("conversation"), order_by=F("sequence").desc()))
        .filter(back__lte=MOOD_POINTS)
        .order_by("conversation", "sequence")
        .values_list("conversation", "sentiment")
    )
    return {
        key: mood([value for _key, value in group if value is not None])
        for key, group in groupby(rows, key=lambda row: row[0])
    }


def mood(values: list[float]) -> Payload:
    """Smooth a call's sentiments (-1 to 1, oldest first) for a spark line, and name where they go.

    `{"points": [-1 to 1, …], "trend": "falling" | "steady" | "rising"}`. Single utterances jump, so each
    point is half the one before it and half its own value. The trend is the mean of the last third against
    that of the first.
    """
    points: list[float] = []
    for value in values:
        points.append(round(0.5 * points[-1] + 0.5 * value if points else value * 0.5, 3))
    third = max(1, len(points) // 3)
    change = fmean(points[-third:]) - fmean(points[:third]) if len(points) > 1 else 0.0
    trend = "rising" if change > TREND else "falling" if change < -TREND else "steady"
    return {"points": points, "trend": trend}


def floor_tiles(user: User) -> Payload:
    """The figures on top: live, unmatched, wrap_up, alerts, alerts_mine, today, handle_ms or None.

    Alerts count calls, as the rows behind them do. Handle time goes from a call's start to the end of its
    wrap-up, or to the end of the call where wrap-up is still going on.
    """
    visible = conversations_visible(user)
    live = Q(state__in=LIVE)
    going_on = visible.filter(state__in=[*LIVE, State.WRAP_UP]).exclude(provider=Conversation.UPLOADED)
    counts = going_on.aggregate(
        live=Count("pk", filter=live),
        unmatched=Count("pk", filter=live & Q(agent__isnull=True)),
        wrap_up=Count("pk", filter=Q(state=State.WRAP_UP)),
    )
    alerts = Alert.objects.filter(state=Alert.State.OPEN, conversation__in=visible.values("pk")).aggregate(
        alerts=Count("conversation", distinct=True),
        alerts_mine=Count("conversation", distinct=True, filter=Q(assignee=user)),
    )
    today = visible.filter(announced_at__gte=today_start()).aggregate(
        today=Count("pk"),
        handle=Avg(
            Coalesce("closed_at", "ended_at") - F("started_at"),
            filter=Q(ended_at__isnull=False, started_at__isnull=False),
        ),
    )
    handle = today.pop("handle")
    return {
        **counts,
        **alerts,
        **today,
        "handle_ms": None if handle is None else round(handle.total_seconds() * 1000),
    }


def teams_watched(user: User) -> list[Team]:
    """The teams whose calls this person sees, by name."""
    teams = Team.objects.order_by("name")
    return list(teams if user.may(Permission.CONVERSATION_READ_ALL) else teams.filter(supervisors=user))


def agents_attachable(user: User) -> QuerySet[User]:
    """Whom this person may say an unmatched call belongs to: the active agents of the teams they watch."""
    agents = User.objects.filter(role=Role.AGENT, is_active=True).order_by("name")
    if user.may(Permission.CONVERSATION_READ_ALL):
        return agents
    return agents.filter(team__in=Team.objects.filter(supervisors=user))
