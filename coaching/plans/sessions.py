"""Writes to coaching sessions: planned, shared, held, acknowledged; their agenda, notes and next steps.

    planned -> held -> acknowledged        (planned -> cancelled)

The agenda is open until a session is held, notes until the agent has acknowledged it: what was acknowledged stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.services import audit
from coaching.clips.access import Whom, clips_visible, may_share
from coaching.clips.services import clip_share
from coaching.models import AgendaItem, Clip, ClipShare, CoachingPlan, CoachingSession, NextStep
from coaching.plans.access import agents_coached
from coaching.plans.taking import Source
from coaching.plans.wording import day_checked, written

State, Kind, Why = CoachingSession.State, AgendaItem.Kind, AgendaItem.Why

ITEMS_MAX = 20
STEPS_MAX = 20


def session_plan(
    *,
    agent: User,
    scheduled_at: datetime,
    actor: User,
    coach: User | None = None,
    plan: CoachingPlan | None = None,
    preparation: str = "",
) -> CoachingSession:
    """Plan a session, which the agent does not see before it is shared or held. Raises `ValidationError`."""
    coach = coach or actor
    if not agents_coached(coach).filter(pk=agent.pk).exists():
        raise ValidationError({"coach": _("%(name)s does not coach this agent.") % {"name": coach.name}})
    row = CoachingSession(
        agent=agent,
        coach=coach,
        team_id=agent.team_id,
        plan=_plan_checked(plan, agent),
        scheduled_at=_moment_checked(scheduled_at),
        preparation=written(CoachingSession, "preparation", preparation),
    )
    with transaction.atomic():
        row.save()
        audit(actor=actor, action="coachingsession.plan", thing=row)
    return row


def _moment_checked(at: datetime) -> datetime:
    day_checked(at.date(), "scheduled_at")
    return at


def _plan_checked(plan: CoachingPlan | None, agent: User) -> CoachingPlan | None:
    if plan is not None and (plan.agent_id != agent.pk or not plan.is_open):
        raise ValidationError({"plan": _("This is no plan of theirs that is still open.")})
    return plan


def session_change(*, session: CoachingSession, given: Mapping[str, Any], actor: User) -> CoachingSession:
    """Change what is `given`: "scheduled_at" and "plan" while it is planned, "preparation", "coach_notes".

    Raises `ValidationError`, and `Conflict` once it is acknowledged or cancelled.
    """
    with transaction.atomic():
        row = _locked(session, State.PLANNED, State.HELD)
        if row.state != State.PLANNED and {"scheduled_at", "plan"} & set(given):
            raise Conflict(_("It was held: when and for which plan stays."))
        if "scheduled_at" in given:
            row.scheduled_at = _moment_checked(given["scheduled_at"])
        if "plan" in given:
            row.plan = _plan_checked(given["plan"], row.agent)
        for name in ("preparation", "coach_notes"):
            if name in given:
                setattr(row, name, written(CoachingSession, name, given[name]))
        fields = [name for name in ("scheduled_at", "plan", "preparation", "coach_notes") if name in given]
        row.save(update_fields=fields)
        audit(actor=actor, action="coachingsession.update", thing=row, changes={"fields": fields})
    return row


def session_share(*, session: CoachingSession, actor: User) -> CoachingSession:
    """Let the agent see when it is, its agenda with notes and clips, and the coach's notes; never the preparation."""
    with transaction.atomic():
        row = _locked(session, State.PLANNED)
        if row.shared_at is None:
            row.shared_at = timezone.now()
            row.save(update_fields=["shared_at"])
            audit(actor=actor, action="coachingsession.share", thing=row)
            _clips_share(row, actor)
    return row


def _clips_share(session: CoachingSession, actor: User) -> None:
    """Let the agent see the clips of the agenda, as far as this person may show them; others stay unread."""
    clips = Clip.objects.filter(pk__in=session.items.filter(clip__isnull=False).values("clip"))
    seen = set(clips_visible(session.agent).filter(pk__in=clips.values("pk")).values_list("pk", flat=True))
    for clip in clips_visible(actor).filter(pk__in=clips.values("pk")):
        if clip.pk not in seen and may_share(actor, clip):
            clip_share(clip=clip, whom=Whom(ClipShare.Kind.PERSON, user=session.agent), user=actor)


def session_hold(*, session: CoachingSession, actor: User) -> CoachingSession:
    """It was held: the agent sees it, and is asked to acknowledge it."""
    with transaction.atomic():
        row = _locked(session, State.PLANNED)
        now = timezone.now()
        row.state, row.held_at, row.shared_at = State.HELD, now, row.shared_at or now
        row.save(update_fields=["state", "held_at", "shared_at"])
        audit(actor=actor, action="coachingsession.hold", thing=row)
        _clips_share(row, actor)
    return row


def session_cancel(*, session: CoachingSession, actor: User) -> CoachingSession:
    """Call it off before it is held."""
    with transaction.atomic():
        row = _locked(session, State.PLANNED)
        row.state, row.cancelled_at = State.CANCELLED, timezone.now()
        row.save(update_fields=["state", "cancelled_at"])
        audit(actor=actor, action="coachingsession.cancel", thing=row)
    return row


def session_acknowledge(*, session: CoachingSession, words: str, user: User) -> CoachingSession:
    """The agent has understood it, and says in their own words what they take from it.

    Raises `ValidationError` without words, `Conflict` where it was not held or is acknowledged already.
    """
    said = written(
        CoachingSession, "acknowledgement", words, required=_("Say in your own words what you take from it.")
    )
    with transaction.atomic():
        row = _locked(session, State.HELD)
        if row.agent_id != user.pk:
            raise Conflict(_("Only the agent acknowledges it."))
        row.state, row.acknowledgement, row.acknowledged_at = State.ACKNOWLEDGED, said, timezone.now()
        row.save(update_fields=["state", "acknowledgement", "acknowledged_at"])
        audit(actor=user, action="coachingsession.acknowledge", thing=row)
    return row


def agent_notes_write(*, session: CoachingSession, notes: str, user: User) -> CoachingSession:
    """The agent's own notes, which their coach reads, too; until they have acknowledged it."""
    words = written(CoachingSession, "agent_notes", notes)
    with transaction.atomic():
        row = _locked(session, State.PLANNED, State.HELD)
        if row.agent_id != user.pk or row.shared_at is None:
            raise Conflict(_("Only the agent writes these notes."))
        row.agent_notes = words
        row.save(update_fields=["agent_notes"])
        audit(actor=user, action="coachingsession.agent_notes", thing=row)
    return row


def _locked(session: CoachingSession, *states: str) -> CoachingSession:
    """Take a session within a transaction. Raises `Conflict` where it is in none of these states."""
    rows = CoachingSession.objects.select_for_update(of=("self",)).select_related("agent")
    row = rows.get(pk=session.pk)
    if row.state not in states:
        raise Conflict(_("This session is %(state)s.") % {"state": row.get_state_display()})
    return row


# --- Agenda ---------------------------------------------------------------------------------------------


def item_add(
    *,
    session: CoachingSession,
    actor: User,
    source: Source | None = None,
    why: str = Why.CHOSEN,
    note: str = "",
) -> AgendaItem:
    """Put a call or a clip (`source`), or a topic in words (`note`), at the end of the agenda.

    Raises `ValidationError` for an empty topic and `Conflict` for what is there already.
    """
    missing = "" if source else _("Say what to speak of.")
    item = AgendaItem(
        kind=(Kind.CLIP if source.clip else Kind.CALL) if source else Kind.TOPIC,
        why=why,
        note=written(AgendaItem, "note", note, required=missing),
    )
    if source is not None:
        item.conversation_id, item.evaluation_id = source.conversation_id, source.evaluation_id
        item.outcome_id, item.clip = source.outcome_id, source.clip
        item.skill, item.skill_name = source.skill, source.skill_name[:300]
    try:
        with transaction.atomic():
            row = _locked(session, State.PLANNED)
            found = row.items.aggregate(last=Max("position"))["last"]
            if row.items.count() >= ITEMS_MAX:
                raise ValidationError({"items": _("At most %(n)d items.") % {"n": ITEMS_MAX}})
            if item.clip is not None:
                _clip_checked(item.clip, row.agent, actor)
            item.session, item.position = row, 0 if found is None else found + 1
            item.save()
            audit(actor=actor, action="coachingsession.item_add", thing=row, changes={"item": str(item.pk)})
    except IntegrityError:
        raise Conflict(_("It is on the agenda already.")) from None
    return item


def _clip_checked(clip: Clip, agent: User, actor: User) -> None:
    if not clips_visible(agent).filter(pk=clip.pk).exists() and not may_share(actor, clip):
        raise ValidationError({"clip": _("You may not show this clip to %(name)s.") % {"name": agent.name}})


def item_change(
    *, item: AgendaItem, actor: User, note: str | None = None, position: int | None = None
) -> AgendaItem:
    """Change the note of an item, or its place on the agenda (from 0 on; the others make room)."""
    with transaction.atomic():
        session = _locked(item.session, State.PLANNED)
        row = session.items.get(pk=item.pk)
        if note is not None:
            missing = _("Say what to speak of.") if row.kind == Kind.TOPIC else ""
            row.note = written(AgendaItem, "note", note, required=missing)
            row.save(update_fields=["note"])
        if position is not None:
            rest = [one for one in session.items.all() if one.pk != row.pk]
            rest.insert(min(max(position, 0), len(rest)), row)
            for place, one in enumerate(rest):
                one.position = place
            AgendaItem.objects.bulk_update(rest, ["position"])
        audit(actor=actor, action="coachingsession.item_change", thing=session, changes={"item": str(row.pk)})
    return row


def item_remove(*, item: AgendaItem, actor: User) -> None:
    """Take an item off the agenda."""
    with transaction.atomic():
        session = _locked(item.session, State.PLANNED)
        audit(
            actor=actor, action="coachingsession.item_remove", thing=session, changes={"item": str(item.pk)}
        )
        session.items.filter(position__gt=item.position).update(position=F("position") - 1)
        item.delete()


# --- Next steps -----------------------------------------------------------------------------------------


def step_add(
    *,
    session: CoachingSession,
    text: str,
    actor: User,
    due_on: date | None = None,
    who: str = NextStep.Who.AGENT,
) -> NextStep:
    """Agree on what is to be done; until the agent has acknowledged the session."""
    words = written(NextStep, "text", text, required=_("Say what is to be done."))
    if due_on is not None:
        day_checked(due_on, "due_on")
    with transaction.atomic():
        row = _locked(session, State.PLANNED, State.HELD)
        if row.next_steps.count() >= STEPS_MAX:
            raise ValidationError({"text": _("At most %(n)d next steps.") % {"n": STEPS_MAX}})
        step = NextStep.objects.create(session=row, who=who, text=words, due_on=due_on)
        audit(actor=actor, action="coachingsession.step_add", thing=row, changes={"step": str(step.pk)})
    return step


def step_remove(*, step: NextStep, actor: User) -> None:
    """Take a next step back; until the agent has acknowledged the session."""
    with transaction.atomic():
        session = _locked(step.session, State.PLANNED, State.HELD)
        audit(
            actor=actor, action="coachingsession.step_remove", thing=session, changes={"step": str(step.pk)}
        )
        step.delete()


def step_due(*, step: NextStep, due_on: date | None, actor: User) -> NextStep:
    """Put a next step off, or give it a day."""
    if due_on is not None:
        day_checked(due_on, "due_on")
    with transaction.atomic():
        session = _locked(step.session, State.PLANNED, State.HELD, State.ACKNOWLEDGED)
        row = session.next_steps.select_for_update().get(pk=step.pk)
        row.due_on = due_on
        row.save(update_fields=["due_on"])
        changes = {"step": str(row.pk), "due": due_on.isoformat() if due_on else None}
        audit(actor=actor, action="coachingsession.step_due", thing=session, changes=changes)
    return row


def step_done(*, step: NextStep, user: User, done: bool = True) -> NextStep:
    """Tick a next step, or take the tick back. Agents: their own, once the session was held. Raises `Conflict`."""
    with transaction.atomic():
        session = _locked(step.session, State.PLANNED, State.HELD, State.ACKNOWLEDGED)
        row = session.next_steps.select_for_update().get(pk=step.pk)
        if session.agent_id == user.pk:
            if session.held_at is None:
                raise Conflict(_("It can be ticked once the session was held."))
            if row.who != NextStep.Who.AGENT:
                raise Conflict(_("This is for your coach to do."))
        if (row.done_at is not None) != done:
            row.done_at, row.done_by = (timezone.now(), user) if done else (None, None)
            row.save(update_fields=["done_at", "done_by"])
            changes = {"step": str(row.pk), "done": done}
            audit(actor=user, action="coachingsession.step_done", thing=session, changes=changes)
    return row
