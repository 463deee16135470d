"""Figures of skills: how good somebody is at one of them, of how many observations, and how sure that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from accounts.models import User
from coaching.skills.reading import Read, read_sums
from coaching.skills.skills import Skill
from engines import progress
from engines.progress import Tally
from engines.trials import Estimate, difference
from qa.reporting.asked import Asked
from qa.reporting.figures import FEW


@dataclass(frozen=True, slots=True)
class Figure:
    """Of `n` answers to a criterion, or situations of a behaviour: what they were worth on average, 0 to 100 (of
    behaviours: percent done), and the interval of 95 % around it. None, where there are none."""

    n: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def few(self) -> bool:
        """Of so few that it says little."""
        return 0 < self.n < FEW

    @property
    def known(self) -> bool:
        """Of enough to go by."""
        return self.n >= FEW

    @property
    def estimate(self) -> Estimate | None:
        if self.mean is None or self.low is None or self.high is None:
            return None
        return Estimate(self.mean, self.low, self.high)


NONE = Figure()


def figure_of(tally: Tally) -> Figure:
    """The figure of what was added up."""
    found = progress.estimate(tally)
    return NONE if found is None else Figure(tally.n, found.value, found.low, found.high)


def change_of(before: Figure, after: Figure) -> Estimate | None:
    """After less before, in points; None where too little is known of either."""
    if not (before.known and after.known):
        return None
    first, second = after.estimate, before.estimate
    return difference(first, second) if first and second else None


def period(since: date, until: date) -> Asked:
    """These days, both included, in the company's time zone, without any filter."""
    return Asked(since=since, until=until)


def skill_figures(
    skill: Skill, agents: Iterable[User | UUID], since: date, until: date, *, reader: User
) -> dict[UUID, Figure]:
    """How good each of these agents was at a skill from `since` to `until`, both included. Three queries at most.

    By agent; one without an observation is there with an empty figure. `reader`: who will read it; agents whom they
    do not look after stay empty, and of their own agents read what was released to them.
    """
    keys = [one.pk if isinstance(one, User) else one for one in agents]
    return figures_in(read_sums(reader, period(since, until), skills=[skill], agents=keys), skill.ref, keys)


def figures_in(
    read: Read, ref: str, agents: Iterable[User | UUID], *, late: bool = False
) -> dict[UUID, Figure]:
    """The same of what was read, over all teams that an agent was in."""
    sums: defaultdict[UUID, Tally] = defaultdict(Tally)
    for place, one in read.items():
        if place.ref == ref and place.late == late:
            sums[place.agent_id] += one.tally
    keys = [one.pk if isinstance(one, User) else one for one in agents]
    return {key: figure_of(sums[key]) if key in sums else NONE for key in keys}
