"""Chats: stored redacted and once, in order, through the same stages as calls, and on from where a worker was lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from accounts.errors import Conflict
from accounts.services import api_key_create
from coaching import replying
from coaching.beside import Asked, Race
from coaching.models import Guidance, SuggestedReply
from coaching.replies import replies_now, reply_accept
from coaching.replying import RepliesStage
from conversations import chats
from conversations.chats import Opening, chat_end, chat_open, chat_transfer, message_take
from conversations.consent import consent_record
from conversations.events import snapshot
from conversations.live.chat import ChatFollower, chat_news
from conversations.live.commit import CallCommit, group_write
from conversations.live.ownership import call_claim
from conversations.models import CallOwner, Chat, Conversation, OutboxJob, Redaction, Utterance
from cresta_app.live import stages
from engines.language.chat_replies import Replies
from engines.language.tasks import MODEL, Outcome
from engines.redaction.text import RawText
from knowledge.documents.services import document_save
from knowledge.models import Collection, KnowledgeQuestion
from providers.services import chat_server_create
from tests.budgets import query_budget
from tests.conftest import Company, World
from tests.next_steps_made import version_made
from tests.peers.chat import chat_server
from tests.understanding import definition_make, hint_action, policy_make, rule

CARD = "4111 1111 1111 1111"


def opened(company: Company, external_id: str = "c-1", **given: Any) -> Conversation:
    """A chat of the company's agent."""
    given = {"agent": company.people["agent"].email, **given}
    return chat_open(opening=Opening(external_id, **given))[0]


def say(chat: Conversation, role: str, text: str, ident: str = "", **given: Any) -> chats.Taken:
    ident = ident or f"m-{Chat.objects.get(pk=chat.pk).messages + 1}"
    return message_take(conversation_id=chat.pk, role=role, text=RawText(text), message_id=ident, **given)


class Worker:
    """A live worker's way with one chat, step by step and without its clock."""

    def __init__(self, chat: Conversation, *more: Any) -> None:
        claim = call_claim(conversation_id=chat.pk, worker="test")
        assert claim is not None
        self.chat = chat
        self.follower = ChatFollower(claim, [*stages(), *more])
        self.follower.open()

    def look(self) -> None:
        news = chat_news(self.chat.pk, self.follower.upto)
        if not self.follower.is_for(news):
            self.follower.hand(news)
        for row in news.messages:
            self.write(self.follower.message(row))
        if news.over_at is not None:
            self.write(self.follower.end(self.follower.clock_ms + 1_000, news.over_at))

    def pass_to(self, now_ms: int) -> None:
        part = self.follower.tick(now_ms)
        if part is not None:
            self.write(part)

    @staticmethod
    def write(part: CallCommit) -> None:
        assert not group_write([part]), "superseded"


def guided() -> None:
    """A moment and two rules: one that acts on words, one on their absence."""
    definition_make("cancel", phrases=["cancel*"], speaker="customer")
    definition_make("offer", phrases=["discount"], speaker="agent")
    absent = {"missing": {"heard": "offer"}, "after": {"heard": "cancel"}, "within_ms": 20_000}
    policy_make(
        rule("cancel", hint_action("Ask why", say="May I ask what happened?")),
        rule(absent, hint_action("Make an offer")),
    )


def everything_kept(schema: str) -> str:
    """All rows of all tables of the company, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{schema}"."{table}" t')
            found += [line for (line,) in cursor.fetchall()]
    return "\n".join(found)


def test_a_message_is_stored_redacted_once_and_nowhere_else(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        first = say(chat, "customer", f"my card is {CARD}, call me Marigold Thistlewood")
        again = say(chat, "customer", f"my card is {CARD}, call me Marigold Thistlewood", "m-1")
        assert (first.is_new, again.is_new) == (True, False)
        assert first.utterance.pk == again.utterance.pk
        row = Utterance.objects.get(conversation=chat)
        assert "4111" not in row.text and "[CREDIT_CARD" in row.text and row.channel_index == 1
        assert Redaction.objects.filter(utterance=row, type="CREDIT_CARD").exists()
        kept = everything_kept("northwind")
        assert "m-1" in kept
        for planted in (CARD, CARD.replace(" ", ""), "Thistlewood"):
            assert planted not in kept


def test_what_was_asked_for_before_hides_what_comes_after(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        say(chat, "agent", "What is your card number, please?", sent_at=timezone.now())
        # Minutes later, in pieces: each is read by a redactor that was made anew.
        later = timezone.now() + timedelta(seconds=50)
        texts = [
            say(chat, "customer", piece, sent_at=later).utterance.text for piece in ("4111 1111", "1111 1111")
        ]
        assert not any("11" in text for text in texts), texts


def test_what_was_hidden_is_hidden_again_in_a_later_request(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        say(chat, "customer", "hello, my name is Marigold Thistlewood")
        said = say(chat, "agent", "one moment, thistlewood was it").utterance.text
        assert "thistlewood" not in said.lower(), said


def test_bad_input_is_refused_in_words_and_changes_nothing(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        say(chat, "customer", "hello", sent_at=timezone.now())
        before = Chat.objects.values().get(pk=chat.pk)
        early, late = timezone.now() - timedelta(minutes=5), timezone.now() + timedelta(hours=1)
        wrong: list[tuple[type[Exception], str, Callable[[], Any]]] = [
            (ValidationError, "4000", lambda: say(chat, "customer", "x" * 4_001)),
            (ValidationError, "empty", lambda: say(chat, "customer", "  ")),
            (ValidationError, "role", lambda: say(chat, "bot", "hello")),
            (ValidationError, "role", lambda: say(chat, "supervisor", "hello")),
            (ValidationError, "future", lambda: say(chat, "customer", "hello", sent_at=late)),
            (ValidationError, "id", lambda: say(chat, "customer", "hello", "two words")),
            (Conflict, "order", lambda: say(chat, "customer", "hello", sent_at=early)),
            (Conflict, "another side", lambda: say(chat, "agent", "hello", "m-1")),
            (
                ValidationError,
                "e-mail",
                lambda: opened(world.northwind, "c-2", agent="nobody@northwind.test"),
            ),
            (
                ValidationError,
                "24 hours",
                lambda: opened(world.northwind, "c-2", started_at=early - timedelta(3)),
            ),
        ]
        for kind, words, work in wrong:
            with pytest.raises(kind, match=words):
                work()
        assert Chat.objects.values().get(pk=chat.pk) == before
        assert Utterance.objects.filter(conversation=chat).count() == 1
        chat_end(conversation_id=chat.pk)
        with pytest.raises(Conflict, match="over"):
            say(chat, "customer", "one more")
        # What was taken before the end is still acknowledged, as it is stored.
        assert not say(chat, "customer", "hello", "m-1").is_new


def test_what_the_customer_does_not_allow_is_not_taken(world: World) -> None:
    with world.northwind.scope():
        refused = opened(world.northwind, "c-2", fields={"consent": {"assist": "refused"}})
        with pytest.raises(Conflict, match="allow"):
            say(refused, "customer", "hello")
        chat = opened(world.northwind, started_at=timezone.now() - timedelta(seconds=60))
        say(chat, "customer", "hello")
        record = consent_record(conversation=chat, purpose="assist", state="withdrawn", source="agent")
        assert 59_000 < record.at_ms < 90_000
        with pytest.raises(Conflict, match="allow"):
            say(chat, "customer", "do not keep this")
        assert Utterance.objects.filter(conversation=chat).count() == 1


def test_guidance_comes_within_the_chat_as_in_a_call(world: World) -> None:
    with world.northwind.scope():
        guided()
        chat = opened(world.northwind)
        worker = Worker(chat)
        say(chat, "customer", "I want to cancel my account")
        worker.look()
        hint = Guidance.objects.get(conversation=chat, title="Ask why")
        assert hint.state == "open" and hint.cause_id == Utterance.objects.get(conversation=chat).pk
        worker.pass_to(worker.follower.clock_ms + 15_000)
        assert not Guidance.objects.filter(conversation=chat, title="Make an offer").exists()
        worker.pass_to(worker.follower.clock_ms + 10_000)
        # Time went by without a word: that, too, is heard. It may wait for its place on the screen.
        assert Guidance.objects.filter(conversation=chat, title="Make an offer").exists()


def test_another_worker_goes_on_without_doubles(world: World) -> None:
    with world.northwind.scope():
        guided()
        chat = opened(world.northwind)
        first = Worker(chat)
        say(chat, "customer", "hello there")
        first.look()
        say(chat, "customer", "I want to cancel my account")
        second = Worker(chat)  # the first one is gone, before it saw that
        with pytest.raises(AssertionError, match="superseded"):
            first.look()
        assert not Guidance.objects.filter(conversation=chat).exists()
        second.look()
        second.look()
        assert Guidance.objects.filter(conversation=chat, title="Ask why").count() == 1
        third = Worker(chat)
        third.look()
        assert third.follower.upto == 2
        assert Guidance.objects.filter(conversation=chat, title="Ask why").count() == 1
        numbers = list(Utterance.objects.filter(conversation=chat).values_list("sequence", flat=True))
        assert numbers == [1, 2]
        head = CallOwner.objects.get(pk=chat.pk).head
        assert snapshot(chat)["head"] == head == len(set(chat.events.values_list("sequence", flat=True)))


def test_the_end_is_written_once_with_all_that_follows_it(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        worker = Worker(chat)
        say(chat, "customer", "hello")
        assert chat_end(conversation_id=chat.pk) and not chat_end(conversation_id=chat.pk)
        worker.look()
        chat.refresh_from_db()
        assert (chat.state, chat.end_reason) == ("wrap_up", "stop")
        assert Utterance.objects.filter(conversation=chat).count() == 1
        tasks = set(OutboxJob.objects.filter(conversation_id=chat.pk).values_list("task", flat=True))
        assert "recording.seal" in tasks
        stored = Chat.objects.get(pk=chat.pk)
        assert stored.memory is None and stored.redaction is None
        assert call_claim(conversation_id=chat.pk, worker="late") is None


def test_two_companies_are_apart(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
    with world.acme.scope():
        other, is_new = chat_open(opening=Opening("c-1"))
        assert is_new and other.pk != chat.pk
        admin = world.acme.client("admin")
    assert admin.get(f"/api/v1/chats/{chat.pk}/").status_code == 404
    answer = admin.post(f"/api/v1/chats/{chat.pk}/end/", content_type="application/json")
    assert answer.status_code == 404


def test_a_chat_goes_to_another_agent(world: World) -> None:
    with world.northwind.scope():
        guided()
        chat = opened(world.northwind)
        worker = Worker(chat)
        say(chat, "customer", "hello")
        worker.look()
        teammate = world.northwind.people["teammate"]
        chat_transfer(conversation_id=chat.pk, agent=teammate.email)
        say(chat, "customer", "I want to cancel it")
        worker.look()
        assert worker.follower.call.agent_id == teammate.pk
        assert chat.handovers.get().to_agent == teammate
        assert Guidance.objects.filter(conversation=chat, title="Ask why").count() == 1


def test_the_api_as_a_chat_system_uses_it(world: World) -> None:
    company = world.northwind
    with company.scope():
        _key, secret = api_key_create(owner=company.people["admin"], name="chat system", scopes=["ingest"])
    client = company.client(HTTP_AUTHORIZATION=f"Bearer {secret}")

    def post(path: str, **body: Any) -> Any:
        return client.post(f"/api/v1/chats/{path}", body, content_type="application/json")

    opening = {
        "external_id": "ext-7",
        "agent": company.people["agent"].email,
        "queue": "billing",
        "customer": {"reference": "c-9", "name": "Helen"},
        "metadata": {"product": "broadband", "card": CARD},
    }
    first, again = post("", **opening), post("", **opening)
    assert (first.status_code, again.status_code) == (201, 200)
    ident = first.json()["id"]
    assert again.json()["id"] == ident and first.json()["agent"]["name"] == "Agent"
    said = post(f"{ident}/messages/", role="customer", text=f"card {CARD}", message_id="1")
    assert said.status_code == 201 and said.json()["n"] == 1 and "4111" not in said.json()["text"]
    assert post(f"{ident}/messages/", role="customer", text=f"card {CARD}", message_id="1").status_code == 200
    assert client.get(f"/api/v1/chats/{ident}/replies/").json() == []
    assert client.get("/api/v1/chats/?external_id=ext-7").json()["results"][0]["messages"] == 1
    assert post(f"{ident}/messages/", role="pirate", text="arr", message_id="2").status_code == 400
    # A key for feeding speaks for nobody.
    assert post(f"{ident}/join/", text="hello").status_code == 403
    moved = client.patch(
        f"/api/v1/chats/{ident}/",
        {"agent": company.people["teammate"].email},
        content_type="application/json",
    )
    assert moved.json()["agent"]["name"] == "Teammate"
    assert post(f"{ident}/end/").json()["over"] is True
    late = post(f"{ident}/messages/", role="customer", text="hello", message_id="3")
    assert late.status_code == 409 and "over" in late.json()["error"]["message"]
    with company.scope():
        assert CARD not in everything_kept("northwind")


# --- Suggested replies ----------------------------------------------------------------------------------


class Answers:
    """Sources of replies that answer when they are told to, in the test's own thread."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.made: list[Asked] = []
        self.dropped: list[str] = []

    def ask(self, schema: str, query: str) -> Asked:
        self.asked.append(query)
        race = Race()
        asked = Asked(race.future, time.monotonic() + 60, race, gone=lambda: self.dropped.append(query))
        self.made.append(asked)
        return asked

    def answer(self, *texts: str) -> None:
        race = self.made[-1].race
        assert race is not None and race.won()
        race.future.set_result({"replies": [(text, "") for text in texts]})


def replies_of(chat: Conversation) -> list[tuple[str, str]]:
    return [(row.source, row.text) for row in replies_now(chat.pk)]


def test_replies_come_from_guidance_at_once_and_from_others_in_time(world: World) -> None:
    with world.northwind.scope():
        guided()
        chat = opened(world.northwind)
        knowledge, model = Answers(), Answers()
        worker = Worker(chat, RepliesStage({"knowledge": knowledge, "model": model}))  # type: ignore[dict-item]
        say(chat, "customer", f"cancel it, my card is {CARD}")
        worker.look()
        assert replies_of(chat) == [("guidance", "May I ask what happened?")]
        knowledge.answer("Cancelling takes two days.")
        model.answer("may i ask what happened?", "I am sorry to hear that.", "One too many.")
        worker.pass_to(worker.follower.clock_ms + 1_000)
        assert replies_of(chat) == [
            ("guidance", "May I ask what happened?"),
            ("knowledge", "Cancelling takes two days."),
            ("model", "I am sorry to hear that."),
        ]
        assert [one["position"] for one in snapshot(chat)["items"]["reply"]] == [0, 1, 2]
        taken = replies_now(chat.pk)[0]
        user = world.northwind.people["agent"]
        assert reply_accept(conversation_id=chat.pk, reply_id=taken.pk, user=user)
        assert SuggestedReply.objects.get(pk=taken.pk).accepted_by == user
        # Once the agent has written, nothing is suggested until the customer writes again; what comes late is dropped.
        say(chat, "customer", "well?")
        worker.look()
        say(chat, "agent", "One moment")
        worker.look()
        assert replies_of(chat) == [] and model.dropped[-1] == model.asked[-1]


def test_replies_that_are_late_are_dropped_and_asked_for_again_by_the_next_worker(world: World) -> None:
    with world.northwind.scope():
        chat = opened(world.northwind)
        late, again = Answers(), Answers()
        worker = Worker(chat, RepliesStage({"model": late}))  # type: ignore[dict-item]
        say(chat, "customer", "where is my parcel")
        worker.look()
        late.made[-1].due = 0
        late.answer("Too late.")
        worker.pass_to(worker.follower.clock_ms + 1_000)
        assert replies_of(chat) == []
        Worker(chat, RepliesStage({"model": again}))  # type: ignore[dict-item]
        assert again.asked == late.asked == [f"{chat.pk}:1"]


def test_the_sources_are_given_redacted_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        replying,
        "task_run",
        lambda _task, given, **_more: seen.append(given) or Outcome(Replies(replies=["Sure."]), MODEL),
    )
    with world.northwind.scope():
        collection = Collection.objects.create(name="Help")
        document_save(collection=collection, title="Parcels", body="A parcel takes two days.")
        chat = opened(world.northwind)
        say(chat, "customer", f"where is my parcel, my card is {CARD}")
        query = f"{chat.pk}:1"
        assert replying.model_reply(query) == {"replies": [("Sure.", "")]}
        assert replying.knowledge_reply(query)["replies"][0][0].endswith("A parcel takes two days.")  # type: ignore[index]
        asked = KnowledgeQuestion.objects.get()
        assert (asked.source, asked.conversation_id) == ("reply", chat.pk) and "4111" not in asked.text
        assert replying.next_step_reply(query) is None
    assert "4111 1111" not in str(seen) and "[CREDIT_CARD" in str(seen)


def test_the_next_step_of_the_live_model_is_suggested(world: World) -> None:
    with world.northwind.scope():
        version_made(state="live")
        chat = opened(world.northwind, fields={"task": "ride"})
        say(chat, "customer", "I need a ride")
        card = replying.next_step_reply(f"{chat.pk}:1")
        assert card is not None and card["replies"][0][0]


def test_the_company_s_chat_model_is_asked_with_redacted_words_alone(world: World, settings: Any) -> None:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with world.northwind.scope(), chat_server() as server:
        chat_server_create(base_url=server.url, name="Ours", model="m", secret="", inside=True)
        chat = opened(world.northwind)
        say(chat, "customer", f"where is my parcel, my card is {CARD}")
        server.script.append('say:{"replies": ["Let me look.", "Hello [NAME]", "Call me on 212 555 0147."]}')
        card = replying.model_reply(f"{chat.pk}:1")
        assert card is not None
        # What names a hidden thing is of no use, and what the model made up is redacted, too.
        assert card["replies"][0] == ("Let me look.", "")
        assert "555 0147" not in str(card) and "NAME" not in str(card)
        assert "4111 1111" not in json.dumps(server.requests) and "[CREDIT_CARD" in json.dumps(
            server.requests
        )


def test_lists_take_few_queries(world: World) -> None:
    with world.northwind.scope():
        for number in range(3):
            opened(world.northwind, f"c-{number}")
        client = world.northwind.client("supervisor")
        with query_budget("api-chats"):
            assert len(client.get("/api/v1/chats/").json()["results"]) == 3
