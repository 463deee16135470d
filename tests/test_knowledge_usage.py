"""What was asked of the knowledge and what became of it: noted once, redacted, forgotten with the events."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from conversations.models import Conversation, RetentionRule
from conversations.retention import retention_enforce
from knowledge.documents.audience import Audience, audience_of
from knowledge.documents.services import document_save
from knowledge.models import Chunk, Collection, KnowledgeQuestion, PassageUse
from knowledge.search.searching import passages_search
from knowledge.usage.noting import passage_of, question_note, questions_unsay, use_note
from knowledge.usage.tickets import feedback_note, ticket_make


@pytest.fixture
def company(world: Any) -> Any:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        for title, body in (
            ("Late fees", "A late fee may be waived once a year. Ask for the waiver form."),
            ("Lost cards", "Freeze the card at once, then order a replacement by courier."),
        ):
            document_save(collection=collection, title=title, body=body)
        yield world.northwind


def kinds(**of: Any) -> list[str]:
    return sorted(PassageUse.objects.filter(**of).values_list("kind", flat=True))


def test_a_question_is_kept_redacted_and_once_with_what_was_shown(company: Any) -> None:
    agent = company.people["agent"]
    found = passages_search(query="late fee waived")
    ticket = ticket_make(user=agent, text="late fee of 4111 1111 1111 1111 waived", found=found)
    assert not KnowledgeQuestion.objects.exists()
    first = feedback_note(user=agent, kind="shown", ticket=ticket)
    assert feedback_note(user=agent, kind="opened", ticket=ticket, passage=passage_of(found[0])) == first
    [asked] = KnowledgeQuestion.objects.all()
    assert asked.text.startswith("late fee of") and "4111" not in asked.text
    assert (asked.source, asked.person, asked.team) == ("search", agent, audience_of(agent).team)
    assert kinds(question=asked) == ["opened", "shown"]
    other = company.people["supervisor"]
    for user, wrong in ((other, ticket), (agent, ticket + "x"), (agent, "x")):
        with pytest.raises(ValidationError):
            feedback_note(user=user, kind="shown", ticket=wrong)


def test_of_helpful_and_wrong_the_later_one_counts_and_may_be_taken_back(company: Any) -> None:
    agent = company.people["agent"]
    passage = passage_of(Chunk.objects.get(document__title="Lost cards"))
    for kind in ("helpful", "helpful", "wrong"):
        feedback_note(user=agent, kind=kind, passage=passage, comment="mail me at ann@example.com")
    [use] = PassageUse.objects.all()
    assert use.kind == "wrong" and use.comment.startswith("mail me") and "ann@" not in use.comment
    use_note(passage=passage, kind="wrong", person=company.people["supervisor"])
    feedback_note(user=agent, kind="", passage=passage)
    assert [use.person for use in PassageUse.objects.all()] == [company.people["supervisor"]]
    for wrong, refusal in (
        ({"passage": passage, "kind": "liked"}, ValidationError),
        ({"kind": "helpful"}, ValidationError),
        ({"passage": passage, "kind": "helpful", "question_id": uuid4()}, Http404),
        (
            {"passage": passage.__class__(passage.document_id, 1, 5, 5_000), "kind": "helpful"},
            ValidationError,
        ),
        ({"passage": passage.__class__(passage.document_id, 7, 0, 5), "kind": "helpful"}, Http404),
        ({"passage": passage.__class__(uuid4(), 1, 0, 5), "kind": "helpful"}, Http404),
    ):
        with pytest.raises(refusal):
            feedback_note(user=agent, **wrong)


def test_the_api_notes_what_was_asked_but_not_while_somebody_types(company: Any) -> None:
    client = company.client("agent")
    path = "/api/v1/knowledge/search/"
    assert client.get(path, {"q": "late f", "typing": "true"}).json()[0]["question"] is None
    assert not KnowledgeQuestion.objects.exists()
    [found] = client.get(path, {"q": "late fee"}).json()
    assert found["question"] == str(KnowledgeQuestion.objects.get().pk)
    said = {name: found[name] for name in ("document", "version", "start", "end", "question")}
    said |= {"kind": "helpful", "comment": "Just it."}
    for _again in range(2):
        answer = client.post("/api/v1/knowledge-feedback/", said, content_type="application/json")
        assert answer.status_code == 204
    assert kinds(document_id=found["document"]) == ["helpful", "shown"]
    listed = company.client("supervisor").get("/api/v1/knowledge-feedback/", {"kind": "helpful"}).json()
    assert [(row["kind"], row["comment"]) for row in listed["results"]] == [("helpful", "Just it.")]


def test_questions_go_with_the_events_and_lose_their_words_with_the_conversation(company: Any) -> None:
    call, found = uuid4(), passages_search(query="late fee")
    for text, of in (("of a call", call), ("of nobody", None)):
        question_note(text=text, source="live", audience=Audience(), found=found, conversation_id=of)
    questions_unsay(call)
    assert sorted(KnowledgeQuestion.objects.values_list("text", flat=True)) == ["", "of nobody"]
    retention_enforce(now=timezone.now() + timedelta(days=40))
    assert KnowledgeQuestion.objects.count() == 2
    RetentionRule.objects.create(kind="events", days=30)
    retention_enforce(now=timezone.now() + timedelta(days=29))
    assert KnowledgeQuestion.objects.count() == 2
    retention_enforce(now=timezone.now() + timedelta(days=31))
    assert not KnowledgeQuestion.objects.exists() and not PassageUse.objects.exists()


def test_what_is_looked_up_in_a_call_is_noted_with_the_call(company: Any) -> None:
    agent, queue = company.people["agent"], company.queue
    own, others = (
        Conversation.objects.create(
            agent=company.people[who],
            queue=queue,
            language="de",
            channel="chat",
            announced_at=timezone.now(),
            provider_call_id=who,
        )
        for who in ("agent", "outsider")
    )
    client = company.client("agent")
    for call in (own, others):
        page = client.get("/knowledge/search/", {"q": "late fee", "conversation": str(call.pk)})
        ticket = re.search('data-ticket="([^"]+)"', page.content.decode())
        assert ticket is not None
        for kind in ("shown", "helpful"):
            feedback_note(user=agent, kind=kind, ticket=ticket[1], passage=_first())
        client.get("/knowledge/answer/", {"q": "late fee", "conversation": str(call.pk)}).getvalue()
        wanted = {"q": "late fee", "conversation": str(call.pk)}
        client.get("/api/v1/knowledge/search/", wanted)
        client.post("/api/v1/knowledge-answers/", wanted, content_type="application/json")
    of_call = KnowledgeQuestion.objects.filter(conversation_id=own.pk)
    assert sorted(of_call.values_list("source", flat=True)) == ["answer", "answer", "api", "search"]
    assert set(of_call.values_list("queue", "channel", "language")) == {(queue.pk, "chat", "de")}
    assert PassageUse.objects.filter(conversation_id=own.pk, kind="helpful").count() == 1
    # Somebody else's call is none, and what was asked is noted all the same.
    assert not KnowledgeQuestion.objects.filter(conversation_id=others.pk).exists()
    assert not PassageUse.objects.filter(conversation_id=others.pk).exists()
    assert KnowledgeQuestion.objects.filter(conversation_id=None).count() == 4
    assert client.get("/knowledge/search/", {"q": "late fee", "conversation": "x"}).status_code == 200


def _first() -> Any:
    return passage_of(passages_search(query="late fee waived")[0])
