"""Pages of plans: a coach's home, one plan with its progress, drafting and changing one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from coaching.models import CoachingPlan
from coaching.plans.access import agent_coached, agents_coached, coaches, plan_for, plan_led
from coaching.plans.files import plan_file
from coaching.plans.progress import plan_progress, plans_standing
from coaching.plans.selectors import coach_home, target_now, with_sessions
from coaching.plans.services import FOCUSES_MAX, plan_activate, plan_cancel, plan_complete, plan_save
from coaching.skills.focus import focus_context
from coaching.skills.skills import Skill, skills_of
from qa.reporting.asked import asked_from
from qa.reporting.responses import file_response
from qa.reporting.tables import FORMS
from qa.work_views import key_of, said, user_of

PLAN_DAYS = 42


@needs(Permission.COACHING_READ)
@require_safe
def coaching_page(request: HttpRequest) -> HttpResponse:
    """What a coach has before them; agents are led to their own page."""
    user = user_of(request)
    if not user.may(Permission.COACHING_MANAGE):
        return redirect("coaching-me")
    home = coach_home(user)
    standings = plans_standing(user, home.plans)
    context = {
        "home": home,
        "plans": [(plan, standings[plan.pk]) for plan in home.plans],
        **focus_context(user, asked_from(user, {})),
    }
    return render(request, "coaching/home.html", context)


@needs(Permission.COACHING_READ)
@require_safe
def plan_page(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """One plan: how far each skill has come and what changed, its sessions, what can be done with it."""
    user = user_of(request)
    plan = plan_for(user, plan_id)
    sessions = with_sessions(plan, user)
    context = {
        "plan": plan,
        "own": plan.agent_id == user.pk,
        "coaches": coaches(user, plan),
        "progress": plan_progress(plan, user),
        "sessions": sessions,
        "steps": [step for one in sessions for step in one.next_steps.all() if one.held_at],
        "today": timezone.localdate(),
    }
    return render(request, "coaching/plan.html", context)


@needs(Permission.COACHING_MANAGE)  # type: ignore[arg-type]
@require_safe
def plan_file_page(request: HttpRequest, plan_id: UUID, form: str) -> HttpResponseBase:
    """A plan's progress as a CSV file or a workbook."""
    if form not in FORMS:
        raise Http404("no such file")
    user = user_of(request)
    plan = plan_led(user, plan_id)
    file, name = plan_file(user=user, plan=plan, form=form, address=address_of(request) or None)
    return file_response(request, file, name, form)


@needs(Permission.COACHING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def plan_new_page(request: HttpRequest) -> HttpResponse:
    """Draft a plan for an agent (`agent`), perhaps about a skill (`skill`)."""
    user = user_of(request)
    given = request.POST if request.method == "POST" else request.GET
    agents = list(agents_coached(user).select_related("team").order_by("name"))
    key = key_of(given.get("agent", ""))
    if key is None:
        return render(request, "coaching/plan_form.html", {"agents": agents})
    agent = agent_coached(user, key)
    return _form(request, user, agent, None)


@needs(Permission.COACHING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def plan_edit_page(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """Change a draft or a running plan."""
    user = user_of(request)
    plan = plan_led(user, plan_id)
    if not plan.is_open:
        messages.error(request, _("This plan is %(state)s.") % {"state": plan.get_state_display()})
        return redirect("coaching-plan", plan.pk)
    return _form(request, user, plan.agent, plan)


def _form(request: HttpRequest, user: User, agent: User, plan: CoachingPlan | None) -> HttpResponse:
    errors: dict[str, list[str]] = {}
    if request.method == "POST":
        try:
            row = plan_save(plan=plan, given=_given(request.POST, plan), actor=user, agent=agent)
            if request.POST.get("do") == "activate" and row.state == CoachingPlan.State.DRAFT:
                row = plan_activate(plan=row, actor=user)
            return redirect("coaching-plan", row.pk)
        except ValidationError as error:
            errors = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        except Conflict as error:
            errors = {"": [str(error)]}
    skills = skills_of(user)
    context = {
        "plan": plan,
        "agent": agent,
        "fields": _shown(request, plan),
        "rows": _focus_rows(request, agent, plan, skills),
        "skills": skills,
        "errors": errors,
        "back": reverse("coaching-plan", args=[plan.pk]) if plan else reverse("coaching"),
    }
    return render(request, "coaching/plan_form.html", context, status=422 if errors else 200)


def _shown(request: HttpRequest, plan: CoachingPlan | None) -> Mapping[str, Any]:
    """What stands in the fields: what was sent, what the plan says, or what a new one begins with."""
    if request.method == "POST":
        return {name: request.POST.get(name, "") for name in ("title", "goal", "begins_on", "ends_on")}
    begins = plan.begins_on if plan else timezone.localdate()
    ends = plan.ends_on if plan else begins + timedelta(days=PLAN_DAYS - 1)
    return {
        "title": plan.title if plan else "",
        "goal": plan.goal if plan else "",
        "begins_on": begins.isoformat(),
        "ends_on": ends.isoformat(),
    }


def _focus_rows(
    request: HttpRequest, agent: User, plan: CoachingPlan | None, skills: list[Skill]
) -> list[dict[str, Any]]:
    """A row for each skill that a plan can have: reference, name (of one that is asked for no more), target."""
    offered = {one.ref for one in skills}
    if request.method == "POST":
        pairs = list(zip(request.POST.getlist("skill"), request.POST.getlist("target"), strict=False))
        names: dict[str, str] = {}
    elif plan is not None:
        pairs = [(one.skill, "" if one.target is None else f"{one.target:g}") for one in plan.focuses.all()]
        names = {one.skill: one.name for one in plan.focuses.all()}
    else:
        pairs, names = [], {}
        for ref in request.GET.getlist("skill")[:FOCUSES_MAX]:
            found = target_now(agent, ref)
            pairs.append((ref, f"{found.value:g}" if found else ""))
    if plan is not None and not names:
        names = {one.skill: one.name for one in plan.focuses.all()}
    rows = [
        {"skill": skill, "target": target, "name": names.get(skill, "") if skill not in offered else ""}
        for skill, target in pairs[:FOCUSES_MAX]
    ]
    return rows + [{"skill": "", "target": "", "name": ""}] * (FOCUSES_MAX - len(rows))


def _given(sent: QueryDict, plan: CoachingPlan | None) -> dict[str, Any]:
    """The form's fields as the service takes them. Raises `ValidationError` for what can be read as nothing."""
    known = {one.skill for one in plan.focuses.all()} if plan else set()
    focuses = []
    for skill, target in zip(sent.getlist("skill"), sent.getlist("target"), strict=False):
        if skill:
            one: dict[str, Any] = {"skill": skill}
            if target.strip() or skill in known:
                one["target"] = _percent(target)
            focuses.append(one)
    given: dict[str, Any] = {
        "title": sent.get("title", ""),
        "goal": sent.get("goal", ""),
        "focuses": focuses,
        "ends_on": day_of(sent, "ends_on"),
    }
    if plan is None or plan.state == CoachingPlan.State.DRAFT:
        given["begins_on"] = day_of(sent, "begins_on")
    return given


def _percent(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValidationError({"focuses": _("A target is a number from 0 to 100.")}) from None


def day_of(sent: QueryDict, name: str) -> date:
    """A day of a form. Raises `ValidationError` where there is none."""
    try:
        day = parse_date(sent.get(name, ""))
    except ValueError:
        day = None
    if day is None:
        raise ValidationError({name: _("Choose a day.")})
    return day


@needs(Permission.COACHING_MANAGE)
@require_POST
def plan_do_page(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """What is done with a plan (`do`): activate, complete, cancel."""
    user = user_of(request)
    plan = plan_led(user, plan_id)
    words = request.POST.get("outcome", "")
    try:
        match request.POST.get("do"):
            case "activate":
                plan_activate(plan=plan, actor=user)
            case "complete":
                plan_complete(plan=plan, outcome=words, actor=user)
            case "cancel":
                plan_cancel(plan=plan, outcome=words, actor=user)
            case _:
                raise Http404("no such thing to do")
    except (Conflict, ValidationError) as error:
        messages.error(request, said(error))
    return redirect("coaching-plan", plan.pk)
