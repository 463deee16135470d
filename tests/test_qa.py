"""Scores: scorecards as revisions, answers with evidence, totals, overrides, who may read and change them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from conversations import events
from conversations.models import ConversationEvent, OutboxJob, Utterance
from conversations.review import quotes
from moments.models import MomentOccurrence
from qa.access import answer_for, evaluation_for, evaluations_visible
from qa.judging.material import Material
from qa.judging.moments import answer as by_moment
from qa.models import Answer, Criterion, Evaluation, QualitySettings, ScorecardRevision, ScorecardTemplate
from qa.scoring import conversation_score
from qa.services import SCORED, answer_override, evaluation_release, scorecard_publish, scorecard_retire
from tests.understanding import call_begin, definition_make

THREAT, OFFER, NOTICE = "i want to cancel it", "i can offer you a discount", "this call is being recorded"


@pytest.fixture
def heard(world):
    with world.northwind.scope():
        notice = definition_make(
            "notice", speaker="agent", phrases=["being recorded"], name="Recording notice"
        )
        threat = definition_make("threat", speaker="customer", phrases=["want to cancel"], name="Threat")
        offer = definition_make("offer", speaker="agent", phrases=["offer you"], name="Offer")
        yield {
            "notice": notice,
            "threat": threat,
            "offer": offer,
            "rude": definition_make("rude", speaker="agent", phrases=["shut up"], name="Rude words"),
            "late": definition_make(
                "late", kind="absence", expected=notice, within_seconds=20, name="No notice"
            ),
        }


@pytest.fixture
def revision(heard):
    template = ScorecardTemplate.objects.create(name="Service call")
    rows = [
        ("Recorded?", 30, "late", "absent", None, False),
        ("Offer after a threat?", 20, "offer", "present", "threat", False),
        ("Polite?", 10, "rude", "absent", None, True),
    ]
    for position, (question, weight, moment, expect, after, fails) in enumerate(rows):
        Criterion.objects.create(
            template=template,
            section="All",
            position=position,
            question=question,
            weight=weight,
            moment=heard[moment],
            expect=expect,
            applies_after=heard[after] if after else None,
            auto_fail=fails,
        )
    return scorecard_publish(template=template, actor=None)


@pytest.fixture
def ended(world, revision, make_conversation):
    """Make an ended conversation, whose (speaker, text, start) were heard by the stages."""

    def make(*lines, agent=None, duration_ms=60_000):
        begun = timezone.now() - timedelta(hours=1)
        conversation = make_conversation(
            agent=agent or world.northwind.people["agent"], state="live", at=begun, lines=[("agent", "hello")]
        )
        call = call_begin("northwind", conversation)
        call.sequence = 1
        for speaker, text, start in lines:
            call.tick(start)
            call.say(speaker, text, start)
        call.end(duration_ms)
        conversation.state = "wrap_up"
        conversation.ended_at = begun + timedelta(milliseconds=duration_ms)
        conversation.save()
        return conversation

    return make


def _answers(evaluation):
    return [answer.value for answer in evaluation.answers.order_by("position")]


def _scored(conversation):
    (evaluation,) = conversation_score(conversation_id=conversation.pk)
    return evaluation


# --- Scorecards ------------------------------------------------------------------------------------------


def test_publishing_twice_writes_one_revision(revision):
    template = revision.template
    assert scorecard_publish(template=template, actor=None) == revision
    template.criteria.filter(position=0).update(weight=40)
    assert scorecard_publish(template=template, actor=None).number == 2
    revision.refresh_from_db()
    assert revision.spec["criteria"][0]["weight"] == 30


def test_a_scorecard_that_cannot_judge_is_refused(heard, revision):
    template = revision.template
    template.criteria.update(weight=0)
    with pytest.raises(ValidationError, match="weight is zero"):
        scorecard_publish(template=template, actor=None)
    template.criteria.update(weight=1, moment=heard["threat"], applies_after=heard["threat"])
    with pytest.raises(ValidationError, match="after itself"):
        scorecard_publish(template=template, actor=None)
    template.criteria.all().delete()
    with pytest.raises(ValidationError, match="no criteria"):
        scorecard_publish(template=template, actor=None)


# --- Judging ---------------------------------------------------------------------------------------------


def test_answers_point_at_what_was_heard_or_at_the_stretch_searched(ended):
    conversation = ended(("agent", NOTICE, 2000), ("customer", THREAT, 30_000), ("agent", OFFER, 35_000))
    evaluation = _scored(conversation)
    assert _answers(evaluation) == ["yes", "yes", "yes"]
    assert (evaluation.total, evaluation.auto_failed) == (Decimal(100), False)
    said = {row.text: row for row in conversation.utterances.all()}
    recorded, offered, polite = evaluation.answers.order_by("position")
    assert recorded.evidence == [{"utterance": str(said[NOTICE].pk), "start": 13, "end": 27, "at_ms": 2000}]
    assert [one["at_ms"] for one in offered.evidence] == [35_000]
    assert polite.evidence == [{"searched": [0, 60_000], "for": "Rude words"}]


def test_a_criterion_whose_condition_did_not_come_about_does_not_count(ended):
    evaluation = _scored(ended(("agent", NOTICE, 2000)))
    assert _answers(evaluation) == ["yes", "na", "yes"]
    assert evaluation.total == Decimal(100)


def test_an_offer_before_the_threat_is_no_answer_to_it(ended):
    evaluation = _scored(ended(("agent", NOTICE, 0), ("agent", OFFER, 5000), ("customer", THREAT, 30_000)))
    assert _answers(evaluation) == ["yes", "no", "yes"]
    assert evaluation.total == Decimal("66.67")
    assert evaluation.answers.get(position=1).evidence == [{"searched": [30_000, 60_000], "for": "Offer"}]


def test_a_notice_that_came_late_is_a_no_with_the_stretch(ended):
    evaluation = _scored(ended(("agent", NOTICE, 30_000)))
    answer = evaluation.answers.get(position=0)
    assert (answer.value, answer.evidence) == ("no", [{"searched": [0, 20_000], "for": "No notice"}])


def test_an_auto_fail_makes_the_total_zero(ended):
    evaluation = _scored(ended(("agent", NOTICE, 0), ("agent", "oh shut up", 10_000)))
    assert (evaluation.total, evaluation.auto_failed) == (Decimal(0), True)
    assert evaluation.answers.get(position=2).evidence[0]["at_ms"] == 10_000


def test_what_nobody_listened_for_is_not_judged(ended, heard, revision):
    conversation = ended(("agent", NOTICE, 0))
    definition_make("new", speaker="agent", phrases=["brand new"])
    from moments.models import MomentDefinition

    revision.template.criteria.filter(position=2).update(moment=MomentDefinition.objects.get(key="new"))
    scorecard_publish(template=revision.template, actor=None)
    assert _answers(_scored(conversation)) == ["yes", "na", "na"]


def test_scoring_twice_scores_once(ended, revision):
    conversation = ended(("agent", NOTICE, 0))
    first = _scored(conversation)
    assert conversation_score(conversation_id=conversation.pk) == []
    revision.template.criteria.filter(position=0).update(weight=40)
    scorecard_publish(template=revision.template, actor=None)
    assert conversation_score(conversation_id=conversation.pk) == []
    assert list(Evaluation.objects.all()) == [first]
    assert OutboxJob.objects.filter(event=SCORED).count() == 1


def test_live_calls_and_retired_scorecards_are_not_judged(ended, revision, make_conversation):
    live = make_conversation(state="live")
    assert conversation_score(conversation_id=live.pk) == []
    scorecard_retire(template=revision.template, actor=None)
    assert conversation_score(conversation_id=ended().pk) == []
    assert not Evaluation.objects.exists()


def test_where_nobody_said_a_word_there_is_no_score(ended):
    conversation = ended()
    Evaluation.objects.all().delete()
    Utterance.objects.filter(conversation=conversation).delete()
    evaluation = _scored(conversation)
    assert (evaluation.unscored, evaluation.total, evaluation.counts) == ("no_words", None, False)
    assert not evaluation.answers.exists() and not OutboxJob.objects.filter(event=SCORED).exists()


def test_a_score_is_an_event_that_explains_itself(ended, django_assert_num_queries):
    conversation = ended(("agent", NOTICE, 0))
    evaluation = _scored(conversation)
    assert not ConversationEvent.objects.filter(kind="score").exists()
    evaluation_release(evaluation=evaluation, user=None)
    assert ConversationEvent.objects.get(conversation=conversation, kind="score").ref == evaluation.pk
    with django_assert_num_queries(2):
        (shown,) = [events.render("score", row) for row in events._KINDS["score"].rows()]
    assert shown["revision"] == {"name": "Service call", "number": 1}
    assert shown["answers"][0]["question"] == "Recorded?"
    assert shown["total"] == 100.0


# --- Overrides -------------------------------------------------------------------------------------------


def test_an_override_keeps_the_automatic_answer_and_reckons_anew(world, ended):
    supervisor = world.northwind.people["supervisor"]
    QualitySettings.objects.create(release="at_once")
    evaluation = _scored(ended(("agent", NOTICE, 0), ("customer", THREAT, 9000)))
    assert evaluation.total == Decimal("66.67")
    answer = answer_for(supervisor, evaluation.answers.get(position=1).pk)
    row = answer_override(
        answer=answer, user=supervisor, value="yes", reason="offered by mail to jo@example.com, heard at 0:40"
    )
    assert (row.total, row.auto_failed) == (Decimal(100), False)
    answer.refresh_from_db()
    assert (answer.value, answer.automatic, answer.overridden_by) == ("yes", "no", supervisor)
    assert "jo@example.com" not in answer.override_reason
    logged = AuditEvent.objects.get(action="answer.override")
    assert (logged.actor, logged.changes) == (supervisor, {"from": "no", "to": "yes"})
    assert ConversationEvent.objects.filter(kind="score").count() == 2
    assert OutboxJob.objects.filter(task="analytics.fact_scored").count() == 2


@pytest.mark.parametrize(("value", "reason"), [("yes", ""), ("yes", "  "), ("maybe", "why not")])
def test_an_override_needs_an_answer_and_a_reason(world, ended, value, reason):
    evaluation = _scored(ended())
    with pytest.raises(ValidationError):
        answer_override(
            answer=evaluation.answers.first(),
            user=world.northwind.people["supervisor"],
            value=value,
            reason=reason,
        )
    assert not Answer.objects.exclude(override_reason="").exists()


@pytest.mark.parametrize(
    ("persona", "reads", "overrides"),
    [
        ("agent", True, False),
        ("teammate", False, False),
        ("outsider", False, False),
        ("supervisor", True, True),
        ("other_supervisor", False, False),
        ("analyst", True, True),
        ("admin", True, True),
    ],
)
def test_who_reads_and_overrides(world, ended, persona, reads, overrides):
    evaluation = _scored(ended())
    user, answer = world.northwind.people[persona], evaluation.answers.first()
    # Not released yet: whoever may change it sees it, its agent does not.
    assert evaluations_visible(user).exists() is (reads and persona != "agent")
    evaluation_release(evaluation=evaluation, user=None)
    assert evaluations_visible(user).exists() is reads
    for allowed, load in [
        (reads, lambda: evaluation_for(user, evaluation.pk)),
        (overrides, lambda: answer_for(user, answer.pk)),
    ]:
        if allowed:
            load()
        else:
            with pytest.raises(Http404):
                load()


def test_another_company_sees_no_scores(world, ended):
    evaluation = _scored(ended())
    with world.acme.scope(), pytest.raises(Http404):
        evaluation_for(world.acme.people["admin"], evaluation.pk)


# --- The admin -------------------------------------------------------------------------------------------


def test_an_admin_writes_and_publishes_a_scorecard(world, heard):
    client = world.northwind.client("admin")
    fields = {
        "name": "Sales call",
        "channels": ["voice"],
        "criteria-TOTAL_FORMS": "1",
        "criteria-INITIAL_FORMS": "0",
        "criteria-0-section": "Opening",
        "criteria-0-question": "Recorded?",
        "criteria-0-weight": "10",
        "criteria-0-active": "on",
        "criteria-0-kind": "yes_no",
        "criteria-0-method": "moment",
        "criteria-0-moment": str(heard["notice"].pk),
        "criteria-0-expect": "present",
        "criteria-0-position": "0",
        "revisions-TOTAL_FORMS": "0",
        "revisions-INITIAL_FORMS": "0",
        "_save": "1",
        "qa_scorecardtemplate_save_and_publish": "1",
    }
    response = client.post(reverse("admin:qa_scorecardtemplate_add"), fields)
    assert response.status_code == 302, response.content
    with world.northwind.scope():
        revision = ScorecardRevision.objects.get()
        assert [one["question"] for one in revision.spec["criteria"]] == ["Recorded?"]
        assert revision.spec["audience"] == {"teams": [], "queues": [], "channels": ["voice"]}
        url = reverse("admin:qa_scorecardtemplate_change", args=[revision.template_id])
    page = client.get(url).content.decode()
    assert "scored by revision 1, as shown here" in page
    # As evaluators will see it; and what was published is switched off, not deleted.
    assert "qa-choice" in page and "criteria-0-DELETE" not in page
    assert b"Sales call" in client.get(reverse("admin:qa_scorecardtemplate_changelist")).content


def test_a_field_of_the_call_is_evidence_by_its_name(world, make_conversation):
    with world.northwind.scope():
        made = definition_make(
            "valued", name="Valued <b>", kind="metadata", field="customer.segment", field_test="present"
        )
        heard = MomentOccurrence(
            conversation=make_conversation(), definition=made, revision=made.revisions.get(), at_ms=4000
        )
        criterion = {"moment": "valued", "applies_after": None, "expect": "present", "missing": None}
        judged = by_moment(criterion, Material(heard.conversation_id, [(0, 9000)], heard=[heard]))
    assert judged.value == "yes" and judged.evidence == [{"marked": "Valued <b>", "at_ms": 4000}]
    [quote] = quotes(judged.evidence, {}, str)
    assert (quote.at_ms, quote.html, quote.until_ms) == (4000, "Valued &lt;b&gt;", None)
