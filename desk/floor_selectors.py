"""What the supervisors' floor shows, read at once: no query more for five hundred calls than for one.

Plain data, ready for JSON: times as `events.stamp`, lengths in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Queue, Team, User
from accounts.permissions import Permission, Role
from coaching.access import alerts_beyond
from coaching.events import alert_rows, alert_shown
from coaching.models import Alert, Guidance
from coaching.presence import DESK, present
from conversations.access import conversations_visible
from conversations.events import Payload, person, stamp
from conversations.models import CallPhase, Conversation, Handover
from conversations.publish import floor_tell
from desk.lines import lines_read
from desk.selectors import LIVE, today_start
from tenants.scope import current_schema

State = Conversation.State
ROWS_MAX = 1000


def floor_conversations(user: User) -> QuerySet[Any]:
    """What is on this person's floor: calls now, calls in wrap-up, whatever still has an open alert, and calls of
    other teams whose alert nobody took. `readable` on each: whether more than the alert is theirs to see.
    """
    visible = conversations_visible(user)
    alerted = Alert.objects.filter(state=Alert.State.OPEN).values("conversation")
    beyond = Alert.objects.filter(alerts_beyond()).values("conversation")
    here = Q(readable=True) & (Q(state__in=[*LIVE, State.WRAP_UP]) | Q(pk__in=alerted))
    return (
        Conversation.objects.annotate(readable=Exists(visible.filter(pk=OuterRef("pk"))))
        .exclude(provider=Conversation.UPLOADED, state__in=LIVE)
        .filter(here | Q(pk__in=beyond))
    )


def floor_rows(user: User, ids: Iterable[UUID] | None = None) -> list[Payload]:
    """One row a call, the longest first; only those among `ids` where given. Four queries, however many rows.

    A row: `{"id", "state", "phase", "phase_since", "transferred", "agent", "team", "unmatched", "queue", "queue_id",
    "segment", "customer", "started_at", "ended_at", "panel", "guidance", "alert", "mood", "silence", "limited",
    "channel", "waits_ms"}`.
    `waits_ms`: since when the customer of a chat waits for an answer, in chat time; None otherwise. A chat has
    no `silence`.
    `panel`: whether the agent has a page open that guidance can reach; None where nobody can tell, or none is due.
    `limited`: of a team that is none of theirs: who, where, and the alert without its reason.
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
    readable = [call.pk for call in calls if call.readable]
    guidance = _last_guidance(readable)
    alerts = _open_alerts(user, [call.pk for call in calls])
    erased = [call.pk for call in calls if call.words_erased_at is not None]
    lines = lines_read(readable, anew=erased)
    panels = panels_open(call.agent_id for call in calls if call.state in LIVE)
    rows = []
    for call in calls:
        row: Payload = {
            "id": str(call.pk),
            "limited": not call.readable,
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
            "queue_id": str(call.queue_id) if call.queue_id else None,
            "segment": None,
            "customer": None,
            "started_at": stamp(call.started_at or call.announced_at),
            "ended_at": stamp(call.ended_at),
            "panel": None
            if panels is None or call.agent_id is None or call.state not in LIVE
            else str(call.agent_id) in panels,
            "guidance": guidance.get(call.pk),
            "alert": alerts.get(call.pk),
            "mood": None,
            "silence": None,
            "channel": call.channel,
            "waits_ms": None,
        }
        if call.readable:
            line = lines[call.pk]
            row["mood"] = line.mood
            if call.channel == Conversation.Channel.CHAT:
                row["waits_ms"] = line.waits_ms
            else:
                row["silence"] = line.silence
            if call.customer:
                row |= {"segment": call.customer.segment, "customer": str(call.customer)}
        elif row["alert"]:
            row["alert"] |= {"reason": "", "evidence": []}
        rows.append(row)
    return rows


def panels_open(agent_ids: Iterable[UUID | None]) -> set[str] | None:
    """Which of these agents have their desk open; None where nobody can tell. No query: one question to Redis."""
    return present(DESK, {agent_id for agent_id in agent_ids if agent_id is not None})


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


def _open_alerts(user: User, keys: list[UUID]) -> dict[UUID, Payload]:
    """The open alert of each call that needs this person first, and how many more there are (`more`).

    Those that nobody has come first, then one's own, then others'; of these the graver, of these the older.
    """
    rows = alert_rows().filter(conversation__in=keys, state=Alert.State.OPEN).order_by("conversation")
    found: dict[UUID, Payload] = {}
    for key, group in groupby(rows, key=lambda alert: alert.conversation_id):
        first, *others = sorted(
            group,
            key=lambda one: (
                one.assignee_id is not None,
                one.assignee_id != user.pk,
                one.severity != "bad",
                one.raised_at,
            ),
        )
        found[key] = {**alert_shown(first), "more": len(others)}
    return found


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
    theirs = Q(conversation__in=visible.values("pk")) | alerts_beyond()
    alerts = Alert.objects.filter(theirs, state=Alert.State.OPEN).aggregate(
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


def teams_watched(user: User) -> list[Payload]:
    """The teams whose calls this person sees, by name; `mine`: those that they look after themselves."""
    teams = Team.objects.order_by("name").annotate(
        mine=Exists(User.objects.filter(pk=user.pk, supervised_teams=OuterRef("pk")))
    )
    if not user.may(Permission.CONVERSATION_READ_ALL):
        teams = teams.filter(mine=True)
    return [{"id": str(team.pk), "name": team.name, "mine": team.mine} for team in teams]


def queues_watched(user: User) -> list[Payload]:
    """The queues of those teams; for who sees all calls, all of them."""
    queues = Queue.objects.order_by("name")
    if not user.may(Permission.CONVERSATION_READ_ALL):
        queues = queues.filter(teams__supervisors=user).distinct()
    return [{"id": str(queue.pk), "name": queue.name} for queue in queues]


def agents_attachable(user: User) -> QuerySet[User]:
    """Whom this person may say an unmatched call belongs to: the active agents of the teams they watch."""
    agents = User.objects.filter(role=Role.AGENT, is_active=True).order_by("name")
    if user.may(Permission.CONVERSATION_READ_ALL):
        return agents
    return agents.filter(team__in=Team.objects.filter(supervisors=user))


def panel_opened(agent_id: UUID) -> None:
    """Tell the floors that an agent has opened a page: the rows of their live calls change."""
    calls = Conversation.objects.filter(agent=agent_id, state__in=LIVE).values_list("pk", flat=True)
    floor_tell(current_schema(), calls)
