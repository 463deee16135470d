"""Moments, a published policy about them, and a call that is under way: what the tests of guidance begin with."""

from __future__ import annotations

import pytest
from django.utils import timezone

from coaching.models import Guidance
from tests.understanding import call_begin, definition_make, hint_action, policy_make, rule

THREAT = "i want to cancel my service"


@pytest.fixture
def heard(world):
    """The moments of these tests, by key."""
    with world.northwind.scope():
        yield {
            "threat": definition_make(
                "threat", speaker="customer", phrases=["want to cancel"], name="Threat"
            ),
            "offer": definition_make("offer", speaker="agent", phrases=["offer you"], name="Offer to stay"),
            "recap": definition_make("recap", speaker="agent", phrases=["let me repeat"], name="Recap"),
        }


@pytest.fixture
def policy(heard):
    return policy_make(
        rule("recap", {"do": "check", "title": "Repeat what was agreed"}, id="recap"),
        rule(
            "threat",
            hint_action("Ask what would make them stay", say="Before you decide, may I look?"),
            id="stay",
            withdraw_when={"heard": "offer"},
            expires_ms=30_000,
            priority=90,
        ),
        rule(
            "threat", {"do": "alert", "title": "Customer threatens to cancel", "severity": "bad"}, id="alert"
        ),
    )


@pytest.fixture
def call(world, policy, make_conversation):
    conversation = make_conversation(
        agent=world.northwind.people["agent"], state="live", at=timezone.now(), lines=[("agent", "hello")]
    )
    begun = call_begin("northwind", conversation, team_id=world.northwind.team.pk)
    begun.sequence = 1
    return begun


def hint():
    return Guidance.objects.get(kind="hint")
