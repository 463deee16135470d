"""The page of targets: what teams and agents are to reach, set, ended and taken back."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from coaching.plans.access import (
    agent_coached,
    agents_coached,
    target_led,
    targets_visible,
    team_coached,
    teams_coached,
)
from coaching.plans.plan_views import day_of
from coaching.plans.services import target_end, target_remove, target_set
from coaching.skills.skills import skills_of
from qa.work_views import PAGE, key_of, said, user_of


@needs(Permission.COACHING_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def targets_page(request: HttpRequest) -> HttpResponse:
    """Those of one's teams and agents, the newest first; `do`: set, end, remove."""
    user = user_of(request)
    if request.method == "POST":
        try:
            _do(request.POST, user)
        except (Conflict, ValidationError) as error:
            messages.error(request, said(error))
        return redirect("coaching-targets")
    rows = targets_visible(user)
    if after := key_of(request.GET.get("after", "")):
        rows = rows.filter(pk__lt=after)
    found = list(rows[: PAGE + 1])
    context = {
        "rows": found[:PAGE],
        "next": found[PAGE - 1].pk if len(found) > PAGE else None,
        "skills": skills_of(user),
        "teams": list(teams_coached(user).order_by("name")),
        "agents": list(agents_coached(user).order_by("name")),
        "today": timezone.localdate(),
    }
    return render(request, "coaching/targets.html", context)


def _do(sent: QueryDict, user: User) -> None:
    do = sent.get("do")
    if do == "set":
        kind, _colon, key = sent.get("whom", "").partition(":")
        pk = key_of(key)
        if pk is None or kind not in {"team", "agent"}:
            raise ValidationError(_("Say for whom."))
        target_set(
            team=team_coached(user, pk) if kind == "team" else None,
            agent=agent_coached(user, pk) if kind == "agent" else None,
            skill=sent.get("skill", ""),
            value=_value(sent.get("value", "")),
            begins_on=day_of(sent, "begins_on"),
            ends_on=day_of(sent, "ends_on") if sent.get("ends_on") else None,
            actor=user,
        )
        return
    pk = key_of(sent.get("target", ""))
    if pk is None or do not in {"end", "remove"}:
        raise Http404("no such thing to do")
    target = target_led(user, pk)
    if do == "end":
        target_end(target=target, ends_on=timezone.localdate(), actor=user)
    else:
        target_remove(target=target, actor=user)


def _value(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValidationError(_("A target is a number from 0 to 100.")) from None
