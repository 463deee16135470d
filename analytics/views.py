"""Pages of reports: figures by day and by agent, each with the conversations behind it, and as CSV files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Team, User
from accounts.permissions import Permission
from accounts.views import needs
from analytics.periods import PERIODS, teams_offered
from analytics.selectors import (
    AgentFigures,
    DayFigures,
    Figures,
    report_agents,
    report_behaviours,
    report_daily,
)
from coaching.behaviours import BehaviourFigures
from engines.spreadsheets import text_cell

CHART_WIDTH, CHART_HEIGHT = 1000, 100


@dataclass(frozen=True)
class Asked:
    """What the address asks for, put right where it makes no sense."""

    user: User
    days: int
    team: Team | None
    teams: list[Team]

    @property
    def link(self) -> str:
        return urlencode({"days": self.days, **({"team": self.team.pk} if self.team else {})})


def _asked(request: HttpRequest) -> Asked:
    user: User = request.user  # type: ignore[assignment]
    days = request.GET.get("days", "")
    teams = list(teams_offered(user))
    chosen = request.GET.get("team", "")
    team = next((one for one in teams if str(one.pk) == chosen), None)
    return Asked(user, int(days) if days in {str(one) for one in PERIODS} else PERIODS[0], team, teams)


@needs(Permission.REPORT_READ)
@require_safe
def reports_page(request: HttpRequest) -> HttpResponse:
    """Trend, figures by day and by agent."""
    asked = _asked(request)
    daily = report_daily(asked.user, asked.days, asked.team)
    agents = report_agents(asked.user, asked.days, asked.team)
    today = timezone.localdate()
    period = _dates(today - timedelta(days=asked.days - 1), today)
    context = {
        "asked": asked,
        "periods": PERIODS,
        "days": [
            {"row": row, "links": _links(row.figures, _dates(row.day, row.day), asked.team)}
            for row in reversed(daily)
        ],
        "agents": [{"row": row, "links": _links(row.figures, period, asked.team, row)} for row in agents],
        "behaviours": [
            {"row": one, **_behaviour_links(one, period, asked.team)}
            for one in report_behaviours(asked.user, asked.days, asked.team)
        ],
        "chart": _chart(daily, asked.team),
        "any": any(row.figures.conversations for row in daily),
    }
    return render(request, "analytics/reports.html", context)


def _dates(first: date, last: date) -> dict[str, str]:
    return {"since": first.isoformat(), "until": last.isoformat()}


def _links(
    figures: Figures, dates: dict[str, str], team: Team | None, agent: AgentFigures | None = None
) -> dict[str, str]:
    """For each figure the address of the conversations behind it; nothing where there are none."""
    which: dict[str, Any] = dict(dates)
    if agent is not None:
        which |= {"agent": agent.agent_id} if agent.agent_id else {"unmatched": "true"}
    elif team is not None:
        which["team"] = team.pk
    page = reverse("conversations")

    def to(**more: str) -> str:
        return f"{page}?{urlencode({**which, **more})}"

    return {
        "conversations": to() if figures.conversations else "",
        "score": to(score_min="0") if figures.scored else "",
        "hints": to(hinted="true") if figures.hints_shown else "",
        "alerts": to(alerted="true") if figures.alerts else "",
    }


def _behaviour_links(one: BehaviourFigures, dates: dict[str, str], team: Team | None) -> dict[str, str]:
    """The addresses of all conversations in which it was expected, and of those in which it was missed."""
    page, which = reverse("conversations"), {**dates, **({"team": str(team.pk)} if team else {})}
    return {
        "all": f"{page}?{urlencode({**which, 'behaviour': one.name})}",
        "missed": f"{page}?{urlencode({**which, 'missed': one.name})}" if one.missed else "",
    }


def _chart(daily: list[DayFigures], team: Team | None) -> dict[str, Any]:
    """Bars for conversations and a line for scores, in a box of 1000 by 100 that the page stretches."""
    highest = max((row.figures.conversations for row in daily), default=0)
    step = CHART_WIDTH / max(1, len(daily))
    bars = []
    line: list[str] = []
    pieces: list[list[str]] = []
    for number, row in enumerate(daily):
        height = CHART_HEIGHT * 0.9 * row.figures.conversations / highest if highest else 0
        bars.append(
            {
                "day": row.day,
                "figures": row.figures,
                "link": _links(row.figures, _dates(row.day, row.day), team)["conversations"],
                "x": round(number * step + step * 0.15, 1),
                "y": round(CHART_HEIGHT - height, 1),
                "width": round(step * 0.7, 1),
                "height": round(height, 1),
            }
        )
        if row.figures.score is None:
            # A day without scores is a gap, not a zero.
            pieces.append(line)
            line = []
        else:
            line.append(f"{number * step + step / 2:.1f},{CHART_HEIGHT - row.figures.score:.1f}")
    pieces.append(line)
    return {
        "bars": bars,
        # A single day is drawn as a short dash.
        "lines": [" ".join(piece if len(piece) > 1 else piece * 2) for piece in pieces if piece],
        "highest": highest,
        "first": daily[0].day if daily else None,
        "last": daily[-1].day if daily else None,
    }


# --- Files ----------------------------------------------------------------------------------------------


def _cells(figures: Figures) -> list[str]:
    def rounded(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    return [
        str(figures.conversations),
        rounded(figures.handle_seconds, 0),
        rounded(figures.score, 2),
        str(figures.scored),
        rounded(figures.sentiment, 3),
        str(figures.hints_shown),
        str(figures.hints_accepted),
        str(figures.alerts),
        rounded(figures.behaviours, 2),
        str(figures.situations),
    ]


@needs(Permission.REPORT_READ)
@require_safe
def report_file(request: HttpRequest, table: str) -> HttpResponse:
    """The figures by day (`daily.csv`), by agent (`agents.csv`) or by behaviour (`behaviours.csv`)."""
    asked = _asked(request)
    heads = [
        *(_("Conversations"), _("Handle time, s"), _("Score"), _("Scored"), _("Sentiment")),
        *(_("Hints shown"), _("Hints taken up"), _("Alerts"), _("Behaviours"), _("Situations")),
    ]
    if table == "daily":
        days = report_daily(asked.user, asked.days, asked.team)
        rows = [[_("Day"), *heads], *([row.day.isoformat(), *_cells(row.figures)] for row in days)]
    elif table == "agents":
        agents = report_agents(asked.user, asked.days, asked.team)
        rows = [
            [_("Agent"), _("Team"), *heads],
            *([text_cell(row.name), text_cell(row.team), *_cells(row.figures)] for row in agents),
        ]
    elif table == "behaviours":
        found = report_behaviours(asked.user, asked.days, asked.team)
        heads = [_("Behaviour"), _("Policy"), _("Situations"), _("Done"), _("Missed"), _("Conversations")]
        rows = [
            [*heads, _("Agents")],
            *(
                [
                    text_cell(one.name),
                    text_cell(one.policy),
                    *map(str, (one.situations, one.done, one.missed, one.conversations, one.agents)),
                ]
                for one in found
            ),
        ]
    else:
        raise Http404("no such report")
    file = StringIO()
    csv.writer(file).writerows(rows)
    return HttpResponse(
        # The mark tells spreadsheets that it is UTF-8.
        "\ufeff" + file.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{table}-{timezone.localdate()}.csv"'},
    )
