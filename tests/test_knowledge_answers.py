"""Composed answers: every sentence borne out by the passage that it cites, or "the documents do not say"."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from engines.language.answering import Said, Sentences
from engines.retrieval.support import support
from knowledge.answers import composing, responses
from knowledge.answers.responses import answer_given
from knowledge.documents.services import document_save
from knowledge.models import Collection, KnowledgeQuestion
from knowledge.search.searching import Found
from providers.services import chat_server_create
from tenants.scope import PUBLIC, schema_scope
from tests.conftest import Company, World
from tests.engines.injections import INJECTIONS
from tests.peers.chat import ChatServer, chat_server

REFUNDS = (
    "Refunds go back to the card that paid. They take three to five working days. A refund above £500 must be "
    "approved by a supervisor. Gift cards cannot be refunded."
)
QUESTION = "How long does a refund to the card take?"
TRUE = "Refunds take three to five working days."
API = "/api/v1/knowledge-answers/"


@pytest.fixture
def company(world: World, settings: Any) -> Any:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        document_save(collection=collection, title="Refunds to the card", body=REFUNDS)
        document_save(collection=collection, title="Lost cards", body="Freeze the lost card at once.")
        yield world.northwind


@pytest.fixture
def model(company: Company) -> Any:
    with chat_server() as server:
        chat_server_create(base_url=server.url, name="Ours", model="ours-8b", secret="sk", inside=True)
        yield server


def given(company: Company, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return answer_given(company.people["agent"], question, **more)


def texts(answer: dict[str, Any]) -> list[str]:
    return [one["text"] for one in answer["sentences"]]


# --- Without a model ------------------------------------------------------------------------------------


def test_without_a_model_the_best_passage_answers_in_its_own_words(company: Company) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = given(company)
    assert (answer["source"], answer["answered"]) == ("passage", True)
    assert all(text in REFUNDS for text in texts(answer)) and "card" in texts(answer)[0]
    first = answer["sentences"][0]
    words = {first["text"][start:end] for start, end in first["marks"]}
    assert "Refunds" in words
    [number] = first["citations"]
    cited = answer["passages"][number - 1]
    assert (cited["title"], cited["version"]) == ("Refunds to the card", 1)
    page = company.client("agent").get(cited["url"])
    assert b'id="passage"' in page.content
    assert len(queries) <= 12
    asked = KnowledgeQuestion.objects.get()
    assert (asked.answered, asked.source, asked.text) == (True, "answer", QUESTION)


@pytest.mark.parametrize("question", ["Who won the football in 1998?", "?", "xyzzy plugh", "not"])
def test_what_no_document_says_is_said_so(company: Company, question: str) -> None:
    answer = given(company, question)
    assert (answer["answered"], answer["source"], answer["sentences"]) == (False, "none", [])
    assert answer["words"] == "The documents do not say."
    assert not KnowledgeQuestion.objects.get().answered


# --- With one -------------------------------------------------------------------------------------------


def test_a_model_s_sentences_are_shown_if_a_passage_bears_them_out(
    company: Company, model: ChatServer
) -> None:
    model.answers = lambda _request: (
        "Refunds take three to five working days. [1]\n"
        "Refunds are paid within one day. [1]\n"
        "Gift cards can be refunded. [1] A refund above £500 must be approved by a supervisor [1].\n"
        "Refunds go back to the card that paid.\n"
        "The CEO likes refunds [7]"
    )
    answer = given(company)
    assert texts(answer) == [
        "Refunds take three to five working days.",
        "A refund above £500 must be approved by a supervisor.",
        "Refunds go back to the card that paid.",
    ]
    assert (answer["source"], answer["dropped"]) == ("model", 3)
    [request] = model.requests
    assert request["stream"] is True and not {"tools", "tool_choice", "functions"} & set(request)
    fenced = request["messages"][1]["content"]
    boundary = fenced.split()[0].removeprefix("<<")
    assert boundary in request["messages"][0]["content"] and fenced.count(boundary) == 2 * (
        1 + len([one for one in answer["passages"] if not one["withheld"]])
    )
    given(company, f"{QUESTION} Please.")
    assert boundary not in model.requests[1]["messages"][1]["content"]


@pytest.mark.parametrize(
    "said", ["NOTHING", "", "NOTHING.", "Bananas are blue. [1]", "[1] [2]", "{}", "\n\n\n"]
)
def test_a_model_that_says_nothing_true_says_nothing(company: Company, model: ChatServer, said: str) -> None:
    model.answers = lambda _request: said
    answer = given(company)
    assert (answer["answered"], answer["source"]) == (False, "none")
    assert answer["passages"]


@pytest.mark.parametrize("fault", ["500", "429", "401", "cut", "page", "redirect", "garbage"])
def test_where_the_model_fails_the_passage_answers(company: Company, model: ChatServer, fault: str) -> None:
    model.script = [fault]
    answer = given(company)
    assert answer["source"] in {"passage", "none"}
    if fault in {"500", "429", "401", "cut"}:
        assert (answer["source"], answer["trouble"]) == ("passage", "The chat model does not answer.")


def test_what_comes_late_is_left_out(
    company: Company, model: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composing, "DEADLINE_SECONDS", 1.5)
    model.answers = lambda _request: (
        "Refunds take three to five working days. [1]\nGift cards cannot be refunded. [1]"
    )
    model.script = ["stall"]
    answer = given(company)
    assert texts(answer) == ["Refunds take three to five working days."]
    assert (answer["late"], answer["source"]) == (True, "model")


def test_what_is_typed_goes_out_redacted(company: Company, model: ChatServer) -> None:
    given(company, f"{QUESTION} My card is 4111 1111 1111 1111.")
    assert "4111" not in json.dumps(model.requests[0])
    assert "4111" not in KnowledgeQuestion.objects.get().text


# --- As it comes ----------------------------------------------------------------------------------------


def parts(response: Any) -> list[dict[str, Any]]:
    text = b"".join(response.streaming_content).decode()
    return [json.loads(one.split("data: ")[1]) for one in text.split("\n\n") if one]


def test_pages_and_programs_get_it_as_it_comes(company: Company, model: ChatServer) -> None:
    model.answers = lambda _request: "Refunds take three to five working days. [1]\n"
    client = company.client("agent")
    for response in (
        client.get("/knowledge/answer/", {"q": QUESTION}),
        client.post(f"{API}stream/", {"q": QUESTION}, content_type="application/json"),
    ):
        assert response["Content-Type"] == "text/event-stream"
        assert [one["kind"] for one in parts(response)] == ["passages", "sentence", "done"]
    whole = client.post(API, {"q": QUESTION}, content_type="application/json").json()
    assert texts(whole) == ["Refunds take three to five working days."]
    alone = client.post(API, {"q": QUESTION, "compose": False}, content_type="application/json").json()
    assert alone["source"] == "passage"
    # The same was asked three times: the model was asked once.
    assert len(model.requests) == 1
    assert client.get("/knowledge/answer/").status_code == 204


def test_where_an_event_loop_runs_it_comes_sentence_by_sentence_and_is_noted_after(
    company: Company, model: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.answers = lambda _request: f"{TRUE} [1]\n"
    noted: list[Any] = []

    async def run(schema: str, _work: Any, *given: Any) -> None:
        noted.append((schema, given[0].question, given[2]))

    monkeypatch.setattr(responses._threads, "run", run)
    request = ASGIRequest({"type": "http", "method": "GET", "path": "/", "headers": []}, io.BytesIO())
    agent = company.people["agent"]
    response = responses.answer_streamed(request, agent, QUESTION)

    async def whole() -> list[str]:
        streamed = cast(AsyncIterator[bytes], response.streaming_content)
        return [part.decode().split("\n")[0] async for part in streamed]

    # The server asks for the parts when the request has left its company.
    with schema_scope(PUBLIC):
        assert asyncio.run(whole()) == ["event: passages", "event: sentence", "event: done"]
    assert noted == [(company.schema, QUESTION, agent)]


def test_parts_that_come_at_once_are_noted_in_their_company_too(company: Company, model: ChatServer) -> None:
    model.answers = lambda _request: f"{TRUE} [1]\n"
    response = responses.answer_streamed(HttpRequest(), company.people["agent"], QUESTION)
    with schema_scope(PUBLIC):
        assert [one["kind"] for one in parts(response)] == ["passages", "sentence", "done"]
    assert KnowledgeQuestion.objects.get().source == "answer"


def test_others_get_nothing_of_what_is_not_for_them(company: Company) -> None:
    collection = Collection.objects.get(name="Policies")
    collection.teams.add(company.people["outsider"].team)
    assert given(company)["passages"] == []


def test_sentences_are_cut_as_they_come() -> None:
    said = "1. The fee is £5.50 [1], [2]. Ask at 9:00. [3]\n- Not cited here\nThe end [1,2]"
    for size in (1, 3, 100):
        reader = Sentences()
        found = [one for at in range(0, len(said), size) for one in reader.take(said[at : at + size])]
        found += reader.rest()
        assert [(one.text, one.numbers) for one in found] == [
            ("The fee is £5.50.", (1, 2)),
            ("Ask at 9:00.", (3,)),
            ("Not cited here", ()),
            ("The end", (1, 2)),
        ]
    assert Sentences().rest() == []


def test_what_is_shown_is_what_the_passage_says(company: Company, model: ChatServer) -> None:
    model.answers = lambda request: request["messages"][1]["content"]
    shown = texts(given(company))
    bodies = {"Refunds to the card": REFUNDS, "Lost cards": "Freeze the lost card at once."}
    assert shown
    for one in shown:
        assert any(support(one, body, context=title).holds for title, body in bodies.items()), one


# --- Documents that speak to a model --------------------------------------------------------------------


def passage(number: int, title: str, text: str) -> Found:
    return Found(UUID(int=number), UUID(int=number), title, "Policies", title, "", text, 0, len(text), 1, 1.0)


class Obeying:
    """Writes what it is told to, and a true sentence."""

    def __init__(self, said: str) -> None:
        self._said = said

    async def write(self, question: str, passages: Sequence[tuple[str, str]]) -> AsyncIterator[Said]:
        read = Sentences()
        for one in read.take(f"{self._said}\n{TRUE} [1]\n"):
            yield one


@pytest.mark.parametrize("unrecognised", [False, True])
def test_no_injection_gets_through_a_model_that_obeys_it(
    monkeypatch: pytest.MonkeyPatch, unrecognised: bool
) -> None:
    """The model writes what each text asks for. Where the text is recognised, nothing of it is shown.

    Where it is not (as if no pattern knew it), what is shown is at most what the document says in so many words: no
    link, no picture, nothing of the prompt, nothing that was done.
    """
    for hides in ("redacted", "private_masked"):
        monkeypatch.setattr(composing, hides, lambda text: text)
    if unrecognised:
        monkeypatch.setattr(composing, "steers", lambda text: False)
    for name, text, obeyed in INJECTIONS:
        found = [
            passage(1, "Refunds", REFUNDS),
            passage(2, "More on refunds", f"Refunds to the card: {text}"),
        ]
        answering = composing.answer_from(query=QUESTION, found=found)
        composing.answer_ask(answering, Obeying(obeyed))
        asyncio.run(composing.answer_whole(answering))
        said = [one.text for one in answering.sentences]
        assert TRUE in said, name
        for one in said:
            assert not any(sign in one for sign in ("http", "](", "<", "`", "{", "evil", "sk-", "hunter2")), (
                name
            )
        if unrecognised:
            assert all(one == TRUE or composing.Evidence(text).supports(one).holds for one in said), name
        else:
            assert said == [TRUE], name
            assert (answering.withheld, answering.dropped > 0) == ({2}, True), name
            assert [number for number, _path, _text in answering.texts] == [1], name


def test_the_request_has_no_tools_and_not_the_text_that_steers(company: Company, model: ChatServer) -> None:
    _name, text, obeyed = INJECTIONS[0]
    document_save(
        collection=Collection.objects.get(name="Policies"),
        title="More on how long a refund to the card takes",
        body=f"A refund to the card takes long. {text}",
    )
    model.answers = lambda _request: f"{obeyed}\n{TRUE} [1]"
    model.script = ["tools"]
    answer = given(company)
    assert texts(answer) == [TRUE]
    assert [one["title"] for one in answer["passages"] if one["withheld"]] == [
        "More on how long a refund to the card takes"
    ]
    [request] = model.requests
    assert not {"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"} & set(request)
    assert text not in json.dumps(request["messages"])
