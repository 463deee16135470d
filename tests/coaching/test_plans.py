"""Coaching plans, sessions and targets: who sees what when, what is fixed when, what survives deletions."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from coaching.models import AgendaItem, CoachingPlan, CoachingSession, PlanFocus
from coaching.plans.access import (
    plan_led,
    plans_visible,
    session_led,
    session_own,
    sessions_visible,
    target_led,
    targets_visible,
)
from coaching.plans.agenda import calls_suggested, items_shown, worst_and_best
from coaching.plans.progress import plan_progress, plans_standing, standing, weeks_of
from coaching.plans.selectors import coach_home, own_coaching, target_now
from coaching.plans.services import (
    plan_activate,
    plan_cancel,
    plan_complete,
    plan_save,
    target_end,
    target_set,
)
from coaching.plans.sessions import (
    agent_notes_write,
    item_add,
    item_change,
    item_remove,
    session_acknowledge,
    session_cancel,
    session_change,
    session_hold,
    session_plan,
    step_add,
    step_done,
)
from coaching.plans.taking import source_taken
from conversations.erasure import words_erase
from conversations.models import Conversation
from qa.models import Assignment, Evaluation
from tests.coaching.planned import call_scored, call_taken, card_make, plan_make, session_make

MONDAY = date(2026, 3, 2)


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def card(company):
    return card_make()


@pytest.fixture
def scored(company, card, make_conversation):
    """Make a call of the agent: `scored(worth, days_ago=…)`."""

    def make(worth, **given):
        return call_scored(company, make_conversation, card, worth, **given)

    return make


# --- Without a database ---------------------------------------------------------------------------------


def test_worst_calls_are_those_with_most_missed():
    a, b, c, d, e = (uuid4() for _ in range(5))
    seen = [(a, False), (b, True), (c, False), (c, False), (d, True), (d, True), (e, True), (a, True)]
    assert worst_and_best(seen, 2, 1) == [(c, "worst"), (a, "worst"), (d, "best")]
    assert worst_and_best([(b, True), (e, True)], 3, 1) == [(b, "best")]
    assert worst_and_best([], 3, 1) == []


def test_weeks_cover_the_time_and_say_when_it_began():
    agent, other = uuid4(), uuid4()
    thursday = MONDAY + timedelta(days=3)
    days = {(agent, "s", thursday): (3, 200.0), (agent, "s", MONDAY + timedelta(days=4)): (1, 0.0)}
    days |= {(agent, "t", thursday): (1, 0.0), (other, "s", thursday): (1, 0.0)}
    span = (MONDAY + timedelta(days=2), MONDAY + timedelta(days=8), MONDAY + timedelta(days=9))
    assert [
        (one.since.day, one.until.day, one.n, one.mean, one.begun)
        for one in weeks_of(agent, "s", days, *span)
    ] == [
        (4, 8, 4, 50.0, False),
        (9, 11, 0, None, True),
    ]
    focus = PlanFocus(skill="s", target=60.0)
    found = standing(focus, agent, days, thursday, thursday)
    assert (found.n, round(found.mean, 1), found.reached) == (3, 66.7, True)
    assert standing(focus, other, days, MONDAY, MONDAY).reached is None


# --- Plans ----------------------------------------------------------------------------------------------


def test_a_plan_runs_and_ends_and_its_agent_sees_it_from_when_it_runs(company, card, scored):
    people = company.people
    for number, worth in enumerate((0, 50, 100, 50)):
        scored(worth, days_ago=12 + number)
    scored(100, days_ago=5)
    plan = plan_make(company, card, active=False, title="Card 4111 1111 1111 1111")
    focus = plan.focuses.get()
    # What was before its first day, and no later call.
    assert (focus.baseline, focus.baseline_n, focus.target) == (50.0, 4, 80.0)
    assert focus.name == "Solved <b>it</b>?" and plan.team == company.team
    assert "4111" not in plan.title
    assert not plans_visible(people["agent"]).exists()
    assert plans_visible(people["supervisor"]).get() == plan
    assert not plans_visible(people["other_supervisor"]).exists()
    scored(0, days_ago=20)
    plan = plan_activate(plan=plan, actor=people["supervisor"])
    focus.refresh_from_db()
    assert (focus.baseline, focus.baseline_n) == (40.0, 5)
    assert plans_visible(people["agent"]).get() == plan
    assert not plans_visible(people["teammate"]).exists()
    for persona in ("agent", "other_supervisor"):
        with pytest.raises(Http404):
            plan_led(people[persona], plan.pk)
    with pytest.raises(ValidationError, match="first day"):
        plan_save(plan=plan, given={"begins_on": timezone.localdate()}, actor=people["supervisor"])
    with pytest.raises(ValidationError, match="what came of it"):
        plan_complete(plan=plan, outcome=" ", actor=people["supervisor"])
    plan = plan_complete(plan=plan, outcome="It works.", actor=people["supervisor"])
    assert plan.state == "completed" and plan.outcome == "It works."
    with pytest.raises(Conflict, match="completed"):
        plan_cancel(plan=plan, actor=people["supervisor"])
    # A draft that was called off was never the agent's business.
    plan_cancel(plan=plan_make(company, card, active=False), actor=people["supervisor"])
    assert plans_visible(people["agent"]).get() == plan
    told = AuditEvent.objects.filter(object_type="coaching.coachingplan").order_by("pk")
    assert [one.action for one in told] == [
        f"coachingplan.{what}" for what in ("create", "activate", "complete", "create", "cancel")
    ]
    assert "works" not in str([one.changes for one in told])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"focuses": []}, "at least one"),
        ({"focuses": [{"skill": "criterion:none:x"}]}, "no such skill"),
        ({"title": " "}, "title"),
        ({"target": float("nan")}, "0 to 100"),
        ({"title": "x" * 121}, "At most 120"),
        ({"ends_on": date(2020, 1, 1)}, "before it begins"),
        ({"begins_on": date(1, 1, 2)}, "2000 to 2100"),
        ({"begins_on": date(2020, 1, 1), "ends_on": date(2022, 1, 1)}, "a year"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_words(company, card, given, words):
    if "target" in given:
        given = {"focuses": [{"skill": card.ref(card.solved), **given}]}
    with pytest.raises(ValidationError, match=words):
        plan_make(company, card, **given)
    assert not CoachingPlan.objects.exists()


def test_a_focus_that_stays_keeps_what_it_was_measured_against(company, card):
    people = company.people
    plan = plan_make(company, card)
    PlanFocus.objects.update(baseline=33.0, baseline_n=9)
    target_set(
        skill=card.ref(card.greeted),
        value=90,
        begins_on=timezone.localdate(),
        team=company.team,
        actor=people["supervisor"],
    )
    both = [{"skill": card.ref(card.greeted)}, {"skill": card.ref(card.solved), "target": None}]
    plan_save(plan=plan, given={"focuses": both}, actor=people["supervisor"])
    first, second = plan.focuses.all()
    # The new one has its team's target.
    assert (first.skill, first.target, first.baseline) == (card.ref(card.greeted), 90.0, None)
    assert (second.baseline, second.baseline_n, second.target) == (33.0, 9, None)
    with pytest.raises(ValidationError, match="does not coach"):
        plan_save(plan=plan, given={"coach": people["other_supervisor"]}, actor=people["supervisor"])
    with pytest.raises(ValidationError, match="twice"):
        plan_save(plan=plan, given={"focuses": both[:1] * 2}, actor=people["supervisor"])


def test_progress_stands_between_baseline_and_target_beside_the_effect(company, card, scored):
    for number in range(12):
        scored(50 if number % 2 else 0, days_ago=13 + number)
        scored(100 if number % 4 else 50, days_ago=1 + number / 2)
    plan = plan_make(company, card)
    progress = plan_progress(plan, company.people["supervisor"])
    (one,) = progress.focuses
    assert one.focus.baseline == 25.0 and one.now.n == 12 and one.now.mean == 87.5
    assert one.reached is True and one.to_go == 0.0 and one.top is None
    assert one.effect.verdict == "better" and "+62.5 points, 95 % interval" in one.effect.words
    assert sum(week.n for week in one.weeks) == 24
    assert one.weeks[0].begun is False and one.weeks[-1].begun is True
    (found,) = plans_standing(company.people["supervisor"], [plan])[plan.pk]
    assert (found.n, found.mean, found.reached) == (12, 87.5, True)
    # An agent's own figures are of what was shown to them.
    (own,) = plan_progress(plan, company.people["agent"]).focuses
    assert own.now.n == 0 and own.reached is None and own.effect.verdict == "few"
    assert (own.before, own.before_n) == (None, 0)
    Evaluation.objects.update(released_at=timezone.now())
    (own,) = plan_progress(plan, company.people["agent"]).focuses
    assert own.now.mean == 87.5
    # What has not begun has no effect yet.
    later = plan_make(company, card, begins_on=timezone.localdate() + timedelta(days=3), active=False)
    (one,) = plan_progress(later, company.people["supervisor"]).focuses
    assert one.effect is None and one.now.n == 0


# --- Sessions -------------------------------------------------------------------------------------------


def test_an_agent_sees_a_session_once_it_is_shared_and_answers_it_once_it_is_held(company):
    people = company.people
    row = session_make(company)
    assert not sessions_visible(people["agent"]).exists()
    assert own_coaching(people["agent"]).is_empty
    home = coach_home(people["supervisor"])
    assert [one.pk for one in home.prepare] == [row.pk] and not home.hold and home.prepare[0].prepared == 1
    with pytest.raises(Conflict, match="planned"):
        session_acknowledge(session=row, words="Yes", user=people["agent"])
    row = session_hold(session=row, actor=people["supervisor"])
    assert [one.pk for one in own_coaching(people["agent"]).acknowledge] == [row.pk]
    with pytest.raises(Conflict, match="held"):
        item_add(session=row, note="More", actor=people["supervisor"])
    with pytest.raises(Conflict, match="when and"):
        session_change(session=row, given={"scheduled_at": timezone.now()}, actor=people["supervisor"])
    agent_notes_write(session=row, notes="I ask first.", user=people["agent"])
    with pytest.raises(Http404):
        session_own(people["supervisor"], row.pk)
    with pytest.raises(Conflict, match="Only the agent"):
        session_acknowledge(session=row, words="Yes", user=people["supervisor"])
    with pytest.raises(ValidationError, match="own words"):
        session_acknowledge(session=row, words="  ", user=people["agent"])
    (step,) = own_coaching(people["agent"]).steps
    step_done(step=step, user=people["agent"])
    row = session_acknowledge(session=row, words="I ask for the cause first.", user=people["agent"])
    assert row.state == "acknowledged" and row.agent_notes == "I ask first."
    for late in (
        lambda: session_change(session=row, given={"coach_notes": "Else"}, actor=people["supervisor"]),
        lambda: agent_notes_write(session=row, notes="Else", user=people["agent"]),
        lambda: step_add(session=row, text="Else", actor=people["supervisor"]),
        lambda: session_cancel(session=row, actor=people["supervisor"]),
    ):
        with pytest.raises(Conflict, match="acknowledged"):
            late()


def test_only_who_looks_after_an_agent_plans_with_them(company, card):
    people = company.people
    with pytest.raises(ValidationError, match="does not coach"):
        session_plan(agent=people["outsider"], scheduled_at=timezone.now(), actor=people["supervisor"])
    plan = plan_make(company, card)
    with pytest.raises(ValidationError, match="no plan of theirs"):
        session_plan(
            agent=people["teammate"], scheduled_at=timezone.now(), actor=people["supervisor"], plan=plan
        )
    row = session_make(company, plan=plan)
    with pytest.raises(Http404):
        session_led(people["other_supervisor"], row.pk)
    assert session_led(people["analyst"], row.pk) == row
    # Who changes teams takes their coaching with them.
    people["agent"].team = company.other_team
    people["agent"].save()
    assert not sessions_visible(people["supervisor"]).exists()
    assert sessions_visible(people["other_supervisor"]).get().team == company.team


def test_steps_are_ticked_by_whose_they_are_and_fall_overdue(company):
    people = company.people
    row = session_make(company, state="held")
    step = row.next_steps.get()
    mine = step_add(session=row, text="Send the guide", who="coach", actor=people["supervisor"])
    with pytest.raises(Conflict, match="your coach"):
        step_done(step=mine, user=people["agent"])
    assert not coach_home(people["supervisor"]).overdue
    row.next_steps.update(due_on=timezone.localdate() - timedelta(days=1))
    home = coach_home(people["supervisor"])
    assert len(home.overdue) == 2 and home.agents[0].overdue == 2 and home.agents[0].unacknowledged == 1
    assert not coach_home(people["other_supervisor"]).overdue
    step_done(step=step, user=people["agent"])
    step_done(step=mine, user=people["supervisor"])
    assert not coach_home(people["supervisor"]).overdue
    assert step_done(step=step, user=people["agent"], done=False).done_by is None


# --- Agenda ---------------------------------------------------------------------------------------------


def test_suggested_are_the_worst_calls_and_the_best_with_their_sentence(company, card, scored):
    people = company.people
    calls = {worth: scored(worth, days_ago=2) for worth in (0, 25, 50, 75, 100)}
    old = scored(0, days_ago=40)
    row = session_make(company, plan=plan_make(company, card))
    found = calls_suggested(people["supervisor"], row).calls
    assert [(one.why, one.score, one.conversation) for one in found] == [
        ("worst", 0.0, calls[0]),
        ("worst", 25.0, calls[25]),
        ("worst", 50.0, calls[50]),
        ("best", 100.0, calls[100]),
    ]
    assert found[0].quotes[0].html == "my <mark>bill</mark> is wrong" and found[0].at_ms == 5_000
    # What is on the agenda is suggested no more, what is judged blind to nobody who does.
    call_taken(company, row, calls[0], card.ref(card.solved), why="worst")
    Assignment.objects.create(
        conversation=calls[25], template=card.revision.template, agent=people["agent"],
        assignee=people["supervisor"], kind="second",
    )  # fmt: skip
    left = [one.conversation for one in calls_suggested(people["supervisor"], row).calls]
    assert left == [calls[50], calls[75], calls[100]]
    # Since the session before.
    earlier = session_make(company, state="held")
    CoachingSession.objects.filter(pk=earlier.pk).update(held_at=timezone.now() - timedelta(days=60))
    assert old in [one.conversation for one in calls_suggested(people["analyst"], row).calls]
    CoachingSession.objects.filter(pk=earlier.pk).update(held_at=timezone.now() - timedelta(days=1))
    assert calls_suggested(people["analyst"], row).calls == []


def test_an_item_tells_what_its_reader_may_know_and_outlives_its_call(company, card, scored):
    people = company.people
    call, other = scored(0, days_ago=2), scored(0, days_ago=3)
    row = session_make(company, plan=plan_make(company, card))
    call_taken(company, row, call, card.ref(card.solved), why="worst", note="Ask why the bill is wrong")
    call_taken(company, row, other)
    with pytest.raises(Conflict, match="already"):
        call_taken(company, row, call, card.ref(card.solved))
    session_hold(session=row, actor=people["supervisor"])

    def shown(persona):
        return [one for _item, one in items_shown(people[persona], row)][1:]

    assert [(one.result, one.score) for one in shown("supervisor")] == [("No", 0.0), ("", None)]
    # The words are theirs; the score is, once it is released.
    assert (shown("agent")[0].score, len(shown("agent")[0].quotes)) == (None, 1)
    Evaluation.objects.update(released_at=timezone.now())
    assert shown("agent")[0].score == 0.0
    Assignment.objects.create(
        conversation=call, template=card.revision.template, agent=people["agent"],
        assignee=people["analyst"], kind="second",
    )  # fmt: skip
    assert (shown("analyst")[0].gone, shown("analyst")[0].quotes) == ("blind", [])
    words_erase(conversation_id=call.pk, reason="retention")
    assert (shown("agent")[0].gone, shown("agent")[0].quotes, shown("agent")[0].score) == ("words", [], 0.0)
    assert AgendaItem.objects.get(conversation=call).note == ""
    Conversation.objects.filter(pk=call.pk).delete()
    (gone, kept) = shown("agent")
    assert (gone.gone, gone.skill_name, gone.conversation) == ("call", "Solved <b>it</b>?", None)
    assert kept.conversation == other


def test_only_calls_of_the_agent_that_the_coach_may_read_are_taken(company, card, scored, make_conversation):
    row = session_make(company)
    for call in (
        scored(0, days_ago=1, persona="teammate"),
        scored(0, days_ago=1, persona="outsider"),
        make_conversation(agent=None),
    ):
        with pytest.raises(Http404):
            call_taken(company, row, call)
    with pytest.raises(ValidationError, match="no such skill"):
        source_taken(
            company.people["supervisor"], row, conversation_id=scored(0, days_ago=1).pk, skill="behaviour:x:y"
        )
    assert row.items.count() == 1


def test_items_make_room_for_one_another(company):
    coach = company.people["supervisor"]
    row = session_make(company)
    second, third = (item_add(session=row, note=note, actor=coach) for note in ("Second", "Third"))
    item_change(item=third, position=0, note="First", actor=coach)
    assert [one.note for one in row.items.all()] == ["First", "How was the week?", "Second"]
    item_remove(item=row.items.get(note="First"), actor=coach)
    assert [(one.position, one.note) for one in row.items.all()] == [(0, "How was the week?"), (1, "Second")]
    with pytest.raises(ValidationError, match="speak of"):
        item_change(item=second, note=" ", actor=coach)


# --- Targets --------------------------------------------------------------------------------------------


def test_one_target_holds_at_a_time_and_the_agents_own_before_the_teams(company, card):
    people, today = company.people, timezone.localdate()
    given = {"skill": card.ref(card.solved), "actor": people["supervisor"]}
    first = target_set(value=70, begins_on=today - timedelta(days=30), team=company.team, **given)
    target_set(value=80, begins_on=today, team=company.team, **given)
    first.refresh_from_db()
    assert first.ends_on == today - timedelta(days=1)
    assert target_now(people["agent"], given["skill"]).value == 80
    assert target_now(people["agent"], given["skill"], today - timedelta(days=1)).value == 70
    assert target_now(people["outsider"], given["skill"]) is None
    with pytest.raises(ValidationError, match="later target"):
        target_set(value=75, begins_on=today - timedelta(days=3), team=company.team, **given)
    own = target_set(value=60, begins_on=today, agent=people["agent"], **given)
    assert target_now(people["agent"], given["skill"]).value == 60
    assert target_now(people["teammate"], given["skill"]).value == 80
    with pytest.raises(ValidationError, match="Another target"):
        target_end(target=first, ends_on=today, actor=people["supervisor"])
    with pytest.raises(ValidationError, match="team or for an agent"):
        target_set(value=60, begins_on=today, **given)
    assert set(targets_visible(people["agent"])) == {*targets_visible(people["supervisor"])}
    assert targets_visible(people["teammate"]).count() == 2
    assert not targets_visible(people["outsider"]).exists()
    for persona in ("agent", "other_supervisor"):
        with pytest.raises(Http404):
            target_led(people[persona], own.pk)
