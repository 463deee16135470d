"""Moments, a scorecard and calls that were heard: what the tests of quality begin with."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import redis
from django.utils import timezone

from providers.language_running import runner
from providers.services import chat_server_create
from qa.models import Criterion, ScorecardTemplate
from qa.services import scorecard_publish
from tests.peers.chat import chat_server
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


# --- A language model that judges ------------------------------------------------------------------------


@pytest.fixture
def rested(settings):
    """Have it forgotten that a server was away: by then it is left alone for a while."""

    def rest():
        with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
            for key in client.scan_iter("*model-away*"):
                client.delete(key)
        router = runner()._router
        if router is not None:
            router._breakers.clear()
            router._broken.clear()

    rest()
    yield rest
    rest()


@pytest.fixture
def peer(company, settings, rested):
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with chat_server() as running:
        chat_server_create(
            name="Ours",
            base_url=running.url,
            model="ours-8b",
            inside=True,
            price_in=Decimal(2),
            price_out=Decimal(10),
        )
        yield running


@pytest.fixture
def template(moments):
    return ScorecardTemplate.objects.create(name="By a model")


@pytest.fixture
def asks(template):
    """Publish a card of these criteria, each answered by a model unless it says otherwise."""

    def make(*criteria):
        for position, one in enumerate(criteria):
            Criterion.objects.create(
                template=template, position=position, **{"method": "model", "question": f"Q{position}?"} | one
            )
        return scorecard_publish(template=template, actor=None)

    return make
