"""Reports: what the facts add up to, by day and by agent, of the conversations that a person may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Avg, Count, QuerySet, Sum

from accounts.models import Team, User
from accounts.permissions import Permission
from analytics.models import ConversationFact
from analytics.services import company_today
from coaching.behaviours import SUMS, BehaviourFigures, behaviour_figures, score_of
from coaching.models import BehaviourOutcome
from conversations.access import conversations_visible


@dataclass(frozen=True)
class Figures:
    """Sums and means over conversations. Means are None where there is nothing to take them of.

    `handle_seconds`, `score` (0-100) and `sentiment` (-1..1) are means a conversation; `accepted_share` is 0..1 of
    the hints shown: those that were accepted, or whose words were said. `behaviours` (0-100) is the score of what
    policies expected in `situations` (`coaching.behaviours`).
    """

    conversations: int
    handle_seconds: float | None
    score: float | None
    scored: int
    sentiment: float | None
    hints_shown: int
    hints_accepted: int
    alerts: int
    behaviours: float | None = None
    situations: int = 0

    @property
    def accepted_share(self) -> float | None:
        return self.hints_accepted / self.hints_shown if self.hints_shown else None


@dataclass(frozen=True)
class DayFigures:
    day: date
    figures: Figures


@dataclass(frozen=True)
class AgentFigures:
    """`agent_id` is None for the conversations that no agent was matched to."""

    agent_id: UUID | None
    name: str
    team: str
    figures: Figures


NOTHING = Figures(0, None, None, 0, None, 0, 0, 0)
_SUMS: dict[str, Any] = {
    "conversations": Count("pk"),
    "mean_handle_seconds": Avg("handle_seconds"),
    "mean_score": Avg("score"),
    "scored": Count("score"),
    "mean_sentiment": Avg("sentiment"),
    "sum_hints_shown": Sum("hints_shown"),
    "sum_hints_accepted": Sum("hints_accepted"),
    "sum_alerts": Sum("alerts"),
}


def report_daily(user: User, days: int, team: Team | None = None) -> list[DayFigures]:
    """One entry for each of the last `days` days, today included, the oldest first. Three queries."""
    today = company_today()
    facts = _facts(user, today - timedelta(days=days - 1), today, team)
    expected = _expected(facts, "day")
    found = {
        row["day"]: _figures(row, expected.get(row["day"]))
        for row in facts.order_by().values("day").annotate(**_SUMS)
    }
    return [
        DayFigures(day, found.get(day, NOTHING))
        for day in (today - timedelta(days=back) for back in range(days - 1, -1, -1))
    ]


def report_agents(user: User, days: int, team: Team | None = None) -> list[AgentFigures]:
    """One entry for each agent with a conversation in the last `days` days, by name. Three queries."""
    today = company_today()
    facts = _facts(user, today - timedelta(days=days - 1), today, team)
    expected = _expected(facts, "agent_id")
    rows = (
        facts.values("agent_id", "agent__name", "agent__team__name").annotate(**_SUMS).order_by("agent__name")
    )
    return [
        AgentFigures(
            row["agent_id"],
            row["agent__name"] or "",
            row["agent__team__name"] or "",
            _figures(row, expected.get(row["agent_id"])),
        )
        for row in rows
    ]


def report_behaviours(user: User, days: int, team: Team | None = None) -> list[BehaviourFigures]:
    """Each behaviour that was expected in the last `days` days, what was missed most often first. Two queries."""
    today = company_today()
    return behaviour_figures(_outcomes(_facts(user, today - timedelta(days=days - 1), today, team)))


def _outcomes(facts: QuerySet[ConversationFact]) -> QuerySet[BehaviourOutcome]:
    return BehaviourOutcome.objects.filter(conversation__in=facts.order_by().values("pk"))


def _expected(facts: QuerySet[ConversationFact], by: str) -> dict[Any, dict[str, Any]]:
    """What was expected in these conversations, and done, by a field of their facts. One query."""
    field = f"conversation__fact__{by}"
    return {row[field]: row for row in _outcomes(facts).order_by().values(field).annotate(**SUMS)}


def _facts(user: User, first: date, last: date, team: Team | None) -> QuerySet[ConversationFact]:
    if not user.may(Permission.REPORT_READ):
        return ConversationFact.objects.none()
    facts = ConversationFact.objects.filter(day__gte=first, day__lte=last)
    if team is not None:
        facts = facts.filter(agent__team=team)
    if user.may(Permission.CONVERSATION_READ_ALL):
        return facts
    return facts.filter(conversation__in=conversations_visible(user).values("pk"))


def _figures(row: Mapping[str, Any], expected: dict[str, Any] | None) -> Figures:
    score = row["mean_score"]
    return Figures(
        conversations=row["conversations"],
        handle_seconds=row["mean_handle_seconds"],
        score=None if score is None else float(score),
        scored=row["scored"],
        sentiment=row["mean_sentiment"],
        hints_shown=row["sum_hints_shown"] or 0,
        hints_accepted=row["sum_hints_accepted"] or 0,
        alerts=row["sum_alerts"] or 0,
        behaviours=None if expected is None else score_of(expected),
        situations=0 if expected is None else expected["situations"],
    )
