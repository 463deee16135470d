"""Pages of skills: the skill-gap view with suggestions, what changed for an agent, files, the agent's own page."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Queue, User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from coaching.skills.asked import effect_asked, kinds_from
from coaching.skills.effects import effect_of
from coaching.skills.files import FILES, skills_file
from coaching.skills.focus import focus_context, known_for
from coaching.skills.gaps import GapMap, gap_map, team_asked
from coaching.skills.links import behind_link
from coaching.skills.mine import MY_DAYS, my_page
from coaching.skills.skills import BEHAVIOUR, CRITERION, skills_of
from qa.access import agents_reported, teams_reported
from qa.models import ScorecardTemplate
from qa.report_views import place_of, points_linked
from qa.reporting.asked import PERIODS, Asked, asked_from
from qa.reporting.figures import FEW
from qa.reporting.responses import file_response
from qa.reporting.tables import FORMS

MY_PERIODS = (MY_DAYS, 30, 90)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@needs(Permission.COACHING_MANAGE)
@require_safe
def skills_page(request: HttpRequest) -> HttpResponse:
    """Skills by agents of a team, with what to work on next; period and filters stand in the address."""
    user = _user(request)
    asked = team_asked(user, asked_from(user, request.GET))
    kinds = kinds_from(request.GET)
    kind = kinds[0] if len(kinds) == 1 else ""
    known = known_for(user, asked) if asked.team else None
    found = gap_map(user, asked, kinds, read=known.read if known else None)
    address = {**asked.filters, **({"kind": kind} if kind else {})}
    context = {
        "asked": asked,
        "kind": kind,
        "kinds": [(CRITERION, _("criteria")), (BEHAVIOUR, _("behaviours"))],
        "periods": [(days, f"?{urlencode({'days': days, **address})}") for days in PERIODS],
        "teams": list(teams_reported(user).order_by("name")),
        "queues": list(Queue.objects.order_by("name")),
        "scorecards": list(ScorecardTemplate.objects.order_by("name").only("name")),
        "map": found,
        "rows": _rows(found, asked),
        "columns": [
            {"name": name, "link": f"{reverse('quality-agent', args=[key])}?{_days(asked)}"}
            for key, name in found.agents
        ],
        "link": urlencode({**asked.params, **({"kind": kind} if kind else {})}),
        "few": FEW,
        **(focus_context(user, asked, known=known) if asked.team else {"focus": []}),
    }
    return render(request, "coaching/skills.html", context)


def _days(asked: Asked) -> str:
    return urlencode({"since": asked.since.isoformat(), "until": asked.until.isoformat()})


def _rows(found: GapMap, asked: Asked) -> list[dict[str, Any]]:
    """Each skill with the address behind each of its cells; a new `group` is named where it begins."""
    rows: list[dict[str, Any]] = []
    before = ""
    for one in found.rows:
        cells = [
            {"cell": cell, "link": behind_link(one.skill, asked, agent=key) if cell else ""}
            for cell, (key, _name) in zip(one.cells, found.agents, strict=True)
        ]
        group = f"{one.skill.kind}:{one.skill.owner_id}"
        rows.append(
            {
                "row": one,
                "link": behind_link(one.skill, asked),
                "cells": cells,
                "group": one.skill.group if group != before else "",
            }
        )
        before = group
    return rows


@needs(Permission.COACHING_MANAGE)
@require_safe
def effect_page(request: HttpRequest) -> HttpResponse:
    """What changed for an agent at a skill, beside the rest of their team."""
    user = _user(request)
    asked = effect_asked(user, request.GET)
    effect = None
    if asked.agent is not None and asked.skill is not None:
        effect = effect_of(asked.skill, asked.agent, asked.since, asked.turn, asked.until, reader=user)
    skills = skills_of(user)
    if asked.skill is not None and asked.skill.ref not in {one.ref for one in skills}:
        skills.append(asked.skill)
    context = {
        "asked": asked,
        "effect": effect,
        "skills": skills,
        "agents": list(agents_reported(user).order_by("name").only("name")),
    }
    return render(request, "coaching/effect_page.html", context)


@needs(Permission.COACHING_MANAGE)  # type: ignore[arg-type]
@require_safe
def skills_file_page(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """The skill-gap view or the suggestions as a CSV file or a workbook, by the same filters as the page."""
    if form not in FORMS or name not in FILES:
        raise Http404("no such file")
    user = _user(request)
    file, file_name = skills_file(
        user=user,
        name=name,
        form=form,
        asked=team_asked(user, asked_from(user, request.GET)),
        kinds=kinds_from(request.GET),
        address=address_of(request) or None,
    )
    return file_response(request, file, file_name, form)


@needs(Permission.COACHING_READ)
@require_safe
def me_page(request: HttpRequest) -> HttpResponse:
    """My scores, my wins, my focus. Who coaches has a page of their own, and is led there."""
    user = _user(request)
    if user.may(Permission.COACHING_MANAGE):
        return redirect("coaching-skills")
    given = {name: request.GET.get(name, "") for name in ("days", "since", "until")}
    if not any(given.values()):
        given["days"] = str(MY_DAYS)
    asked = asked_from(user, given)
    mine = my_page(user, asked)
    context = {
        "mine": mine,
        # What the parts of quality's reports go by.
        "asked": mine.trend_asked,
        "wrong": asked.wrong,
        "days": asked.days,
        "periods": [(days, f"?days={days}") for days in MY_PERIODS],
        "scores": [{"row": row, "link": place_of(row, {})} for row in mine.scores],
        "skills": [{"row": one, "link": behind_link(one.skill, mine.over)} for one in mine.skills],
        "risen": [{"row": one, "link": behind_link(one.skill, mine.over)} for one in mine.risen],
        "trend": points_linked(mine.trend, mine.trend_asked),
        "trend_n": sum(one.figures.n for one in mine.trend),
        "all_link": f"{reverse('quality-report-evaluations')}?{mine.asked.link}",
    }
    return render(request, "coaching/me.html", context)
