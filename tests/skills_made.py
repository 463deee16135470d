"""Observations of skills, many at once: scores with one answer or more, and behaviours, of agents on given days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from accounts.ids import new_id
from accounts.models import Team, User
from accounts.services import user_create
from coaching.models import BehaviourOutcome, PolicyRevision
from conversations.models import Conversation
from qa.models import Answer, Criterion, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.services import scorecard_publish
from tests.understanding import policy_make


def card_make(*criteria: tuple[str, int], name: str = "Calls", **fields: Any) -> ScorecardRevision:
    """A published scorecard of yes/no criteria, each a question and its weight."""
    template = ScorecardTemplate.objects.create(name=name)
    for at, (question, weight) in enumerate(criteria):
        Criterion.objects.create(
            template=template, position=at, question=question, weight=weight, method="person", **fields
        )
    return scorecard_publish(template=template, actor=None)


def keys_of(revision: ScorecardRevision) -> list[str]:
    return [one["key"] for one in revision.spec["criteria"]]


def colleague(number: int, team: Team) -> User:
    return user_create(
        email=f"colleague{number}@team.test", name=f"Colleague {number}", role="agent", team=team
    )


def calls_of(agent: User, day: date, count: int) -> list[Conversation]:
    at = timezone.make_aware(datetime(day.year, day.month, day.day, 12))
    return Conversation.objects.bulk_create(
        Conversation(
            agent=agent, state="completed", announced_at=at, started_at=at, provider_call_id=str(new_id())
        )
        for _ in range(count)
    )


def judged(
    revision: ScorecardRevision,
    agent: User,
    day: date,
    answers: Mapping[str, Iterable[float]],
    *,
    team: Team | None = None,
    released: bool = False,
) -> list[Evaluation]:
    """Scores of an agent on a day. `answers`: what each criterion's answers are worth, call by call."""
    worths = {key: list(given) for key, given in answers.items()}
    count = max(map(len, worths.values()))
    team = team or agent.team
    weights = {one["key"]: one["weight"] for one in revision.spec["criteria"]}
    rows = []
    for at, call in enumerate(calls_of(agent, day, count)):
        given = [(weights[key], worth[at]) for key, worth in worths.items() if at < len(worth)]
        total = sum(weight * worth for weight, worth in given) / (sum(weight for weight, _ in given) or 1)
        rows.append(
            Evaluation(
                conversation=call, revision=revision, agent=agent, team=team, total=total, state="submitted",
                submitted_at=call.announced_at, released_at=call.announced_at if released else None,
            )
        )  # fmt: skip
    Evaluation.objects.bulk_create(rows)
    Answer.objects.bulk_create(
        Answer(
            evaluation=row,
            criterion_key=key,
            position=place,
            value="yes" if worth[at] else "no",
            score=worth[at],
        )
        for at, row in enumerate(rows)
        for place, (key, worth) in enumerate(worths.items())
        if at < len(worth)
    )
    return rows


def worth(good: int, of: int) -> list[float]:
    """So many answers that are worth everything, the others nothing."""
    return [100.0] * good + [0.0] * (of - good)


def behaviour_policy(key: str = "offer", name: str = "Offers to stay", **more: Any) -> PolicyRevision:
    return policy_make(
        name=f"Policy of {key}",
        behaviours=[
            {
                "id": key,
                "name": name,
                "situation": {"phrases": ["want to cancel"]},
                "expected": {"phrases": ["offer you"]},
                "within_ms": 30_000,
                **more,
            }
        ],
    )


def behaved(
    revision: PolicyRevision,
    calls: Iterable[Conversation],
    results: Iterable[Iterable[bool]],
    key: str = "offer",
) -> None:
    """Situations of a behaviour, call by call: done or missed."""
    BehaviourOutcome.objects.bulk_create(
        BehaviourOutcome(
            conversation=call, revision=revision, behaviour_key=key, name="Then called otherwise", at_ms=1000 * at,
            result="done" if done else "missed",
        )
        for call, each in zip(calls, results, strict=True)
        for at, done in enumerate(each)
    )  # fmt: skip
