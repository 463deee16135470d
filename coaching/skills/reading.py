"""Adds observations of skills up, by agent and the team they were in then: two queries, however many there are.

What counts is what counts in quality reports (`qa.access.evaluations_counted`), so that nobody learns here what is kept
from them there: supervisors read the agents of their teams, agents what was released to them, and who is to judge a
conversation blind has it in no figure. A behaviour's situation is of who had the call then; its team is the one of the
time when their part was first judged, and where it never was, as it is now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.permissions import Permission
from coaching.models import BehaviourOutcome
from coaching.skills.skills import BEHAVIOUR, CRITERION, Skill, behaviour_ref, criterion_ref
from conversations.models import Handover
from engines.progress import Tally, single
from qa.access import evaluations_that_count
from qa.blind import blind_to
from qa.models import Evaluation
from qa.reporting.asked import Asked
from qa.reporting.criteria import answer_sums, weights_known


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one skill, agent and team. `weighed`: the sum of the observations' weights."""

    tally: Tally = field(default_factory=Tally)
    weighed: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.tally + other.tally, self.weighed + other.weighed)


NOTHING = Sums()
_KEY = UUIDField()


@dataclass(frozen=True, slots=True)
class Place:
    """Whose observations these are: agent, the team they were in then, the skill, and whether after the turn."""

    agent_id: UUID
    team_id: UUID | None
    ref: str
    late: bool


Read = dict[Place, Sums]


def read_sums(
    user: User | None,
    asked: Asked,
    *,
    turn: datetime | None = None,
    skills: Collection[Skill] | None = None,
    agents: Collection[UUID] | None = None,
    kinds: Collection[str] = (CRITERION, BEHAVIOUR),
) -> Read:
    """All that is asked for and known of agents, by skill. Three queries at most.

    `user`: for whom; None for a company's whole teams, which is for comparing alone and is never shown agent by agent.
    `turn`: what is from then on stands as `late`. `skills`, `agents`: these alone; without, all (of `kinds`).
    A `scorecard` or a `source` that is asked for leaves behaviours out: they have neither.
    """
    if skills is not None:
        kinds = {one.kind for one in skills}
    found: Read = {}
    if CRITERION in kinds:
        keys = None if skills is None else [one.key for one in skills if one.kind == CRITERION]
        rows = asked.narrow(evaluations_that_count()) if user is None else asked.rows(user)
        rows = rows.filter(agent__isnull=False) if agents is None else rows.filter(agent__in=agents)
        found.update(_answers(rows, turn, keys))
    if BEHAVIOUR in kinds and asked.scorecard is None and not asked.source:
        chosen = None if skills is None else [one for one in skills if one.kind == BEHAVIOUR]
        found.update(_situations(user, asked, turn, chosen, agents))
    return found


def _late(path: str, turn: datetime | None) -> Any:
    if turn is None:
        return Value(False, output_field=BooleanField())
    return Case(When(Q(**{f"{path}__gte": turn}), then=Value(True)), default=Value(False))


def _answers(rows: QuerySet[Evaluation], turn: datetime | None, keys: list[str] | None) -> Read:
    """Two queries."""
    worth = F("answers__score")
    summed = answer_sums(
        rows.annotate(late=_late("conversation__announced_at", turn)),
        *("agent_id", "team_id", "late"),
        keys=keys,
        squares=Sum(worth * worth),
    )
    known = weights_known(row["revision_id"] for row in summed)
    found: Read = {}
    for row in summed:
        key = row["answers__criterion_key"]
        template, weight = known.get((row["revision_id"], key), (None, 0))
        if template is None:
            continue
        place = Place(row["agent_id"], row["team_id"], criterion_ref(template, key), row["late"])
        made = Sums(single(row["n"], row["points"], row["squares"]), weight * row["n"])
        found[place] = found.get(place, NOTHING) + made
    return found


def outcomes_asked(
    user: User | None, asked: Asked, agents: Collection[UUID] | None = None
) -> QuerySet[BehaviourOutcome]:
    """What was expected of agents whom this person looks after (None: of all) in what is asked for, whatever their
    team was then. `who`: who had the call then. `agents`: of these alone, which is much quicker than to filter later.
    """
    handed = Exists(_handed())
    had = Case(When(~handed, then=F("conversation__agent")), default=_who_had(), output_field=_KEY)
    rows = _observed(user, asked)
    sets = list(_wanted(user, asked, agents))
    for wanted in sets:
        # What is easily told first: nearly all calls had one agent.
        rows = rows.filter(Q(conversation__agent__in=wanted) | Q(handed))
    rows = rows.annotate(who=had).filter(who__isnull=False)
    for wanted in sets:
        rows = rows.filter(who__in=wanted)
    return rows


def _by_hands(
    user: User | None, asked: Asked, agents: Collection[UUID] | None
) -> tuple[QuerySet[BehaviourOutcome], QuerySet[BehaviourOutcome]]:
    """The same in two sets, for sums: of calls that one agent had, and of those that were passed on."""
    rows = _observed(user, asked)
    plain = rows.filter(~Exists(_handed()), conversation__agent__isnull=False)
    plain = plain.annotate(who=F("conversation__agent_id"))
    passed = rows.filter(Exists(_handed())).annotate(who=_who_had())
    for wanted in _wanted(user, asked, agents):
        plain = plain.filter(conversation__agent__in=wanted)
        passed = passed.filter(who__in=wanted)
    return plain, passed.filter(who__isnull=False)


def _observed(user: User | None, asked: Asked) -> QuerySet[BehaviourOutcome]:
    rows = BehaviourOutcome.objects.filter(
        conversation__announced_at__gte=asked.begins, conversation__announced_at__lt=asked.ends
    ).order_by()
    if asked.queue is not None or asked.no_queue:
        rows = rows.filter(conversation__queue=asked.queue)
    if user is not None and user.may(Permission.CONVERSATION_READ_TEAM):
        # Criteria are answered by behaviours: who judges blind would learn those answers.
        rows = rows.exclude(blind_to(user))
    return rows


def _handed() -> QuerySet[Handover]:
    return Handover.objects.filter(conversation=OuterRef("conversation"))


def _who_had() -> Case:
    """Of a call that was passed on: who had it at that moment."""
    before = _handed().filter(at_ms__lte=OuterRef("at_ms")).order_by("-at_ms", "-pk")
    last = Coalesce(Subquery(before.values("to_agent")[:1]), F("conversation__agent"), output_field=_KEY)
    first = Subquery(_handed().order_by("at_ms", "pk").values("from_agent")[:1])
    return Case(When(Exists(before), then=last), default=first, output_field=_KEY)


def _wanted(user: User | None, asked: Asked, agents: Collection[UUID] | None) -> Iterator[Any]:
    """Sets of agents, in each of which somebody must be whose behaviours are asked for."""
    if user is not None:
        if not user.may(Permission.COACHING_READ):
            yield []
        elif not user.may(Permission.CONVERSATION_READ_TEAM):
            yield [user.pk]
        elif not user.may(Permission.CONVERSATION_READ_ALL):
            yield User.objects.filter(team__supervisors=user).order_by().values("pk")
    if asked.agent is not None:
        yield [asked.agent.pk]
    if agents is not None:
        yield list(agents)
    if asked.team is not None:
        # Who may have been in the team then: those who are in it, or were judged in it.
        once = Evaluation.objects.filter(team=asked.team, agent__isnull=False).order_by()
        yield User.objects.filter(Q(team=asked.team) | Q(pk__in=once.values("agent"))).order_by().values("pk")


# Sums over calls, of what a query has summed in each call, by the team of the time when the agent was first judged.
_OVER_CALLS = """
    SELECT who, team_then, policy, behaviour, late, SUM(n), COUNT(*), SUM(100 * done), SUM(1e4 * done * done),
           SUM(100 * done * n), SUM(n * n), SUM(weighed)
    FROM (
        SELECT calls.*, CASE WHEN first.judged THEN first.team_id ELSE person.team_id END AS team_then
        FROM ({inner}) calls
        JOIN accounts_user person ON person.id = calls.who
        LEFT JOIN LATERAL (
            SELECT TRUE AS judged, team_id FROM qa_evaluation
            WHERE conversation_id = calls.conversation_id AND agent_id = calls.who
            ORDER BY created_at, id LIMIT 1
        ) first ON TRUE
    ) each
    {within}
    GROUP BY who, team_then, policy, behaviour, late
"""


def _situations(
    user: User | None,
    asked: Asked,
    turn: datetime | None,
    skills: list[Skill] | None,
    agents: Collection[UUID] | None,
) -> Read:
    """One query."""
    plain, passed = (
        _by_call(rows if skills is None else rows.filter(_any_of(skills)), turn)
        for rows in _by_hands(user, asked, agents)
    )
    try:
        inner, params = plain.union(passed, all=True).query.sql_with_params()
    except EmptyResultSet:
        return {}
    within = ""
    if asked.team is not None:
        within, params = "WHERE team_then = %s", (*params, asked.team.pk)
    elif asked.no_team:
        within = "WHERE team_then IS NULL"
    with connection.cursor() as cursor:
        # Django has no sums of sums by group; what is put together is its own query and ours.
        cursor.execute(_OVER_CALLS.format(inner=inner, within=within), params)
        return {
            Place(who, team, behaviour_ref(policy, key), late): Sums(
                Tally(int(n), calls, float(total), float(squares), float(cross), float(sizes)), float(weighed)
            )
            for who, team, policy, key, late, n, calls, total, squares, cross, sizes, weighed in cursor
        }


def _any_of(skills: list[Skill]) -> Q:
    chosen = Q(pk__in=[])
    for one in skills:
        chosen |= Q(revision__policy=one.owner_id, behaviour_key=one.key)
    return chosen


def _by_call(rows: QuerySet[BehaviourOutcome], turn: datetime | None) -> QuerySet[Any, Any]:
    return (
        rows.annotate(
            late=_late("conversation__announced_at", turn),
            policy=F("revision__policy_id"),
            behaviour=F("behaviour_key"),
        )
        .values("who", "policy", "behaviour", "late", "conversation_id")
        .annotate(
            n=Count("pk"),
            done=Count("pk", filter=Q(result=BehaviourOutcome.Result.DONE)),
            weighed=Sum("weight"),
        )
    )
