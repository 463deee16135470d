"""Whom a person coaches, and which plans, sessions and targets they may see and change.

Who coaches: supervisors the agents of their teams as they are now, analysts and admins all; nobody themselves. Agents
see what is about them once it is shared: plans that were running, sessions that were shared or held.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import Team, User
from accounts.permissions import Permission, Role
from coaching.models import AgendaItem, CoachingPlan, CoachingSession, NextStep, Target


def agents_coached(user: User) -> QuerySet[User]:
    """Agents at work whom this person coaches."""
    if not user.may(Permission.COACHING_MANAGE):
        return User.objects.none()
    agents = User.objects.filter(role=Role.AGENT, is_active=True).exclude(pk=user.pk)
    return agents if _all(user) else agents.filter(pk__in=_theirs(user))


def agent_coached(user: User, agent_id: UUID) -> User:
    """Load one. `Http404` otherwise."""
    row = agents_coached(user).select_related("team").filter(pk=agent_id).first()
    if row is None:
        raise Http404("no such agent")
    return row


def teams_coached(user: User) -> QuerySet[Team]:
    """Teams whose targets this person sets."""
    if not user.may(Permission.COACHING_MANAGE):
        return Team.objects.none()
    return Team.objects.all() if _all(user) else Team.objects.filter(supervisors=user)


def team_coached(user: User, team_id: UUID) -> Team:
    """Load one. `Http404` otherwise."""
    row = teams_coached(user).filter(pk=team_id).first()
    if row is None:
        raise Http404("no such team")
    return row


def _all(user: User) -> bool:
    return user.may(Permission.CONVERSATION_READ_ALL)


def _theirs(user: User) -> QuerySet[User, Any]:
    return User.objects.filter(team__supervisors=user).order_by().values("pk")


def plans_visible(user: User) -> QuerySet[CoachingPlan]:
    """Plans that this person may read, the newest first, with all that listing them touches."""
    rows = CoachingPlan.objects.select_related("agent", "coach", "team").prefetch_related("focuses")
    rows = rows.order_by("-pk")
    if not user.may(Permission.COACHING_READ):
        return rows.none()
    own = Q(agent=user, activated_at__isnull=False)
    if not user.may(Permission.COACHING_MANAGE):
        return rows.filter(own)
    return rows if _all(user) else rows.filter(Q(agent__in=_theirs(user)) | own)


def sessions_visible(user: User) -> QuerySet[CoachingSession]:
    """Sessions that this person may read, the newest first, with all that listing them touches."""
    rows = CoachingSession.objects.select_related("agent", "coach", "team", "plan").order_by("-pk")
    if not user.may(Permission.COACHING_READ):
        return rows.none()
    own = Q(agent=user, shared_at__isnull=False)
    if not user.may(Permission.COACHING_MANAGE):
        return rows.filter(own)
    return rows if _all(user) else rows.filter(Q(agent__in=_theirs(user)) | own)


def targets_visible(user: User) -> QuerySet[Target]:
    """Targets that this person may read, the newest first; agents: their own and their team's."""
    rows = Target.objects.select_related("team", "agent", "set_by").order_by("-pk")
    if not user.may(Permission.COACHING_READ):
        return rows.none()
    own = Q(agent=user) | Q(team__isnull=False, team=user.team_id)
    if not user.may(Permission.COACHING_MANAGE):
        return rows.filter(own)
    if _all(user):
        return rows
    return rows.filter(Q(agent__in=_theirs(user)) | Q(team__in=teams_coached(user).values("pk")) | own)


def steps_visible(user: User) -> QuerySet[NextStep]:
    """Next steps of sessions that were held and that this person may read, what is due first."""
    return _steps(user).filter(session__held_at__isnull=False).order_by("due_on", "pk")


def _steps(user: User) -> QuerySet[NextStep]:
    seen = sessions_visible(user).filter(pk=OuterRef("session")).order_by()
    return NextStep.objects.filter(Exists(seen)).select_related("session__agent", "session__coach", "done_by")


def plan_for(user: User, plan_id: UUID) -> CoachingPlan:
    """Load one. `Http404` otherwise."""
    return _loaded(plans_visible(user), plan_id)


def session_for(user: User, session_id: UUID) -> CoachingSession:
    """Load one. `Http404` otherwise."""
    return _loaded(sessions_visible(user), session_id)


def coaches(user: User, row: CoachingPlan | CoachingSession) -> bool:
    """Whether this person may change what they can read: nobody coaches themselves."""
    return user.may(Permission.COACHING_MANAGE) and row.agent_id != user.pk


def plan_led(user: User, plan_id: UUID) -> CoachingPlan:
    """Load one that this person may change. `Http404` otherwise."""
    row = plan_for(user, plan_id)
    if not coaches(user, row):
        raise Http404("no such plan")
    return row


def session_led(user: User, session_id: UUID) -> CoachingSession:
    """Load one that this person may change. `Http404` otherwise."""
    row = session_for(user, session_id)
    if not coaches(user, row):
        raise Http404("no such session")
    return row


def session_own(user: User, session_id: UUID) -> CoachingSession:
    """Load one that is about this person, to answer it. `Http404` otherwise."""
    row = session_for(user, session_id)
    if row.agent_id != user.pk:
        raise Http404("no such session")
    return row


def target_led(user: User, target_id: UUID) -> Target:
    """Load one that this person may change. `Http404` otherwise."""
    row: Target = _loaded(targets_visible(user), target_id)
    mine = row.agent_id != user.pk and (
        _all(user)
        or (row.agent_id is not None and agents_coached(user).filter(pk=row.agent_id).exists())
        or (row.team_id is not None and teams_coached(user).filter(pk=row.team_id).exists())
    )
    if not user.may(Permission.COACHING_MANAGE) or not mine:
        raise Http404("no such target")
    return row


def item_of(session: CoachingSession, item_id: UUID | None) -> AgendaItem:
    """Load an item of a session that was loaded here. `Http404` otherwise."""
    return _loaded(session.items.all(), item_id)


def step_for(user: User, step_id: UUID | None) -> NextStep:
    """Load a next step of a session that this person may read. `Http404` otherwise."""
    return _loaded(_steps(user), step_id)


def _loaded(rows: QuerySet[Any], pk: UUID | None) -> Any:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404("no such thing")
    return row
