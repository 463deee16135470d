"""One coaching plan of the sample company, with a session that was held and one to prepare, from its own calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from coaching.models import CoachingPlan, CoachingSession
from coaching.plans.agenda import calls_suggested
from coaching.plans.services import plan_activate, plan_save, target_set
from coaching.plans.sessions import (
    item_add,
    session_acknowledge,
    session_change,
    session_hold,
    session_plan,
    step_add,
)
from coaching.plans.taking import source_taken
from coaching.skills.skills import criterion_ref, skill_of
from demo.people import Company
from qa.access import evaluations_counted
from qa.reporting.criteria import criteria
from tenants.companies import company_zone

DAYS = 42
BEGUN_DAYS_AGO = 3


def coaching_make(*, company: Company, people: Mapping[str, User]) -> CoachingPlan | None:
    """Make it in the current schema; what is there already stays. None where no call was scored."""
    if CoachingPlan.objects.exists():
        return None
    coach, agent = people[company.supervisor], people[company.agent]
    # Where this agent lost most.
    lost = [one for one in criteria(evaluations_counted(coach).filter(agent=agent)) if one.lost]
    skill = skill_of(criterion_ref(lost[0].scorecard_key, lost[0].key)) if lost else None
    if skill is None or agent.team is None:
        return None
    begins = timezone.localdate() - timedelta(days=BEGUN_DAYS_AGO)
    target_set(skill=skill.ref, value=85, begins_on=begins, team=agent.team, actor=coach)
    plan = plan_save(
        plan=None,
        given={
            "title": "One thing at a time",
            "goal": "Each call shows it once, without being asked to.",
            "begins_on": begins,
            "ends_on": begins + timedelta(days=DAYS),
            "focuses": [{"skill": skill.ref}],
        },
        agent=agent,
        actor=coach,
    )
    plan = plan_activate(plan=plan, actor=coach)
    ten = timezone.now().astimezone(company_zone()).replace(hour=10, minute=0, second=0, microsecond=0)
    held = session_plan(agent=agent, plan=plan, scheduled_at=timezone.now(), actor=coach)
    for call in calls_suggested(coach, held).calls[:2]:
        if call.conversation is not None:
            source = source_taken(coach, held, conversation_id=call.conversation.pk, skill=call.skill)
            item_add(session=held, source=source, why=call.why, actor=coach)
    step_add(
        session=held,
        text="Listen to the call that went well",
        due_on=timezone.localdate() + timedelta(days=4),
        actor=coach,
    )
    session_change(session=held, given={"coach_notes": "You do it when the call is calm."}, actor=coach)
    session_hold(session=held, actor=coach)
    session_acknowledge(session=held, words="I see where I forget it.", user=agent)
    # Dated to the day it tells of, so that later calls are suggested for the next one.
    then = ten - timedelta(days=BEGUN_DAYS_AGO)
    CoachingSession.objects.filter(pk=held.pk).update(scheduled_at=then, held_at=then, acknowledged_at=then)
    session_plan(
        agent=agent,
        plan=plan,
        scheduled_at=ten + timedelta(days=6),
        preparation="Ask first how the week was.",
        actor=coach,
    )
    return plan
