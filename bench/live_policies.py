"""The policies of the live bench: so many published rules, each listening for a customer's wish of its own.

Everything goes through the public services. Nothing else of the bench knows how a policy is written.
"""

from __future__ import annotations

from typing import Any

from bench.live_talk import Topic

EVERY_CHECK = 40
EVERY_ALERT = 20
EVERY_WAIT = 10
WAIT_SECONDS = 6
EXPIRES_SECONDS = 45


def policies_publish(topics: list[Topic], policies: int) -> None:
    """Publish a rule for each wish, spread over so many policies for everyone. In the company's schema.

    Most are hints; every 40th ticks a checklist, every 20th alerts, and every 10th waits for the agent's answer. No
    budget holds hints back: each that is decided is to be read from the agent's socket.
    """
    from coaching.models import GuidanceSettings
    from moments.models import MomentDefinition
    from moments.services import moment_save

    GuidanceSettings.objects.update_or_create(defaults={"hint_every_seconds": 0, "hints_per_call": 0})
    answered = MomentDefinition(
        key="bench-answered",
        name="Answered",
        speaker="agent",
        phrases=["at no extra cost", "let me have a look"],
    )
    moment_save(definition=answered, actor=None)
    count = max(1, min(policies, len(topics)))
    for place in range(count):
        rules = []
        for position, topic in enumerate(topics[place::count]):
            moment = MomentDefinition(
                key=_key(topic), name=f"Wish {topic.number}", speaker="customer", phrases=[topic.phrase]
            )
            moment_save(definition=moment, actor=None)
            rules.append(_rule(topic, position))
        _publish(f"Bench policy {place + 1}", rules)


def _key(topic: Topic) -> str:
    return f"bench-{topic.number}"


def _rule(topic: Topic, position: int) -> dict[str, Any]:
    number = topic.number
    title = f"What to say to who wants to {topic.words}"[:90]
    say = "I can do that for you. Before I do, may I tell you what you would lose?"
    when: dict[str, Any] = {"heard": _key(topic)}
    then: dict[str, Any] = {"do": "hint", "label": "Say", "title": title, "say": say}
    if number % EVERY_CHECK == 7:
        then = {"do": "check", "title": title}
    elif number % EVERY_ALERT == 11:
        then = {"do": "alert", "severity": "warn", "title": title}
    elif number % EVERY_WAIT == 5:
        when = {"missing": {"heard": "bench-answered"}, "after": when, "within_ms": WAIT_SECONDS * 1000}
    return {
        "id": _key(topic),
        "name": title,
        "when": when,
        "then": [then],
        "cooldown_ms": 20_000,
        "expires_ms": EXPIRES_SECONDS * 1000,
        "position": position,
    }


def hint_always_publish() -> None:
    """Publish a policy with a hint at whatever has a word of four letters or more. In the company's schema."""
    from moments.models import MomentDefinition
    from moments.services import moment_save

    anything = MomentDefinition(
        key="bench-anything", name="Anything", kind="pattern", pattern="[a-z]{4,}", reject_negated=False
    )
    moment_save(definition=anything, actor=None)
    rule = {
        "id": "bench-anything",
        "name": "Say that you have heard",
        "when": {"heard": "bench-anything"},
        "then": [{"do": "hint", "label": "Say", "title": "Say that you have heard"}],
        "cooldown_ms": 0,
        # Gone before the next utterance ends: what is still on the screen is not shown again.
        "expires_ms": 1_000,
        "priority": 90,
    }
    _publish("Bench policy for anything", [rule])


def _publish(name: str, rules: list[dict[str, Any]]) -> None:
    from coaching.services import policy_create, policy_publish

    document = {"format": 1, "rules": rules, "behaviours": [], "playbooks": []}
    policy_publish(policy=policy_create(name=name, actor=None, document=document), actor=None)
