"""What the demo's companies advise their agents: what is for calls, for chats and for one team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Rule = dict[str, Any]


def _rule(key: str, when: str, action: dict[str, Any], **options: Any) -> Rule:
    return {"id": key, "name": action["title"], "when": {"heard": when}, "then": [action], **options}


def _check(when: str, title: str) -> Rule:
    return _rule(f"check-{when}", when, {"do": "check", "title": title})


def _hint(when: str, label: str, title: str, say: str, *, until: str | None = None, **options: Any) -> Rule:
    withdraw = {"withdraw_when": {"heard": until}} if until else {}
    action = {"do": "hint", "label": label, "title": title, "say": say}
    return _rule(f"hint-{when}", when, action, **withdraw, **options)


def _alert(when: str, severity: str, title: str) -> Rule:
    return _rule(f"alert-{when}", when, {"do": "alert", "severity": severity, "title": title}, once=True)


def _behaviour(situation: str, expected: str, name: str, weight: float, **time: int) -> Rule:
    key = f"when-{situation}".replace("_", "-")
    heard = {"situation": {"heard": situation}, "expected": {"heard": expected}}
    return {"id": key, "name": name, "weight": weight, **heard, **time}


def _document(*rules: Rule, behaviours: Sequence[Rule] = ()) -> dict[str, Any]:
    placed = [{**rule, "position": position} for position, rule in enumerate(rules)]
    return {"format": 1, "rules": placed, "behaviours": list(behaviours), "playbooks": []}


# What is so in every conversation, whether it is spoken or written.
_CHECKS = (
    _check("empathy", "Show that you understand"),
    _check("recap", "Repeat what was agreed"),
    _check("anything_else", "Ask if there is anything else"),
)
_ADVICE = (
    _hint(
        "cancel_threat",
        "Say",
        "Acknowledge first, then ask what would make them stay",
        "I understand, and I do not want you to leave. You have been with us for a long time. "
        "Before you decide, may I look at what I can do for you today?",
        until="retention_offer",
        priority=90,
        cooldown_ms=120_000,
        expires_ms=90_000,
    ),
    _hint(
        "no_retention_offer",
        "Do",
        "Make an offer now: 20 percent off for six months",
        "Here is what I can do right away: twenty percent off for the next six months, starting with your next bill.",
        until="retention_offer",
        priority=95,
        once=True,
        expires_ms=90_000,
    ),
    _hint(
        "competitor",
        "Know",
        "Compare the whole price, not the monthly one",
        "May I ask what that price includes? Ours has the equipment, the installation and support in it, "
        "so that we compare like with like.",
        priority=60,
        once=True,
        expires_ms=60_000,
    ),
    _hint(
        "repeat_contact",
        "Say",
        "Own it: they have been here before",
        "I am sorry that you have to deal with this again. I have your history in front of me, "
        "and I will stay with it until it is solved.",
        priority=70,
        once=True,
        expires_ms=60_000,
    ),
    _hint(
        "escalation_request",
        "Say",
        "Offer one try, then hand over without a fight",
        "I will get my supervisor if you wish. May I first try one thing that could solve it right now?",
        priority=88,
        cooldown_ms=180_000,
        expires_ms=60_000,
    ),
    _alert("cancel_threat", "bad", "Customer threatens to cancel"),
    _alert("escalation_request", "warn", "Customer asks for a manager"),
)

# What a good agent does, in whatever words: it adds up to the score of behaviours in the reports.
_EXPECTED = (
    _behaviour(
        "cancel_threat", "retention_offer", "Offers something to who wants to leave", 3, within_turns=6
    ),
    _behaviour("repeat_contact", "empathy", "Shows understanding to who had to ask again", 2, within_turns=2),
    _behaviour("refund_promise", "refund_date", "Says when the money arrives", 1, within_turns=2),
)

EVERY_CALL = _document(
    _check("recording_notice", "Say that the call is recorded"),
    _check("identity_check", "Check who is calling"),
    *_CHECKS,
    _hint(
        "no_recording_notice",
        "Say",
        "Tell the customer now that the call is recorded",
        "Before we go on: this call is being recorded, for training and quality. Is that all right with you?",
        until="recording_notice",
        priority=80,
        once=True,
        expires_ms=60_000,
    ),
    _hint(
        "card_request",
        "Do",
        "Send the secure form instead of taking the card by voice",
        "You need not read your card number aloud. I am sending you a secure form now.",
        until="card_spoken",
        priority=85,
        once=True,
        expires_ms=45_000,
    ),
    _hint(
        "card_spoken",
        "Do",
        "Stop the customer and use the secure form",
        "Let me stop you there, for your own safety. "
        "Please type the number into the secure form that I am sending you.",
        priority=100,
        expires_ms=45_000,
    ),
    *_ADVICE,
    behaviours=_EXPECTED,
)

# In writing nobody is recorded, and people take longer to answer: what is shown stays longer.
EVERY_CHAT = _document(
    _check("greeting", "Greet them and offer help"),
    _check("identity_check", "Check who is writing"),
    *_CHECKS,
    _hint(
        "card_request",
        "Do",
        "Send the secure form instead of asking for the card here",
        "Please do not write your card number here. I am sending you a secure form for it.",
        until="card_spoken",
        priority=85,
        once=True,
        expires_ms=180_000,
    ),
    _hint(
        "card_spoken",
        "Do",
        "Ask them not to write card numbers here",
        "For your own safety, please do not write card numbers in this chat. We do not keep the one that you sent. "
        "Please use the secure form instead.",
        priority=100,
        expires_ms=180_000,
    ),
    *({**one, "expires_ms": 300_000} if "expires_ms" in one else one for one in _ADVICE),
    behaviours=_EXPECTED,
)

TEAM = _document(
    {
        "id": "hint-refund-date",
        "name": "Say when the money arrives",
        "when": {
            "missing": {"heard": "refund_date"},
            "after": {"heard": "refund_promise"},
            "within_ms": 15_000,
        },
        "then": [
            {
                "do": "hint",
                "label": "Say",
                "title": "Say when the money arrives",
                "say": "The money will be back on your card within five business days. "
                "I am sending you the confirmation by e-mail now.",
            }
        ],
        "withdraw_when": {"heard": "refund_date"},
        "priority": 75,
        "once": True,
        "expires_ms": 60_000,
    },
    _alert("disrespect", "warn", "Disrespectful words to a customer"),
)

# For calls about moving house alone; whether it helps is being tried (`demo.trial`).
MOVING = _document(
    {
        "id": "hint-moving",
        "name": "Settle the date first",
        "when": {
            "phrases": ["moving to", "new address", "(move|moving) house"],
            "speaker": "customer",
        },
        "then": [
            {
                "do": "hint",
                "label": "Say",
                "title": "Settle the date of the move first",
                "say": "Let us settle the day first: when do you get the keys? Then I book the line for the day after.",
            }
        ],
        "priority": 60,
        "once": True,
        "expires_ms": 90_000,
    }
)
