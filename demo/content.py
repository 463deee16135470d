"""What the demo's companies advise and judge, and the services that put it in place with what they listen for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from accounts.models import Team, User
from coaching.models import Policy, Rule
from coaching.services import policy_publish
from conversations.models import Disposition
from demo.phrases import MISSING, SPOKEN
from moments.models import MomentDefinition
from moments.services import moment_save
from qa.models import Criterion, ScorecardTemplate
from qa.services import scorecard_publish


@dataclass(frozen=True)
class Advice:
    """A rule. Fields not given stay as the model has them."""

    kind: str
    when: str
    title: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A criterion of the scorecard."""

    section: str
    question: str
    guideline: str
    weight: int
    moment: str
    absent: bool = False
    applies_after: str | None = None
    auto_fail: bool = False


HINT, CHECKLIST, ALERT = Rule.Kind.HINT, Rule.Kind.CHECKLIST, Rule.Kind.ALERT
SAY, DO, KNOW = Rule.Label.SAY, Rule.Label.DO, Rule.Label.KNOW

EVERY_CALL = (
    Advice(CHECKLIST, "recording_notice", "Say that the call is recorded"),
    Advice(CHECKLIST, "identity_check", "Check who is calling"),
    Advice(CHECKLIST, "empathy", "Show that you understand"),
    Advice(CHECKLIST, "recap", "Repeat what was agreed"),
    Advice(CHECKLIST, "anything_else", "Ask if there is anything else"),
    Advice(
        HINT,
        "no_recording_notice",
        "Tell the customer now that the call is recorded",
        {
            "label": SAY,
            "say": "Before we go on: this call is being recorded, for training and quality. "
            "Is that all right with you?",
            "priority": 80,
            "once": True,
            "withdraw_on": "recording_notice",
            "expires_seconds": 60,
        },
    ),
    Advice(
        HINT,
        "cancel_threat",
        "Acknowledge first, then ask what would make them stay",
        {
            "label": SAY,
            "say": "I understand, and I do not want you to leave. You have been with us for a long time. "
            "Before you decide, may I look at what I can do for you today?",
            "priority": 90,
            "cooldown_seconds": 120,
            "withdraw_on": "retention_offer",
            "expires_seconds": 90,
        },
    ),
    Advice(
        HINT,
        "no_retention_offer",
        "Make an offer now: 20 percent off for six months",
        {
            "label": DO,
            "say": "Here is what I can do right away: twenty percent off for the next six months, "
            "starting with your next bill.",
            "priority": 95,
            "once": True,
            "withdraw_on": "retention_offer",
            "expires_seconds": 90,
        },
    ),
    Advice(
        HINT,
        "competitor",
        "Compare the whole price, not the monthly one",
        {
            "label": KNOW,
            "say": "May I ask what that price includes? Ours has the equipment, the installation and support in it, "
            "so that we compare like with like.",
            "priority": 60,
            "once": True,
            "expires_seconds": 60,
        },
    ),
    Advice(
        HINT,
        "card_request",
        "Send the secure form instead of taking the card by voice",
        {
            "label": DO,
            "say": "You need not read your card number aloud. I am sending you a secure form now.",
            "priority": 85,
            "once": True,
            "withdraw_on": "card_spoken",
            "expires_seconds": 45,
        },
    ),
    Advice(
        HINT,
        "card_spoken",
        "Stop the customer and use the secure form",
        {
            "label": DO,
            "say": "Let me stop you there, for your own safety. "
            "Please type the number into the secure form that I am sending you.",
            "priority": 100,
            "expires_seconds": 45,
        },
    ),
    Advice(
        HINT,
        "repeat_contact",
        "Own it: they have been here before",
        {
            "label": SAY,
            "say": "I am sorry that you have to deal with this again. I have your history in front of me, "
            "and I will stay with it until it is solved.",
            "priority": 70,
            "once": True,
            "expires_seconds": 60,
        },
    ),
    Advice(
        HINT,
        "escalation_request",
        "Offer one try, then hand over without a fight",
        {
            "label": SAY,
            "say": "I will get my supervisor if you wish. May I first try one thing that could solve it right now?",
            "priority": 88,
            "cooldown_seconds": 180,
            "expires_seconds": 60,
        },
    ),
    Advice(ALERT, "cancel_threat", "Customer threatens to cancel", {"severity": "bad", "once": True}),
    Advice(ALERT, "escalation_request", "Customer asks for a manager", {"severity": "warn", "once": True}),
)
TEAM = (
    Advice(
        HINT,
        "refund_promise",
        "Say when the money arrives",
        {
            "label": SAY,
            "say": "The money will be back on your card within five business days. "
            "I am sending you the confirmation by e-mail now.",
            "priority": 75,
            "unless": "refund_date",
            "wait_seconds": 15,
            "withdraw_on": "refund_date",
            "once": True,
            "expires_seconds": 60,
        },
    ),
    Advice(ALERT, "disrespect", "Disrespectful words to a customer", {"severity": "warn", "once": True}),
)

QUESTIONS = (
    Question(
        "Opening",
        "Was the customer told within 20 seconds that the call is recorded?",
        "It must be said before the customer tells their story.",
        15,
        "no_recording_notice",
        absent=True,
    ),
    Question(
        "Opening",
        "Did the agent greet the customer and offer help?",
        "A name and an offer of help.",
        5,
        "greeting",
    ),
    Question(
        "Opening",
        "Was the caller's identity checked?",
        "Before anything about the account is said or changed.",
        15,
        "identity_check",
    ),
    Question(
        "Solving",
        "Did the agent show understanding?",
        "In words that name the trouble, not only “sorry”.",
        15,
        "empathy",
    ),
    Question(
        "Solving",
        "Did the agent stay respectful?",
        "Disrespect fails the whole call, whatever else went well.",
        10,
        "disrespect",
        absent=True,
        auto_fail=True,
    ),
    Question(
        "Solving",
        "Was the card number kept off the line?",
        "Cards go through the secure form. An agent who asks for the number aloud gets a no.",
        10,
        "card_request",
        absent=True,
    ),
    Question(
        "Keeping the customer",
        "Was an offer made within 20 seconds of the threat to cancel?",
        "Only for calls in which the customer threatens to leave.",
        15,
        "no_retention_offer",
        absent=True,
        applies_after="cancel_threat",
    ),
    Question(
        "Closing",
        "Was what had been agreed repeated?",
        "What, by whom and by when, so that nobody needs to call again.",
        10,
        "recap",
    ),
    Question(
        "Closing",
        "Did the agent ask if there was anything else?",
        "Once, before the goodbye.",
        5,
        "anything_else",
    ),
)

DISPOSITIONS = (
    ("solved", "Solved"),
    ("stayed", "Customer stayed"),
    ("follow_up", "Follow-up needed"),
    ("supervisor", "Passed to a supervisor"),
    ("cancelled", "Cancelled"),
    ("no_result", "Ended without result"),
)

EVERY_CALL_NAME = "Every call"
TEAM_NAME = "Refunds and manners"
SCORECARD_NAME = "Service call"


def content_install(*, team: Team | None = None, actor: User | None = None) -> None:
    """Put the demo's definitions in place in the current company, and publish them. `team` gets its own policy.

    What is there under the same key or name is left as it is, so that it can run again after people changed things.
    """
    with transaction.atomic():
        moments = _moments(actor)
        _policy(EVERY_CALL_NAME, EVERY_CALL, moments, None, actor)
        if team is not None:
            _policy(TEAM_NAME, TEAM, moments, team, actor)
        _scorecard(moments, actor)
        for position, (key, name) in enumerate(DISPOSITIONS):
            Disposition.objects.get_or_create(key=key, defaults={"name": name, "position": position})


def _moments(actor: User | None) -> dict[str, MomentDefinition]:
    known = {row.key: row for row in MomentDefinition.objects.all()}
    for spoken in SPOKEN:
        if spoken.key not in known:
            known[spoken.key] = MomentDefinition(
                key=spoken.key,
                name=spoken.name,
                kind=MomentDefinition.Kind.PHRASE,
                speaker=spoken.speaker,
                phrases=list(spoken.phrases),
                reject_negated=spoken.reject_negated,
            )
            moment_save(definition=known[spoken.key], actor=actor)
    for missing in MISSING:
        if missing.key not in known:
            known[missing.key] = MomentDefinition(
                key=missing.key,
                name=missing.name,
                kind=MomentDefinition.Kind.ABSENCE,
                speaker=known[missing.expected].speaker,
                expected=known[missing.expected],
                after=known[missing.after] if missing.after else None,
                within_seconds=missing.within_seconds,
            )
            moment_save(definition=known[missing.key], actor=actor)
    return known


def _policy(
    name: str,
    advice: tuple[Advice, ...],
    moments: dict[str, MomentDefinition],
    team: Team | None,
    actor: User | None,
) -> None:
    if Policy.objects.filter(name=name).exists():
        return
    policy = Policy(name=name, scope=Policy.Scope.TEAM if team else Policy.Scope.ALL, team=team)
    policy.full_clean()
    policy.save()
    for position, one in enumerate(advice):
        options = {
            option: moments[value] if option in {"unless", "withdraw_on"} else value
            for option, value in one.options.items()
        }
        rule = Rule(
            policy=policy,
            kind=one.kind,
            when=moments[one.when],
            title=one.title,
            position=position,
            **options,
        )
        rule.full_clean()
        rule.save()
    policy_publish(policy=policy, actor=actor)


def _scorecard(moments: dict[str, MomentDefinition], actor: User | None) -> None:
    if ScorecardTemplate.objects.filter(name=SCORECARD_NAME).exists():
        return
    template = ScorecardTemplate.objects.create(name=SCORECARD_NAME)
    for position, one in enumerate(QUESTIONS):
        criterion = Criterion(
            template=template,
            section=one.section,
            position=position,
            question=one.question,
            guideline=one.guideline,
            weight=one.weight,
            auto_fail=one.auto_fail,
            moment=moments[one.moment],
            expect=Criterion.Expect.ABSENT if one.absent else Criterion.Expect.PRESENT,
            applies_after=moments[one.applies_after] if one.applies_after else None,
        )
        criterion.full_clean()
        criterion.save()
    scorecard_publish(template=template, actor=actor)
