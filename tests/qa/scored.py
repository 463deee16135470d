"""Scores with totals and answers that are reckoned by hand, for tests of the reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qa.models import Answer, Criterion, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.services import scorecard_publish
from tests.conftest import Company

MARCH = "since=2026-03-01&until=2026-03-31"


@dataclass
class Scored:
    """A scorecard of two criteria in two revisions, and the scores by name."""

    template: ScorecardTemplate
    first: ScorecardRevision
    second: ScorecardRevision
    greeted: str
    solved: str
    scores: dict[str, Evaluation]


def score(
    revision: ScorecardRevision,
    conversation: Any,
    *,
    agent: Any,
    team: Any,
    total: float | None,
    answers: dict[str, float | None],
    evidence: list[dict[str, Any]] | None = None,
    **fields: Any,
) -> Evaluation:
    """A submitted evaluation. `answers`: what each is worth by the criterion's key; None: N/A."""
    given = {"state": "submitted", "submitted_at": conversation.announced_at} | fields
    row = Evaluation.objects.create(
        conversation=conversation, revision=revision, agent=agent, team=team, total=total, **given
    )
    Answer.objects.bulk_create(
        Answer(
            evaluation=row,
            criterion_key=key,
            position=position,
            value="na" if worth is None else "yes" if worth else "no",
            score=worth,
            evidence=evidence or [],
        )
        for position, (key, worth) in enumerate(answers.items())
    )
    return row


def scored(company: Company, make_conversation: Any) -> Scored:
    """Five scores of March 2026, one of February, and all kinds that count in no figure. In the company's schema.

    March: 100, 75 and 25 (by a person) of the agent, 0 (failed) of the teammate, all in Billing, 100 of the outsider
    in Sales. February: 75 of the agent, who was in Sales then. The second revision asks the first criterion anew,
    with a weight of 20 instead of 10; the second one weighs 30.
    """
    template = ScorecardTemplate.objects.create(name="Figures")
    made = [
        Criterion.objects.create(
            template=template, position=at, question=question, weight=weight, method="person"
        )
        for at, (question, weight) in enumerate([("Greeted?", 10), ("Solved?", 30)])
    ]
    first = scorecard_publish(template=template, actor=None)
    Criterion.objects.filter(pk=made[0].pk).update(question="Greeted by name?", weight=20)
    second = scorecard_publish(template=template, actor=None)
    greeted, solved = (str(one.pk) for one in made)
    people = company.people
    scores: dict[str, Evaluation] = {}

    def add(
        name: str, day: tuple[int, int], persona: str, team: Any, total: Any, worth: Any, **fields: Any
    ) -> Any:
        conversation = fields.pop("conversation", None) or make_conversation(
            agent=people[persona], queue=company.queue, at=datetime(2026, *day, 12, tzinfo=UTC)
        )
        scores[name] = score(
            fields.pop("revision", first),
            conversation,
            agent=people[persona],
            team=team,
            total=total,
            answers=dict(zip((greeted, solved), worth, strict=True)),
            **fields,
        )
        return conversation

    billing, sales = company.team, company.other_team
    best = add("best", (3, 2), "agent", billing, 100, (100, 100))
    add("good", (3, 3), "agent", billing, 75, (0, 100))
    by_person = add("replaced by a person", (3, 10), "agent", billing, 75, (0, 100), counts=False)
    add("poor", (3, 10), "agent", billing, 25, (100, 0), conversation=by_person, kind="person",
        evaluator=people["analyst"], spent_seconds=300)  # fmt: skip
    add("failed", (3, 10), "teammate", billing, 0, (0, 0), auto_failed=True, revision=second)
    add("other", (3, 11), "outsider", sales, 100, (100, None))
    add("before", (2, 25), "agent", sales, 75, (0, 100))
    # What counts in no figure, whatever its row says.
    blind = {"kind": "second", "evaluator": people["admin"], "conversation": best}
    add("second", (3, 2), "agent", billing, 10, (0, 0), counts=False, spent_seconds=60, **blind)
    add("calibration", (3, 2), "agent", billing, 10, (0, 0), **(blind | {"kind": "calibration"}))
    add("draft", (3, 4), "agent", billing, 10, (0, 0), kind="person", state="draft", submitted_at=None,
        counts=False, evaluator=people["analyst"])  # fmt: skip
    add("unscored", (3, 5), "agent", billing, None, (None, None), unscored="too_short", counts=False)
    add("old", (3, 6), "agent", billing, 10, (0, 0), replaced_at=datetime(2026, 3, 7, tzinfo=UTC))
    return Scored(template, first, second, greeted, solved, scores)
