"""Pages of sessions: planning one; one of them to prepare, to hold, to read and to acknowledge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from coaching.clips.selectors import clips_listed
from coaching.models import AgendaItem, CoachingPlan, CoachingSession, NextStep
from coaching.plans.access import (
    agent_coached,
    agents_coached,
    coaches,
    item_of,
    plan_led,
    plans_visible,
    session_for,
    session_led,
    session_own,
    step_for,
)
from coaching.plans.agenda import calls_suggested, items_shown
from coaching.plans.selectors import session_before, steps_left
from coaching.plans.sessions import (
    agent_notes_write,
    item_add,
    item_change,
    item_remove,
    session_acknowledge,
    session_cancel,
    session_change,
    session_hold,
    session_plan,
    session_share,
    step_add,
    step_done,
    step_remove,
)
from coaching.plans.taking import source_taken
from coaching.skills.skills import skills_of
from qa.calibration_views import IDS
from qa.work_views import key_of, said, user_of

CLIPS_OFFERED = 20


@needs(Permission.COACHING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def session_new_page(request: HttpRequest) -> HttpResponse:
    """Plan a session with an agent (`agent`), perhaps of a plan (`plan`)."""
    user = user_of(request)
    given = request.POST if request.method == "POST" else request.GET
    agents = list(agents_coached(user).select_related("team").order_by("name"))
    plan = plan_led(user, key) if (key := key_of(given.get("plan", ""))) else None
    agent_key = plan.agent_id if plan else key_of(given.get("agent", ""))
    agent = agent_coached(user, agent_key) if agent_key else None
    error = ""
    if request.method == "POST" and agent is not None:
        try:
            row = session_plan(
                agent=agent,
                plan=plan,
                scheduled_at=moment_of(given),
                preparation=given.get("preparation", ""),
                actor=user,
            )
            return redirect("coaching-session", row.pk)
        except ValidationError as wrong:
            error = said(wrong)
    plans: list[CoachingPlan] = []
    if agent is not None:
        mine = plans_visible(user).filter(agent=agent)
        plans = [one for one in mine if one.is_open]
    context = {
        "agents": agents,
        "agent": agent,
        "plan": plan,
        "plans": plans,
        "given": given,
        "now": timezone.localtime(),
        "error": error,
    }
    return render(request, "coaching/session_new.html", context, status=422 if error else 200)


def moment_of(sent: QueryDict, name: str = "scheduled_at") -> datetime:
    """A day and time of a form, in the company's time zone. Raises `ValidationError` where there is none."""
    try:
        at = parse_datetime(sent.get(name, ""))
    except ValueError:
        at = None
    if at is None:
        raise ValidationError({name: _("Choose a day and a time.")})
    return timezone.make_aware(at) if timezone.is_naive(at) else at


@needs(Permission.COACHING_READ)
@require_safe
def session_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """For who coaches: agenda, suggestions, notes, next steps. For the agent: what was shared, and to acknowledge."""
    user = user_of(request)
    session = session_for(user, session_id)
    leads = coaches(user, session)
    context: dict[str, Any] = {
        "session": session,
        "leads": leads,
        "own": session.agent_id == user.pk,
        "items": items_shown(user, session),
        "steps": list(session.next_steps.select_related("done_by")),
        "earlier": steps_left(session),
        "before": session_before(session) if leads else None,
        "plan": _plan_told(session, leads),
        "today": timezone.localdate(),
        "now": timezone.now(),
    }
    if leads and session.is_open:
        context |= {
            "suggested": calls_suggested(user, session),
            "skills": skills_of(user),
            "clips": _clips_offered(user, context["items"]),
        }
    return render(request, "coaching/session.html", context)


def _plan_told(session: CoachingSession, leads: bool) -> CoachingPlan | None:
    """The plan it is of, where the reader may know of it: a draft is nobody's business but of those who coach."""
    plan = session.plan
    return plan if plan is not None and (leads or plan.activated_at is not None) else None


def _clips_offered(user: User, items: list[tuple[AgendaItem, Any]]) -> list[Any]:
    """The newest clips of theirs that are not on the agenda. One query."""
    taken = {item.clip_id for item, _shown in items}
    rows = clips_listed(user, "made")[: CLIPS_OFFERED + len(taken)]
    return [clip for clip in rows if clip.pk not in taken and not clip.is_gone][:CLIPS_OFFERED]


# --- What is done on the page ---------------------------------------------------------------------------

Work = Callable[[QueryDict, CoachingSession, User], str]


def _call(sent: QueryDict, session: CoachingSession, user: User) -> str:
    """Take up a call: one that was suggested, or one whose address was written."""
    found = IDS.search(sent.get("conversation", ""))
    if found is None:
        raise ValidationError(_("There is no id of a call in it."))
    source = source_taken(user, session, conversation_id=UUID(found[0]), skill=sent.get("skill", ""))
    why = sent.get("why", "")
    why = why if why in AgendaItem.Why.values else AgendaItem.Why.CHOSEN
    item_add(session=session, source=source, why=why, note=sent.get("note", ""), actor=user)
    return "#agenda"


def _clip(sent: QueryDict, session: CoachingSession, user: User) -> str:
    key = key_of(sent.get("clip", ""))
    if key is None:
        raise ValidationError(_("Choose a clip."))
    source = source_taken(user, session, clip_id=key)
    item_add(session=session, source=source, note=sent.get("note", ""), actor=user)
    return "#agenda"


def _topic(sent: QueryDict, session: CoachingSession, user: User) -> str:
    item_add(session=session, note=sent.get("note", ""), actor=user)
    return "#agenda"


def _item(sent: QueryDict, session: CoachingSession, user: User) -> str:
    item = item_of(session, key_of(sent.get("item", "")))
    item_change(item=item, note=sent.get("note", ""), actor=user)
    return f"#item-{item.pk}"


def _item_up(sent: QueryDict, session: CoachingSession, user: User) -> str:
    item = item_of(session, key_of(sent.get("item", "")))
    item_change(item=item, position=max(0, item.position - 1), actor=user)
    return f"#item-{item.pk}"


def _item_remove(sent: QueryDict, session: CoachingSession, user: User) -> str:
    item_remove(item=item_of(session, key_of(sent.get("item", ""))), actor=user)
    return "#agenda"


def _notes(sent: QueryDict, session: CoachingSession, user: User) -> str:
    given: dict[str, Any] = {
        name: sent.get(name, "") for name in ("preparation", "coach_notes") if name in sent
    }
    if "scheduled_at" in sent and session.is_open:
        given["scheduled_at"] = moment_of(sent)
    session_change(session=session, given=given, actor=user)
    return "#notes"


def _step(sent: QueryDict, session: CoachingSession, user: User) -> str:
    try:
        due = parse_date(sent.get("due_on", ""))
    except ValueError:
        due = None
    who = NextStep.Who.COACH if sent.get("who") == NextStep.Who.COACH else NextStep.Who.AGENT
    step_add(session=session, text=sent.get("text", ""), due_on=due, who=who, actor=user)
    return "#steps"


def _step_remove(sent: QueryDict, session: CoachingSession, user: User) -> str:
    step_remove(step=_step_of(session, user, sent), actor=user)
    return "#steps"


def _step_of(session: CoachingSession, user: User, sent: QueryDict) -> NextStep:
    """A next step of this session or, to tick it here, of an earlier one of the same agent."""
    row = step_for(user, key_of(sent.get("step", "")))
    if row.session.agent_id != session.agent_id:
        raise Http404("no such step")
    return row


def _plain(service: Callable[..., Any]) -> Work:
    def work(sent: QueryDict, session: CoachingSession, user: User) -> str:
        service(session=session, actor=user)
        return ""

    return work


LED: dict[str, Work] = {
    "call": _call,
    "clip": _clip,
    "topic": _topic,
    "item": _item,
    "up": _item_up,
    "remove": _item_remove,
    "notes": _notes,
    "step": _step,
    "step_remove": _step_remove,
    "share": _plain(session_share),
    "hold": _plain(session_hold),
    "cancel": _plain(session_cancel),
}


def _agent_notes(sent: QueryDict, session: CoachingSession, user: User) -> str:
    agent_notes_write(session=session, notes=sent.get("agent_notes", ""), user=user)
    return "#notes"


def _acknowledge(sent: QueryDict, session: CoachingSession, user: User) -> str:
    session_acknowledge(session=session, words=sent.get("words", ""), user=user)
    return ""


OWN: dict[str, Work] = {"agent_notes": _agent_notes, "acknowledge": _acknowledge}


@needs(Permission.COACHING_READ)
@require_POST
def session_do_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """What is done with a session (`do`): by who coaches (`LED`), by its agent (`OWN`), and ticking by both."""
    user, do = user_of(request), request.POST.get("do", "")
    place = ""
    try:
        if do == "tick":
            session = session_for(user, session_id)
            step = _step_of(session, user, request.POST)
            step_done(step=step, user=user, done=request.POST.get("done") != "no")
            place = "#steps"
        elif do in OWN:
            session = session_own(user, session_id)
            place = OWN[do](request.POST, session, user)
        elif do in LED:
            session = session_led(user, session_id)
            place = LED[do](request.POST, session, user)
        else:
            raise Http404("no such thing to do")
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    answer = redirect("coaching-session", session_id)
    answer["Location"] += place
    return answer
