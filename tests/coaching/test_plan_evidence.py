"""What sessions and plans rest on: behaviours, clips, words hidden later, the team's best."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from coaching.clips.access import clips_visible
from coaching.clips.services import clip_create
from coaching.models import AgendaItem, BehaviourOutcome
from coaching.plans.agenda import calls_suggested, items_shown
from coaching.plans.progress import plan_progress, plans_standing
from coaching.plans.sessions import item_add, session_share
from coaching.plans.taking import source_taken
from coaching.skills.skills import behaviour_ref
from conversations.erasure import utterances_erase
from conversations.hiding import words_hide
from tests.coaching.planned import call_scored, call_taken, card_make, plan_make, session_make
from tests.skills_made import behaved, behaviour_policy, colleague


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def call(company, make_conversation):
    def make(days_ago=1.0, persona="agent", **given):
        at = timezone.now() - timedelta(days=days_ago)
        return make_conversation(agent=company.people[persona], queue=company.queue, at=at, **given)

    return make


def test_a_behaviour_is_shown_by_its_situations_and_words(company, call):
    revision = behaviour_policy()
    skill = behaviour_ref(revision.policy_id, "offer")
    calls = [call(3), call(2), call(1.5), call(1)]
    behaved(revision, calls, [[False, True], [False, False, False], [True, True], [True]])
    for row in BehaviourOutcome.objects.filter(conversation=calls[1]):
        said = calls[1].utterances.get(sequence=2)
        row.situation = [{"utterance": str(said.pk), "start": 3, "end": 7}]
        row.save()
    coach = company.people["supervisor"]
    plan = plan_make(company, card_make(), focuses=[{"skill": skill, "target": 90}])
    session = session_make(company, plan=plan)
    found = calls_suggested(coach, session).calls
    assert [(one.conversation, one.why, one.result) for one in found] == [
        (calls[1], "worst", "0 of 3 times"),
        (calls[0], "worst", "1 of 2 times"),
        (calls[2], "best", "2 of 2 times"),
    ]
    assert found[0].quotes[0].html == "my <mark>bill</mark> is wrong"
    call_taken(company, session, calls[1], skill, why="worst")
    item, shown = items_shown(coach, session)[1]
    assert item.outcome.result == "missed" and (shown.result, shown.score) == ("0 of 3 times", 0.0)
    assert len(shown.quotes) == 3
    assert len(calls_suggested(coach, session).calls) == 2
    (one,) = plan_progress(plan, coach).focuses
    assert (one.now.n, one.now.mean) == (8, 50.0) and sum(week.n for week in one.weeks) == 8
    assert plans_standing(coach, [plan])[plan.pk][0].mean == 50.0


def test_a_clip_reaches_the_agent_with_the_session_and_tells_nothing_else(company, call):
    people = company.people
    coach, session = people["supervisor"], session_make(company)
    other = call(2, "teammate")
    clip = clip_create(conversation=other, start_ms=0, end_ms=60_000, user=coach, title="A good start")
    item_add(session=session, source=source_taken(coach, session, clip_id=clip.pk), actor=coach)
    assert not clips_visible(people["agent"]).exists()
    session_share(session=session, actor=coach)
    assert clips_visible(people["agent"]).get() == clip
    _item, shown = items_shown(people["agent"], session)[1]
    assert (shown.clip_title, shown.conversation, shown.quotes) == ("A good start", None, [])
    # What the coach may hear and not pass on is not taken up.
    shared = clip_create(
        conversation=call(2, "outsider"), start_ms=0, end_ms=60_000, user=people["analyst"], title="Sales"
    )
    clip.refresh_from_db()
    again = session_make(company)
    source = source_taken(people["analyst"], again, clip_id=shared.pk)
    with pytest.raises(ValidationError, match="may not show"):
        item_add(session=again, source=source, actor=coach)
    clip.delete()
    _item, shown = items_shown(people["agent"], session)[1]
    assert shown.gone == "clip"


def test_words_that_are_hidden_later_are_hidden_in_notes_on_the_call(company, call):
    row = call(lines=[("agent", "hello"), ("customer", "i live in nottingham road")])
    session = session_make(company)
    call_taken(company, session, row, note="They live in Nottingham Road: ask twice")
    said = row.utterances.get(sequence=2)
    behaved(behaviour_policy(), [row], [[False]])
    outcomes = BehaviourOutcome.objects.filter(conversation=row)
    outcomes.update(situation=[{"utterance": str(said.pk), "start": 2, "end": 25}])
    words_hide(
        utterance_id=said.pk, start=10, end=25, type_name="ADDRESS", actor=company.people["supervisor"]
    )
    note = AgendaItem.objects.get(conversation=row).note
    assert "ottingham" not in note and note.endswith("ask twice")
    # What was observed points at as much as before, whatever stands there now.
    said.refresh_from_db()
    (place,) = outcomes.get().situation
    assert said.text[place["start"] : place["end"]].startswith("live in [") and place["end"] == len(said.text)
    utterances_erase(conversation_id=row.pk, utterances=[said.pk], reason="consent")
    assert AgendaItem.objects.get(conversation=row).note == ""


def test_the_teams_best_stands_beside_and_is_told_agents_where_it_is_of_several(company, make_conversation):
    card, people = card_make(), company.people
    others = [people["teammate"], *(colleague(number, company.team) for number in range(3))]
    for number, agent in enumerate(others):
        company.people[f"c{number}"] = agent
        for day in range(10):
            call_scored(
                company, make_conversation, card, 100 - 25 * number, days_ago=day, persona=f"c{number}"
            )
    plan = plan_make(company, card)
    (one,) = plan_progress(plan, people["supervisor"]).focuses
    assert (one.top.mean, one.top.agents, one.top.of) == (100.0, 1, 4)
    # One colleague’s figure is theirs.
    (one,) = plan_progress(plan, people["agent"]).focuses
    assert one.top is None
