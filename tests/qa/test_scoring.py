"""Scoring at the end of a conversation: parts of several agents, release, doubt, words that move, history anew."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.errors import Conflict
from conversations import events
from conversations.models import CallLedger, CallPhase, ConversationEvent, Handover, OutboxJob, Utterance
from conversations.selectors import items_visible
from qa import scoring
from qa.access import evaluations_visible
from qa.models import Evaluation, QualitySettings
from qa.rescoring import rescore_cancel, rescore_resume, rescore_start, rescore_step
from qa.scoring import conversation_score
from qa.services import SCORED, answer_override, evaluation_release, scorecard_publish
from tests.qa.conftest import OFFER, THREAT


def values(evaluation):
    return [answer.value for answer in evaluation.answers.order_by("position")]


def hold(conversation, from_ms, to_ms):
    at = conversation.started_at
    for phase, ms in (("hold", from_ms), ("connected", to_ms)):
        CallPhase.objects.create(
            conversation=conversation,
            phase=phase,
            at=at + timedelta(milliseconds=ms),
            from_ms=ms,
            key=f"{ms}",
        )


def test_what_people_alone_answer_stays_open(revision, ended):
    row = ended(("agent", OFFER, 9_000))
    hold(row, 20_000, 30_000)
    hold(row, 40_000, 45_000)
    (evaluation,) = conversation_score(conversation_id=row.pk)
    assert values(evaluation) == ["yes", "no", "", "na", ""]
    assert (evaluation.total, evaluation.needs_person) == (Decimal(50), False)
    assert evaluation.judges == {"figure": "figures 1", "moment": "moments 1"}
    offer, holds = evaluation.answers.order_by("position")[:2]
    assert (offer.score, holds.score, holds.evidence[0]["at_ms"]) == (100, 0, 20_000)


def test_each_agent_is_judged_by_their_own_part(company, revision, ended):
    first, second = company.people["agent"], company.people["teammate"]
    row = ended(("agent", OFFER, 9_000), ("customer", THREAT, 30_000), agent=second, duration_ms=90_000)
    Handover.objects.create(
        conversation=row, from_agent=first, to_agent=second, at=timezone.now(), at_ms=40_000
    )
    Utterance.objects.create(
        conversation=row,
        sequence=9,
        speaker="agent",
        channel_index=0,
        start_ms=50_000,
        end_ms=60_000,
        text="let me see",
        provider="test",
    )
    found = {one.agent: one for one in conversation_score(conversation_id=row.pk)}
    assert values(found[first])[0] == "yes" and values(found[second])[0] == "no"
    assert found[second].segments == [[40_000, 90_000]]
    assert found[second].answers.get(position=0).evidence == [{"searched": [40_000, 90_000], "for": "Offer"}]
    # Each sees their own, on the page and in what goes out, and only once it is released.
    assert not evaluations_visible(first).exists()
    for one in found.values():
        evaluation_release(evaluation=one, user=None)
    assert [one.agent for one in evaluations_visible(second)] == [second]
    items = items_visible(second, events.snapshot(row)["items"])
    assert [one["agent"]["name"] for one in items["score"]] == [second.name]
    assert len(items_visible(company.people["supervisor"], events.snapshot(row)["items"])["score"]) == 2


def test_a_score_goes_out_when_it_is_released_and_once(company, revision, ended):
    row = ended(("agent", OFFER, 9_000))
    (evaluation,) = conversation_score(conversation_id=row.pk)
    assert not ConversationEvent.objects.filter(kind="score").exists()
    assert OutboxJob.objects.filter(event=SCORED).count() == 1
    supervisor = company.people["supervisor"]
    evaluation_release(evaluation=evaluation, user=supervisor)
    evaluation_release(evaluation=evaluation, user=supervisor)
    assert ConversationEvent.objects.filter(kind="score").count() == 1


def test_too_short_and_full_of_gaps_get_no_score_but_a_reason(revision, ended):
    short = ended(("agent", OFFER, 9_000), duration_ms=20_000)
    torn = ended(("agent", OFFER, 9_000))
    CallLedger.objects.create(
        conversation=torn,
        source="native",
        announced_at=torn.announced_at,
        gaps=[{"channel": side, "from_ms": 30_000, "to_ms": 50_000, "cause": "line"} for side in (0, 1)],
    )
    for row, why in ((short, "too_short"), (torn, "gaps")):
        (evaluation,) = conversation_score(conversation_id=row.pk)
        assert (evaluation.unscored, evaluation.total, evaluation.counts) == (why, None, False)
        with pytest.raises(Conflict):
            evaluation_release(evaluation=evaluation, user=None)
    QualitySettings.objects.create(shortest_seconds=10, gap_percent=50)
    assert conversation_score(conversation_id=short.pk) == []
    torn.evaluations.all().delete()
    (evaluation,) = conversation_score(conversation_id=torn.pk)
    # Scored by now; of what was not heard of the offer nobody can be sure.
    assert not evaluation.unscored


def test_what_is_unsure_goes_to_people_until_one_has_looked(company, revision, ended):
    row = ended(("agent", OFFER, 9_000))
    Utterance.objects.filter(conversation=row).update(confidence=0.4)
    (evaluation,) = conversation_score(conversation_id=row.pk)
    offer = evaluation.answers.get(position=0)
    assert (offer.value, offer.confidence, evaluation.needs_person) == ("yes", 0.4, True)
    answer_override(answer=offer, user=company.people["supervisor"], value="yes", reason="I heard it, too.")
    evaluation.refresh_from_db()
    assert not evaluation.needs_person


def test_words_that_move_while_judges_look_are_looked_at_again(revision, ended, monkeypatch):
    row = ended(("agent", "nothing to see", 9_000))
    looks, drafts_of = [], scoring.drafts_of

    def look(*args):
        found = drafts_of(*args)
        if not looks:
            Utterance.objects.filter(conversation=row).update(revision=2)
        looks.append(1)
        return found

    monkeypatch.setattr(scoring, "drafts_of", look)
    (evaluation,) = conversation_score(conversation_id=row.pk)
    assert len(looks) == 2 and values(evaluation)[0] == "no"


# --- History anew ---------------------------------------------------------------------------------------


@pytest.fixture
def past(card, revision, ended, company):
    """Three scored calls: one with an offer, one without, and one that a person has touched."""
    rows = [ended(("agent", OFFER, 9_000)), ended(("agent", "no", 9_000)), ended(("agent", "no", 9_000))]
    for row in rows:
        (evaluation,) = conversation_score(conversation_id=row.pk)
    answer_override(
        answer=evaluation.answers.get(position=0),
        user=company.people["analyst"],
        value="yes",
        reason="By mail.",
    )
    card.criteria.filter(question="Offer?").update(weight=30)
    return rows, scorecard_publish(template=card, actor=None)


def test_a_preview_changes_nothing_and_the_run_only_what_nobody_touched(company, past):
    rows, revision = past
    analyst = company.people["analyst"]
    preview = rescore_start(revision=revision, days=2, preview=True, actor=analyst, dispatch=False)
    with pytest.raises(Conflict):
        rescore_start(revision=revision, days=2, preview=False, actor=analyst, dispatch=False)
    assert rescore_step(run_id=preview.pk, told=lambda run: None)
    preview.refresh_from_db()
    assert (preview.state, preview.total, preview.done, preview.changed, preview.kept) == ("done", 3, 3, 1, 1)
    assert (preview.figures["before"], preview.figures["after"]) == ([150, 2], [125, 2])
    assert preview.figures["down"] == 1 and Evaluation.objects.count() == 3

    run = rescore_start(revision=revision, days=2, preview=False, actor=analyst, dispatch=False)
    # Cut off, and gone on with.
    rescore_cancel(run_id=run.pk, actor=analyst)
    assert rescore_step(run_id=run.pk, told=lambda run: None) and Evaluation.objects.count() == 3
    rescore_resume(run_id=run.pk, actor=analyst, dispatch=False)
    while not rescore_step(run_id=run.pk, seconds=0, told=lambda run: None):
        pass
    run.refresh_from_db()
    assert (run.state, run.done, run.kept, run.failed) == ("done", 3, 1, 0), run.last_error
    standing = Evaluation.objects.filter(replaced_at__isnull=True)
    assert {(one.conversation_id, one.revision.number, int(one.total)) for one in standing} == {
        (rows[0].pk, 2, 100),
        (rows[1].pk, 2, 25),
        (rows[2].pk, 1, 100),
    }
    # What was judged before is not lost, and counts no more.
    assert Evaluation.objects.filter(replaced_at__isnull=False, counts=False, revision__number=1).count() == 2


def test_what_an_agent_saw_they_see_anew(company, past):
    rows, revision = past
    evaluation_release(evaluation=rows[1].evaluations.get(), user=None)
    run = rescore_start(revision=revision, days=2, preview=False, actor=None, dispatch=False)
    assert rescore_step(run_id=run.pk, told=lambda run: None)
    (shown,) = evaluations_visible(company.people["agent"]).filter(conversation=rows[1])
    assert (shown.revision.number, shown.total) == (2, 25)
