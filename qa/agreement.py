"""How far the automatic answers agree with people, and people with one another, criterion by criterion.

Pairs of answers to the same criterion about the same agent's part of a conversation: automatic against whoever judged
it, and first against second reviews, which know nothing of each other. Drafts and calibration are left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engines.agreement import cohens_kappa, percent_agreement, points_off
from qa.answers import OPEN
from qa.judging import PERSON
from qa.models import Answer, Evaluation, ScorecardTemplate

Kind = Evaluation.Kind
# With fewer pairs a kappa says nothing.
PAIRS_MIN = 20
AGREEMENT_PERIOD = timedelta(days=90)
# Answers read at most: more than a year of people's work in most companies.
ANSWERS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Agreed:
    """Figures over `n` pairs: percent the same, points apart on average, kappa; None where not defined.

    `low`: kappa is under the bar, and rests on enough pairs to say so.
    """

    n: int
    percent: float | None
    points: float | None
    kappa: float | None
    low: bool


@dataclass(frozen=True, slots=True)
class CriterionAgreement:
    """One criterion of a scorecard's newest revision. `automatic`: none where people alone answer it."""

    key: str
    section: str
    question: str
    automatic: Agreed | None
    people: Agreed


def agreement(
    template: ScorecardTemplate, *, since: datetime, bar: float, until: datetime | None = None
) -> list[CriterionAgreement]:
    """Figures by criterion, of what was judged from `since` until before `until`. `bar`: the least kappa, 0-1.

    Two queries.
    """
    revision = template.revisions.order_by("-number").first()
    if revision is None:
        return []
    given: defaultdict[tuple[UUID, UUID | None, str], dict[str, tuple[str, float | None]]] = defaultdict(dict)
    for conversation, agent, key, kind, value, automatic, score in _answers(template, since, until):
        # What the judge had said, whatever a person has made of it since.
        said = automatic if kind == Kind.AUTOMATIC else value
        if said != OPEN:
            given[conversation, agent, key][kind] = (said, None if said != value else score)
    pairs: defaultdict[tuple[str, bool], list[tuple[Any, Any]]] = defaultdict(list)
    for (_conversation, _agent, key), by_kind in given.items():
        person, second = by_kind.get(Kind.PERSON), by_kind.get(Kind.SECOND)
        # Who judged blind is the better measure.
        machine, people = by_kind.get(Kind.AUTOMATIC), second or person
        if machine is not None and people is not None:
            pairs[key, True].append((machine, people))
        if person is not None and second is not None:
            pairs[key, False].append((person, second))
    return [
        CriterionAgreement(
            one["key"],
            one["section"],
            one["question"],
            None if one["method"] == PERSON else _agreed(pairs[one["key"], True], bar),
            _agreed(pairs[one["key"], False], bar),
        )
        for one in revision.spec["criteria"]
    ]


def _answers(template: ScorecardTemplate, since: datetime, until: datetime | None) -> Any:
    """Answers of conversations that people have judged in that time."""
    judged = Evaluation.objects.filter(
        revision__template=template, kind__in=[Kind.PERSON, Kind.SECOND], created_at__gte=since
    ).exclude(state=Evaluation.State.DRAFT)
    if until is not None:
        judged = judged.filter(created_at__lt=until)
    rows = Answer.objects.filter(
        evaluation__conversation__in=judged.order_by().values("conversation"),
        evaluation__revision__template=template,
        evaluation__replaced_at__isnull=True,
    ).exclude(evaluation__kind=Kind.CALIBRATION)
    rows = rows.exclude(evaluation__state=Evaluation.State.DRAFT).order_by()
    return rows.values_list(
        *("evaluation__conversation_id", "evaluation__agent_id", "criterion_key", "evaluation__kind"),
        *("value", "automatic", "score"),
    )[:ANSWERS_MAX]


def _agreed(pairs: list[tuple[tuple[str, float | None], tuple[str, float | None]]], bar: float) -> Agreed:
    said = [(one[0], other[0]) for one, other in pairs]
    worth = [(one[1], other[1]) for one, other in pairs if one[1] is not None and other[1] is not None]
    kappa = cohens_kappa(said)
    return Agreed(
        len(said),
        percent_agreement(said),
        points_off(worth),  # type: ignore[arg-type]
        kappa,
        kappa is not None and kappa < bar and len(said) >= PAIRS_MIN,
    )
