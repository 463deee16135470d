"""How plans, sessions, next steps and targets are shown by the API."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from coaching.models import AgendaItem, CoachingPlan, CoachingSession, NextStep, Target
from coaching.plans.access import coaches
from coaching.plans.agenda import Shown, items_shown
from conversations.events import person, stamp


def _day(day: Any) -> str | None:
    return None if day is None else day.isoformat()


def plan_shown(row: CoachingPlan, user: User) -> dict[str, Any]:
    """A plan with its focuses; what they were measured against, which rests on any score, is for who coaches."""
    led = coaches(user, row)
    return {
        "id": str(row.pk),
        "agent": person(row.agent),
        "coach": person(row.coach),
        "team": row.team and {"id": str(row.team.pk), "name": row.team.name},
        "title": row.title,
        "goal": row.goal,
        "state": row.state,
        "outcome": row.outcome,
        "begins_on": _day(row.begins_on),
        "ends_on": _day(row.ends_on),
        **{name: stamp(getattr(row, name)) for name in ("created_at", "activated_at", "ended_at")},
        "focuses": [
            {
                **{name: getattr(one, name) for name in ("skill", "name", "target")},
                "baseline": one.baseline if led else None,
                "baseline_n": one.baseline_n if led else 0,
            }
            for one in row.focuses.all()
        ],
    }


def session_listed(row: CoachingSession) -> dict[str, Any]:
    """A session as lists have it."""
    stamps = ("scheduled_at", "created_at", "shared_at", "held_at", "acknowledged_at", "cancelled_at")
    return {
        "id": str(row.pk),
        "plan": row.plan_id and str(row.plan_id),
        "agent": person(row.agent),
        "coach": person(row.coach),
        "team": row.team and {"id": str(row.team.pk), "name": row.team.name},
        "state": row.state,
        **{name: stamp(getattr(row, name)) for name in stamps},
    }


def session_shown(row: CoachingSession, user: User) -> dict[str, Any]:
    """A session whole, as this person may read it: the preparation is for who coaches alone."""
    led = coaches(user, row)
    if not led and row.plan is not None and row.plan.activated_at is None:
        # A draft is nobody's business but of those who coach.
        plan = None
    else:
        plan = row.plan_id and str(row.plan_id)
    return {
        **session_listed(row),
        "plan": plan,
        "coaches": led,
        "preparation": row.preparation if led else "",
        "coach_notes": row.coach_notes,
        "agent_notes": row.agent_notes,
        "acknowledgement": row.acknowledgement,
        "items": [item_shown(item, shown) for item, shown in items_shown(user, row)],
        "next_steps": [step_shown(step) for step in row.next_steps.select_related("done_by")],
    }


def call_shown(one: Shown) -> dict[str, Any]:
    """A call that shows a skill. `evidence` points at the words that are read with the conversation."""
    call = one.conversation
    return {
        "conversation": call and str(call.pk),
        "customer": str(call.customer) if call is not None and call.customer else "",
        "announced_at": stamp(call.announced_at) if call is not None else None,
        "skill": one.skill,
        "skill_name": one.skill_name,
        "why": one.why,
        "result": one.result,
        "score": one.score,
        "evidence": one.evidence,
        "at_ms": one.at_ms,
        "gone": one.gone,
    }


def item_shown(item: AgendaItem, shown: Shown) -> dict[str, Any]:
    return {
        "id": str(item.pk),
        "kind": item.kind,
        "position": item.position,
        "note": item.note,
        "clip": item.clip_id and str(item.clip_id),
        **call_shown(shown),
    }


def step_shown(row: NextStep) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "session": str(row.session_id),
        "who": row.who,
        "text": row.text,
        "due_on": _day(row.due_on),
        "done_at": stamp(row.done_at),
        "done_by": person(row.done_by),
    }


def step_listed(row: NextStep) -> dict[str, Any]:
    """A next step beside whose session it is of."""
    return {**step_shown(row), "agent": person(row.session.agent), "coach": person(row.session.coach)}


def target_shown(row: Target) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "team": row.team and {"id": str(row.team.pk), "name": row.team.name},
        "agent": person(row.agent),
        "skill": row.skill,
        "name": row.name,
        "value": row.value,
        "begins_on": _day(row.begins_on),
        "ends_on": _day(row.ends_on),
        "set_by": person(row.set_by),
    }
