"""What changed from before to after, with an interval and in words, beside what the rest of the team did meanwhile.

A difference before and after alone is no effect: something that changed for everybody changed for this agent, too. So
the verdict rests on how much more they changed than the rest of their team (`engines.progress.beside`), where enough
others are known. One thing no such figure can tell: who is coached because of a bad month would have had a better one
after it anyway.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Team, User
from accounts.permissions import Permission
from coaching.skills.figures import Figure, change_of, figure_of, period
from coaching.skills.reading import Read, read_sums
from coaching.skills.skills import Skill
from engines.progress import Others, Tally, beside
from engines.trials import Estimate
from qa.access import teams_reported
from qa.reporting.figures import FEW

# Of fewer other agents an average would show an agent what one colleague did.
OTHERS_SHOWN = 5


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    SAME = "same"  # no difference shown
    FEW = "few"  # too few observations before or after


VERDICTS = [one.value for one in Verdict]


@dataclass(frozen=True, slots=True)
class Effect:
    """From before to after `turn`. `difference`, `low`, `high`: points after less before with the interval of 95 %;
    None where there are too few observations.

    `others`: how much the rest of the team changed, and how much more this agent did; None where they are too few or
    not this person's to read. `verdict`: beside the others where they are known, else of the difference alone.
    """

    since: date
    turn: date
    until: date
    before: Figure
    after: Figure
    difference: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    others: Others | None = None

    @property
    def last_before(self) -> date:
        return self.turn - timedelta(days=1)

    @property
    def words(self) -> str:
        """All of it in sentences, the verdict first."""
        return effect_words(self)


def effect_of(skill: Skill, agent: User, since: date, turn: date, until: date, *, reader: User) -> Effect:
    """What changed for an agent at a skill: `since` up to the day before `turn`, against `turn` to `until`, included.

    `reader`: who will read it; they must look after the agent (`qa.access.agents_reported`), or it is of nothing.
    Agents: of what was released to them, beside five others of their team or more. Seven queries at most,
    of who was in one team.
    """
    return effects_of([skill], agent, since, turn, until, reader=reader)[skill.ref]


def effects_of(
    skills: list[Skill], agent: User, since: date, turn: date, until: date, *, reader: User
) -> dict[str, Effect]:
    """The same of several skills, by reference, in as many queries."""
    if not since < turn <= until:
        raise ValueError("the turn is after the first day, and not after the last one")
    asked = period(since, until)
    begins = period(turn, until).begins
    own = read_sums(reader, asked, turn=begins, skills=skills, agents=[agent.pk])
    whole = _teams(reader, own)
    others: Read = {}
    for team in whole:
        # Of whole teams: to an agent, only to compare with.
        of = reader if reader.may(Permission.CONVERSATION_READ_TEAM) else None
        others |= read_sums(of, replace(asked, team=Team(pk=team)), turn=begins, skills=skills)
    return {
        skill.ref: _effect(skill.ref, agent, own, others, whole, (since, turn, until), reader)
        for skill in skills
    }


def _teams(reader: User, own: Read) -> set[UUID]:
    """Teams that the agent was in and that may be compared with as a whole."""
    teams = {place.team_id for place in own if place.team_id is not None}
    if not teams or not reader.may(Permission.CONVERSATION_READ_TEAM):
        return teams
    return set(teams_reported(reader).filter(pk__in=teams).values_list("pk", flat=True))


def _effect(
    ref: str,
    agent: User,
    own: Read,
    others: Read,
    whole: set[UUID],
    days: tuple[date, date, date],
    reader: User,
) -> Effect:
    by_team: defaultdict[UUID | None, list[Tally]] = defaultdict(lambda: [Tally(), Tally()])
    for place, one in own.items():
        if place.ref == ref:
            by_team[place.team_id][place.late] += one.tally
    before, after = (sum((pair[late] for pair in by_team.values()), Tally()) for late in (False, True))
    team = max(
        (key for key in by_team if key in whole),
        key=lambda key: (by_team[key][0].n + by_team[key][1].n, str(key)),
        default=None,
    )
    rest: defaultdict[UUID, list[Tally]] = defaultdict(lambda: [Tally(), Tally()])
    mine = (figure_of(before), figure_of(after))
    if team is not None:
        for place, one in others.items():
            if place.ref == ref and place.team_id == team and place.agent_id != agent.pk:
                rest[place.agent_id][place.late] += one.tally
    least = 0 if reader.may(Permission.CONVERSATION_READ_TEAM) else OTHERS_SHOWN
    within = tuple(figure_of(one) for one in by_team[team]) if team is not None else mine
    return effect_reckoned(
        *days,
        before=mine[0],
        after=mine[1],
        within=(within[0], within[1]),
        rest=[(figure_of(early), figure_of(late)) for early, late in rest.values()],
        least=least,
    )


def effect_reckoned(
    since: date,
    turn: date,
    until: date,
    *,
    before: Figure,
    after: Figure,
    within: tuple[Figure, Figure] | None = None,
    rest: list[tuple[Figure, Figure]] | None = None,
    least: int = 0,
) -> Effect:
    """The effect of these figures. `within`: the agent's own within the team that `rest`, the others' before and
    after, are of. Nothing of the others is told where fewer than `least` of them are known."""
    if not (before.known and after.known):
        return Effect(since, turn, until, before, after, None, None, None, Verdict.FEW)
    change = change_of(before, after)
    assert change is not None  # both are known
    changes = [one for early, late in rest or [] if (one := change_of(early, late)) is not None]
    own = change_of(*within) if within else change
    others = beside(own, changes) if own is not None and len(changes) >= least else None
    verdict = verdict_of(change if others is None else others.beyond)
    return Effect(since, turn, until, before, after, change.value, change.low, change.high, verdict, others)


def verdict_of(change: Estimate) -> Verdict:
    """Better or worse where no difference at all is ruled out."""
    if change.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if change.high < 0 else Verdict.SAME


# --- In words -------------------------------------------------------------------------------------------


def number(value: float | None, digits: int = 1) -> str:
    """A figure as it is written, rounded; Django's own words for numbers cut them off."""
    return "–" if value is None else str(number_format(round(value, digits), digits))


def points(value: float) -> str:
    """A number of points as it is written: one digit, with its sign."""
    shown, value = number(abs(value)), round(value, 1)
    return f"−{shown}" if value < 0 else f"+{shown}" if value > 0 else shown


def effect_words(effect: Effect) -> str:
    """An effect in sentences, with its intervals."""
    before, after, others = effect.before, effect.after, effect.others
    numbers: dict[str, int | str] = {"before": before.n, "after": after.n, "few": FEW}
    if effect.difference is None or effect.low is None or effect.high is None:
        return _("Too few to tell: %(before)d before, %(after)d after; it takes %(few)d of each.") % numbers
    numbers |= {
        "from": number(before.mean),
        "to": number(after.mean),
        "change": points(effect.difference),
        "low": points(effect.low),
        "high": points(effect.high),
    }
    own = (
        _(
            "From %(from)s (of %(before)d) to %(to)s (of %(after)d): %(change)s points, 95 %% interval %(low)s to "
            "%(high)s."
        )
        % numbers
    )
    alone = verdict_of(Estimate(effect.difference, effect.low, effect.high))
    if others is None:
        told = {
            Verdict.BETTER: _("Better than before."),
            Verdict.WORSE: _("Worse than before."),
            Verdict.SAME: _("No difference shown."),
        }[alone]
        return f"{told} {own} " + _("Too few others in the team to tell it from what changed for everybody.")
    team = ngettext(
        "In the same time %(n)d other of the team changed by %(mean)s points; beside that it is %(beyond)s, 95 %% "
        "interval %(low)s to %(high)s.",
        "In the same time %(n)d others of the team changed by %(mean)s points on average; beside that it is "
        "%(beyond)s, 95 %% interval %(low)s to %(high)s.",
        others.n,
    ) % {
        "n": others.n,
        "mean": points(others.change.value),
        "beyond": points(others.beyond.value),
        "low": points(others.beyond.low),
        "high": points(others.beyond.high),
    }
    if effect.verdict == Verdict.SAME and alone != Verdict.SAME:
        told = _("No more than what changed for the team.")
    else:
        told = {
            Verdict.BETTER: _("Better, and more than the team."),
            Verdict.WORSE: _("Worse, and more than the team."),
            Verdict.SAME: _("No difference shown."),
        }[effect.verdict]
        if effect.verdict != Verdict.SAME and alone != effect.verdict:
            told = (
                _("Better beside the team.")
                if effect.verdict == Verdict.BETTER
                else _("Worse beside the team.")
            )
    return f"{told} {own} {team}"
