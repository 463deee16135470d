"""What a draft is told in its company: names, languages, and the policies beside it."""

from __future__ import annotations

import pytest

from coaching.models import Policy
from coaching.scopes import may_meet
from coaching.services import document_complaints, policy_complaints, policy_create
from conversations.models import Conversation, Disposition
from tests.understanding import definition_make, hint_action, policy_document, policy_make, rule

ASK = hint_action("Ask what would make them stay")


def told(document, scope=None, kind="warning"):
    return [(one.where, one.sentence) for one in document_complaints(document, scope) if one.kind == kind]


def test_what_is_filled_in_and_chosen_must_be_there(heard):
    Disposition.objects.create(key="left", name="Left")
    Disposition.objects.create(key="old", name="Old", active=False)
    actions = [{"do": "disposition", "value": one} for one in ("left", "old", "nobody-knows")]
    actions += [{"do": "prefill", "field": one, "value": "x"} for one in ("metadata.order", "product")]
    said = policy_document(rule("threat", *actions))
    assert told(said) == [
        ("rules[0].then[1]", "There is no disposition “old” now: nothing would be chosen."),
        ("rules[0].then[2]", "There is no disposition “nobody-knows” now: nothing would be chosen."),
    ]
    for field in ("metadata.consent", "tags", "metadata.region.name", "metadata."):
        said = policy_document(rule("threat", {"do": "prefill", "field": field, "value": "x"}))
        [(where, sentence)] = told(said, kind="error")
        assert where == "rules[0].then[0]" and "no field that can be filled in" in sentence


def test_what_is_told_in_english_is_said_where_calls_are_in_other_languages(world, heard, make_conversation):
    definition_make("upset", kind="sentiment", speaker="customer", mood="below", limit=-0.3)
    definition_make("sum", kind="entity", entity="amount", name="Sum")
    sour = {"all": [{"heard": "threat"}, {"measure": "sentiment", "below": -0.2}]}
    said = policy_document(rule("upset", ASK), rule(sour, ASK), rule("sum", hint_action("Write it down")))
    plain = policy_document(rule("threat", ASK))
    assert told(said) == told(said, {"languages": ["en-GB"]}) == told(plain, {"languages": ["de"]}) == []
    words = [sentence for where, sentence in told(said, {"languages": ["en", "de"]}) if where == "scope"]
    assert words == [
        "“Sum” is told by English words; do not rely on it in calls in German.",
        "“Upset” is told by English words; do not rely on it in calls in German.",
        "The customer's sentiment is told by English words; do not rely on it in calls in German.",
    ]
    agent = world.northwind.people["agent"]
    for code in ("en", "es-MX"):
        row = make_conversation(agent=agent, state="completed", lines=[("agent", "hello")])
        Conversation.objects.filter(pk=row.pk).update(language=code)
    assert all("in calls in Spanish" in sentence for _where, sentence in told(said))
    assert told(plain) == []


def test_a_draft_is_compared_with_the_policies_beside_it(world, heard):
    tag = {"do": "disposition", "value": "left"}
    Disposition.objects.create(key="left", name="Left")
    Disposition.objects.create(key="stayed", name="Stayed")
    policy_make(rule("threat", ASK, name="Ask"), rule("offer", tag, name="Gone"), name="Everyone")
    policy_make(
        rule("recap", hint_action("Thank them"), name="Thank"), name="Chats", scope={"channels": ["chat"]}
    )
    policy_create(name="Draft alone", actor=None, document=policy_document(rule("threat", ASK)))
    narrow = {"all": [{"heard": "threat"}, {"field": "product", "is": "phone"}]}
    document = policy_document(
        rule("threat", ASK, id="same"),
        rule(narrow, ASK, id="narrow", priority=10),
        rule("offer", {"do": "disposition", "value": "stayed"}, id="other"),
        rule("recap", hint_action("Thank them"), id="thank"),
    )
    draft = policy_create(name="New", actor=None, document=document, scope={"channels": ["voice"]})

    def beside(row):
        return {
            (one.where, one.sentence)
            for one in policy_complaints(row)
            if "of the policy" in one.sentence or "in effect" in one.sentence
        }

    whose = "of the policy “Everyone”"
    assert beside(draft) == {
        ("rules[0]", f"It is the same as the rule “Ask” {whose}: remove one of them."),
        (
            "rules[1]",
            f"It is shadowed by the rule “Ask” {whose}, which does the same whenever this one would.",
        ),
        ("rules[2]", f"It contradicts the rule “Gone” {whose}: both act on the same."),
    }
    Policy.objects.filter(pk=draft.pk).update(combine="instead")
    draft.refresh_from_db()
    assert beside(draft) == set(), "it stands instead of what is for everyone"
    everyone = Policy.objects.get(name="Draft alone")
    chats = Policy.objects.get(name="Chats")
    chats.revisions.update(combine="instead")
    assert ("scope", "Where “Chats” is in effect, which stands instead of policies for more people, this one is "
            "silent.") in beside(everyone)  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {"queues": ["a"]}, True),
        ({"queues": ["a", "b"]}, {"queues": ["b"]}, True),
        ({"queues": ["a"]}, {"queues": ["b"]}, False),
        ({"languages": ["en"]}, {"languages": ["EN-gb"]}, True),
        ({"languages": ["en-US"]}, {"languages": ["en-GB"]}, False),
        ({"agents": ["x"]}, {"teams": ["y"]}, True),
        ({"time": {"days": ["mon"]}}, {"time": {"days": ["tue"]}}, False),
        ({"time": {"days": ["mon"]}}, {"time": {"from": "08:00"}}, True),
    ],
)
def test_scopes_that_can_meet(one, other, meet):
    rows = [Policy(scope=one), Policy(scope=other)]
    assert may_meet(*rows) is meet and may_meet(*reversed(rows)) is meet
