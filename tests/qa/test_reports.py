"""Figures of quality, reckoned by hand: what counts, for whom, within which team, and what stands behind a figure."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from qa.evaluating import evaluation_start
from qa.models import Answer, Assignment, Evaluation
from qa.reporting.asked import asked_from
from qa.reporting.cards import agent_card
from qa.reporting.criteria import criteria, heat_map
from qa.reporting.figures import distribution, groups, summary, trend
from qa.reporting.listed import answers_given, evaluations_behind, narrowed_from
from qa.reporting.people import raters, throughput
from qa.selectors import teams_then
from tests.qa.scored import scored

MARCH = {"since": "2026-03-01", "until": "2026-03-31"}


@pytest.fixture
def made(company, make_conversation):
    return scored(company, make_conversation)


def asked(user, **given):
    found = asked_from(user, {**MARCH, **given})
    assert not found.wrong
    return found


def totals(user, **given):
    return sorted(asked(user, **given).rows(user).values_list("total", flat=True))


def test_all_together(company, made):
    analyst = company.people["analyst"]
    whole = summary(asked(analyst).rows(analyst), asked(analyst))
    assert (whole.n, whole.mean, whole.median, whole.under, whole.under_share) == (5, 60.0, 75.0, 2, 0.4)
    assert (whole.auto_failed, whole.by_people, whole.few) == (1, 1, True)
    # The bar itself is not under it.
    assert summary(asked(analyst).rows(analyst), asked(analyst, bar="76")).under == 3
    nothing = summary(asked(analyst, queue="none").rows(analyst), asked(analyst))
    assert (nothing.n, nothing.mean, nothing.under_share, nothing.few) == (0, None, None, False)


def test_what_is_asked_for_narrows(company, made):
    analyst = company.people["analyst"]
    assert totals(analyst, source="person") == [25]
    assert totals(analyst, source="automatic") == [0, 75, 100, 100]
    assert totals(analyst, team=str(company.team.pk)) == [0, 25, 75, 100]
    assert totals(analyst, agent=str(company.people["outsider"].pk)) == [100]
    assert totals(analyst, queue=company.queue.key, scorecard=str(made.template.pk)) == [0, 25, 75, 100, 100]
    assert totals(analyst, since="2026-03-10", until="2026-03-10") == [0, 25]
    assert totals(analyst, team="none") == []


def test_what_makes_no_sense_is_said(company, made):
    supervisor = company.people["supervisor"]
    given = {
        "since": "yesterday", "until": "2026-13-01", "team": str(company.other_team.pk), "agent": "me",
        "queue": "nowhere", "scorecard": "x", "source": "robot", "bar": "0", "step": "year", "days": "-3",
    }  # fmt: skip
    found = asked_from(supervisor, given)
    assert set(found.wrong) == set(given)
    assert (found.days, found.bar, found.team) == (30, 75, None)
    backwards = asked_from(supervisor, {"since": "2026-03-02", "until": "2026-03-01"})
    assert "before it begins" in backwards.wrong["since"] and backwards.since <= backwards.until
    assert "1100 days" in asked_from(supervisor, {"since": "2001-01-01"}).wrong["since"]


def test_the_spread_and_the_trend(company, made):
    analyst = company.people["analyst"]
    want = asked(analyst, step="week")
    bins = distribution(want.rows(analyst))
    assert [one.n for one in bins] == [1, 0, 1, 0, 0, 0, 0, 1, 0, 2]
    assert (bins[9].low, bins[9].high) == (90, 100)
    points = trend(want.rows(analyst), want)
    # The first of March was a Sunday.
    assert [(one.since.day, one.until.day, one.figures.n) for one in points] == [
        (1, 1, 0), (2, 8, 2), (9, 15, 3), (16, 22, 0), (23, 29, 0), (30, 31, 0),
    ]  # fmt: skip
    assert (points[1].figures.mean, points[2].figures.mean, points[3].figures.mean) == (87.5, 41.67, None)
    days = asked(analyst, step="day")
    by_day = {one.since: one.figures for one in trend(days.rows(analyst), days)}
    assert len(by_day) == 31 and by_day[date(2026, 3, 10)].mean == 12.5
    (month,) = trend(want.rows(analyst), asked(analyst, step="month"))
    assert (month.since, month.until, month.figures.n) == (date(2026, 3, 1), date(2026, 3, 31), 5)


def test_a_day_is_the_company_s_own(company, made, make_conversation):
    """A call at 23:30 UTC is of the next day in Auckland."""
    analyst = company.people["analyst"]
    Evaluation.objects.update(counts=False)
    row = made.scores["best"]
    row.conversation.announced_at = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    row.conversation.save()
    Evaluation.objects.filter(pk=row.pk).update(counts=True)
    assert totals(analyst) == [100]
    with timezone.override("Pacific/Auckland"):
        assert totals(analyst) == []
        april = asked(analyst, since="2026-04-01", until="2026-04-01", step="day")
        (point,) = trend(april.rows(analyst), april)
        assert (point.since, point.figures.n) == (date(2026, 4, 1), 1)


def test_agents_are_compared_within_the_team_of_the_time(company, made):
    analyst, agent = company.people["analyst"], company.people["agent"]

    def rows(user):
        found = groups(user, asked(user, since="2026-02-01"), "agent")
        return [
            (one.name, one.team, one.figures.n, one.figures.mean, one.team_mean, one.against_team)
            for one in found
        ]

    expected = [
        ("Agent", "Billing", 3, 66.67, 50.0, 16.67),
        ("Teammate", "Billing", 1, 0.0, 50.0, -50.0),
        ("Agent", "Sales", 1, 75.0, 87.5, -12.5),
        ("Outsider", "Sales", 1, 100.0, 87.5, 12.5),
    ]
    assert rows(analyst) == expected
    # The team's mean is that of the team, whoever is asked for.
    (billing, _sales) = groups(analyst, asked(analyst, since="2026-02-01", agent=str(agent.pk)), "agent")
    assert (billing.team_mean, billing.team_n) == (50.0, 4)
    # Who moves on takes nothing of their team's past along.
    agent.team = company.other_team
    agent.save()
    assert rows(analyst) == expected
    # A supervisor has the agents of their teams as they are now, and no mean of a team that is not theirs.
    assert rows(company.people["supervisor"]) == [("Teammate", "Billing", 1, 0.0, 0.0, 0.0)]
    assert rows(company.people["other_supervisor"])[0] == ("Agent", "Billing", 3, 66.67, None, None)


def test_teams_queues_and_scorecards(company, made):
    analyst = company.people["analyst"]
    want = asked(analyst)
    teams = groups(analyst, want, "team")
    assert [(one.name, one.figures.n, one.figures.mean) for one in teams] == [
        ("Billing", 4, 50.0),
        ("Sales", 1, 100.0),
    ]
    (queue,) = groups(analyst, want, "queue")
    assert (queue.key, queue.figures.n) == (company.queue.key, 5)
    (card,) = groups(analyst, want, "scorecard")
    assert (card.key, card.name, card.figures.median) == (str(made.template.pk), "Figures", 75.0)


def test_where_points_are_lost_over_revisions(company, made):
    analyst = company.people["analyst"]
    solved, greeted = criteria(asked(analyst).rows(analyst))
    assert (solved.question, solved.n, solved.mean, solved.below, solved.zero) == ("Solved?", 4, 50.0, 2, 2)
    # 30 each of two; of the greeting 10 by the first revision and 20 by the second.
    assert (solved.lost, greeted.lost) == (60.0, 30.0)
    assert (solved.share, greeted.share) == (0.6667, 0.3333)
    assert (greeted.question, greeted.weight, greeted.n, greeted.mean) == ("Greeted by name?", 20, 5, 60.0)


def test_the_heat_map(company, made):
    analyst = company.people["analyst"]
    teams = heat_map(asked(analyst).rows(analyst), asked(analyst))
    assert teams.by == "team" and [one.name for one in teams.columns] == ["Billing", "Sales"]
    greeted, solved = teams.rows
    assert [(one.n, one.mean) for one in greeted.cells] == [(4, 50.0), (1, 100.0)]
    assert solved.cells[0].mean == 50.0 and solved.cells[1] is None
    want = asked(analyst, team=str(company.team.pk))
    agents = heat_map(want.rows(analyst), want)
    assert [(one.name, one.total.n, one.total.mean) for one in agents.columns] == [
        ("Agent", 3, 66.67),
        ("Teammate", 1, 0.0),
    ]
    assert [[(one.n, one.mean) for one in row.cells] for row in agents.rows] == [[(3, 66.67), (1, 0.0)]] * 2


def test_who_sees_what(company, made):
    people = company.people
    assert totals(people["supervisor"]) == [0, 25, 75, 100]
    assert totals(people["other_supervisor"]) == [100]
    # Agents: their own, once released.
    assert totals(people["agent"]) == []
    Evaluation.objects.exclude(pk=made.scores["best"].pk).update(released_at=timezone.now())
    assert totals(people["agent"]) == [25, 75]
    assert totals(people["outsider"]) == [100]
    card = agent_card(people["agent"], people["agent"], asked(people["agent"]))
    assert (card.figures.n, card.figures.mean, [one.team_mean for one in card.teams]) == (2, 50.0, [None])


def test_who_is_to_judge_blind_has_it_in_no_figure(company, made):
    analyst = company.people["analyst"]
    Assignment.objects.create(
        conversation=made.scores["failed"].conversation,
        template=made.template,
        agent=company.people["teammate"],
        assignee=analyst,
        kind="second",
    )
    assert totals(analyst) == [25, 75, 100, 100]
    assert totals(company.people["admin"]) == [0, 25, 75, 100, 100]
    Assignment.objects.update(state="done")
    assert totals(analyst) == [0, 25, 75, 100, 100]


def test_an_agent_s_card(company, made):
    analyst, agent = company.people["analyst"], company.people["agent"]
    card = agent_card(analyst, agent, asked(analyst))
    assert (card.figures.n, card.figures.mean, card.before.n, card.before.mean) == (3, 66.67, 1, 75.0)
    assert card.change == -8.33
    assert [one.question for one in card.weakest] == ["Solved?", "Greeted?"] and card.strongest == []


def test_behind_a_figure_stand_its_evaluations(company, made):
    analyst = company.people["analyst"]

    def behind(**given):
        rows = evaluations_behind(analyst, asked(analyst), narrowed_from(given))
        return {name for name, row in made.scores.items() if row in rows}

    assert behind() == {"best", "good", "poor", "failed", "other"}
    assert behind(criterion=made.solved) == {"best", "good", "poor", "failed"}
    assert behind(criterion=made.solved, lost="1") == {"poor", "failed"}
    assert behind(bin="9") == {"best", "other"} and behind(bin="0") == behind(failed="1") == {"failed"}
    assert narrowed_from({"bin": "10"}).wrong
    # Each part of the distribution is as long as what is behind it.
    bins = distribution(asked(analyst).rows(analyst))
    assert [one.n for one in bins] == [len(behind(bin=str(at))) for at in range(10)]


def test_an_answer_comes_with_its_sentence(company, made):
    row = made.scores["good"]
    said = row.conversation.utterances.get(sequence=2)
    places = [
        {"utterance": str(said.pk), "start": 3, "end": 7, "at_ms": 5_500},
        {"searched": [0, 9_000], "for": "name"},
    ]
    Answer.objects.filter(evaluation=row, criterion_key=made.greeted).update(evidence=places)
    given = answers_given([row], made.greeted)[row.pk]
    assert (given.label, given.score, given.at_ms) == ("No", 0, 5_500)
    assert "<mark>bill</mark>" in given.quotes[0].html and given.quotes[1].wanted == "name"
    assert answers_given([row], "") == answers_given([], made.greeted) == {}


def test_what_evaluators_got_done(company, made):
    people = company.people
    poor, second = made.scores["poor"], made.scores["second"]
    Answer.objects.filter(evaluation=poor, criterion_key=made.solved).update(confidence=0.4)
    Evaluation.objects.filter(pk=poor.pk).update(state="disputed")
    now = timezone.now()
    Evaluation.objects.filter(pk=made.scores["best"].pk).update(needs_person=True)
    found = throughput(people["analyst"], asked(people["analyst"]))
    shown = [
        (one.name, one.n, one.second, one.median_seconds, one.unsure, one.disputed)
        for one in found.evaluators
    ]
    assert shown == [("Analyst", 1, 0, 300.0, 1, 1), ("Admin", 0, 1, 60.0, 0, 0)]
    # It waits since it was judged, which is now.
    assert (found.waiting, found.taken, found.taken_share) == (0, 1, 1.0)
    Evaluation.objects.filter(pk=made.scores["best"].pk).update(
        created_at=datetime(2026, 3, 2, 13, tzinfo=UTC)
    )
    found = throughput(people["analyst"], asked(people["analyst"]))
    assert (found.waiting, found.taken_share) == (1, 0.5)
    # Who does not manage quality sees their own.
    Evaluation.objects.filter(pk=second.pk).update(evaluator=people["supervisor"], submitted_at=now)
    supervisor = throughput(people["supervisor"], asked(people["supervisor"], until=now.date().isoformat()))
    assert [one.name for one in supervisor.evaluators] == ["Supervisor"]


def test_raters_are_compared_in_the_period(company, made):
    analyst = company.people["analyst"]
    Evaluation.objects.filter(pk=made.scores["poor"].pk).update(created_at=datetime(2026, 3, 10, tzinfo=UTC))
    Answer.objects.filter(evaluation=made.scores["replaced by a person"]).update(automatic="no")
    Answer.objects.filter(evaluation__in=Evaluation.objects.filter(kind="calibration")).update(
        automatic="yes"
    )
    spec = made.second.spec
    for one in spec["criteria"]:
        one["method"] = "moment"
    type(made.second).objects.filter(pk=made.second.pk).update(spec=spec)
    (card,) = raters(analyst, asked(analyst))
    greeted, solved = card.criteria
    assert (greeted.automatic.n, greeted.automatic.percent) == (1, 0.0)
    assert (solved.automatic.n, solved.automatic.percent) == (1, 100.0)
    (later,) = raters(analyst, asked(analyst, since="2026-03-11"))
    assert later.criteria[0].automatic.n == 0
    (earlier,) = raters(analyst, asked(analyst, until="2026-03-09"))
    assert earlier.criteria[0].automatic.n == 0
    assert raters(company.people["supervisor"], asked(company.people["supervisor"])) == []


def test_the_team_of_the_time_is_kept(company, made):
    """Who judges a call later, or again, has it in the team that its agent was in then."""
    agent = company.people["agent"]
    conversation = made.scores["best"].conversation
    agent.team = company.other_team
    agent.save()
    assert teams_then(conversation.pk, [agent.pk]) == {agent.pk: company.team.pk}
    row = evaluation_start(
        conversation=conversation,
        template=made.template,
        user=company.people["supervisor"],
        agent_id=agent.pk,
    )
    assert row.team == company.team
