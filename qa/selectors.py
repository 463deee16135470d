"""Reads of quality: by which scorecards a conversation is judged, the company's settings, what people touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation
from qa.answers import OPEN, counts
from qa.judging import PERSON
from qa.materials import materials_of
from qa.models import Answer, Evaluation, QualitySettings, ScorecardRevision
from qa.scorecards import is_for

Why = Answer.OpenWhy
# Faults of a model's server, which pass. What else keeps an answer open is for people, or for scoring history anew.
PASSING = frozenset({Why.AWAY, Why.BUSY, Why.SLOW, Why.BROKEN})
# Minutes until it is asked again, the longer the oftener it was: most of a day in all.
AFTER_MINUTES = (2, 5, 10, 20, 40, 60, 120, 240, 480)


def quality_settings() -> QualitySettings:
    """The company's settings, or the defaults. One query."""
    return QualitySettings.objects.first() or QualitySettings()


def evaluation_choices(conversation: Conversation) -> list[dict[str, Any]]:
    """By which scorecards whose part of a conversation can be judged: `[{"template", "agent"}]`."""
    parts = [part.agent_id for part, _material in materials_of(conversation)]
    people = User.objects.in_bulk([one for one in parts if one is not None])
    queue = conversation.queue.key if conversation.queue else None
    found = []
    for revision in scoring_revisions():
        for agent_id in parts:
            agent = people.get(agent_id) if agent_id else None
            team = agent.team_id if agent else None
            if is_for(revision.spec, team_id=team, queue=queue, channel=conversation.channel):
                found.append({"template": revision.template, "agent": agent})
    return found


def teams_then(conversation_id: UUID, agents: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The team that each of these agents was in at the time of a conversation. Two queries.

    As it was when their part was first judged, soon after the end; of who is judged for the first time, as it is now.
    """
    return teams_then_each({conversation_id: agents})[conversation_id]


def teams_then_each(agents: Mapping[UUID, Collection[UUID]]) -> dict[UUID, dict[UUID, UUID | None]]:
    """The same of several conversations' agents. Two queries however many."""
    everybody = {one for some in agents.values() for one in some}
    now: dict[UUID, UUID | None] = dict(User.objects.filter(pk__in=everybody).values_list("pk", "team_id"))
    teams = {call: {one: now[one] for one in some if one in now} for call, some in agents.items()}
    judged = Evaluation.objects.filter(conversation__in=agents, agent__in=everybody)
    # The first one is the last to be written.
    rows = judged.order_by("-created_at", "-pk").values_list("conversation_id", "agent_id", "team_id")
    for call, agent, team in rows:
        if agent in teams[call]:
            teams[call][agent] = team
    return teams


def scoring_revisions() -> list[ScorecardRevision]:
    """The newest revision of each scorecard in use. One query."""
    return list(
        ScorecardRevision.objects.filter(template__active=True)
        .select_related("template")
        .order_by("template_id", "-number")
        .distinct("template_id")
    )


def judged_by_people(conversation_id: UUID) -> bool:
    """Whether somebody has judged a conversation, or changed what it was scored."""
    return touched(Evaluation.objects.filter(conversation=conversation_id)).exists()


def touched(rows: Any) -> Any:
    """Those of these evaluations that people have had a hand in."""
    # Asked of each row: the answers of all evaluations would be read through otherwise.
    changed = Exists(Answer.objects.filter(evaluation=OuterRef("pk"), overridden_at__isnull=False))
    return rows.filter(changed | ~Q(kind=Evaluation.Kind.AUTOMATIC) | ~Q(state=Evaluation.State.SUBMITTED))


def unsure(criterion: Mapping[str, Any], answer: Answer, least: float) -> bool:
    """Whether somebody should look at an automatic answer. `least`: how sure it has to be, 0-1.

    Not what people alone answer, what is worth nothing, or what somebody has looked at already.
    """
    if criterion["method"] == PERSON or answer.overridden_at is not None:
        return False
    if not counts(criterion) or not (criterion["weight"] or criterion["auto_fail"]):
        return False
    return answer.value == OPEN or (answer.confidence is not None and answer.confidence < least)


def retry_at(answers: Iterable[Answer], tries: int) -> datetime | None:
    """When a model is asked again for what is open; None where that would not help, or was done often enough."""
    if tries >= len(AFTER_MINUTES) or not any(one.open_why in PASSING for one in answers):
        return None
    return timezone.now() + timedelta(minutes=AFTER_MINUTES[tries])
