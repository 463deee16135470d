"""Scorecards as they are published: every kind of criterion, conditions, audience, and what is refused."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from qa.models import Criterion, Evaluation, ScorecardRevision
from qa.scorecards import scorecard_complaints
from qa.scoring import conversation_score
from qa.services import scorecard_publish
from tests.qa.conftest import OFFER


def change(card, question, **fields):
    card.criteria.filter(question=question).update(**fields)


def test_a_revision_has_every_kind_and_what_stands_beside_it(card, revision):
    spec = {one["question"]: one for one in revision.spec["criteria"]}
    assert [one["kind"] for one in revision.spec["criteria"]] == [
        "yes_no",
        "yes_no",
        "choice",
        "scale",
        "text",
    ]
    assert spec["How well told?"]["depends_on"] == spec["Cause found?"]["key"]
    assert spec["How well told?"]["depends_values"] == ["fully"]
    assert spec["Offer?"]["coaching_tip"] == "Offer before they ask."
    # What is switched off is no longer asked; what was published stays as it was.
    change(card, "At most one hold?", active=False)
    later = scorecard_publish(template=card, actor=None)
    assert (later.number, len(later.spec["criteria"])) == (2, 4)
    assert len(ScorecardRevision.objects.get(number=1).spec["criteria"]) == 5


@pytest.mark.parametrize(
    ("question", "fields", "said"),
    [
        ("Cause found?", {"options": []}, "two answers or more"),
        ("How well told?", {"low": 5}, "whole numbers"),
        ("How well told?", {"high": 40}, "whole numbers"),
        ("How well told?", {"depends_values": ["mostly"]}, "cannot be answered “mostly”"),
        ("How well told?", {"depends_values": []}, "with which answers"),
        ("Words for the agent", {"weight": 5}, "weight 0"),
        ("Offer?", {"moment": None}, "choose the moment"),
        ("Offer?", {"kind": "scale", "low": 1, "high": 5}, "of the kind: yes or no"),
        ("Offer?", {"method": "oracle"}, "nothing here answers by “oracle”"),
        ("Offer?", {"method": "behaviour", "behaviour": "empathy"}, "no published policy"),
        ("Offer?", {"method": "intent"}, "name the task"),
        ("At most one hold?", {"limit": None}, "limit of the figure"),
        ("Cause found?", {"active": False}, "switched off"),
    ],
)
def test_a_criterion_that_cannot_be_asked_is_refused_in_words(card, question, fields, said):
    change(card, question, **fields)
    with pytest.raises(ValidationError, match=said):
        scorecard_publish(template=card, actor=None)


def test_weights_of_zero_and_rings_are_refused(card):
    first, last = card.criteria.get(question="Cause found?"), card.criteria.get(question="How well told?")
    change(card, "Cause found?", depends_on=last, depends_values=["5"])
    (said,) = [one for one in scorecard_complaints(card) if "wait for one another" in one]
    assert "“Cause found?” → “How well told?” → “Cause found?”" in said
    Criterion.objects.filter(pk=first.pk).update(depends_on=None)
    card.criteria.update(weight=0)
    with pytest.raises(ValidationError, match="weight is zero"):
        scorecard_publish(template=card, actor=None)


def test_a_scorecard_judges_whom_it_is_for(company, card, ended):
    card.teams.set([company.team])
    card.queues.set([company.queue])
    card.channels = ["voice"]
    card.save()
    scorecard_publish(template=card, actor=None)
    line = ("agent", OFFER, 9_000)
    (evaluation,) = conversation_score(conversation_id=ended(line).pk)
    assert (evaluation.agent, evaluation.team) == (company.people["agent"], company.team)
    assert not conversation_score(conversation_id=ended(line, agent=company.people["outsider"]).pk)
    assert not conversation_score(conversation_id=ended(line, channel="chat").pk)
    assert Evaluation.objects.count() == 1


def test_an_evaluation_keeps_its_revision(card, revision, ended):
    (evaluation,) = conversation_score(conversation_id=ended(("agent", OFFER, 9_000)).pk)
    card.criteria.filter(question="Offer?").update(question="Offered something?", weight=90)
    scorecard_publish(template=card, actor=None)
    evaluation.refresh_from_db()
    assert evaluation.revision == revision
    assert evaluation.revision.spec["criteria"][0]["question"] == "Offer?"
