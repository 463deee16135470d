"""Evaluations by people: drafts, evidence, submission, what their agents say, disputes, and who sees what blind."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Conflict
from accounts.ids import new_id
from qa.access import evaluations_visible
from qa.agreement import agreement
from qa.evaluating import (
    answer_save,
    dispute_resolve,
    evaluation_acknowledge,
    evaluation_discard,
    evaluation_dispute,
    evaluation_start,
    evaluation_submit,
)
from qa.models import Answer, Assignment, Dispute, Evaluation
from qa.scoring import conversation_score
from qa.services import scorecard_publish
from qa.work import assignment_create
from qa.work_access import assignments_visible, draft_for
from tests.qa.conftest import OFFER


@pytest.fixture
def row(revision, ended):
    found = ended(("agent", OFFER, 9_000))
    conversation_score(conversation_id=found.pk)
    return found


@pytest.fixture
def analyst(company):
    return company.people["analyst"]


@pytest.fixture
def draft(row, card, analyst):
    return evaluation_start(conversation=row, template=card, user=analyst)


@pytest.fixture
def answering(draft, analyst):
    keys = {one["question"]: one["key"] for one in draft.revision.spec["criteria"]}

    def give(question, value=None, **fields):
        return answer_save(evaluation=draft, user=analyst, key=keys[question], value=value, **fields)

    return give


def submitted(answering, draft, analyst):
    for question, value in (("Offer?", "yes"), ("At most one hold?", "no"), ("Cause found?", "partly")):
        answering(question, value)
    return evaluation_submit(evaluation=draft, user=analyst, comment="Well met.")


def values(evaluation):
    return [one.value for one in evaluation.answers.order_by("position")]


def test_a_draft_is_answered_one_by_one_and_counts_once_submitted(row, company, draft, answering, analyst):
    assert evaluation_start(conversation=row, template=draft.revision.template, user=analyst).pk == draft.pk
    # The automatic answers stand beside it.
    assert [one.automatic for one in draft.answers.all()] == ["yes", "yes", "", "na", ""]
    now = answering("Cause found?", "fully", spent_seconds=40)
    assert (now.total, now.spent_seconds) == (Decimal(100), 40)
    # What hangs on an answer applies with it, and not without.
    answering("How well told?", "3")
    now = answering("Cause found?", "partly")
    assert values(now)[2:4] == ["partly", "na"] and now.total == Decimal(50)
    # What applies again is asked again, not taken for N/A.
    assert values(answering("Cause found?", "fully"))[2:4] == ["fully", ""]
    answering("Cause found?", "partly")
    with pytest.raises(ValidationError, match="Offer"):
        evaluation_submit(evaluation=draft, user=analyst)
    automatic = row.evaluations.get(kind="automatic")
    assert automatic.counts
    done = submitted(answering, draft, analyst)
    assert (done.state, done.total, done.released_at is not None) == ("submitted", Decimal(50), True)
    automatic.refresh_from_db()
    done.refresh_from_db()
    assert (automatic.counts, done.counts) == (False, True)
    for late in (
        lambda: answering("Offer?", "no"),
        lambda: evaluation_submit(evaluation=draft, user=analyst),
        lambda: evaluation_discard(evaluation=draft, user=analyst),
    ):
        with pytest.raises(Conflict):
            late()


def test_evidence_is_words_of_the_transcript_and_comments_are_redacted(row, answering):
    said = row.utterances.get(text=OFFER)
    place = {"utterance": str(said.pk), "start": 2, "end": 11}
    now = answering("Offer?", evidence=[place], comment="Mail jo@example.com about it.")
    answer = now.answers.all()[0]
    assert answer.evidence == [{**place, "at_ms": 9_000}]
    assert "jo@example.com" not in answer.comment
    for wrong in ({**place, "end": 400}, {**place, "utterance": "01a1fb5b-0000-7000-8000-000000000000"}):
        with pytest.raises(ValidationError):
            answering("Offer?", evidence=[wrong])


def test_a_draft_keeps_its_revision_when_the_scorecard_changes(card, draft, answering, analyst):
    card.criteria.filter(question="Offer?").update(active=False)
    scorecard_publish(template=card, actor=None)
    done = submitted(answering, draft, analyst)
    assert (done.revision.number, len(values(done))) == (1, 5)


def test_nobody_evaluates_themselves_or_twice(row, card, company, draft, answering, analyst):
    with pytest.raises(Conflict):
        evaluation_start(conversation=row, template=card, user=company.people["agent"])
    submitted(answering, draft, analyst)
    with pytest.raises(Conflict, match="already"):
        evaluation_start(conversation=row, template=card, user=analyst)


def test_its_agent_reads_disputes_and_gets_an_answer(company, draft, answering, analyst):
    agent = company.people["agent"]
    assert not evaluations_visible(agent).exists()
    done = submitted(answering, draft, analyst)
    assert [one.pk for one in evaluations_visible(agent)] == [done.pk]
    with pytest.raises(Conflict):
        evaluation_acknowledge(evaluation=done, user=company.people["teammate"])
    assert evaluation_acknowledge(evaluation=done, user=agent).state == "acknowledged"
    holds = Answer.objects.get(evaluation=done, position=1)
    with pytest.raises(ValidationError):
        evaluation_dispute(evaluation=done, user=agent, reason=" ")
    dispute = evaluation_dispute(evaluation=done, user=agent, reason="I held once.", answer_id=holds.pk)
    assert dispute.due_at > timezone.now() + timedelta(days=4)
    with pytest.raises(Conflict):
        evaluation_dispute(evaluation=done, user=agent, reason="Again.")
    with pytest.raises(ValidationError, match="right"):
        dispute_resolve(dispute=dispute, user=company.people["supervisor"], accept=True, reason="Heard it.")
    settled = dispute_resolve(
        dispute=dispute, user=company.people["supervisor"], accept=True, reason="Heard it.", value="yes"
    )
    assert (settled.state, settled.total) == ("resolved", Decimal("83.33"))
    holds.refresh_from_db()
    assert (holds.value, holds.overridden_by) == ("yes", company.people["supervisor"])
    with pytest.raises(Conflict):
        dispute_resolve(dispute=dispute, user=analyst, accept=False, reason="No.")


def test_a_dispute_comes_in_time_or_not_at_all(company, draft, answering, analyst):
    done = submitted(answering, draft, analyst)
    Evaluation.objects.filter(pk=done.pk).update(released_at=timezone.now() - timedelta(days=8))
    with pytest.raises(Conflict, match="7 days"):
        evaluation_dispute(evaluation=done, user=company.people["agent"], reason="Late.")
    assert not Dispute.objects.exists()


def test_a_second_review_is_blind_both_ways(row, card, company, draft, answering, analyst):
    second = company.people["admin"]
    given = assignment_create(
        conversation=row, template=card, actor=analyst, assignee=second, kind=Evaluation.Kind.SECOND
    )
    submitted(answering, draft, analyst)
    # Whoever is to judge it sees nothing of what others found; others see nothing of a second review.
    assert not evaluations_visible(second).exists()
    assert evaluations_visible(analyst).count() == 2
    assert given not in assignments_visible(analyst)
    own = evaluation_start(conversation=row, template=card, user=second, assignment=given)
    assert {one.automatic for one in own.answers.all()} == {""}
    with pytest.raises(Http404):
        draft_for(analyst, own.pk)
    for criterion in own.revision.spec["criteria"]:
        if criterion["kind"] not in {"text", "scale"}:
            value = "fully" if criterion["kind"] == "choice" else "yes"
            answer_save(evaluation=own, user=second, key=criterion["key"], value=value)
    scale = next(one for one in own.revision.spec["criteria"] if one["kind"] == "scale")
    answer_save(evaluation=own, user=second, key=scale["key"], value="5")
    done = evaluation_submit(evaluation=own, user=second)
    assert (done.counts, done.released_at) == (False, None)
    given.refresh_from_db()
    assert given.state == Assignment.State.DONE
    assert own not in evaluations_visible(analyst) and evaluations_visible(second).count() == 2


def test_agreement_goes_by_who_judged_blind(row, card, company, draft, answering, analyst, monkeypatch):
    submitted(answering, draft, analyst)
    monkeypatch.setattr("qa.agreement.PAIRS_MIN", 1)
    since = timezone.now() - timedelta(days=1)

    def figures():
        return {one.question: one for one in agreement(card, since=since, bar=0.6)}

    found = figures()
    # The automatic yes and yes; a person said yes and no.
    assert (found["Offer?"].automatic.n, found["Offer?"].automatic.percent) == (1, 100)
    assert found["Offer?"].automatic.kappa is None and not found["Offer?"].automatic.low
    holds = found["At most one hold?"].automatic
    assert (holds.percent, holds.points, holds.kappa, holds.low) == (0, 100, 0, True)
    assert found["Cause found?"].automatic is None and found["Cause found?"].people.n == 0
    # A second review takes the first one's place against the judge, and stands beside it among people.
    second = Evaluation.objects.get(pk=draft.pk)
    answers = list(second.answers.all())
    second.pk, second.kind, second.evaluator = None, "second", company.people["admin"]
    second.id = new_id()
    second.save(force_insert=True)
    for one in answers:
        one.id, one.evaluation, one._state.adding = new_id(), second, True
        if one.position == 1:
            one.value, one.score = "yes", 100
        one.save(force_insert=True)
    found = figures()
    assert found["At most one hold?"].automatic.percent == 100
    assert (found["At most one hold?"].people.n, found["At most one hold?"].people.percent) == (1, 0)
    assert found["Cause found?"].people.percent == 100
