"""How far a plan has come: what each skill was, is and is to be, beside the team's best, and what the coaching did.

Figures and effects are those of `coaching.skills`; what a person may not know of, they have no figure of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission
from coaching.models import BehaviourOutcome, CoachingPlan, PlanFocus
from coaching.plans.services import BASELINE
from coaching.skills.effects import Effect, effects_of
from coaching.skills.figures import NONE, Figure, figures_in, period
from coaching.skills.focus import TOP_SHOWN
from coaching.skills.gaps import Top, top_quarter
from coaching.skills.reading import outcomes_asked, read_sums
from coaching.skills.skills import BEHAVIOUR, CRITERION, Skill, criterion_ref, skills_named
from qa.access import teams_reported
from qa.reporting.asked import Asked
from qa.reporting.criteria import answer_sums, weights_known
from qa.reporting.figures import begin_of, next_of


@dataclass(frozen=True, slots=True)
class Week:
    """What a skill was in a week, 0-100 over `n`; the first and the last may be a part of theirs.

    `begun`: whether the plan had begun by its last day.
    """

    since: date
    until: date
    n: int
    mean: float | None
    begun: bool


@dataclass(frozen=True, slots=True)
class FocusProgress:
    """One skill of a plan. `skill`: none where it is no longer known. `now`: since the plan began.

    `before`: what it was, over `before_n`: to who coaches as it was measured when the plan began, to the agent of what
    was shown to them. `top`: the team's best quarter in the same time, where it may be told. `effect`: none before the
    first day.
    """

    focus: PlanFocus
    skill: Skill | None
    before: float | None = None
    before_n: int = 0
    now: Figure = NONE
    top: Top | None = None
    effect: Effect | None = None
    weeks: list[Week] = field(default_factory=list)

    @property
    def reached(self) -> bool | None:
        """Whether the target is; none without one, or where nothing is known."""
        if self.focus.target is None or self.now.mean is None:
            return None
        return self.now.mean >= self.focus.target

    @property
    def to_go(self) -> float | None:
        """Points that are missing to the target; 0 where it is reached."""
        if self.focus.target is None or self.now.mean is None:
            return None
        return max(0.0, self.focus.target - self.now.mean)


@dataclass(frozen=True, slots=True)
class Progress:
    """From `since` (when what it is measured against begins) to `until`; `turn`: the plan's first day."""

    since: date
    turn: date
    until: date
    focuses: list[FocusProgress]


def plan_progress(plan: CoachingPlan, user: User) -> Progress:
    """For a person who may read this plan. Fifteen queries at most, however many skills it has."""
    since, turn, until = plan_days(plan)
    focuses = list(plan.focuses.all())
    known = skills_named([one.skill for one in focuses])
    skills = list(known.values())
    told = user.may(Permission.COACHING_MANAGE)
    if until < turn or not skills:
        none = [_of(one, known.get(one.skill), None, told=told) for one in focuses]
        return Progress(since, turn, until, none)
    effects = effects_of(skills, plan.agent, since, turn, until, reader=user)
    tops = _tops(plan, user, skills, turn, until)
    days = daily(user, replace(period(since, until), agent=plan.agent), skills, [plan.agent_id])
    return Progress(
        since,
        turn,
        until,
        [
            replace(
                _of(one, known.get(one.skill), effects.get(one.skill), told=told),
                top=tops.get(one.skill),
                weeks=weeks_of(plan.agent_id, one.skill, days, since, turn, until),
            )
            for one in focuses
        ],
    )


def _of(focus: PlanFocus, skill: Skill | None, effect: Effect | None, *, told: bool) -> FocusProgress:
    """`told`: whether the reader may know what it was measured against, which rests on scores shown to nobody yet."""
    if told:
        before, n = focus.baseline, focus.baseline_n
    else:
        before, n = (effect.before.mean, effect.before.n) if effect else (None, 0)
    return FocusProgress(focus, skill, before, n, now=effect.after if effect else NONE, effect=effect)


def plan_days(plan: CoachingPlan) -> tuple[date, date, date]:
    """From when on it is measured, its first day, and its last one or today."""
    last = timezone.localdate(plan.ended_at) if plan.ended_at else timezone.localdate()
    return plan.begins_on - BASELINE, plan.begins_on, min(plan.ends_on, last)


def _tops(plan: CoachingPlan, user: User, skills: list[Skill], since: date, until: date) -> dict[str, Top]:
    """The best quarter of the team that the agent was in when the plan began, by skill. Four queries at most.

    For agents, where it is of so many that it tells of nobody.
    """
    if plan.team is None:
        return {}
    looks_after = user.may(Permission.CONVERSATION_READ_TEAM)
    if looks_after and not teams_reported(user).filter(pk=plan.team.pk).exists():
        return {}
    asked = replace(period(since, until), team=plan.team)
    read = read_sums(user if looks_after else None, asked, skills=skills)
    agents = {place.agent_id for place in read}
    found = {}
    for skill in skills:
        top = top_quarter(figures_in(read, skill.ref, agents).values())
        if top is not None and (looks_after or top.agents >= TOP_SHOWN):
            found[skill.ref] = top
    return found


# --- Day by day -----------------------------------------------------------------------------------------

# Number and sum of what was worth 0-100, by agent, skill and day.
Days = Mapping[tuple[UUID, str, date], tuple[int, float]]


def daily(user: User, asked: Asked, skills: Collection[Skill], agents: Collection[UUID]) -> Days:
    """What these agents' skills were, day by day, as far as this person may know. Three queries at most."""
    return {**_answers(user, asked, skills, agents), **_situations(user, asked, skills, agents)}


def _answers(user: User, asked: Asked, skills: Collection[Skill], agents: Collection[UUID]) -> Days:
    keys = [one.key for one in skills if one.kind == CRITERION]
    if not keys:
        return {}
    rows = asked.rows(user).filter(agent__in=agents).annotate(day=TruncDate("conversation__announced_at"))
    summed = answer_sums(rows, "agent_id", "day", keys=keys)
    known = weights_known(row["revision_id"] for row in summed)
    found: defaultdict[tuple[UUID, str, date], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for row in summed:
        key = row["answers__criterion_key"]
        if template := known.get((row["revision_id"], key)):
            place = row["agent_id"], criterion_ref(template[0], key), row["day"]
            n, points = found[place]
            found[place] = n + row["n"], points + row["points"]
    return dict(found)


def _situations(user: User, asked: Asked, skills: Collection[Skill], agents: Collection[UUID]) -> Days:
    refs = {(one.owner_id, one.key): one.ref for one in skills if one.kind == BEHAVIOUR}
    if not refs:
        return {}
    chosen = Q(pk__in=[])
    for owner, key in refs:
        chosen |= Q(revision__policy=owner, behaviour_key=key)
    rows = outcomes_asked(user, asked, agents).filter(chosen)
    summed: Any = (
        rows.annotate(day=TruncDate("conversation__announced_at"))
        .values("who", "day", "revision__policy", "behaviour_key")
        .annotate(n=Count("pk"), done=Count("pk", filter=Q(result=BehaviourOutcome.Result.DONE)))
    )
    return {
        (row["who"], refs[row["revision__policy"], row["behaviour_key"]], row["day"]): (
            row["n"],
            100.0 * row["done"],
        )
        for row in summed
    }


def weeks_of(agent_id: UUID, ref: str, days: Days, since: date, turn: date, until: date) -> list[Week]:
    """Each week of the time with what a skill was in it, those of which nothing is known among them."""
    sums: dict[date, tuple[int, float]] = {}
    for (agent, skill, day), (n, points) in days.items():
        if agent == agent_id and skill == ref:
            week = begin_of(day, "week")
            before = sums.get(week, (0, 0.0))
            sums[week] = before[0] + n, before[1] + points
    found = []
    day = begin_of(since, "week")
    while day <= until:
        following = next_of(day, "week")
        first, last = max(day, since), min(following - timedelta(days=1), until)
        n, points = sums.get(day, (0, 0.0))
        found.append(Week(first, last, n, points / n if n else None, last >= turn))
        day = following
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a skill of a plan stands on a list: since the plan began, 0-100 over `n`; None of nothing."""

    focus: PlanFocus
    n: int = 0
    mean: float | None = None

    @property
    def reached(self) -> bool | None:
        if self.focus.target is None or self.mean is None:
            return None
        return self.mean >= self.focus.target


def plans_standing(user: User, plans: Sequence[CoachingPlan]) -> dict[UUID, list[Standing]]:
    """Where each of these plans stands, by plan. Five queries at most, however many they are."""
    focuses = {plan.pk: list(plan.focuses.all()) for plan in plans}
    known = skills_named({one.skill for found in focuses.values() for one in found})
    today = timezone.localdate()
    begun = [plan for plan in plans if plan.begins_on <= today]
    days: Days = {}
    if begun and known:
        asked = period(min(plan.begins_on for plan in begun), today)
        days = daily(user, asked, known.values(), {plan.agent_id for plan in begun})
    return {
        plan.pk: [
            standing(one, plan.agent_id, days, plan.begins_on, plan.ends_on) for one in focuses[plan.pk]
        ]
        for plan in plans
    }


def standing(focus: PlanFocus, agent_id: UUID, days: Days, since: date, until: date) -> Standing:
    """What was known of a skill of an agent in these days, both included."""
    found = [
        sums
        for (agent, skill, day), sums in days.items()
        if agent == agent_id and skill == focus.skill and since <= day <= until
    ]
    n = sum(one[0] for one in found)
    return Standing(focus, n, sum(one[1] for one in found) / n if n else None)
