"""The skill-gap view: skills by agents of one team, each with the distance to the team's top quarter."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from accounts.models import Team, User
from accounts.permissions import Permission
from coaching.skills.figures import NONE, Figure, figure_of, period
from coaching.skills.reading import Read, read_sums
from coaching.skills.skills import KINDS, Skill, kind_of, skills_named
from engines.progress import Tally
from qa.access import teams_reported
from qa.reporting.asked import Asked

# A quarter of fewer agents is one of them, by chance.
TOP_AGENTS_LEAST = 4
# Agents read a top quarter of at least so many colleagues: one's or two's figures are theirs.
TOP_SHOWN = 3
# Columns of a map at most; what a page or a sheet can show.
COLUMNS_MAX = 200


@dataclass(frozen=True, slots=True)
class Top:
    """The team's best quarter at a skill: `mean` of the `agents` best means, of `of` agents of whom enough is known."""

    mean: float
    agents: int
    of: int


def top_quarter(figures: Iterable[Figure]) -> Top | None:
    """The mean of the best quarter (rounded up) of the agents of whom enough is known; None where those are fewer
    than four."""
    means = sorted((one.mean for one in figures if one.known and one.mean is not None), reverse=True)
    if len(means) < TOP_AGENTS_LEAST:
        return None
    best = means[: math.ceil(len(means) / 4)]
    return Top(sum(best) / len(best), len(best), len(means))


def skill_tops(
    skills: Collection[Skill], team: Team, since: date, until: date, *, reader: User
) -> dict[str, Top | None]:
    """The top quarter of a team at each of these skills, by reference. Three queries at most.

    None where too few agents are known, and for who may not read the team whole: others' teams; agents, where the
    quarter is of fewer than three.
    """
    asked = replace(period(since, until), team=team)
    if not reader.may(Permission.CONVERSATION_READ_TEAM):
        if reader.team_id != team.pk:
            return {one.ref: None for one in skills}
        read = by_skill(read_sums(None, asked, skills=skills))
    elif teams_reported(reader).filter(pk=team.pk).exists():
        read = by_skill(read_sums(reader, asked, skills=skills))
    else:
        return {one.ref: None for one in skills}
    least = 1 if reader.may(Permission.CONVERSATION_READ_TEAM) else TOP_SHOWN
    tops = {one.ref: top_quarter(map(figure_of, read.get(one.ref, {}).values())) for one in skills}
    return {ref: top if top and top.agents >= least else None for ref, top in tops.items()}


@dataclass(frozen=True, slots=True)
class Cell:
    """One agent at one skill. `gap`: points below the team's top quarter, below 0 above it; None where there is none.

    `sure`: the agent's interval lies below it whole, and enough is known.
    """

    figure: Figure
    gap: float | None = None
    sure: bool = False


def cell_of(figure: Figure, top: Top | None) -> Cell:
    if top is None or figure.mean is None or figure.high is None:
        return Cell(figure)
    return Cell(figure, top.mean - figure.mean, figure.known and figure.high < top.mean)


@dataclass(frozen=True, slots=True)
class GapRow:
    """One skill of the team: all together, its best quarter, and a cell an agent (None: no observation)."""

    skill: Skill
    team: Figure
    top: Top | None
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class GapMap:
    """Skills by agents (`User.pk` and name, by name) of a team. `n`: observations; `left_out`: agents beyond what can
    be shown."""

    team: Team | None
    agents: list[tuple[UUID, str]] = field(default_factory=list)
    rows: list[GapRow] = field(default_factory=list)
    n: int = 0
    left_out: int = 0


def team_asked(user: User, asked: Asked) -> Asked:
    """With a team: the one asked for, else the first of this person's; as it is where they have none."""
    if asked.team is not None or asked.no_team:
        return asked
    return replace(asked, team=teams_reported(user).order_by("name").first())


def gap_map(user: User, asked: Asked, kinds: Iterable[str] = KINDS, *, read: Read | None = None) -> GapMap:
    """Skills by agents of the team that is asked for, as they were in it then. Six queries at most.

    `read`: what is known of the team, of the period as `late`, if it is at hand.

    An agent that is asked for is shown alone, and still measured against the team. Without a team nothing: nobody is
    compared outside of it.
    """
    if asked.team is None:
        return GapMap(None)
    kinds = tuple(kinds)
    if read is None:
        read = read_sums(user, replace(asked, agent=None), turn=asked.begins, kinds=kinds)
    tallies = {ref: one for ref, one in by_skill(read, late=True).items() if kind_of(ref) in kinds}
    skills = skills_named(tallies)
    people = {agent for ref in skills for agent in tallies[ref]}
    names = User.objects.filter(pk__in=people).order_by("name", "pk").values_list("pk", "name")
    agents = [row for row in names if asked.agent is None or row[0] == asked.agent.pk]
    shown = agents[:COLUMNS_MAX]
    rows = [_row(skill, tallies[skill.ref], shown) for skill in skills.values()]
    whole = sum(row.team.n for row in rows)
    return GapMap(asked.team, shown, rows, whole, len(agents) - len(shown))


def by_skill(read: Read, *, late: bool = False) -> dict[str, dict[UUID, Tally]]:
    """What was read by skill and agent."""
    found: defaultdict[str, defaultdict[UUID, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for place, one in read.items():
        if place.late == late:
            found[place.ref][place.agent_id] += one.tally
    return {ref: dict(agents) for ref, agents in found.items()}


def _row(skill: Skill, agents: Mapping[UUID, Tally], shown: list[tuple[UUID, str]]) -> GapRow:
    figures = {key: figure_of(tally) for key, tally in agents.items()}
    top = top_quarter(figures.values())
    whole = sum(agents.values(), Tally())
    return GapRow(
        skill,
        figure_of(whole) if whole.n else NONE,
        top,
        [cell_of(figures[key], top) if key in figures else None for key, _name in shown],
    )
