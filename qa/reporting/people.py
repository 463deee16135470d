"""Figures of those who judge: what evaluators got done, and how far raters agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from accounts.models import User
from accounts.permissions import Permission
from qa.access import evaluations_visible
from qa.agreement import CriterionAgreement, agreement
from qa.models import Answer, Evaluation, ScorecardTemplate
from qa.reporting.asked import Asked
from qa.reporting.figures import FEW
from qa.selectors import quality_settings
from tenants.aggregates import Percentile

Kind = Evaluation.Kind


@dataclass(frozen=True, slots=True)
class EvaluatorFigures:
    """What one person submitted in a period.

    `n`: evaluations; `second`: blind second reviews beside them. `median_seconds`: time taken for one, of those that
    were timed. `unsure`: those begun from automatic answers that were less sure than the company asks for.
    """

    key: UUID
    name: str
    n: int
    second: int
    median_seconds: float | None
    unsure: int
    disputed: int

    @property
    def unsure_share(self) -> float | None:
        """0-1."""
        return self.unsure / self.n if self.n else None

    @property
    def few(self) -> bool:
        return 0 < self.n < FEW


@dataclass(frozen=True, slots=True)
class Throughput:
    """`waiting`: unsure evaluations of the period at which nobody has looked yet."""

    evaluators: list[EvaluatorFigures]
    waiting: int

    @property
    def n(self) -> int:
        """Evaluations and second reviews together."""
        return sum(one.n + one.second for one in self.evaluators)

    @property
    def taken(self) -> int:
        return sum(one.unsure for one in self.evaluators)

    @property
    def taken_share(self) -> float | None:
        """Of the unsure ones those that somebody took, 0-1."""
        whole = self.taken + self.waiting
        return self.taken / whole if whole else None


def throughput(user: User, asked: Asked) -> Throughput:
    """What evaluators submitted in the period, who did most first. Three queries.

    Who manages quality sees everybody's, others their own. By team, agent, queue and scorecard of what was judged.
    """
    done = Evaluation.objects.filter(
        kind__in=[Kind.PERSON, Kind.SECOND],
        evaluator__isnull=False,
        submitted_at__gte=asked.begins,
        submitted_at__lt=asked.ends,
    ).exclude(state=Evaluation.State.DRAFT)
    if not user.may(Permission.EVALUATION_MANAGE):
        done = done.filter(evaluator=user)
    done = _narrowed(done, asked)
    least = quality_settings().unsure_percent / 100
    doubted = Answer.objects.filter(evaluation=OuterRef("pk"), confidence__lt=least)
    people = Q(kind=Kind.PERSON)
    rows = (
        done.annotate(doubted=Exists(doubted))
        .order_by()
        .values("evaluator_id", "evaluator__name")
        .annotate(
            n=Count("pk", filter=people),
            second=Count("pk", filter=Q(kind=Kind.SECOND)),
            median=Percentile("spent_seconds", 0.5, filter=Q(spent_seconds__gt=0)),
            unsure=Count("pk", filter=people & Q(doubted=True)),
            disputed=Count("pk", filter=Q(state__in=[Evaluation.State.DISPUTED, Evaluation.State.RESOLVED])),
        )
        .order_by("-n", "evaluator__name")
    )
    waiting = _narrowed(
        evaluations_visible(user).filter(
            needs_person=True,
            kind=Kind.AUTOMATIC,
            created_at__gte=asked.begins,
            created_at__lt=asked.ends,
        ),
        asked,
    )
    return Throughput(
        [
            EvaluatorFigures(
                row["evaluator_id"],
                row["evaluator__name"] or "",
                row["n"],
                row["second"],
                row["median"],
                row["unsure"],
                row["disputed"],
            )
            for row in rows
        ],
        waiting.order_by().count(),
    )


def _narrowed(rows: Any, asked: Asked) -> Any:
    if asked.team is not None or asked.no_team:
        rows = rows.filter(team=asked.team)
    if asked.agent is not None:
        rows = rows.filter(agent=asked.agent)
    if asked.queue is not None or asked.no_queue:
        rows = rows.filter(conversation__queue=asked.queue)
    return rows if asked.scorecard is None else rows.filter(revision__template=asked.scorecard)


@dataclass(frozen=True, slots=True)
class Raters:
    """How far raters agree on one scorecard, by criterion. `bar`: the least kappa, 0-1."""

    scorecard: ScorecardTemplate
    bar: float
    criteria: list[CriterionAgreement]


def raters(user: User, asked: Asked) -> list[Raters]:
    """Of the scorecard asked for, or of each that has a revision: what people judged in the period.

    Nothing for who may not manage quality. Two queries a scorecard, and two.
    """
    if not user.may(Permission.EVALUATION_MANAGE):
        return []
    cards = ScorecardTemplate.objects.filter(revisions__isnull=False).distinct().order_by("name")
    if asked.scorecard is not None:
        cards = cards.filter(pk=asked.scorecard.pk)
    bar = quality_settings().kappa_percent / 100
    return [Raters(one, bar, agreement(one, since=asked.begins, until=asked.ends, bar=bar)) for one in cards]
