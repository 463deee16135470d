"""Moments, a scorecard and calls that were heard: what the tests of quality begin with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from qa.models import Criterion, ScorecardTemplate
from qa.services import scorecard_publish
from tests.understanding import call_begin, definition_make

OFFER = "i can offer you a discount"
THREAT = "i want to cancel it"


@pytest.fixture
def company(world):
    with world.northwind.scope():
        yield world.northwind


@pytest.fixture
def moments(company):
    return {
        "threat": definition_make("threat", speaker="customer", phrases=["want to cancel"], name="Threat"),
        "offer": definition_make("offer", speaker="agent", phrases=["offer you"], name="Offer"),
    }


@pytest.fixture
def card(moments):
    """A draft: an offer was made, at most one hold, and two that people alone answer, one after the other."""
    template = ScorecardTemplate.objects.create(name="Service call")

    def add(question, **fields):
        return Criterion.objects.create(
            template=template,
            section=fields.pop("section", "Solving"),
            position=template.criteria.count(),
            question=question,
            **fields,
        )

    add("Offer?", moment=moments["offer"], coaching_tip="Offer before they ask.")
    add("At most one hold?", method="figure", figure="holds", limit=1)
    found = add(
        "Cause found?",
        method="person",
        kind="choice",
        options=[
            {"value": "fully", "label": "Fully", "score": 100},
            {"value": "partly", "label": "Partly", "score": 50},
            {"value": "not", "label": "Not", "score": 0},
        ],
    )
    add(
        "How well told?",
        method="person",
        kind="scale",
        low=1,
        high=5,
        depends_on=found,
        depends_values=["fully"],
    )
    add("Words for the agent", method="person", kind="text", weight=0)
    return template


@pytest.fixture
def revision(card):
    return scorecard_publish(template=card, actor=None)


@pytest.fixture
def ended(company, moments, make_conversation):
    """Make an ended call, whose (speaker, text, start) were heard by the stages."""

    def make(*lines, agent=None, duration_ms=60_000, **fields):
        begun = timezone.now() - timedelta(hours=1)
        row = make_conversation(
            agent=agent or company.people["agent"],
            queue=company.queue,
            state="live",
            at=begun,
            lines=[("agent", "hello there")],
            **fields,
        )
        call = call_begin(company.schema, row)
        call.sequence = 1
        for speaker, text, start in lines:
            call.say(speaker, text, start)
        call.end(duration_ms)
        row.state, row.ended_at = "wrap_up", begun + timedelta(milliseconds=duration_ms)
        row.save()
        return row

    return make
