"""A language model that was away: what it could not answer is asked again, and history is not asked about silently."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import AuditEvent
from providers.models import ChatServer
from qa import retries
from qa.agreement import agreement
from qa.api.rescores import rescore_shown
from qa.models import Answer, Criterion, Evaluation
from qa.rescoring import rescore_resume, rescore_start, rescore_step
from qa.retries import answers_retry, evaluation_retry
from qa.scoring import conversation_score
from qa.selectors import AFTER_MINUTES
from qa.services import answer_override, evaluation_release, scorecard_publish
from tests.qa.asked import CAUSE, SAID, answers, person_judges, score, verdict, verdicts

LATER = timedelta(seconds=1)


def due():
    Evaluation.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now() - LATER)


HELD = {"question": "Holds", "method": "figure", "figure": "holds", "limit": 1}


def test_an_hour_later_it_answers_and_what_hung_on_it_is_answered_too(asks, peer, ended, rested):
    asks({"question": "Cause told?"}, HELD)
    card = Criterion.objects.get(question="Cause told?").template
    cause = card.criteria.get(question="Cause told?")
    Criterion.objects.create(
        template=card,
        position=9,
        question="No hold then?",
        method="figure",
        figure="holds",
        limit=0,
        depends_on=cause,
        depends_values=["yes"],
    )
    scorecard_publish(template=card, actor=None)
    peer.script = ["cut"] * 3
    found = score(ended)
    assert [one.value for one in answers(found)] == ["", "yes", "na"]
    assert found.retry_at > timezone.now() and answers_retry() == 0

    # Down for an hour: each try is counted, each later than the one before, and nothing is changed.
    for tries in range(1, 4):
        due()
        rested()
        peer.script = ["cut"] * 3
        assert answers_retry() == 0
        found.refresh_from_db()
        assert found.tries == tries and found.needs_person and found.total == 100
        wait = found.retry_at - timezone.now()
        assert timedelta(minutes=AFTER_MINUTES[tries] - 1) < wait <= timedelta(minutes=AFTER_MINUTES[tries])

    due()
    rested()
    peer.script = [verdicts(verdict(words=CAUSE))]
    assert answers_retry() == 1
    found.refresh_from_db()
    assert [one.value for one in answers(found)] == ["yes", "yes", "yes"]
    assert (found.total, found.needs_person, found.retry_at) == (Decimal(100), False, None)
    assert found.judges["model"] == "model 1 · ours-8b · prompt 0"
    entry = AuditEvent.objects.get(action="evaluation.retried")
    assert (entry.actor, entry.changes) == (None, {"tries": 4})
    assert Evaluation.objects.count() == 1


def test_it_is_not_tried_for_ever(asks, peer, ended, rested):
    asks({})
    peer.script = ["500"] * 3
    found = score(ended)
    Evaluation.objects.update(tries=len(AFTER_MINUTES) - 1)
    due()
    rested()
    peer.script = ["500"] * 3
    assert evaluation_retry(evaluation_id=found.pk) == ({"broken"}, False)
    found.refresh_from_db()
    assert found.retry_at is None and found.needs_person


@pytest.mark.parametrize("how", ["override", "release", "replace"])
def test_what_people_have_touched_is_theirs(asks, peer, ended, company, how, rested):
    asks({}, HELD)
    peer.script = ["cut"] * 3
    found = score(ended)
    if how == "override":
        answer_override(
            answer=answers(found)[1], user=company.people["supervisor"], value="no", reason="I heard two."
        )
    elif how == "release":
        evaluation_release(evaluation=found, user=company.people["supervisor"])
    else:
        Evaluation.objects.update(replaced_at=timezone.now(), counts=False)
    due()
    rested()
    asked = len(peer.requests)
    assert answers_retry() == 0 and len(peer.requests) == asked
    found.refresh_from_db()
    assert found.retry_at is None and answers(found)[0].value == ""


def test_one_that_cannot_be_judged_does_not_hold_up_the_others(asks, peer, ended, rested, monkeypatch):
    asks({})
    peer.script = ["500"] * 6
    first, second = score(ended), score(ended)
    due()
    rested()
    read = retries.materials_of

    def broken(conversation):
        if conversation.pk == first.conversation_id:
            raise RuntimeError("odd row")
        return read(conversation)

    monkeypatch.setattr(retries, "materials_of", broken)
    peer.script = [verdicts(verdict(words=CAUSE))]
    assert answers_retry() == 1
    second.refresh_from_db()
    first.refresh_from_db()
    assert (second.retry_at, first.tries) == (None, 1) and first.retry_at > timezone.now()


# --- History anew ---------------------------------------------------------------------------------------


def run_through(run):
    assert rescore_step(run_id=run.pk, told=lambda run: None)
    run.refresh_from_db()
    return run


@pytest.fixture
def past(asks, peer, ended):
    """Two calls that a model has judged, and a newer revision in which one of two questions is another."""
    asks({"question": "Cause told?"}, {"question": "Polite?"}, HELD)
    peer.script = [verdicts(verdict(1, words=CAUSE), verdict(2, "no", looked_for="please"))] * 2
    # Other words: the same request is answered from memory.
    rows = [score(ended), score(ended, *SAID[:3], ("customer", "thanks for that", 30_000))]
    card = rows[0].revision.template
    card.criteria.filter(question="Polite?").update(guideline="Says please.")
    peer.requests.clear()
    return rows, scorecard_publish(template=card, actor=None)


def test_a_preview_asks_nobody_and_says_what_asking_would_take(past, peer):
    _rows, revision = past
    with pytest.raises(ValidationError, match="asks no language model"):
        rescore_start(revision=revision, days=2, preview=True, with_model=True, actor=None, dispatch=False)
    run = run_through(rescore_start(revision=revision, days=2, preview=True, actor=None, dispatch=False))
    assert peer.requests == [] and run.done == 2
    shown = rescore_shown(run)
    assert shown["model"]["requests"] == 2
    assert shown["model"]["tokens_in"] > 800 and shown["model"]["tokens_out"] == 2 * 2 * 90
    cost = (shown["model"]["tokens_in"] * 2 + shown["model"]["tokens_out"] * 10) / Decimal(1_000_000)
    assert shown["model"]["cost"] == cost.quantize(Decimal("0.000001"))


def test_without_consent_what_the_model_said_stays_and_what_is_new_is_for_people(past, peer):
    rows, revision = past
    run = run_through(rescore_start(revision=revision, days=2, preview=False, actor=None, dispatch=False))
    assert peer.requests == [] and run.failed == 0
    standing = Evaluation.objects.filter(replaced_at__isnull=True)
    assert standing.count() == 2 and {one.revision for one in standing} == {revision}
    cause, polite, _held = answers(standing[0])
    before = answers(rows[0])[0]
    assert (cause.value, cause.judge, cause.reason) == (before.value, before.judge, before.reason)
    assert (polite.value, polite.open_why) == ("", "not_asked")
    assert all(one.needs_person and one.retry_at is None for one in standing)


def test_with_consent_it_asks_and_stops_where_the_model_is_away(past, peer, rested):
    _rows, revision = past

    def start():
        return rescore_start(
            revision=revision, days=2, preview=False, with_model=True, actor=None, dispatch=False
        )

    with pytest.raises(ValidationError, match="Make a preview"):
        start()
    run_through(rescore_start(revision=revision, days=2, preview=True, actor=None, dispatch=False))
    anew = verdicts(verdict(1, words=CAUSE), verdict(2, words="i am sorry to hear that"))
    peer.script = [anew, "cut", "cut", "cut"]
    run = run_through(start())
    assert (run.state, run.done, run.last_error) == ("failed", 1, "the language model was away")
    standing = Evaluation.objects.filter(replaced_at__isnull=True)
    # The one that could not be judged has what it had.
    assert sorted(one.revision.number for one in standing) == [1, 2]
    assert not Answer.objects.filter(evaluation__in=standing, value="").exists()
    rested()
    peer.script = [anew]
    rescore_resume(run_id=run.pk, actor=None, dispatch=False)
    run = run_through(run)
    assert (run.state, run.done, run.failed) == ("done", 2, 0)
    assert {one.revision for one in standing.all()} == {revision}


def test_one_answer_that_cannot_be_read_costs_one_conversation_its_turn(past, peer, rested):
    _rows, revision = past
    run_through(rescore_start(revision=revision, days=2, preview=True, actor=None, dispatch=False))
    anew = verdicts(verdict(1, words=CAUSE), verdict(2, words="i am sorry to hear that"))
    peer.script = ["say:no idea", "say:none", anew]
    run = run_through(
        rescore_start(revision=revision, days=2, preview=False, with_model=True, actor=None, dispatch=False)
    )
    assert (run.state, run.done, run.failed) == ("done", 2, 1)
    standing = Evaluation.objects.filter(replaced_at__isnull=True)
    assert sorted(one.revision.number for one in standing) == [1, 2]


# --- Raters ----------------------------------------------------------------------------------------------


def test_agreement_tells_models_apart(asks, peer, ended, company):
    revision = asks({})
    peer.script = [verdicts(verdict(words=CAUSE))] * 2
    first = score(ended)
    ChatServer.objects.update(model="other-70b")
    second = score(ended, *SAID[:3], ("customer", "thanks for that", 30_000))
    person_judges(first, company.people["analyst"], "yes")
    person_judges(second, company.people["analyst"], "no")
    [row] = agreement(revision.template, since=timezone.now() - timedelta(days=1), bar=0.6)
    assert row.automatic.n == 2 and row.automatic.percent == 50
    assert {one.judge: one.agreed.percent for one in row.judges} == {
        "model 1 · ours-8b · prompt 0": 100,
        "model 1 · other-70b · prompt 0": 0,
    }


def test_conversation_score_twice_asks_once(asks, peer, ended):
    asks({})
    peer.script = [verdicts(verdict(words=CAUSE))]
    row = ended(*SAID)
    conversation_score(conversation_id=row.pk)
    assert conversation_score(conversation_id=row.pk) == []
    assert len(peer.requests) == 1
