"""Reads of coaching: which target holds, what a coach has to do, what waits for an agent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Max, Min, Prefetch, Q
from django.utils import timezone

from accounts.models import User
from coaching.models import CoachingPlan, CoachingSession, NextStep, PlanFocus, Target
from coaching.plans.access import agents_coached, plans_visible, sessions_visible, steps_visible

State = CoachingSession.State

# Rows of one part of a page at most; the API lists them all.
LISTED_MAX = 50
AGENTS_MAX = 200


def target_now(agent: User, skill: str, day: date | None = None) -> Target | None:
    """What an agent is to reach in a skill on a day: their own target, or else their team's. One query."""
    return targets_now([agent], {skill}, day).get((agent.pk, skill))


def targets_now(
    agents: Collection[User], skills: Collection[str], day: date | None = None
) -> dict[tuple[UUID, str], Target]:
    """The same of many, by agent and skill, where there is one. One query."""
    on = day or timezone.localdate()
    teams = {agent.team_id for agent in agents if agent.team_id}
    rows = Target.objects.filter(
        Q(agent__in=[agent.pk for agent in agents]) | Q(team__in=teams),
        Q(ends_on__isnull=True) | Q(ends_on__gte=on),
        skill__in=skills,
        begins_on__lte=on,
    ).select_related("team")
    held = {(row.agent_id or row.team_id, row.skill): row for row in rows.order_by("begins_on")}
    found = {}
    for agent in agents:
        for skill in skills:
            row = held.get((agent.pk, skill)) or held.get((agent.team_id, skill))
            if row is not None:
                found[agent.pk, skill] = row
    return found


@dataclass(slots=True)
class CoachedAgent:
    """An agent with what is under way: running plans, the session held last and the next one, what waits."""

    agent: User
    plans: list[UUID] = field(default_factory=list)
    held_last: datetime | None = None
    planned_next: datetime | None = None
    unacknowledged: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class CoachHome:
    """What a coach has before them. `prepare`: planned sessions from now on, `hold`: those whose time has come."""

    agents: list[CoachedAgent]
    more_agents: int
    prepare: list[CoachingSession]
    hold: list[CoachingSession]
    unacknowledged: list[CoachingSession]
    plans: list[CoachingPlan]
    overdue: list[NextStep]
    today: date


def coach_home(user: User) -> CoachHome:
    """All of a coach's home but figures. Ten queries at most, whatever is in it."""
    now, today = timezone.now(), timezone.localdate()
    coached = agents_coached(user).select_related("team").order_by("name", "pk")
    agents = list(coached[: AGENTS_MAX + 1])
    more = max(0, coached.count() - AGENTS_MAX) if len(agents) > AGENTS_MAX else 0
    agents = agents[:AGENTS_MAX]
    sessions = sessions_visible(user).exclude(agent=user).annotate(prepared=Count("items"))
    planned = sessions.filter(state=State.PLANNED).order_by("scheduled_at", "pk")
    plans = plans_visible(user).exclude(agent=user).filter(state=CoachingPlan.State.ACTIVE)
    running = list(plans.order_by("ends_on", "pk")[:LISTED_MAX])
    overdue = steps_visible(user).exclude(session__agent=user)
    return CoachHome(
        agents=_with_what_is_under_way(agents, now, today),
        more_agents=more,
        prepare=list(planned.filter(scheduled_at__gt=now)[:LISTED_MAX]),
        hold=list(planned.filter(scheduled_at__lte=now)[:LISTED_MAX]),
        unacknowledged=list(sessions.filter(state=State.HELD).order_by("held_at", "pk")[:LISTED_MAX]),
        plans=running,
        overdue=list(overdue.filter(done_at__isnull=True, due_on__lt=today)[:LISTED_MAX]),
        today=today,
    )


def _with_what_is_under_way(agents: list[User], now: datetime, today: date) -> list[CoachedAgent]:
    """Three queries."""
    found = {agent.pk: CoachedAgent(agent) for agent in agents}
    plans = CoachingPlan.objects.filter(agent__in=found, state=CoachingPlan.State.ACTIVE)
    for plan_id, agent_id in plans.order_by("pk").values_list("pk", "agent_id"):
        found[agent_id].plans.append(plan_id)
    rows = CoachingSession.objects.filter(agent__in=found).order_by().values("agent")
    sums = rows.annotate(
        last=Max("held_at"),
        next=Min("scheduled_at", filter=Q(state=State.PLANNED, scheduled_at__gt=now)),
        waiting=Count("pk", filter=Q(state=State.HELD)),
    )
    for row in sums:
        one = found[row["agent"]]
        one.held_last, one.planned_next, one.unacknowledged = row["last"], row["next"], row["waiting"]
    late = NextStep.objects.filter(
        session__agent__in=found, session__held_at__isnull=False, done_at__isnull=True, due_on__lt=today
    )
    for agent_id, n in late.order_by().values_list("session__agent").annotate(n=Count("pk")):
        found[agent_id].overdue = n
    return list(found.values())


@dataclass(frozen=True, slots=True)
class OwnCoaching:
    """What was shared with an agent: what to acknowledge and to come first, running plans, open next steps."""

    acknowledge: list[CoachingSession]
    planned: list[CoachingSession]
    plans: list[CoachingPlan]
    steps: list[NextStep]
    earlier: list[CoachingSession]
    today: date

    @property
    def is_empty(self) -> bool:
        return not (self.acknowledge or self.planned or self.plans or self.steps or self.earlier)


def own_coaching(user: User, *, earlier: int = 10) -> OwnCoaching:
    """For `templates/coaching/mine_list.html`: sessions and plans of this person as an agent. Five queries at most."""
    sessions = list(
        sessions_visible(user)
        .filter(agent=user)
        .exclude(state=State.CANCELLED)
        .order_by("-scheduled_at")[:LISTED_MAX]
    )
    plans = plans_visible(user).filter(agent=user, state=CoachingPlan.State.ACTIVE)
    steps = steps_visible(user).filter(session__agent=user, done_at__isnull=True, who=NextStep.Who.AGENT)
    return OwnCoaching(
        acknowledge=[one for one in sessions if one.state == State.HELD],
        planned=[one for one in reversed(sessions) if one.state == State.PLANNED],
        plans=list(plans.order_by("ends_on", "pk")[:LISTED_MAX]),
        steps=list(steps[:LISTED_MAX]),
        earlier=[one for one in sessions if one.state == State.ACKNOWLEDGED][:earlier],
        today=timezone.localdate(),
    )


def focuses_of(session: CoachingSession) -> list[PlanFocus]:
    """What a session is about: the focuses of its plan, or else those of the agent's running plans. One query."""
    rows = PlanFocus.objects.select_related("plan").order_by("plan", "position", "pk")
    if session.plan_id is not None:
        return list(rows.filter(plan=session.plan_id))
    found: dict[str, PlanFocus] = {}
    for row in rows.filter(plan__agent=session.agent_id, plan__state=CoachingPlan.State.ACTIVE):
        found.setdefault(row.skill, row)
    return list(found.values())


def session_before(session: CoachingSession) -> CoachingSession | None:
    """The session of this agent that was held last before this one. One query."""
    rows = CoachingSession.objects.filter(agent=session.agent_id, held_at__isnull=False)
    if session.held_at is not None:
        rows = rows.filter(held_at__lt=session.held_at)
    return rows.exclude(pk=session.pk).order_by("-held_at").first()


def steps_left(session: CoachingSession) -> list[NextStep]:
    """What was agreed on in earlier sessions and is not done yet, what is due first. One query."""
    rows = NextStep.objects.filter(
        session__agent=session.agent_id, session__held_at__isnull=False, done_at__isnull=True
    ).exclude(session=session.pk)
    if session.held_at is not None:
        rows = rows.filter(session__held_at__lt=session.held_at)
    return list(rows.select_related("session").order_by("due_on", "pk")[:LISTED_MAX])


def with_sessions(plan: CoachingPlan, user: User) -> list[CoachingSession]:
    """The sessions of a plan that this person may read, the newest first. One query."""
    rows = sessions_visible(user).filter(plan=plan).order_by("-scheduled_at", "-pk")
    return list(rows.prefetch_related(Prefetch("next_steps"))[:LISTED_MAX])
