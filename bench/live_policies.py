"""The policies of the live bench: so many published rules, each listening for a customer's wish of its own.

Everything goes through the public services. Nothing else of the bench knows how a policy is written.
"""

from __future__ import annotations

from bench.live_talk import Topic

EVERY_CHECK = 40
EVERY_ALERT = 20
EVERY_WAIT = 10
WAIT_SECONDS = 6
EXPIRES_SECONDS = 45


def policies_publish(topics: list[Topic], policies: int) -> None:
    """Publish a rule for each wish, spread over so many policies for everyone. In the company's schema.

    Most are hints; every 40th ticks a checklist, every 20th alerts, and every 10th waits for the agent's answer.
    """
    from coaching.models import Policy, Rule
    from coaching.services import policy_publish
    from moments.models import MomentDefinition
    from moments.services import moment_save

    answered = MomentDefinition(
        key="bench-answered",
        name="Answered",
        speaker="agent",
        phrases=["at no extra cost", "let me have a look"],
    )
    moment_save(definition=answered, actor=None)
    count = max(1, min(policies, len(topics)))
    for place in range(count):
        policy = Policy.objects.create(name=f"Bench policy {place + 1}")
        for position, topic in enumerate(topics[place::count]):
            number = topic.number
            moment = MomentDefinition(
                key=f"bench-{number}", name=f"Wish {number}", speaker="customer", phrases=[topic.phrase]
            )
            moment_save(definition=moment, actor=None)
            kind = Rule.Kind.HINT
            if number % EVERY_CHECK == 7:
                kind = Rule.Kind.CHECKLIST
            elif number % EVERY_ALERT == 11:
                kind = Rule.Kind.ALERT
            waits = kind == Rule.Kind.HINT and number % EVERY_WAIT == 5
            Rule.objects.create(
                policy=policy,
                kind=kind,
                when=moment,
                unless=answered if waits else None,
                wait_seconds=WAIT_SECONDS if waits else 0,
                title=f"What to say to who wants to {topic.words}"[:90],
                say="I can do that for you. Before I do, may I tell you what you would lose?",
                expires_seconds=EXPIRES_SECONDS,
                cooldown_seconds=20,
                position=position,
            )
        policy_publish(policy=policy, actor=None)


def hint_always_publish() -> None:
    """Publish a policy with a hint at whatever is said. In the company's schema."""
    from coaching.models import Policy, Rule
    from coaching.services import policy_publish
    from moments.models import MomentDefinition
    from moments.services import moment_save

    anything = MomentDefinition(
        key="bench-anything", name="Anything", kind="pattern", pattern="[a-z]+", reject_negated=False
    )
    moment_save(definition=anything, actor=None)
    policy = Policy.objects.create(name="Bench policy for anything")
    Rule.objects.create(
        policy=policy,
        when=anything,
        title="Say that you have heard",
        expires_seconds=1,
        cooldown_seconds=0,
        priority=90,
    )
    policy_publish(policy=policy, actor=None)
