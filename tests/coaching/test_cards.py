"""Knowledge that comes up by itself in a call: what was asked, once, when it is sure, and what agents say of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coaching.answers import guidance_answer
from coaching.beside import pieces
from coaching.models import Guidance, GuidanceMute, GuidanceSettings
from coaching.mutes import mute_set
from conversations.live.tidings import word
from engines.retrieval.asking import asked_in, questions_in
from knowledge.documents.services import document_save
from knowledge.models import Collection, KnowledgeQuestion, PassageUse
from knowledge.usage.noting import passage_of, use_note
from tests.conftest import World
from tests.understanding import Call, call_begin, cards_at_once

ASKED = "All right. How long does a refund take to get to my bank account?"
TEXTS = {
    "Refunds": "# Refunds\n\n## How long a refund takes\n\nA refund takes three days to a bank account.",
    "Moving house": "# Moving house\n\n## What it costs\n\nMoving the line to a new address is free once in two years.",
    "Routers": "Switch the router off, count to thirty, and switch it on again.",
}


@pytest.fixture
def call(world: World, make_conversation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    cards_at_once(monkeypatch)
    with world.northwind.scope():
        GuidanceSettings.objects.create(knowledge_by_itself=True, hint_every_seconds=0)
        collection = Collection.objects.create(name="Handbook")
        for title, body in TEXTS.items():
            document_save(collection=collection, title=title, body=body)
        agent = world.northwind.people["agent"]
        conversation = make_conversation(state="live", agent=agent, lines=[("agent", "hello")])
        begun = call_begin("northwind", conversation)
        begun.sequence = 1
        yield begun


def cards(call: Call) -> list[str]:
    rows = Guidance.objects.filter(conversation=call.conversation, kind="knowledge").order_by("at_ms", "pk")
    return [row.title for row in rows]


def test_what_the_customer_asks_brings_its_passage_with_its_place(call: Call) -> None:
    call.say("agent", ASKED, 5_000)
    call.say("customer", "Hello there, my name is Ann Lee and I live in Boston.", 10_000)
    assert cards(call) == [] and not KnowledgeQuestion.objects.exists()
    call.say("customer", ASKED, 20_000)
    [card] = Guidance.objects.filter(kind="knowledge")
    assert card.title == "Refunds › How long a refund takes"
    [(kind, data)] = call.shown
    assert kind == "guidance" and "How long does a refund take" in data["reason"]
    assert data["revision"]["policy"] == "Knowledge by itself"
    payload = data["payload"]
    assert payload["text"].startswith("A refund takes three days")
    assert ["refund", True] in payload["parts"]
    assert "asked" not in payload
    [asked] = KnowledgeQuestion.objects.all()
    assert (asked.source, asked.answered, asked.conversation_id) == ("live", True, call.conversation.pk)
    assert asked.text.startswith("How long") and str(asked.pk) == payload["question"]


def test_a_passage_comes_once_unless_it_was_dismissed_long_ago(call: Call) -> None:
    call.say("customer", ASKED, 20_000)
    call.take_over()
    call.say("customer", ASKED, 60_000)
    assert len(cards(call)) == 1
    row = Guidance.objects.get(kind="knowledge")
    guidance_answer(guidance=row, user=call.conversation.agent, action="dismiss")
    call.told(word("guidance", do="dismiss", guidance=str(row.pk)), 70_000)
    call.tick(71_000)
    call.say("customer", ASKED, 120_000)
    assert len(cards(call)) == 1
    call.say("customer", ASKED, 400_000)
    assert len(cards(call)) == 2


def test_two_do_not_come_at_once_and_no_more_than_the_company_wants(call: Call) -> None:
    moving = "What does it cost me to move my line to a new address?"
    call.say("customer", ASKED, 20_000)
    call.say("customer", moving, 25_000)
    assert len(cards(call)) == 1
    call.say("customer", moving, 60_000)
    assert cards(call)[1:] == ["Moving house › What it costs"]
    GuidanceSettings.objects.update(knowledge_per_call=2)
    call.take_over()
    call.say("customer", "My router is off, how do I switch the router on again?", 120_000)
    assert len(cards(call)) == 2


@pytest.mark.parametrize("why", ["other", "opened", "collection", "company", "muted"])
def test_it_is_quiet(call: Call, why: str) -> None:
    agent = call.conversation.agent
    said = ASKED
    if why == "other":
        said = "Could you book me a table for two at the Italian place, please?"
    elif why == "opened":
        document = Collection.objects.get().documents.get(title="Refunds")
        use_note(passage=passage_of(document.chunks.get()), kind="opened", person=agent)
    elif why == "collection":
        Collection.objects.update(cards=False)
    elif why == "company":
        GuidanceSettings.objects.update(knowledge_by_itself=False)
        call.take_over()
    else:
        call.say("customer", ASKED, 10_000)
        mute_set(user=agent, guidance=Guidance.objects.get(kind="knowledge"), whole_kind=True)
        assert GuidanceMute.objects.get().kind == "knowledge"
        Guidance.objects.all().delete()
        call.states = None
        call.take_over()
    call.say("customer", said, 20_000)
    assert cards(call) == []


def test_what_the_agent_says_of_a_card_is_said_of_the_passage(call: Call) -> None:
    call.say("customer", ASKED, 20_000)
    row = Guidance.objects.get(kind="knowledge")
    agent = call.conversation.agent

    def noted() -> list[str]:
        return sorted(PassageUse.objects.values_list("kind", flat=True))

    guidance_answer(guidance=row, user=agent, action="seen")
    guidance_answer(guidance=row, user=agent, action="accept")
    assert noted() == ["helpful", "shown"]
    guidance_answer(guidance=row, user=agent, action="undo")
    assert noted() == ["shown"]
    guidance_answer(guidance=row, user=agent, action="wrong")
    assert noted() == ["shown", "wrong"]
    use = PassageUse.objects.get(kind="wrong")
    assert (use.question_id, use.person) == (KnowledgeQuestion.objects.get().pk, agent)


def test_a_marked_passage_becomes_words_and_no_markup() -> None:
    assert pieces("a &lt;b&gt; <mark>c &amp; d</mark> e") == [
        ["a <b> ", False],
        ["c & d", True],
        [" e", False],
    ]


def test_what_speech_says_in_one_breath_is_several_questions() -> None:
    said = "i also want to say that i was charged two times this month if you do not fix it i want to cancel my line"
    assert asked_in(said) == said and "i want to cancel my line" in questions_in(said)
    assert asked_in("Sure. My number is five five five. How do I pay? Thanks a lot.") == "How do I pay?"
    assert asked_in("Ich wohne in Bonn. Wie lange dauert die Erstattung?", "de-DE").startswith("Wie lange")
    assert asked_in("thank you that is everything for today") == "" == asked_in("why")
