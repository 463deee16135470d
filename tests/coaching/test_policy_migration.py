"""What was published before policies were documents goes on working, in calls under way, too."""

from __future__ import annotations

import importlib

from coaching.models import Guidance, PolicyRevision
from engines.rules.reading import parse_policy
from tests.coaching.conftest import THREAT, hint
from tests.understanding import call_begin

migration = importlib.import_module("coaching.migrations.0004_policy_documents")

# As the former engine was given them (`RuleSpec`), with values that its tables allowed.
USUAL = {
    "say": "",
    "label": "Say",
    "unless": None,
    "wait_ms": 0,
    "severity": "warn",
    "priority": 50,
    "cooldown_ms": 60_000,
    "once": False,
    "expires_ms": 0,
    "withdraw_on": None,
    "position": 0,
}
RECAP = USUAL | {"id": "recap", "kind": "checklist", "when": "recap", "title": "Repeat what was agreed"}
STAY = USUAL | {
    "id": "stay",
    "kind": "hint",
    "when": "threat",
    "title": "Ask what would make them stay",
    "say": "w" * 600,
    "withdraw_on": "offer",
    "expires_ms": 30_000,
    "priority": 32_000,
}
LATE = USUAL | {
    "id": "late",
    "kind": "alert",
    "when": "threat",
    "unless": "offer",
    "wait_ms": 10_000,
    "title": "No offer",
    "severity": "bad",
    "cooldown_ms": 2_000_000_000,
}


def test_rules_of_every_kind_are_sound_documents():
    policy = parse_policy(migration.document_of([RECAP, STAY, LATE]))
    assert [rule.then[0].do for rule in policy.rules] == ["check", "hint", "alert"]
    assert [rule.id for rule in policy.rules] == ["recap", "stay", "late"]
    late = policy.rules[2]
    assert (late.when.within_ms, late.when.after.key, late.when.expected.key) == (10_000, "threat", "offer")
    assert policy.rules[1].withdraw_when.key == "offer"


def test_a_call_under_way_goes_on_with_what_it_had_shown(world, heard, policy, make_conversation):
    document = migration.document_of([RECAP, STAY, LATE])
    PolicyRevision.objects.filter(pk=policy.pk).update(document=document)
    conversation = make_conversation(
        agent=world.northwind.people["agent"], state="live", lines=[("agent", "hello")]
    )
    rows = {
        key: Guidance.objects.create(
            conversation=conversation,
            revision=policy,
            rule_key=key,
            kind=kind,
            label="Say",
            title=title,
            at_ms=at_ms,
            expires_ms=expires_ms,
            decided_at=conversation.announced_at,
        )
        for key, kind, title, at_ms, expires_ms in [
            ("recap", "checklist", RECAP["title"], 0, None),
            ("stay", "hint", STAY["title"], 3000, 33_000),
        ]
    }
    former = {
        "team": "",
        "revisions": [str(policy.pk)],
        "begun": True,
        "open": {key: str(row.pk) for key, row in rows.items()},
        "engine": {
            "v": 1,
            "fired": {"stay": 3000},
            "open": {"stay": 3000},
            "answered": {},
            "waiting": {"late": [3000, 13_000, 2, [[2, 0, 5]], "Because …"]},
        },
    }
    state = migration.call_state(
        former,
        {str(policy.pk): document},
        agent=str(world.northwind.people["agent"].pk),
        now_ms=5000,
    )
    call = call_begin("northwind", conversation)
    call.sequence = 1
    call.states = {"guidance": state}
    call.take_over()
    # Neither the checklist nor the hint opens anew, and both can still be settled.
    call.say("customer", THREAT, 8000)
    assert Guidance.objects.count() == 2
    call.say("agent", "let me repeat that", 10_000)
    rows["recap"].refresh_from_db()
    assert rows["recap"].state == "ticked"
    call.tick(33_000)
    assert hint().state == "expired"
