"""Moments, a published policy about them, and a call that is under way: what the tests of guidance begin with."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.ids import new_id
from coaching.experiments import experiment_create, experiment_start
from coaching.models import ExperimentArm, Guidance
from conversations.models import Conversation
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


def experiment(policy, *, start=True, **fields):
    row = experiment_create(policy=policy.policy, actor=None, **{"name": f"Try {new_id()}", **fields})
    return experiment_start(experiment=row, actor=None) if start else row


@pytest.fixture
def past(world, policy):
    """Conversations that were in an experiment, by arm, without anybody having spoken."""
    random_number = random.Random(5)

    def make(
        row, arm, count, *, seconds=300.0, spread=0.3, agents=None, hint=True, state="completed", **fields
    ):
        begun = timezone.now() - timedelta(days=1)
        calls = [
            Conversation(
                provider_call_id=str(new_id()),
                announced_at=begun,
                started_at=begun,
                ended_at=begun + timedelta(seconds=seconds * random_number.lognormvariate(0, spread)),
                agent=agents[number % len(agents)] if agents else world.northwind.people["agent"],
                state=state,
                **{name: value(number) if callable(value) else value for name, value in fields.items()},
            )
            for number in range(count)
        ]
        Conversation.objects.bulk_create(calls)
        ExperimentArm.objects.bulk_create(
            ExperimentArm(experiment=row, conversation=call, revision=policy, agent=call.agent, arm=arm)
            for call in calls
        )
        if hint:
            Guidance.objects.bulk_create(
                Guidance(
                    conversation=call, revision=policy, rule_key="stay", kind="hint", label="Say", title="x",
                    at_ms=0, decided_at=begun, state="held" if arm == "held" else "expired",
                )
                for call in calls
            )  # fmt: skip

    return make
