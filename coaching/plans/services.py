"""Writes to coaching plans and targets.

draft -> active -> completed        (draft, active -> cancelled)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import Team, User
from accounts.services import audit
from coaching.models import CoachingPlan, PlanFocus, Target
from coaching.plans.access import agents_coached
from coaching.plans.selectors import target_now
from coaching.plans.wording import day_checked, percent, written
from coaching.skills.figures import skill_figures
from coaching.skills.skills import Skill, skill_of

State = CoachingPlan.State

# What an agent reached so long before a plan begins is what it is measured against.
BASELINE = timedelta(days=30)
LONGEST = timedelta(days=366)
FOCUSES_MAX = 5
PLAN_FIELDS = ("title", "goal", "begins_on", "ends_on")


def plan_save(
    *, plan: CoachingPlan | None, given: Mapping[str, Any], actor: User, agent: User | None = None
) -> CoachingPlan:
    """Draft a plan for an `agent`, or change what is `given` of one: `PLAN_FIELDS`, "coach" (a user), "focuses".

    "focuses": what it is about from now on, in order, each {"skill", "target"}; without "target" it is the agent's or
    their team's, if one is set. What a skill was at the beginning is measured once. Of a running plan the first day
    stays. Raises `ValidationError`, and `Conflict` for one that has ended.
    """
    with transaction.atomic():
        if plan is None:
            if agent is None:
                raise ValidationError({"agent": _("Say whom it is for.")})
            row = CoachingPlan(agent=agent, coach=actor, team_id=agent.team_id)
        else:
            row = _locked(plan, State.DRAFT, State.ACTIVE)
        fields = _plan_fields(row, given)
        row.full_clean(exclude=["agent", "coach", "team"])
        row.save()
        if "focuses" in given or plan is None:
            _focuses_write(row, given.get("focuses") or [], actor)
            fields.append("focuses")
        action = "create" if plan is None else "update"
        changes = {} if plan is None else {"fields": fields}
        audit(actor=actor, action=f"coachingplan.{action}", thing=row, changes=changes)
    return row


def _plan_fields(row: CoachingPlan, given: Mapping[str, Any]) -> list[str]:
    """Put what is given into a plan's own fields. Returns which."""
    fields = [name for name in PLAN_FIELDS if name in given]
    if "title" in given:
        row.title = written(CoachingPlan, "title", given["title"], required=_("Give it a title."))
    if "goal" in given:
        row.goal = written(CoachingPlan, "goal", given["goal"])
    if "begins_on" in given:
        if row.state == State.ACTIVE and given["begins_on"] != row.begins_on:
            raise ValidationError({"begins_on": _("It runs already: its first day stays.")})
        row.begins_on = day_checked(given["begins_on"], "begins_on")
    if "ends_on" in given:
        row.ends_on = day_checked(given["ends_on"], "ends_on")
    if row.begins_on and row.ends_on:
        if row.ends_on < row.begins_on:
            raise ValidationError({"ends_on": _("It ends before it begins.")})
        if row.ends_on - row.begins_on > LONGEST:
            raise ValidationError({"ends_on": _("A plan lasts a year at most.")})
    if "coach" in given:
        row.coach = _coach(given["coach"], row.agent_id)
        fields.append("coach")
    return fields


def _coach(coach: User, agent_id: UUID) -> User:
    if not agents_coached(coach).filter(pk=agent_id).exists():
        raise ValidationError({"coach": _("%(name)s does not coach this agent.") % {"name": coach.name}})
    return coach


def _focuses_write(plan: CoachingPlan, given: Sequence[Mapping[str, Any]], actor: User) -> None:
    if not given:
        raise ValidationError({"focuses": _("Choose at least one skill.")})
    if len(given) > FOCUSES_MAX:
        raise ValidationError({"focuses": _("At most %(n)d skills at once.") % {"n": FOCUSES_MAX}})
    if len({one["skill"] for one in given}) < len(given):
        raise ValidationError({"focuses": _("A skill is named twice.")})
    known = {row.skill: row for row in plan.focuses.all()}
    for position, one in enumerate(given):
        row = known.pop(one["skill"], None)
        if row is None:
            skill = skill_known(one["skill"], field="focuses")
            row = PlanFocus(plan=plan, skill=skill.ref, name=skill.name[:300])
            _baseline(row, skill, actor)
            found = target_now(plan.agent, skill.ref)
            row.target = found.value if found else None
        if one.get("target") is not None:
            row.target = percent(one["target"], "focuses")
        elif "target" in one:
            row.target = None
        row.position = position
        row.full_clean(exclude=["plan"])
        row.save()
    plan.focuses.filter(skill__in=known).delete()


def skill_known(ref: str, *, field: str) -> Skill:
    """The skill of a reference. Raises `ValidationError` of this field for one that there is not."""
    skill = skill_of(ref)
    if skill is None:
        raise ValidationError({field: _("There is no such skill.")})
    return skill


def _baseline(focus: PlanFocus, skill: Skill, actor: User) -> None:
    """Measure what the agent reached before the plan begins, up to today at the latest."""
    until = min(focus.plan.begins_on - timedelta(days=1), timezone.localdate())
    agent = focus.plan.agent_id
    since = focus.plan.begins_on - BASELINE
    if since > until:
        focus.baseline, focus.baseline_n = None, 0
        return
    figure = skill_figures(skill, [agent], since, until, reader=actor)[agent]
    focus.baseline, focus.baseline_n = figure.mean, figure.n


def plan_activate(*, plan: CoachingPlan, actor: User) -> CoachingPlan:
    """Let a plan run: the agent sees it from now on. What it is measured against is measured anew, a last time."""
    with transaction.atomic():
        row = _locked(plan, State.DRAFT)
        row.state, row.activated_at, row.team_id = State.ACTIVE, timezone.now(), row.agent.team_id
        row.save(update_fields=["state", "activated_at", "team"])
        for focus in row.focuses.all():
            focus.plan = row
            if skill := skill_of(focus.skill):
                _baseline(focus, skill, actor)
                focus.save(update_fields=["baseline", "baseline_n"])
        audit(actor=actor, action="coachingplan.activate", thing=row)
    return row


def plan_complete(*, plan: CoachingPlan, outcome: str, actor: User) -> CoachingPlan:
    """End a running plan, with what came of it in words. Raises `ValidationError` without them."""
    words = written(CoachingPlan, "outcome", outcome, required=_("Say what came of it."))
    return _ended(plan, State.COMPLETED, words, actor, State.ACTIVE)


def plan_cancel(*, plan: CoachingPlan, outcome: str = "", actor: User) -> CoachingPlan:
    """Call a plan off, with or without words. Its sessions stay as they are."""
    words = written(CoachingPlan, "outcome", outcome)
    return _ended(plan, State.CANCELLED, words, actor, State.DRAFT, State.ACTIVE)


def _ended(plan: CoachingPlan, state: State, words: str, actor: User, *states: str) -> CoachingPlan:
    with transaction.atomic():
        row = _locked(plan, *states)
        row.state, row.outcome, row.ended_at = state, words, timezone.now()
        row.save(update_fields=["state", "outcome", "ended_at"])
        action = "complete" if state == State.COMPLETED else "cancel"
        audit(actor=actor, action=f"coachingplan.{action}", thing=row)
    return row


def _locked(plan: CoachingPlan, *states: str) -> CoachingPlan:
    """Take a plan within a transaction. Raises `Conflict` where it is in none of these states."""
    rows = CoachingPlan.objects.select_for_update(of=("self",)).select_related("agent")
    row = rows.get(pk=plan.pk)
    if row.state not in states:
        raise Conflict(_("This plan is %(state)s.") % {"state": row.get_state_display()})
    return row


# --- Targets --------------------------------------------------------------------------------------------


def target_set(
    *,
    skill: str,
    value: float,
    begins_on: date,
    actor: User,
    ends_on: date | None = None,
    team: Team | None = None,
    agent: User | None = None,
) -> Target:
    """Set what a team or an agent is to reach. The one that held until then ends the day before.

    Raises `ValidationError`, also where a later one is set already.
    """
    if (team is None) == (agent is None):
        raise ValidationError({"team": _("A target is for a team or for an agent.")})
    found = skill_known(skill, field="skill")
    row = Target(
        team=team,
        agent=agent,
        skill=found.ref,
        name=found.name[:300],
        value=percent(value, "value"),
        begins_on=day_checked(begins_on, "begins_on"),
        ends_on=None if ends_on is None else day_checked(ends_on, "ends_on"),
        set_by=actor,
    )
    if ends_on is not None and ends_on < begins_on:
        raise ValidationError({"ends_on": _("It ends before it begins.")})
    row.full_clean(exclude=["team", "agent", "set_by"])
    with transaction.atomic():
        # Whoever sets one for the same waits here, so that no two hold at once.
        (Team if team else User).objects.select_for_update().get(pk=(team or agent).pk)  # type: ignore[union-attr]
        others = Target.objects.filter(team=team, agent=agent, skill=found.ref)
        later = others.filter(begins_on__gte=begins_on)
        if (later.filter(begins_on__lte=ends_on) if ends_on else later).exists():
            raise ValidationError({"begins_on": _("A later target is set already: end or remove it first.")})
        held = others.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=begins_on), begins_on__lt=begins_on)
        held.update(ends_on=begins_on - timedelta(days=1))
        row.save()
        audit(
            actor=actor, action="coachingtarget.set", thing=row, changes={"value": value, "skill": found.ref}
        )
    return row


def target_end(*, target: Target, ends_on: date, actor: User) -> Target:
    """Let a target hold until a day. Raises `ValidationError` before its first day or into the next one's time."""
    with transaction.atomic():
        row = Target.objects.select_for_update(of=("self",)).get(pk=target.pk)
        if day_checked(ends_on, "ends_on") < row.begins_on:
            raise ValidationError({"ends_on": _("It ends before it begins.")})
        others = Target.objects.filter(team=row.team_id, agent=row.agent_id, skill=row.skill)
        if others.filter(begins_on__gt=row.begins_on, begins_on__lte=ends_on).exists():
            raise ValidationError({"ends_on": _("Another target begins before that.")})
        row.ends_on = ends_on
        row.save(update_fields=["ends_on"])
        audit(actor=actor, action="coachingtarget.end", thing=row, changes={"until": ends_on.isoformat()})
    return row


def target_remove(*, target: Target, actor: User) -> None:
    """Take a target back, as if it had never been set."""
    with transaction.atomic():
        audit(actor=actor, action="coachingtarget.remove", thing=target, changes={"value": target.value})
        target.delete()
