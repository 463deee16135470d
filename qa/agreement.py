"""How far the automatic answers agree with people, and people with one another, criterion by criterion.

Pairs of answers to the same criterion about the same agent's part of a conversation: automatic against whoever judged
it, and first against second reviews, which know nothing of each other. Drafts are left out. Calibrations are a source
of their own: the automatic answers against what was agreed there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engines.agreement import cohens_kappa, percent_agreement, points_off
from qa.answers import OPEN
from qa.calibration_ratings import automatic_pairs, closed_sessions, ratings_of
from qa.judging import PERSON
from qa.models import Answer, CriterionDecision, Evaluation, ScorecardTemplate

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

    @property
    def few(self) -> bool:
        """Too few pairs for a kappa to say anything."""
        return self.n < PAIRS_MIN


@dataclass(frozen=True, slots=True)
class CriterionAgreement:
    """One criterion of a scorecard's newest revision. `automatic`: none where people alone answer it.

    `calibration`: the automatic answers against the references of closed calibrations; none where there were none.
    `decision`: what somebody has decided about it.
    `judges`: the automatic ones told apart by what had answered (a judge's revision, a model, a revision of its
    prompt), the one with the most pairs first.
    """

    key: str
    section: str
    question: str
    automatic: Agreed | None
    people: Agreed
    judges: list[JudgeAgreement]
    calibration: Agreed | None = None
    decision: CriterionDecision | None = None

    @property
    def warned(self) -> bool:
        """Whether somebody should decide if it stays automatic."""
        return any(one is not None and one.low for one in (self.automatic, self.calibration))


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """What one judge reached. `judge`: "" for what was judged before that was written down."""

    judge: str
    agreed: Agreed


def agreement(
    template: ScorecardTemplate, *, since: datetime, bar: float, until: datetime | None = None
) -> list[CriterionAgreement]:
    """Figures by criterion, of what was judged or calibrated from `since` until before `until`.

    `bar`: the least kappa, 0-1. Nine queries.
    """
    revision = template.revisions.order_by("-number").first()
    if revision is None:
        return []
    given: defaultdict[tuple[UUID, UUID | None, str], dict[str, tuple[str, float | None]]] = defaultdict(dict)
    judge_of: dict[tuple[UUID, UUID | None, str], str] = {}
    for conversation, agent, key, kind, value, automatic, score, judge in _answers(template, since, until):
        # What the judge had said, whatever a person has made of it since.
        said = automatic if kind == Kind.AUTOMATIC else value
        if said != OPEN:
            given[conversation, agent, key][kind] = (said, None if said != value else score)
        if kind == Kind.AUTOMATIC:
            judge_of[conversation, agent, key] = judge
    pairs: defaultdict[tuple[str, bool], list[tuple[Any, Any]]] = defaultdict(list)
    by_judge: defaultdict[str, defaultdict[str, list[tuple[Any, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for place, by_kind in given.items():
        key = place[2]
        person, second = by_kind.get(Kind.PERSON), by_kind.get(Kind.SECOND)
        # Who judged blind is the better measure.
        machine, people = by_kind.get(Kind.AUTOMATIC), second or person
        if machine is not None and people is not None:
            pairs[key, True].append((machine, people))
            by_judge[key][judge_of[place]].append((machine, people))
        if person is not None and second is not None:
            pairs[key, False].append((person, second))
    calibrated = automatic_pairs(ratings_of(closed_sessions(template, since=since, until=until)))
    decisions = decisions_of(template)
    return [
        CriterionAgreement(
            one["key"],
            one["section"],
            one["question"],
            None if one["method"] == PERSON else agreed(pairs[one["key"], True], bar),
            agreed(pairs[one["key"], False], bar),
            [
                JudgeAgreement(judge, agreed(own, bar))
                for judge, own in sorted(by_judge[one["key"]].items(), key=lambda found: -len(found[1]))
            ],
            None
            if one["method"] == PERSON or not calibrated.get(one["key"])
            else agreed(calibrated[one["key"]], bar),
            decisions.get(one["key"]),
        )
        for one in revision.spec["criteria"]
    ]


def decisions_of(template: ScorecardTemplate) -> dict[str, CriterionDecision]:
    """What was decided last about each criterion, by its key. One query."""
    rows = CriterionDecision.objects.filter(template=template).select_related("decided_by")
    return {row.criterion_key: row for row in rows.order_by("decided_at", "pk")}


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
        *("value", "automatic", "score", "judge"),
    )[:ANSWERS_MAX]


def agreed(pairs: list[tuple[tuple[str, float | None], tuple[str, float | None]]], bar: float) -> Agreed:
    """Figures over pairs of answers, each with what it is worth, 0-100. `bar`: the least kappa, 0-1."""
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
