"""A call that began under another version of ours: what its rules wait for, count and follow goes on, nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from coaching.models import Guidance
from tests.coaching.conftest import THREAT
from tests.understanding import call_begin, definition_make, hint_action, policy_make, rule

PLAYBOOK = {
    "id": "stay",
    "name": "Keep them",
    "start": {"heard": "threat"},
    "steps": [
        {"id": "ask", "title": "Ask why", "done": {"heard": "recap"}, "next": [{"to": "offer"}]},
        {"id": "offer", "title": "Offer"},
    ],
}


def other_format(states: dict[str, Any], how: str) -> None:
    """As another version would have written it."""
    for stage in ("guidance", "moments"):
        engine = states[stage]["engine"]
        if how == "version":
            engine["v"] = 99
        elif how == "shape":
            engine.pop("facts", None)
            engine.pop("open", None)


@pytest.mark.parametrize("how", ["same", "version", "shape"])
def test_what_is_waited_for_survives_a_new_version(world, heard, make_conversation, how):
    definition_make("silent", kind="absence", expected=heard["offer"], within_seconds=90, name="No offer")
    policy_make(
        rule({"missing": {"heard": "offer"}, "after": {"heard": "threat"}, "within_ms": 40_000},
             hint_action("Make an offer"), id="late"),
        rule({"heard": "threat", "nth": 2}, hint_action("Twice"), id="twice"),
        rule("threat", hint_action("Ask why"), id="ask", once=True, cooldown_ms=0),
        rule({"heard": "silent"}, hint_action("Nothing was offered"), id="silent"),
        rule({"measure": "hold_ms", "above": 20_000}, hint_action("Come back"), id="hold"),
        playbooks=[PLAYBOOK],
    )  # fmt: skip
    conversation = make_conversation(agent=world.northwind.people["agent"], state="live")
    conversation.utterances.all().delete()
    call = call_begin("northwind", conversation)
    call.say("agent", "thank you for calling", 0, 3_000)
    call.say("customer", THREAT, 5_000, 8_000)
    call.tick(10_000)
    for at_ms in (20_000, 30_000):
        other_format(call.states, how)
        call.take_over()
        call.tick(at_ms)
    call.say("customer", THREAT, 31_000, 33_000)
    other_format(call.states, how)
    call.take_over()
    call.say("agent", "let me repeat that", 40_000, 42_000)
    call.tick(60_000)
    other_format(call.states, how)
    call.take_over()
    call.tick(120_000)
    found = Guidance.objects.filter(conversation=conversation).order_by("at_ms", "rule_key")
    assert list(found.values_list("rule_key", "step", "at_ms")) == [
        ("ask", "", 8_000), ("stay", "ask", 8_000), ("twice", "", 33_000), ("stay", "offer", 42_000),
        ("late", "", 48_000), ("silent", "", 90_000),
    ]  # fmt: skip
