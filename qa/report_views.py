"""Pages of quality's reports: figures with their charts and tables, what is behind them, agents' scorecards, files."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Queue, User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from qa.access import agents_reported, teams_reported
from qa.agreement import PAIRS_MIN
from qa.models import ScorecardTemplate
from qa.reporting.asked import NONE, PERIODS, Asked, asked_from
from qa.reporting.cards import agent_card
from qa.reporting.criteria import CriterionFigures, HeatMap, criteria, heat_map
from qa.reporting.figures import FEW, Bin, Group, Point, distribution, groups, summary, trend
from qa.reporting.listed import (
    PAGE,
    answers_given,
    criterion_question,
    evaluations_behind,
    narrowed_from,
)
from qa.reporting.people import raters, throughput
from qa.reporting.responses import file_response
from qa.reporting.tables import FORMS, report_file, reports_of


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _views(user: User) -> list[tuple[str, str]]:
    """The parts of the report that this person has, by key and name."""
    parts = [
        ("overview", _("Overview")),
        ("people", _("Agents and teams")),
        ("criteria", _("Criteria")),
        ("map", _("Heat map")),
        ("evaluators", _("Evaluators")),
    ]
    return [*parts, ("agreement", _("Raters"))] if user.may(Permission.EVALUATION_MANAGE) else parts


def evaluations_link(asked: Asked, **more: Any) -> str:
    """The list of evaluations behind a figure."""
    return f"{reverse('quality-report-evaluations')}?{urlencode({**asked.params, **more})}"


def _report(asked: Asked, view: str, **more: Any) -> str:
    return f"{reverse('quality-reports')}?{urlencode({'view': view, **asked.params, **more})}"


def _card(asked: Asked, agent: str) -> str:
    period = {"since": asked.since.isoformat(), "until": asked.until.isoformat()}
    return f"{reverse('quality-agent', args=[agent])}?{urlencode(period)}"


@needs(Permission.REPORT_READ)
@require_safe
def reports_page(request: HttpRequest) -> HttpResponse:
    """One part of the report; period and filters stand in the address."""
    user = _user(request)
    asked = asked_from(user, request.GET)
    views = _views(user)
    view = request.GET.get("view", "")
    if view not in dict(views):
        view = views[0][0]
    context = {
        "asked": asked,
        "view": view,
        "views": [(key, name, _report(asked, key)) for key, name in views],
        "periods": [
            (days, f"?{urlencode({'view': view, 'days': days, **asked.filters})}") for days in PERIODS
        ],
        "teams": list(teams_reported(user).order_by("name")),
        "agents": list(agents_reported(user).order_by("name").only("name")),
        "queues": list(Queue.objects.order_by("name")),
        "scorecards": list(ScorecardTemplate.objects.order_by("name").only("name")),
        "few": FEW,
        "none": NONE,
        **_PARTS[view](user, asked),
    }
    return render(request, "qa/reports.html", context)


def _overview(user: User, asked: Asked) -> dict[str, Any]:
    rows = asked.rows(user)
    whole = summary(rows, asked)
    return {
        "whole": whole,
        "trend": points_linked(trend(rows, asked), asked) if whole.n else [],
        "bins": _bins(distribution(rows), asked) if whole.n else [],
        "failed_link": evaluations_link(asked, failed=1),
    }


def points_linked(points: list[Point], asked: Asked) -> list[dict[str, Any]]:
    """Points of a trend, each with the address of the evaluations behind it."""
    return [
        {
            "row": one,
            "link": evaluations_link(asked, since=one.since, until=one.until) if one.figures.n else "",
        }
        for one in points
    ]


def _bins(bins: list[Bin], asked: Asked) -> list[dict[str, Any]]:
    return [
        {"row": one, "link": evaluations_link(asked, bin=at) if one.n else ""} for at, one in enumerate(bins)
    ]


def _people(user: User, asked: Asked) -> dict[str, Any]:
    agents = groups(user, asked, "agent")
    return {
        "n": sum(one.figures.n for one in agents),
        "by_agent": [
            {"row": one, "link": _card(asked, one.key) if one.key != NONE else ""} for one in agents
        ],
        "grouped": [
            (title, table, [{"row": one, "link": _group_link(asked, by, one)} for one in rows])
            for title, table, by, rows in (
                (_("By team"), "teams", "team", groups(user, asked, "team")),
                (_("By queue"), "queues", "queue", groups(user, asked, "queue")),
                (_("By scorecard"), "scorecards", "scorecard", groups(user, asked, "scorecard")),
            )
        ],
    }


def _group_link(asked: Asked, by: str, one: Group) -> str:
    if by == "team":
        return _report(asked, "map", team=one.key)
    return _report(asked, "criteria", **{by: one.key})


def _criteria(user: User, asked: Asked) -> dict[str, Any]:
    found = criteria(asked.rows(user))
    return {"n": sum(one.n for one in found), "criteria": _with_links(found, asked)}


def _with_links(found: list[CriterionFigures], asked: Asked) -> list[dict[str, Any]]:
    return [
        {
            "row": one,
            "link": evaluations_link(asked, criterion=one.key),
            "lost_link": evaluations_link(asked, criterion=one.key, lost=1) if one.below else "",
        }
        for one in found
    ]


def _map(user: User, asked: Asked) -> dict[str, Any]:
    found = heat_map(asked.rows(user), asked)
    by = found.by
    return {
        "n": sum(one.total.n for one in found.columns),
        "heat": found,
        "columns": [
            {
                "row": one,
                "link": ""
                if by == "agent" and one.key == NONE
                else _card(asked, one.key)
                if by == "agent"
                else _report(asked, "map", team=one.key),
            }
            for one in found.columns
        ],
        "heat_rows": _heat_rows(found, asked),
    }


def _heat_rows(found: HeatMap, asked: Asked) -> list[dict[str, Any]]:
    """Each criterion with the address behind each of its cells; a new `scorecard` is named where it begins."""
    rows: list[dict[str, Any]] = []
    before = ""
    for one in found.rows:
        key = one.criterion.key
        cells = [
            {
                "cell": cell,
                "link": ""
                if column.key == NONE and found.by == "agent"
                else evaluations_link(asked, criterion=key, **{found.by: column.key}),
            }
            for cell, column in zip(one.cells, found.columns, strict=True)
        ]
        card = one.criterion.scorecard_key
        rows.append(
            {
                "criterion": one.criterion,
                "link": evaluations_link(asked, criterion=key),
                "cells": cells,
                "scorecard": one.criterion.scorecard if card != before else "",
            }
        )
        before = card
    return rows


def _evaluators(user: User, asked: Asked) -> dict[str, Any]:
    return {"throughput": throughput(user, asked), "manages": user.may(Permission.EVALUATION_MANAGE)}


def _agreement(user: User, asked: Asked) -> dict[str, Any]:
    return {"raters": raters(user, asked), "least": PAIRS_MIN}


_PARTS = {
    "overview": _overview,
    "people": _people,
    "criteria": _criteria,
    "map": _map,
    "evaluators": _evaluators,
    "agreement": _agreement,
}


@needs(Permission.EVALUATION_READ)
@require_safe
def report_evaluations_page(request: HttpRequest) -> HttpResponse:
    """The evaluations behind a figure, fifty at once; with a criterion, its answers and the words they rest on.

    Agents: behind a figure of their own card.
    """
    user = _user(request)
    asked, narrowed = asked_from(user, request.GET), narrowed_from(request.GET)
    rows = evaluations_behind(user, asked, narrowed)
    count = rows.order_by().count()
    after = _key(request.GET.get("after", ""))
    found = list((rows.filter(pk__lt=after) if after else rows)[: PAGE + 1])
    given = answers_given(found[:PAGE], narrowed.criterion)
    address = {**asked.params, **narrowed.params}
    without = {name: value for name, value in address.items() if name != "lost"}
    context = {
        "asked": asked,
        "narrowed": narrowed,
        "count": count,
        "question": criterion_question(narrowed.criterion),
        "rows": [
            {"row": row, "given": given.get(row.pk), "link": place_of(row, given)} for row in found[:PAGE]
        ],
        "next": f"?{urlencode({**address, 'after': found[PAGE - 1].pk})}" if len(found) > PAGE else "",
        "all_link": f"?{urlencode(without)}",
        "lost_link": f"?{urlencode({**without, 'lost': '1'})}",
        "link": urlencode(address),
        "reports": user.may(Permission.REPORT_READ),
        "back": _report(asked, "criteria" if narrowed.criterion else "overview")
        if user.may(Permission.REPORT_READ)
        else _card(asked, str(user.pk)),
    }
    return render(request, "qa/report_evaluations.html", context)


def place_of(row: Any, given: dict[UUID, Any]) -> str:
    """The page of the conversation, opened at the score, or at the answer and the words it rests on."""
    page, answer = reverse("conversation", args=[row.conversation_id]), given.get(row.pk)
    if answer is None:
        return f"{page}?tab=score#score-{row.pk}"
    moment = {} if answer.at_ms is None else {"t": answer.at_ms}
    return f"{page}?{urlencode({'tab': 'score', 'answer': answer.id, **moment})}#answer-{answer.id}"


def _key(given: str) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError:
        return None


@needs(Permission.EVALUATION_READ)
@require_safe
def agent_page(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """An agent's scorecard: for those who look after them, and for themselves of what was released to them."""
    user = _user(request)
    agent = get_object_or_404(agents_reported(user).select_related("team"), pk=agent_id)
    asked = asked_from(user, {name: request.GET.get(name, "") for name in ("days", "since", "until", "step")})
    card = agent_card(user, agent, asked)
    own = agent.pk == user.pk
    recent = evaluations_behind(user, card.asked, narrowed_from({}))[:10]
    context = {
        "agent": agent,
        "asked": card.asked,
        "card": card,
        "own": own,
        "files": not own,
        "periods": [(days, f"?days={days}") for days in PERIODS],
        "trend": points_linked(card.trend, card.asked) if card.figures.n else [],
        "weakest": _with_links(card.weakest, card.asked),
        "strongest": _with_links(card.strongest, card.asked),
        "recent": [{"row": row, "link": place_of(row, {})} for row in recent],
        "few": FEW,
    }
    return render(request, "qa/agent.html", context)


@needs(Permission.REPORT_READ)  # type: ignore[arg-type]
@require_safe
def report_file_page(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """A report as a CSV file or a workbook, by the same filters as the page."""
    user = _user(request)
    if form not in FORMS or name not in reports_of(user):
        raise Http404("no such report")
    try:
        file, file_name = report_file(
            user=user,
            name=name,
            form=form,
            asked=asked_from(user, request.GET),
            narrowed=narrowed_from(request.GET),
            address=address_of(request) or None,
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(f"{reverse('quality-report-evaluations')}?{request.GET.urlencode()}")
    return file_response(request, file, file_name, form)
