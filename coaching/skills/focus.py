"""What an agent may work on next, with its reason: how far they are from the team's best, what it costs, the trend.

Three numbers, multiplied: the gap to the team's top quarter in points; the impact, which is the share of what is
weighed in the agent's score that this skill is, so that gap times impact are points of the score; the trend against as
many days before, from half (they are closing the gap) to one and a half (it widens), and one where no change is shown.
Nothing is suggested where a gap may be chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.permissions import Permission, Role
from coaching.skills.effects import Verdict, number, points, verdict_of
from coaching.skills.figures import Figure, change_of, figure_of
from coaching.skills.gaps import TOP_AGENTS_LEAST, TOP_SHOWN, Top, by_skill, cell_of, team_asked, top_quarter
from coaching.skills.reading import NOTHING, Read, Sums, read_sums
from coaching.skills.skills import CRITERION, Skill, skills_named
from engines.trials import Estimate
from qa.access import agents_reported, teams_reported
from qa.reporting.asked import Asked
from qa.reporting.figures import FEW

# Suggestions for one agent at most.
MOST = 3
# Closing a gap that is worth less than this of the score, in points, is not worth a session.
WORTH_LEAST = 0.5
# How far the trend may move a suggestion.
TREND_LOW, TREND_HIGH = 0.5, 1.5
# Agents on a supervisor's list.
AGENTS_MOST = 20


@dataclass(frozen=True, slots=True)
class Focus:
    """A suggestion. `gap`: points below the `top` quarter; `impact`: 0 to 1 of what is weighed; `worth`: gap times
    impact, points of the score; `before`, `change`: in as many days before, and since then; `trend`: the factor 0.5 to
    1.5. `told`: whether the reader may learn of the top quarter how good it is."""

    skill: Skill
    figure: Figure
    top: Top
    gap: float
    impact: float
    before: Figure
    change: Estimate | None
    trend: float
    days: int
    told: bool = True

    @property
    def worth(self) -> float:
        return self.gap * self.impact

    @property
    def priority(self) -> float:
        return self.worth * self.trend

    @property
    def reason(self) -> str:
        """Why, in sentences, with the three numbers."""
        return focus_reason(self)


@dataclass(frozen=True, slots=True)
class FocusList:
    """Suggestions for an agent, the most important first. `why_none`: where there are none, in a sentence."""

    agent_id: UUID
    team_id: UUID | None
    items: list[Focus] = field(default_factory=list)
    why_none: str = ""

    @property
    def priority(self) -> float:
        return self.items[0].priority if self.items else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known for somebody of a period (as `late`) and as long before: `read` of those whom they look after, and
    what they are `compared` with, each in the team in which most was observed of them."""

    read: Read
    compared: Read
    teams: dict[UUID, UUID]


def known_for(user: User, asked: Asked) -> Known:
    """Read it, of the team asked for, or of all. Seven queries at most, of agents in one team."""
    read = read_sums(user, replace(asked, since=asked.before.since, agent=None), turn=asked.begins)
    if user.may(Permission.CONVERSATION_READ_TEAM):
        return Known(read, read, _teams(read, set(teams_reported(user).values_list("pk", flat=True))))
    teams = _teams(read, None)
    compared: Read = {}
    for team in set(teams.values()):
        # Of the whole team, and only to compare with: what is told of it is of several, or nothing.
        whole = replace(asked, agent=None, team=Team(pk=team), no_team=False)
        compared |= read_sums(None, whole, turn=asked.begins)
    return Known(read, compared, teams)


def focus_for(
    user: User, agents: Iterable[User | UUID], asked: Asked, *, known: Known | None = None
) -> dict[UUID, FocusList]:
    """What each of these agents may work on next, by what is known of the period asked for. Nine queries at most.

    Agents whom this person does not look after have nothing. Everybody is compared within the team that they were in
    then: the one asked for, or else the one with most of it.
    """
    known = known or known_for(user, asked)
    skills = skills_named({place.ref for place in known.read})
    tops = _tops(known.compared, set(known.teams.values()))
    least = 1 if user.may(Permission.CONVERSATION_READ_TEAM) else TOP_SHOWN
    mine = _by_agent(known.read)
    return {
        key: focus_reckoned(
            key, known.teams.get(key), mine.get(key, {}), skills, tops, days=asked.days, least=least
        )
        for key in (one.pk if isinstance(one, User) else one for one in agents)
    }


def _teams(read: Read, allowed: set[UUID] | None) -> dict[UUID, UUID]:
    """Of each agent the team in which most was observed of them, of those allowed (None: any)."""
    counts: defaultdict[UUID, defaultdict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for place, one in read.items():
        if place.late and place.team_id is not None and (allowed is None or place.team_id in allowed):
            counts[place.agent_id][place.team_id] += one.tally.n
    return {agent: max(found, key=lambda team: (found[team], str(team))) for agent, found in counts.items()}


def _tops(read: Read, teams: set[UUID]) -> dict[tuple[UUID, str], Top | None]:
    """The top quarter of each of these teams at each skill."""
    of_team: defaultdict[UUID, Read] = defaultdict(dict)
    for place, one in read.items():
        if place.late and place.team_id in teams:
            of_team[place.team_id][place] = one
    return {
        (team, ref): top_quarter(figure_of(tally) for tally in agents.values())
        for team, found in of_team.items()
        for ref, agents in by_skill(found, late=True).items()
    }


# Of one agent: sums by team and skill, before and after the turn.
Mine = Mapping[tuple[UUID | None, str], Mapping[bool, Sums]]


def _by_agent(read: Read) -> dict[UUID, Mine]:
    found: defaultdict[UUID, dict[tuple[UUID | None, str], dict[bool, Sums]]] = defaultdict(dict)
    for place, one in read.items():
        pair = found[place.agent_id].setdefault((place.team_id, place.ref), {})
        pair[place.late] = pair.get(place.late, NOTHING) + one
    return dict(found)


def focus_reckoned(
    agent_id: UUID,
    team_id: UUID | None,
    mine: Mine,
    skills: Mapping[str, Skill],
    tops: Mapping[tuple[UUID, str], Top | None],
    *,
    days: int,
    least: int = 1,
) -> FocusList:
    """The suggestions that follow from these sums. `least`: agents in a top quarter that may be told of."""
    if not mine:
        return FocusList(agent_id, team_id, why_none=_("Nothing is known of this period."))
    if team_id is None:
        return FocusList(
            agent_id,
            None,
            why_none=_("They were in no team in this period, so there is nobody to compare with."),
        )
    here = {
        ref: (pair.get(False, NOTHING), pair[True])
        for (team, ref), pair in mine.items()
        if team == team_id and True in pair and ref in skills
    }
    impacts = impacts_of({ref: late for ref, (_early, late) in here.items()}, skills)
    figures = {ref: figure_of(late.tally) for ref, (_early, late) in here.items()}
    known = [ref for ref, one in figures.items() if one.known]
    if not known:
        why = _("Too little is known: no skill has %(few)d answers or situations in this period.") % {
            "few": FEW
        }
        return FocusList(agent_id, team_id, why_none=why)
    items, compared = [], False
    for ref in known:
        top = tops.get((team_id, ref))
        if top is None or not skills[ref].current:
            continue
        compared = True
        cell = cell_of(figures[ref], top)
        if not cell.sure or cell.gap is None or cell.gap * impacts[ref] < WORTH_LEAST:
            continue
        before = figure_of(here[ref][0].tally)
        change = change_of(before, figures[ref])
        items.append(
            Focus(
                skill=skills[ref],
                figure=figures[ref],
                top=top,
                gap=cell.gap,
                impact=impacts[ref],
                before=before,
                change=change,
                trend=trend_of(change, cell.gap),
                days=days,
                told=top.agents >= least,
            )
        )
    if items:
        items.sort(key=lambda one: (-one.priority, one.skill.ref))
        return FocusList(agent_id, team_id, items[:MOST])
    if not compared:
        why = _(
            "Too little is known of the team: it takes %(least)d agents with %(few)d observations each."
        ) % {
            "least": TOP_AGENTS_LEAST,
            "few": FEW,
        }
        return FocusList(agent_id, team_id, why_none=why)
    return FocusList(
        agent_id,
        team_id,
        why_none=_("Nothing lies below the team’s top quarter by more than chance and by enough to matter."),
    )


def impacts_of(sums: Mapping[str, Sums], skills: Mapping[str, Skill]) -> dict[str, float]:
    """What share of what is weighed each skill is, 0 to 1: of all criteria, or of all behaviours.

    An auto-fail takes the whole score with it, where it is asked.
    """
    whole: defaultdict[str, float] = defaultdict(float)
    scores: defaultdict[UUID, int] = defaultdict(int)
    for ref, one in sums.items():
        whole[skills[ref].kind] += one.weighed
        if skills[ref].kind == CRITERION:
            owner = skills[ref].owner_id
            scores[owner] = max(scores[owner], one.tally.n)
    judged = sum(scores.values())
    found = {}
    for ref, one in sums.items():
        skill = skills[ref]
        share = one.weighed / whole[skill.kind] if whole[skill.kind] else 0.0
        if skill.auto_fail and judged:
            share = max(share, one.tally.n / judged)
        found[ref] = share
    return found


def trend_of(change: Estimate | None, gap: float) -> float:
    """How much more, or less, a gap matters by its trend: what was closed of it, or opened, where that is no chance."""
    if change is None or gap <= 0 or verdict_of(change) == Verdict.SAME:
        return 1.0
    return min(TREND_HIGH, max(TREND_LOW, 1 - change.value / gap))


# --- In words -------------------------------------------------------------------------------------------


def focus_reason(focus: Focus) -> str:
    """Gap, impact and trend in sentences."""
    numbers = {
        "mean": number(focus.figure.mean),
        "n": focus.figure.n,
        "share": number(100 * focus.impact, 0),
        "gap": number(focus.gap),
        "top": number(focus.top.mean),
        "worth": number(focus.worth),
    }
    if focus.skill.kind == CRITERION:
        impact = _("It is %(share)s %% of what is weighed in the score.")
        cost = _(
            "It is %(share)s %% of what is weighed in the score, so the gap costs %(worth)s points of it."
        )
    else:
        impact = _("It is %(share)s %% of what is expected of them by policies.")
        cost = _(
            "It is %(share)s %% of what is expected of them by policies, so the gap costs %(worth)s points of the "
            "score of behaviours."
        )
    if focus.told:
        gap = _("%(gap)s points below the team’s top quarter: %(mean)s of %(n)d, against %(top)s.") % numbers
        impact = cost % numbers
    else:
        gap = _("Below the team’s top quarter: %(mean)s of %(n)d.") % numbers
        impact = impact % numbers
    return f"{gap} {impact} {trend_words(focus)}"


def trend_words(focus: Focus) -> str:
    numbers = {"days": focus.days, "before": focus.before.n}
    if focus.change is None:
        return _("Too few in the %(days)d days before to tell a trend (%(before)d).") % numbers
    numbers["change"] = points(focus.change.value)  # type: ignore[assignment]
    told = {
        Verdict.BETTER: _("Rising: %(change)s points against the %(days)d days before."),
        Verdict.WORSE: _("Falling: %(change)s points against the %(days)d days before."),
        Verdict.SAME: _("No change shown against the %(days)d days before."),
    }
    return told[verdict_of(focus.change)] % numbers


# --- For pages ------------------------------------------------------------------------------------------


def focus_context(user: User, asked: Asked, *, known: Known | None = None) -> dict[str, Any]:
    """What `coaching/focus_list.html` shows: agents with their suggestions, the most important first, of the team or
    agent asked for, or of all whom a supervisor looks after. Ten queries at most."""
    if user.may(Permission.CONVERSATION_READ_ALL) and asked.agent is None:
        # Of the whole company at once it would be too long to read, and to reckon.
        asked = team_asked(user, asked)
    people = agents_reported(user).filter(role=Role.AGENT, is_active=True).select_related("team")
    if asked.team is not None:
        people = people.filter(team=asked.team)
    if asked.agent is not None:
        people = people.filter(pk=asked.agent.pk)
    agents = {one.pk: one for one in people}
    lists = focus_for(user, agents, asked, known=known) if agents else {}
    ordered = sorted(lists.values(), key=lambda one: (-one.priority, agents[one.agent_id].name))
    return {
        "focus": [{"agent": agents[one.agent_id], "list": one} for one in ordered[:AGENTS_MOST]],
        "focus_left_out": max(0, len(ordered) - AGENTS_MOST),
        "focus_asked": asked,
    }
