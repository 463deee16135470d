"""What the demo's companies advise and judge, and the services that put it in place with what they listen for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Team, User
from coaching.models import GuidanceSettings, Policy
from coaching.services import policy_create, policy_publish
from conversations.models import Conversation, Disposition
from demo.advice import EVERY_CALL, EVERY_CHAT, TEAM
from demo.phrases import MISSING, SPOKEN
from knowledge.models import Synonyms
from knowledge.search.synonyms import synonyms_save
from moments.models import ListedName, MomentDefinition
from moments.naming import name_save
from moments.services import moment_save
from qa.models import Criterion, QualitySettings, ScorecardTemplate
from qa.services import scorecard_publish


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

# What callers name, with what recognition makes of it.
NAMES = (
    ("product", "Fibre 500", ("fiber five hundred",)),
    ("product", "Home Plus", ()),
    ("product", "Plan 5", ()),
    ("competitor", "Globex", ("globe x", "glow becks")),
    ("competitor", "Initech Mobile", ("in a tech mobile",)),
)

# How customers say what the documents write.
SAME = (
    ("refund", "money back", "money to come back", "money come back"),
    ("twice", "double", "two times"),
    ("outage", "internet is down", "no internet", "has not worked"),
)

Channel = Conversation.Channel
EVERY_CALL_NAME = "Every call"
EVERY_CHAT_NAME = "Every chat"
TEAM_NAME = "Refunds and manners"
SCORECARD_NAME = "Service call"


def content_install(*, team: Team | None = None, actor: User | None = None) -> None:
    """Put the demo's definitions in place in the current company, and publish them. `team` gets its own policy.

    What is there under the same key or name is left as it is, so that it can run again after people changed things.
    """
    with transaction.atomic():
        _names(actor)
        _knowledge(actor)
        moments = _moments(actor)
        _policies(team, actor)
        # A demo shows all it does: agents need not wait for their scores, and its calls are short.
        QualitySettings.objects.get_or_create(
            defaults={"release": QualitySettings.Release.AT_ONCE, "shortest_seconds": 15}
        )
        _scorecard(moments, actor)
        for position, (key, name) in enumerate(DISPOSITIONS):
            Disposition.objects.get_or_create(key=key, defaults={"name": name, "position": position})


def _names(actor: User | None) -> None:
    if not ListedName.objects.exists():
        for kind, name, spellings in NAMES:
            name_save(row=ListedName(kind=kind, name=name, spellings=list(spellings)), actor=actor)


def _knowledge(actor: User | None) -> None:
    """Passages come up by themselves, unless the company has said something about what its agents are shown."""
    GuidanceSettings.objects.get_or_create(defaults={"knowledge_by_itself": True})
    if not Synonyms.objects.exists():
        for words in SAME:
            synonyms_save(words=words, actor=actor)


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


def _policies(team: Team | None, actor: User | None) -> None:
    known = set(Policy.objects.values_list("name", flat=True))
    # Where there is one for calls already it may be for chats, too: then people have to part them.
    if EVERY_CALL_NAME not in known:
        _policy(EVERY_CALL_NAME, EVERY_CALL, {"channels": [Channel.VOICE]}, actor)
        if EVERY_CHAT_NAME not in known:
            _policy(EVERY_CHAT_NAME, EVERY_CHAT, {"channels": [Channel.CHAT]}, actor)
    if team is not None and TEAM_NAME not in known:
        _policy(TEAM_NAME, TEAM, {"teams": [str(team.pk)]}, actor)


def _policy(name: str, document: dict[str, Any], scope: dict[str, list[str]], actor: User | None) -> None:
    policy = policy_create(name=name, document=document, actor=actor, scope=scope)
    # It comes ready-made: nobody has written it who could be asked to let somebody else look at it.
    policy_publish(policy=policy, actor=None)


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
