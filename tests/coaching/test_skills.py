"""Skills: what is added up of whom, gaps and suggestions by hand, effects beside the team, and who may know what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.utils import timezone

from coaching.skills.effects import Verdict, effect_of, effect_reckoned
from coaching.skills.figures import Figure, figure_of, period, skill_figures
from coaching.skills.focus import focus_for, focus_reckoned, impacts_of, trend_of
from coaching.skills.gaps import Top, gap_map, skill_tops, top_quarter
from coaching.skills.mine import my_page
from coaching.skills.reading import Sums, outcomes_asked
from coaching.skills.skills import Skill, behaviour_ref, criterion_ref, skill_of, skills_of
from conversations.models import Handover
from engines.progress import single
from engines.trials import Estimate
from qa.models import Assignment, Criterion, Evaluation
from qa.reporting.asked import asked_from
from qa.services import scorecard_publish
from tests.skills_made import (
    behaved,
    behaviour_policy,
    calls_of,
    card_make,
    colleague,
    judged,
    keys_of,
    worth,
)

MARCH, FEBRUARY = date(2026, 3, 10), date(2026, 2, 10)
DAYS = (date(2026, 3, 1), date(2026, 3, 31))
ASKED = {"since": "2026-03-01", "until": "2026-03-31"}


# --- Without a database ---------------------------------------------------------------------------------


def share(good, of):
    return figure_of(single(of, 100.0 * good, 1e4 * good))


def skill(ref="criterion:x:a", **fields):
    return Skill(
        ref=ref.replace(":x:", f":{OWNER}:"),
        kind=ref.partition(":")[0],
        name="Greets",
        group="Calls",
        **fields,
    )


OWNER = uuid4()


def test_the_top_quarter_is_of_agents_of_whom_enough_is_known():
    some = [share(good, 20) for good in (20, 18, 10, 8, 6)]
    assert top_quarter(some) == Top(95.0, 2, 5)
    # Nine of nine is too few to be anybody's best.
    assert top_quarter([share(9, 9), *some[1:]]) == Top(90.0, 1, 4)
    assert top_quarter(some[:3]) is None


def test_the_trend_moves_a_suggestion_by_half_at_most():
    assert trend_of(None, 20) == 1.0
    assert trend_of(Estimate(5, -1, 11), 20) == 1.0
    assert trend_of(Estimate(5, 1, 9), 20) == 0.75
    assert trend_of(Estimate(-5, -9, -1), 20) == 1.25
    assert (trend_of(Estimate(30, 20, 40), 20), trend_of(Estimate(-30, -40, -20), 20)) == (0.5, 1.5)


def test_impact_is_the_share_of_what_is_weighed():
    greets, solves = skill(), skill("criterion:x:b")
    offers = skill("behaviour:x:offer")
    fails = skill("criterion:x:c", auto_fail=True)
    skills = {one.ref: one for one in (greets, solves, offers, fails)}
    one = single(20, 1000, 1e5)
    sums = {greets.ref: Sums(one, 200), solves.ref: Sums(one, 600), offers.ref: Sums(one, 20)}
    assert impacts_of(sums, skills) == {greets.ref: 0.25, solves.ref: 0.75, offers.ref: 1.0}
    # What fails a score outright takes all of it, whatever it weighs; here it was asked in half of the calls.
    half = sums | {fails.ref: Sums(single(10, 500, 5e4), 0)}
    assert impacts_of(half, skills)[fails.ref] == 0.5


def suggested(mine, tops, *skills, **more):
    team = uuid4()
    return focus_reckoned(
        uuid4(), team,
        {(team, ref): pair for ref, pair in mine.items()},
        {one.ref: one for one in skills},
        {(team, ref): top for ref, top in tops.items()},
        days=30, **more,
    )  # fmt: skip


def sums(good, of, weight=10):
    return Sums(single(of, 100.0 * good, 1e4 * good), weight * of)


def test_a_suggestion_says_gap_impact_and_trend():
    greets, solves = skill(tip="Say their name."), skill("criterion:x:b")
    mine = {
        greets.ref: {True: sums(20, 50, 30), False: sums(35, 50, 30)},
        solves.ref: {True: sums(10, 50, 10)},
    }
    tops = {greets.ref: Top(80.0, 2, 8), solves.ref: Top(90.0, 2, 8)}
    first, second = suggested(mine, tops, greets, solves).items
    assert (first.skill, second.skill) == (greets, solves)
    assert (first.gap, first.impact, first.worth, first.trend) == (40.0, 0.75, 30.0, 1.5)
    assert (second.gap, second.worth, second.trend) == (70.0, 17.5, 1.0)
    assert first.reason == (
        "40.0 points below the team’s top quarter: 40.0 of 50, against 80.0. It is 75 % of what is weighed in the "
        "score, so the gap costs 30.0 points of it. Falling: −30.0 points against the 30 days before."
    )
    assert "Too few in the 30 days before" in second.reason
    # Agents read of two colleagues' quarter only that they are below it.
    hidden, _ = suggested(mine, tops, greets, solves, least=3).items
    assert not hidden.told and "80" not in hidden.reason and "30.0 points of it" not in hidden.reason


@pytest.mark.parametrize(
    ("mine", "top", "why"),
    [
        ({}, None, "Nothing is known"),
        ((9, 9), Top(90.0, 2, 8), "Too little is known: no skill has 10"),
        ((10, 20), None, "Too little is known of the team: it takes 4 agents"),
        ((15, 20), Top(80.0, 2, 8), "Nothing lies below"),
    ],
)
def test_nothing_is_suggested_where_too_little_is_known(mine, top, why):
    greets = skill()
    known = {greets.ref: {True: sums(*mine)}} if mine else {}
    found = suggested(known, {greets.ref: top}, greets)
    assert found.items == [] and why in found.why_none


def test_what_is_no_longer_asked_is_not_suggested():
    gone = skill(current=False)
    assert suggested({gone.ref: {True: sums(10, 50)}}, {gone.ref: Top(90.0, 2, 8)}, gone).items == []


def effect(before, after, rest=(), **more):
    return effect_reckoned(FEBRUARY, MARCH, DAYS[1], before=before, after=after, rest=list(rest), **more)


def test_an_effect_is_in_words_with_its_interval():
    few = effect(share(5, 9), share(30, 40))
    assert few.verdict == Verdict.FEW and few.difference is None
    assert few.words == "Too few to tell: 9 before, 40 after; it takes 10 of each."
    alone = effect(share(20, 40), share(36, 40))
    assert alone.verdict == Verdict.BETTER and alone.others is None
    assert alone.words.startswith(
        "Better than before. From 50.0 (of 40) to 90.0 (of 40): +40.0 points, 95 % interval +20"
    )
    assert "Too few others" in alone.words
    assert effect(share(36, 40), share(20, 40)).verdict == Verdict.WORSE
    assert "No difference shown." in effect(share(20, 40), share(22, 40)).words


def test_what_rose_for_the_team_is_no_effect():
    own = share(20, 40), share(36, 40)
    rose = [(share(21, 40), share(35, 40))] * 4
    found = effect(*own, rose)
    assert found.verdict == Verdict.SAME
    assert found.words.startswith("No more than what changed for the team.") and "4 others" in found.words
    stayed = [(share(20, 40), share(20, 40))] * 6
    assert effect(*own, stayed).verdict == Verdict.BETTER
    assert "Better, and more than the team." in effect(*own, stayed).words
    # Who stayed while the team rose is behind it.
    assert (
        effect(share(60, 120), share(60, 120), [(share(60, 120), share(108, 120))] * 6).verdict
        == Verdict.WORSE
    )
    # Of fewer others than may be told of nothing is told.
    assert effect(*own, rose, least=5).others is None


# --- With one -------------------------------------------------------------------------------------------


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def team(company):
    """Billing with five agents in March: the agent greets 8 of 20 times, the others 18 of 20; in February all 10."""
    revision = card_make(("Greeted?", 30), ("Solved?", 10))
    greeted, solved = keys_of(revision)
    agents = [
        company.people["agent"],
        company.people["teammate"],
        *(colleague(n, company.team) for n in range(3)),
    ]
    for at, one in enumerate(agents):
        answers = {greeted: worth(18 if at else 8, 20), solved: worth(15, 20)}
        judged(revision, one, MARCH, answers, released=at == 0)
        judged(revision, one, FEBRUARY, {greeted: worth(10, 20)}, released=at == 0)
    ref = criterion_ref(revision.template_id, greeted)
    return SimpleNamespace(revision=revision, greeted=greeted, solved=solved, agents=agents, ref=ref)


def test_a_skill_is_named_as_it_is_now(company):
    revision = card_make(("Greeted?", 30), ("Solved?", 10))
    greeted, solved = keys_of(revision)
    Criterion.objects.filter(pk=greeted).update(question="Greeted by name?", coaching_tip="Say it.")
    Criterion.objects.filter(pk=solved).update(active=False)
    scorecard_publish(template=revision.template, actor=None)
    policy = behaviour_policy(praise="Well offered.")
    found = skill_of(criterion_ref(revision.template_id, greeted))
    assert (found.name, found.group, found.tip, found.weight) == ("Greeted by name?", "Calls", "Say it.", 30)
    gone = skill_of(criterion_ref(revision.template_id, solved))
    assert (gone.name, gone.current, found.current) == ("Solved?", False, True)
    offers = skill_of(behaviour_ref(policy.policy_id, "offer"))
    assert (offers.name, offers.group, offers.praise) == (
        "Offers to stay",
        "Policy of offer",
        "Well offered.",
    )
    for ref in (
        "",
        "criterion",
        "criterion:x:y",
        f"criterion:{uuid4()}:{greeted}",
        f"behaviour:{policy.policy_id}:no",
    ):
        assert skill_of(ref) is None
    assert [one.name for one in skills_of(company.people["analyst"])] == [
        "Greeted by name?",
        "Offers to stay",
    ]
    assert skills_of(company.people["agent"]) == []
    # A supervisor is not offered what is for other teams alone.
    revision.template.teams.set([company.other_team])
    scorecard_publish(template=revision.template, actor=None)
    assert [one.name for one in skills_of(company.people["supervisor"])] == ["Offers to stay"]


def test_figures_are_of_whom_the_reader_looks_after(company, team):
    people, (agent, *_others) = company.people, team.agents
    greets = skill_of(team.ref)

    def read(reader, agents=team.agents):
        found = skill_figures(greets, agents, *DAYS, reader=people[reader])
        return [(one.n, one.mean) for one in found.values()]

    assert read("analyst") == [(20, 40.0)] + [(20, 90.0)] * 4
    assert read("supervisor", [agent.pk]) == [(20, 40.0)]
    assert read("other_supervisor", [agent]) == [(0, None)]
    # Of herself what was released, of others nothing.
    assert read("agent") == [(20, 40.0)] + [(0, None)] * 4
    Evaluation.objects.filter(agent=agent).update(released_at=None)
    assert read("agent", [agent]) == [(0, None)]
    # Who is to judge a conversation blind has it in no figure.
    row = Evaluation.objects.filter(agent=agent, conversation__announced_at__month=3).first()
    Assignment.objects.create(
        conversation=row.conversation, template=team.revision.template, agent=agent, assignee=people["analyst"],
        kind="second",
    )  # fmt: skip
    assert read("analyst", [agent])[0][0] == 19 and read("admin", [agent])[0][0] == 20


def test_behaviours_are_of_who_had_the_call_and_their_team_then(company):
    people = company.people
    agent, outsider = people["agent"], people["outsider"]
    policy = behaviour_policy()
    offers = skill_of(behaviour_ref(policy.policy_id, "offer"))
    calls = calls_of(agent, MARCH, 6)
    behaved(policy, calls, [[True, False], [True], [True], [False], [True], [True, True, True]])
    # The last one was the outsider's until its third situation.
    Handover.objects.create(
        conversation=calls[-1], from_agent=outsider, to_agent=agent, at=calls[-1].announced_at, at_ms=1500
    )
    found = skill_figures(offers, [agent, outsider], *DAYS, reader=people["analyst"])
    assert [(one.n, one.mean) for one in found.values()] == [(7, pytest.approx(500 / 7)), (2, 100.0)]
    # Read one by one, they are the same.
    one_by_one = outcomes_asked(people["supervisor"], period(*DAYS))
    assert [one.who for one in one_by_one] == [agent.pk] * 7
    assert outcomes_asked(people["agent"], period(*DAYS), [outsider.pk]).count() == 0
    assert outcomes_asked(None, period(*DAYS), [outsider.pk]).count() == 2
    # Where a part was judged, the team is the one of that time.
    sales = asked_from(people["analyst"], ASKED | {"team": str(company.other_team.pk)})
    assert [row.team.n for row in gap_map(people["analyst"], sales).rows] == [2]
    card = card_make(("Greeted?", 10))
    Evaluation.objects.create(
        conversation=calls[0], revision=card, agent=agent, team=company.other_team, total=1, state="submitted"
    )
    assert [row.team.n for row in gap_map(people["analyst"], sales, ["behaviour"]).rows] == [4]
    blind = {"conversation": calls[1], "template": card.template, "agent": agent, "kind": "second"}
    Assignment.objects.create(assignee=people["analyst"], **blind)
    assert skill_figures(offers, [agent], *DAYS, reader=people["analyst"])[agent.pk].n == 6
    assert skill_figures(offers, [agent], *DAYS, reader=people["agent"])[agent.pk].n == 7


def test_gaps_are_within_the_team_of_the_time(company, team, django_assert_max_num_queries):
    analyst = company.people["analyst"]
    asked = asked_from(analyst, ASKED | {"team": str(company.team.pk)})
    with django_assert_max_num_queries(6):
        found = gap_map(analyst, asked)
    assert [name for _key, name in found.agents] == [
        "Agent",
        "Colleague 0",
        "Colleague 1",
        "Colleague 2",
        "Teammate",
    ]
    greets, solves = found.rows
    assert (greets.skill.ref, greets.team.mean, greets.team.n, greets.top) == (
        team.ref,
        80.0,
        100,
        Top(90.0, 2, 5),
    )
    assert [(one.figure.mean, one.gap, one.sure) for one in greets.cells[:2]] == [
        (40.0, 50.0, True),
        (90.0, 0.0, False),
    ]
    assert solves.cells[0].gap == 0.0
    # Who was in Sales then is no part of Billing's map, and her own has nobody to be measured by.
    Evaluation.objects.filter(agent=team.agents[0]).update(team=company.other_team)
    assert len(gap_map(analyst, asked).agents) == 4
    sales = gap_map(analyst, replace(asked, team=company.other_team)).rows[0]
    assert sales.top is None and sales.cells[0].gap is None
    assert gap_map(analyst, replace(asked, agent=team.agents[1])).rows[0].top == Top(90.0, 1, 4)


def test_suggestions_by_reader(company, team, django_assert_max_num_queries):
    people, agent = company.people, team.agents[0]
    asked = asked_from(people["supervisor"], ASKED)
    with django_assert_max_num_queries(8):
        found = focus_for(people["supervisor"], team.agents, asked)
    (item,) = found[agent.pk].items
    assert (item.skill.ref, item.gap, round(item.worth, 1), item.before.n) == (team.ref, 50.0, 37.5, 20)
    assert not found[team.agents[1].pk].items and "Nothing lies below" in found[team.agents[1].pk].why_none
    # The same for herself, without telling how good two colleagues are.
    own = focus_for(agent, [agent], asked)[agent.pk]
    assert [one.skill.ref for one in own.items] == [team.ref] and not own.items[0].told
    other = focus_for(people["other_supervisor"], [agent], asked)[agent.pk]
    assert not other.items and other.why_none == "Nothing is known of this period."


def test_effects_beside_the_team(company, team, django_assert_max_num_queries):
    people, (agent, teammate, *_more) = company.people, team.agents
    greets, days = skill_of(team.ref), (date(2026, 2, 1), *DAYS)
    with django_assert_max_num_queries(6):
        found = effect_of(greets, teammate, *days, reader=people["supervisor"])
    # From 50 to 90, as three of four colleagues did: no more than the team.
    assert (found.difference, found.others.n, found.verdict) == (40.0, 4, Verdict.SAME)
    assert found.others.change.value == pytest.approx((3 * 40 - 10) / 4)
    down = effect_of(greets, agent, *days, reader=people["supervisor"])
    assert (down.difference, down.others.n) == (-10.0, 4) and down.verdict == Verdict.WORSE
    # To herself four colleagues are too few to be told of.
    assert effect_of(greets, agent, *days, reader=agent).others is None
    assert effect_of(greets, agent, *days, reader=people["other_supervisor"]).verdict == Verdict.FEW
    with pytest.raises(ValueError, match="turn"):
        effect_of(greets, agent, DAYS[0], DAYS[0], DAYS[1], reader=agent)


def test_tops_are_told_to_whom_they_may(company, team):
    people, greets = company.people, skill_of(team.ref)
    first, others = (
        skill_tops([greets], company.team, *DAYS, reader=people[one])[team.ref]
        for one in ("supervisor", "other_supervisor")
    )
    assert (first, others) == (Top(90.0, 2, 5), None)
    assert skill_tops([greets], company.team, *DAYS, reader=people["agent"]) == {team.ref: None}
    for number in range(3, 7):
        judged(team.revision, colleague(number, company.team), MARCH, {team.greeted: worth(18, 20)})
    assert skill_tops([greets], company.team, *DAYS, reader=people["agent"])[team.ref] == Top(90.0, 3, 9)
    assert skill_tops([greets], company.team, *DAYS, reader=people["outsider"]) == {team.ref: None}


def test_an_agent_s_own_page_has_wins_first(company, team, make_conversation):
    agent = company.people["agent"]
    policy = behaviour_policy(praise="Well offered.")
    behaved(policy, calls_of(agent, MARCH, 2), [[True], [True, False]])
    call = make_conversation(agent=agent, at=timezone.make_aware(timezone.datetime(2026, 3, 12, 9)))
    said, asked = call.utterances.order_by("sequence")
    (row,) = judged(team.revision, agent, date(2026, 3, 12), {team.greeted: [100.0]}, released=True)
    place = [{"utterance": str(one.pk), "start": 0, "end": 9, "at_ms": 5} for one in (asked, said)]
    row.answers.update(evidence=place)
    mine = my_page(agent, asked_from(agent, ASKED))
    (shown,) = mine.shown
    assert (shown.skill.name, shown.done, shown.situations) == ("Offers to stay", 2, 3)
    # The agent's own words, not the customer's.
    (sentence,) = mine.sentences
    assert "<mark>thank you</mark>" in sentence.quote.html and str(row.conversation_id) in sentence.link
    assert mine.figures.n == 21 and len(mine.scores) == 10
    # Five of the team are known: its mean may be told, its best two may not.
    greets = next(one for one in mine.skills if one.skill.ref == team.ref)
    assert greets.team.n == 101 and greets.top is None and greets.verdict == Verdict.SAME
    Evaluation.objects.filter(agent=agent).update(released_at=None)
    mine = my_page(agent, asked_from(agent, ASKED))
    assert (mine.figures.n, mine.scores, mine.sentences) == (0, [], [])
    assert [one.skill.kind for one in mine.skills] == ["behaviour"]


def test_days_are_the_company_s(company):
    assert period(*DAYS).ends - period(*DAYS).begins == timedelta(days=31)
    assert Figure().estimate is None
