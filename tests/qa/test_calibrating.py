"""Calibrations: who may take part, blind until scoring is over, what is agreed, and that nothing of it counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import AuditEvent
from analytics.models import ConversationFact
from analytics.services import fact_write
from conversations.models import ConversationEvent
from conversations.selectors import conversations_search
from integrations.webhooks.models import WebhookMessage
from qa.access import evaluations_visible
from qa.agreement import agreement
from qa.calibrating import (
    calibration_cancel,
    calibration_close,
    calibration_create,
    calibration_open,
    calibration_people,
    calibration_scoring_close,
    reference_agree,
)
from qa.calibration_access import calibrated_visible, calibrations_visible
from qa.calibration_room import calibration_shown, results_shown
from qa.decisions import criterion_decide
from qa.evaluating import answer_save, evaluation_discard, evaluation_start, evaluation_submit
from qa.events import released_rows
from qa.models import Answer, Assignment, Criterion, Evaluation, SamplingPlan
from qa.rescoring import rescore_start, rescore_step
from qa.scoring import conversation_score
from qa.services import evaluation_release, scorecard_publish
from qa.work import assignment_create, assignment_drop, assignment_give, plan_draw
from qa.work_access import assignments_visible, draft_for
from tests.qa.conftest import OFFER

ANSWERS = {"Offer?": "yes", "At most one hold?": "yes", "Cause found?": "partly"}


@pytest.fixture
def people(company):
    return company.people


@pytest.fixture
def row(revision, ended):
    found = ended(("agent", OFFER, 9_000))
    (score,) = conversation_score(conversation_id=found.pk)
    evaluation_release(evaluation=score, user=None)
    return found


@pytest.fixture
def planned(row, card, people):
    return calibration_create(
        name="Hard calls",
        template=card,
        calls=[(row, None)],
        participants=[people["supervisor"], people["admin"]],
        leader=people["analyst"],
        actor=people["analyst"],
    )


@pytest.fixture
def session(planned, people):
    return calibration_open(session=planned, actor=people["analyst"])


def begin(session, user):
    work = Assignment.objects.get(calibration__session=session, assignee=user)
    return evaluation_start(
        conversation=work.conversation, template=work.template, user=user, assignment=work
    )


def score(session, user, submit=True, **other):
    """Have somebody answer, as ANSWERS says but for `other` (by the question's first word), and submit."""
    draft = begin(session, user)
    for one in draft.revision.spec["criteria"]:
        value = ANSWERS.get(one["question"])
        value = other.get(one["question"].split()[0].lower().strip("?"), value)
        if value is not None:
            answer_save(evaluation=draft, user=user, key=one["key"], value=value, comment="Heard it.")
    return evaluation_submit(evaluation=draft, user=user) if submit else draft


def key_of(session, question):
    return next(one["key"] for one in session.revision.spec["criteria"] if one["question"] == question)


def discussed(session, people):
    score(session, people["supervisor"])
    score(session, people["admin"], offer="no")
    session.refresh_from_db()
    return session


def test_scoring_is_over_when_all_have_submitted_and_then_answers_stand_side_by_side(session, people):
    score(session, people["supervisor"])
    session.refresh_from_db()
    assert session.state == "open"
    for persona in ("supervisor", "admin", "analyst"):
        shown = calibration_shown(session, people[persona])
        assert [one["submitted"] for one in shown["participants"]] == [0, 1]
        assert shown["figures"] is None and shown["calls"][0]["criteria"] == []
    score(session, people["admin"], offer="no")
    session.refresh_from_db()
    assert session.state == "discussion"
    shown = calibration_shown(session, people["supervisor"])
    first = shown["calls"][0]["criteria"][0]
    # What differs comes first; the automatic judge is one of the raters.
    assert (first["question"], first["different"], first["reference"]) == ("Offer?", 1, None)
    said = {(one["person"] or {}).get("name", "automatic"): one["value"] for one in first["answers"]}
    assert said == {"Admin": "no", "Supervisor": "yes", "automatic": "yes"}
    assert first["answers"][0]["comment"] == "Heard it."
    assert first["answers"][-1]["evidence"][0]["at_ms"] == 9_000
    assert shown["missing"] == ["Offer?"]
    alike = next(one for one in shown["calls"][0]["criteria"] if one["question"] == "Cause found?")
    assert (alike["reference"]["value"], alike["reference"]["how"]) == ("partly", "all_alike")


def test_nobody_in_it_sees_a_score_before_scoring_is_over(row, card, session, people, company):
    for persona in ("supervisor", "admin", "analyst"):
        user = people[persona]
        assert not evaluations_visible(user).exists()
        client = company.client(persona)
        items = client.get(f"/api/v1/conversations/{row.pk}/snapshot/").json()["items"]
        assert items["score"] == []
        told = client.get(f"/api/v1/conversations/{row.pk}/events/").json()["events"]
        assert "score" not in {one["kind"] for one in told}
        (listed,) = conversations_search(user=user, filters={}).rows
        assert listed.score is None
        assert "blind" in client.get(f"/conversations/{row.pk}/?tab=score").content.decode()
    automatic, admin = str(row.evaluations.get(kind="automatic").pk), company.client("admin")
    assert automatic not in admin.get("/admin/qa/evaluation/").content.decode()
    # An evaluation of one's own would show the automatic answers.
    with pytest.raises(Conflict, match="blind"):
        evaluation_start(conversation=row, template=card, user=people["supervisor"])
    own = begin(session, people["supervisor"])
    assert {one.automatic for one in own.answers.all()} == {""}
    # Who has submitted sees no more than the others do.
    score(session, people["supervisor"])
    assert not evaluations_visible(people["supervisor"]).exists()
    score(session, people["admin"])
    assert evaluations_visible(people["supervisor"]).get().kind == "automatic"
    (listed,) = conversations_search(user=people["analyst"], filters={}).rows
    assert listed.score is not None
    assert automatic in admin.get("/admin/qa/evaluation/").content.decode()


def test_its_evaluations_count_nowhere(row, card, moments, session, people, company, monkeypatch):
    automatic = row.evaluations.get(kind="automatic")
    fact_write(row.pk)
    before = ConversationFact.objects.get(conversation=row).score
    events, messages = ConversationEvent.objects.count(), WebhookMessage.objects.count()
    discussed(session, people)
    automatic.refresh_from_db()
    mine = Evaluation.objects.filter(kind="calibration")
    assert mine.count() == 2
    assert set(mine.values_list("counts", "released_at")) == {(False, None)}
    assert automatic.counts
    # Averages and reports, the feed of changes, webhooks, whoever follows the call.
    fact_write(row.pk)
    assert ConversationFact.objects.get(conversation=row).score == before == automatic.total
    assert (ConversationEvent.objects.count(), WebhookMessage.objects.count()) == (events, messages)
    assert not released_rows().filter(kind="calibration").exists()
    # Lists: of scores, of agents, of the API; asked for by their kind they are there for who may see the calibration.
    for persona in ("agent", "supervisor", "analyst", "admin"):
        assert not evaluations_visible(people[persona]).filter(kind="calibration").exists()
        assert str(mine[0].pk) not in company.client(persona).get("/quality/?list=scores").content.decode()

    def listed(persona, query=""):
        return company.client(persona).get(f"/api/v1/scores/{query}").json()["results"]

    assert {one["kind"] for one in listed("analyst")} == {"automatic"}
    assert len(listed("supervisor", "?kind=calibration")) == 2
    assert listed("agent", "?kind=calibration") == listed("other_supervisor", "?kind=calibration") == []
    assert company.client("analyst").get(f"/api/v1/scores/{mine[0].pk}/").status_code == 404
    # Agreement of automatic answers with people, unless it is of calibrations.
    rows = {one.question: one for one in agreement(card, since=timezone.now() - timedelta(days=1), bar=0.6)}
    assert (rows["Offer?"].automatic.n, rows["Offer?"].people.n, rows["Offer?"].calibration) == (0, 0, None)
    # Sampling draws the conversation as if nobody had looked at it.
    monkeypatch.setattr("qa.work.period_start", lambda period, now: now.replace(year=now.year - 1))
    plan = SamplingPlan.objects.create(name="Weekly", template=card, per_agent=1, shortest_seconds=30)
    assert [one.conversation_id for one in plan_draw(plan=plan, seed=1)] == [row.pk]
    # History is scored anew, and leaves them alone.
    run = rescore_start(revision=session.revision, days=1, preview=False, actor=None, dispatch=False)
    rescore_step(run_id=run.pk)
    run.refresh_from_db()
    assert run.kept == 0
    assert mine.filter(replaced_at__isnull=True).count() == 2


def test_who_may_take_part(row, card, planned, people, ended):
    def add(*personas):
        calibration_people(session=planned, add=[people[one] for one in personas], actor=people["analyst"])

    # The agent whose call it is, whoever may not evaluate, whoever may not read it.
    for persona in ("agent", "teammate", "other_supervisor"):
        with pytest.raises(ValidationError):
            add(persona)
    own = ended(("agent", OFFER, 9_000), agent=people["supervisor"])
    fields = {"name": "Own", "template": card, "leader": people["analyst"], "actor": people["analyst"]}
    with pytest.raises(ValidationError, match="their own"):
        calibration_create(calls=[(own, None)], participants=[people["supervisor"]], **fields)
    with pytest.raises(ValidationError, match="twice"):
        calibration_create(calls=[(row, None), (row, None)], participants=[], **fields)
    with pytest.raises(ValidationError, match="no part"):
        calibration_create(calls=[(row, people["outsider"].pk)], participants=[], **fields)
    # Whoever has judged it knows the automatic answers.
    calibration_cancel(session=planned, actor=people["analyst"])
    evaluation_start(conversation=row, template=card, user=people["admin"])
    with pytest.raises(ValidationError, match="before"):
        calibration_create(calls=[(row, None)], participants=[people["admin"]], **fields)
    alone = calibration_create(calls=[(row, None)], participants=[people["supervisor"]], **fields)
    with pytest.raises(Conflict, match="two"):
        calibration_open(session=alone, actor=people["analyst"])


def test_people_come_and_go_until_scoring_is_over(session, people):
    analyst, admin = people["analyst"], people["admin"]
    draft = score(session, admin, submit=False)
    calibration_people(session=session, remove=[admin], actor=analyst)
    with pytest.raises(Conflict, match="over"):
        evaluation_submit(evaluation=draft, user=admin)
    # Who comes back goes on where they were.
    calibration_people(session=session, add=[admin, analyst], actor=analyst)
    assert evaluation_submit(evaluation=draft, user=admin).state == "submitted"
    score(session, people["supervisor"])
    # All that are left have submitted.
    calibration_people(session=session, remove=[analyst], actor=analyst)
    session.refresh_from_db()
    assert session.state == "discussion"
    with pytest.raises(Conflict):
        calibration_people(session=session, add=[analyst], actor=analyst)
    assert AuditEvent.objects.filter(action="calibration.people").count() == 3


def test_what_is_not_submitted_counts_as_not_given(session, people):
    analyst = people["analyst"]
    with pytest.raises(Conflict, match="Nobody"):
        calibration_scoring_close(session=session, actor=analyst)
    score(session, people["supervisor"])
    late = score(session, people["admin"], submit=False)
    calibration_scoring_close(session=session, actor=analyst)
    for work in (
        lambda: evaluation_submit(evaluation=late, user=people["admin"]),
        lambda: answer_save(evaluation=late, user=people["admin"], key=key_of(session, "Offer?"), value="no"),
        lambda: evaluation_discard(evaluation=late, user=people["admin"]),
        lambda: begin(session, people["admin"]),
    ):
        with pytest.raises(Conflict, match="over"):
            work()
    session.refresh_from_db()
    shown = calibration_shown(session, analyst)
    raters = [(one["person"] or {}).get("name") for one in shown["calls"][0]["raters"]]
    assert raters == ["Supervisor", None]


def test_an_evaluation_keeps_the_sessions_revision(card, planned, people):
    Criterion.objects.filter(question="Offer?").update(active=False)
    scorecard_publish(template=card, actor=None)
    session = calibration_open(session=planned, actor=people["analyst"])
    draft = begin(session, people["supervisor"])
    assert draft.revision.number == 1 and draft.answers.count() == 5
    assert begin(session, people["supervisor"]).pk == draft.pk


def test_what_is_agreed_has_a_reason_and_closes_it(card, session, people):
    analyst = people["analyst"]
    with pytest.raises(Conflict):
        calibration_close(session=session, actor=analyst)
    discussed(session, people)
    (call,) = session.calls.all()
    offer = key_of(session, "Offer?")

    def agree(key=offer, value="yes", reason="The words are there; jo@example.com knows."):
        return reference_agree(session=session, call=call, key=key, value=value, reason=reason, actor=analyst)

    with pytest.raises(Conflict, match="Offer"):
        calibration_close(session=session, actor=analyst)
    for wrong in ({"reason": " "}, {"value": "maybe"}, {"value": ""}, {"key": "none"}):
        with pytest.raises(ValidationError):
            agree(**wrong)
    agree(value="no")
    assert "jo@example.com" not in agree().reason
    calibration_close(session=session, actor=analyst)
    with pytest.raises(Conflict):
        agree()
    found = results_shown(card, since=timezone.now() - timedelta(days=1))
    row = next(one for one in found["criteria"] if one["question"] == "Offer?")
    assert (row["people"]["n"], row["people"]["percent"], row["people"]["points"]) == (2, 50, 50)
    assert (row["automatic"]["n"], row["automatic"]["percent"], row["raters"]) == (1, 100, 3)
    # Three said yes, no, yes: 3 values. Disagreeing 4 pairs by 1/2 = 2; by chance 2*1*2/2 = 2: as by chance.
    assert row["alpha"] == pytest.approx(0)
    assert [one["people"]["n"] for one in found["trend"]] == [6]
    # A later judgement, or an override of the automatic answer, changes no past figure.
    Answer.objects.filter(evaluation__kind="automatic", criterion_key=offer).update(value="no")
    assert results_shown(card, since=timezone.now() - timedelta(days=1))["criteria"] == found["criteria"]


def test_a_reference_rater_is_the_measure(row, card, people):
    session = calibration_create(
        name="Master",
        template=card,
        calls=[(row, None)],
        participants=[people["supervisor"], people["admin"]],
        reference_rater=people["admin"],
        leader=people["analyst"],
        actor=people["analyst"],
    )
    discussed(calibration_open(session=session, actor=people["analyst"]), people)
    session.refresh_from_db()
    calibration_close(session=session, actor=people["analyst"])
    shown = calibration_shown(session, people["analyst"])
    offer = next(one for one in shown["calls"][0]["criteria"] if one["question"] == "Offer?")
    assert (offer["reference"]["value"], offer["reference"]["how"]) == ("no", "rater")
    raters = {(one["person"] or {}).get("name", "automatic"): one["n"] for one in shown["figures"]["raters"]}
    # Nobody is compared with themselves; the judge answered two.
    assert raters == {"Supervisor": 3, "automatic": 2}


def test_lists_show_to_each_what_is_theirs(session, people):
    work = Assignment.objects.get(assignee=people["supervisor"])
    assert work in assignments_visible(people["supervisor"])
    assert work not in assignments_visible(people["analyst"])
    for refused in (
        lambda: assignment_drop(assignment=work, actor=people["analyst"]),
        lambda: assignment_give(assignment=work, assignee=None, actor=people["analyst"]),
    ):
        with pytest.raises(Conflict):
            refused()
    assert session in calibrations_visible(people["supervisor"])
    assert session not in calibrations_visible(people["other_supervisor"])
    assert not calibrations_visible(people["agent"]).exists()
    draft = begin(session, people["supervisor"])
    with pytest.raises(Http404):
        draft_for(people["admin"], draft.pk)
    assert not calibrated_visible(people["analyst"]).exists()


def test_calibrations_warn_of_a_criterion_and_somebody_decides(card, session, people, monkeypatch):
    monkeypatch.setattr("qa.agreement.PAIRS_MIN", 1)
    analyst, since = people["analyst"], timezone.now() - timedelta(days=1)
    discussed(session, people)
    (call,) = session.calls.all()
    offer = key_of(session, "Offer?")
    reference_agree(session=session, call=call, key=offer, value="no", reason="Too late.", actor=analyst)
    calibration_close(session=session, actor=analyst)

    def figures():
        return next(one for one in agreement(card, since=since, bar=0.6) if one.key == offer)

    # The judge said yes, the reference is no: one pair, nothing the same.
    assert (figures().calibration.n, figures().calibration.kappa, figures().warned) == (1, 0, True)
    assert figures().automatic.n == 0
    with pytest.raises(ValidationError):
        criterion_decide(template=card, key=offer, decision="people", reason="", actor=analyst)
    kept = criterion_decide(template=card, key=offer, decision="automatic", reason="One call.", actor=analyst)
    assert (kept.kappa, kept.pairs, figures().decision) == (0, 1, kept)
    assert Criterion.objects.get(pk=offer).method == "moment"
    criterion_decide(template=card, key=offer, decision="people", reason="It is late.", actor=analyst)
    assert Criterion.objects.get(pk=offer).method == "person"
    assert AuditEvent.objects.filter(action="criterion.decide").count() == 2
    # From the next revision on it is for people, and there is nothing more to decide.
    scorecard_publish(template=card, actor=None)
    assert (figures().automatic, figures().warned) == (None, False)
    with pytest.raises(ValidationError):
        criterion_decide(template=card, key=offer, decision="people", reason="Again.", actor=analyst)


def test_an_assignment_of_another_kind_is_as_it_was(row, card, people):
    given = assignment_create(conversation=row, template=card, actor=None, assignee=people["analyst"])
    assert given in assignments_visible(people["admin"])
    assignment_drop(assignment=given, actor=people["admin"])
