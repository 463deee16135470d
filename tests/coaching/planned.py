"""Plans and sessions with scores reckoned by hand, for tests of coaching."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from coaching.models import AgendaItem, CoachingPlan, CoachingSession
from coaching.plans.services import plan_activate, plan_save
from coaching.plans.sessions import item_add, session_hold, session_plan, session_share, step_add
from coaching.plans.taking import source_taken
from coaching.skills.skills import criterion_ref
from qa.models import Criterion, ScorecardRevision, ScorecardTemplate
from qa.services import scorecard_publish
from tests.conftest import Company
from tests.qa.scored import score


@dataclass
class Card:
    """A scorecard of two criteria, and the references of both as skills."""

    revision: ScorecardRevision
    greeted: str
    solved: str

    def ref(self, key: str) -> str:
        return criterion_ref(self.revision.template_id, key)


def card_make(name: str = "Coached") -> Card:
    """Published in the current schema; made once by its name."""
    template = ScorecardTemplate.objects.filter(name=name).first()
    if template is None:
        template = ScorecardTemplate.objects.create(name=name)
        for position, (question, weight) in enumerate([("Greeted?", 10), ("Solved <b>it</b>?", 30)]):
            Criterion.objects.create(
                template=template, position=position, question=question, weight=weight, method="person"
            )
        scorecard_publish(template=template, actor=None)
    keys = [str(one.pk) for one in template.criteria.order_by("position")]
    return Card(template.revisions.get(), *keys)


def call_scored(
    company: Company, make_conversation: Any, card: Card, worth: float, *, days_ago: float, **given: Any
) -> Any:
    """A call so many days ago whose second criterion was worth that, with the words “my bill is wrong” for it."""
    persona = given.pop("persona", "agent")
    agent = company.people[persona]
    at = timezone.now() - timedelta(days=days_ago)
    call = make_conversation(agent=agent, queue=company.queue, at=at)
    said = call.utterances.get(sequence=2)
    places = [{"utterance": str(said.pk), "start": 3, "end": 7, "at_ms": said.start_ms}]
    score(
        card.revision,
        call,
        agent=agent,
        team=agent.team,
        total=worth,
        answers={card.greeted: 100.0, card.solved: worth},
        evidence=places,
        **given,
    )
    return call


def plan_make(company: Company, card: Card, *, active: bool = True, **given: Any) -> CoachingPlan:
    """A plan of the agent about solving, drafted by the supervisor, from ten days ago on."""
    today = timezone.localdate()
    coach = company.people["supervisor"]
    fields = {
        "title": "Solve it at once",
        "goal": "Ask for the cause before the remedy.",
        "begins_on": today - timedelta(days=10),
        "ends_on": today + timedelta(days=50),
        "focuses": [{"skill": card.ref(card.solved), "target": 80.0}],
    } | given
    plan = plan_save(plan=None, given=fields, actor=coach, agent=company.people["agent"])
    return plan_activate(plan=plan, actor=coach) if active else plan


def session_make(
    company: Company, *, state: str = "planned", plan: CoachingPlan | None = None, at: datetime | None = None
) -> CoachingSession:
    """A session of the agent by the supervisor with a topic and a next step; `state`: planned, shared or held."""
    coach = company.people["supervisor"]
    row = session_plan(
        agent=company.people["agent"],
        scheduled_at=at or timezone.now() + timedelta(days=1),
        plan=plan,
        preparation="Begin softly.",
        actor=coach,
    )
    item_add(session=row, note="How was the week?", actor=coach)
    step_add(session=row, text="Listen to two calls", due_on=timezone.localdate(), actor=coach)
    if state == "shared":
        return session_share(session=row, actor=coach)
    return session_hold(session=row, actor=coach) if state == "held" else row


def call_taken(
    company: Company, session: CoachingSession, call: Any, skill: str = "", **given: Any
) -> AgendaItem:
    """Put a call on the agenda, as the supervisor does."""
    coach = company.people["supervisor"]
    source = source_taken(coach, session, conversation_id=call.pk, skill=skill)
    return item_add(session=session, source=source, actor=coach, **given)
