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
        outcomes = outcomes_asked(user, asked)
        found.update(
            _situations(outcomes if agents is None else outcomes.filter(who__in=agents), turn, chosen)
        )
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


def outcomes_asked(user: User | None, asked: Asked) -> QuerySet[BehaviourOutcome]:
    """What was expected of agents whom this person looks after (None: of all) in what is asked for.

    `who`: who had the call then; `team_then`: the team that they were in.
    """
    rows = BehaviourOutcome.objects.filter(
        conversation__announced_at__gte=asked.begins, conversation__announced_at__lt=asked.ends
    ).order_by()
    if asked.queue is not None or asked.no_queue:
        rows = rows.filter(conversation__queue=asked.queue)
    passed = Handover.objects.filter(conversation=OuterRef("conversation"))
    before = passed.filter(at_ms__lte=OuterRef("at_ms")).order_by("-at_ms", "-pk")
    last = Coalesce(Subquery(before.values("to_agent")[:1]), F("conversation__agent"), output_field=_KEY)
    first = Subquery(passed.order_by("at_ms", "pk").values("from_agent")[:1])
    rows = rows.annotate(
        who=Case(
            When(Exists(before), then=last),
            When(Exists(passed), then=first),
            default=F("conversation__agent"),
            output_field=_KEY,
        )
    ).filter(who__isnull=False)
    if asked.agent is not None:
        rows = rows.filter(who=asked.agent.pk)
    if user is not None:
        rows = _theirs(user, rows)
    judged = Evaluation.objects.filter(conversation=OuterRef("conversation"), agent=OuterRef("who"))
    now = User.objects.filter(pk=OuterRef("who")).values("team")
    rows = rows.annotate(
        team_then=Case(
            When(Exists(judged), then=Subquery(judged.order_by("created_at", "pk").values("team")[:1])),
            default=Subquery(now[:1]),
            output_field=_KEY,
        )
    )
    if asked.team is not None:
        return rows.filter(team_then=asked.team.pk)
    return rows.filter(team_then__isnull=True) if asked.no_team else rows


def _theirs(user: User, rows: QuerySet[BehaviourOutcome]) -> QuerySet[BehaviourOutcome]:
    if not user.may(Permission.COACHING_READ):
        return rows.none()
    if not user.may(Permission.CONVERSATION_READ_TEAM):
        return rows.filter(who=user.pk)
    # Criteria are answered by behaviours: who judges blind would learn those answers.
    rows = rows.exclude(blind_to(user))
    if user.may(Permission.CONVERSATION_READ_ALL):
        return rows
    return rows.filter(who__in=User.objects.filter(team__supervisors=user).values("pk"))


# Sums over calls, of what a query has summed in each call.
_OVER_CALLS = """
    SELECT who, team_then, policy, behaviour, late, SUM(n), COUNT(*), SUM(100 * done), SUM(1e4 * done * done),
           SUM(100 * done * n), SUM(n * n), SUM(weighed)
    FROM ({inner}) calls GROUP BY who, team_then, policy, behaviour, late
"""


def _situations(rows: QuerySet[BehaviourOutcome], turn: datetime | None, skills: list[Skill] | None) -> Read:
    """One query."""
    if skills is not None:
        chosen = Q(pk__in=[])
        for one in skills:
            chosen |= Q(revision__policy=one.owner_id, behaviour_key=one.key)
        rows = rows.filter(chosen)
    calls = (
        rows.annotate(
            late=_late("conversation__announced_at", turn),
            policy=F("revision__policy_id"),
            behaviour=F("behaviour_key"),
        )
        .values("who", "team_then", "policy", "behaviour", "late", "conversation_id")
        .annotate(
            n=Count("pk"),
            done=Count("pk", filter=Q(result=BehaviourOutcome.Result.DONE)),
            weighed=Sum("weight"),
        )
    )
    return {
        Place(who, team, behaviour_ref(policy, key), late): Sums(
            Tally(int(n), groups, float(total), float(squares), float(cross), float(sizes)), float(weighed)
        )
        for who, team, policy, key, late, n, groups, total, squares, cross, sizes, weighed in _rows(calls)
    }


def _rows(calls: QuerySet[Any, Any]) -> Iterator[tuple[Any, ...]]:
    if calls.query.is_empty():
        return
    inner, params = calls.query.sql_with_params()
    with connection.cursor() as cursor:
        # Django has no sums of sums by group; what is put together is its own query and ours.
        cursor.execute(_OVER_CALLS.format(inner=inner), params)
        yield from cursor.fetchall()
