"""An agent's scorecard: their own figures over a period, beside the period before and their team then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accounts.models import User
from qa.reporting.asked import Asked
from qa.reporting.criteria import CriterionFigures, criteria
from qa.reporting.figures import Figures, Group, Point, groups, summary, trend

# What is named as weakest and strongest.
NAMED = 5


@dataclass(frozen=True, slots=True)
class AgentCard:
    """`teams`: the figures by the team that they were in then, with the team's mean where the reader may read it.

    `criteria`: where most was lost, first.
    """

    agent: User
    asked: Asked
    figures: Figures
    before: Figures
    trend: list[Point]
    teams: list[Group]
    criteria: list[CriterionFigures]

    @property
    def change(self) -> float | None:
        """Points against the period before."""
        if self.figures.mean is None or self.before.mean is None:
            return None
        return round(self.figures.mean - self.before.mean, 2)

    @property
    def weakest(self) -> list[CriterionFigures]:
        return [one for one in self.criteria if one.lost][:NAMED]

    @property
    def strongest(self) -> list[CriterionFigures]:
        """By mean; none of those that are named as weakest."""
        named = {one.key for one in self.weakest}
        rest = [one for one in self.criteria if one.key not in named and one.mean is not None and one.weight]
        return sorted(rest, key=lambda one: (-(one.mean or 0.0), -one.n))[:NAMED]


def agent_card(user: User, agent: User, asked: Asked) -> AgentCard:
    """The card of an agent about whom this person may read (`agents_reported`). Eight queries at most."""
    own = replace(asked, agent=agent)
    rows = own.rows(user)
    return AgentCard(
        agent=agent,
        asked=own,
        figures=summary(rows, own),
        before=summary(own.before.rows(user), own),
        trend=trend(rows, own),
        teams=groups(user, own, "agent"),
        criteria=criteria(rows),
    )
