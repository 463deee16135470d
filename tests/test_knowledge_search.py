"""Search over a company's passages: what is typed and said, hostile questions, and what changed is found at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from coaching.beside import passage_card, question
from knowledge.documents.services import document_save
from knowledge.models import Collection, Document, Synonyms
from knowledge.search import indexing, searching
from knowledge.search.searching import passages_search
from knowledge.search.synonyms import synonyms_delete, synonyms_save

TEXTS = {
    "Refunds": "# Refunds\n\n## Time limits\n\nA refund is paid to the card within five days.",
    "Late fees": "A late fee may be waived once a year. Ask for the waiver form.",
    "Internal: Closing an account": "Check the balance. Close the account with the closing form.",
    "Lost cards": "Freeze the card at once, then order a replacement by courier.",
}


@pytest.fixture
def collection(world: Any) -> Any:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        for title, body in TEXTS.items():
            document_save(collection=collection, title=title, body=body)
        yield collection


def titles(query: str, **more: Any) -> list[str]:
    return [one.title for one in passages_search(query=query, **more)]


def test_what_is_typed_so_far_finds_what_it_will_be(collection: Any) -> None:
    assert titles("how long does a ref", typing=True)[0] == "Refunds"
    assert titles("ref") == []
    [found] = passages_search(query="courie", typing=True)
    assert "<mark>courier</mark>" in found.html
    assert titles("replacemant")[0] == "Lost cards"
    assert titles("REFUND, time-limits?")[0] == "Refunds"


def test_a_situation_finds_one_passage_of_each_document_it_is_about(collection: Any) -> None:
    told = (
        "Hello, I hope you can help me, I really do not know what to say. My card was lost on the train and I "
        "need a replacement. Then there is a late fee in my statement, could that be waived? And after all of that I "
        "would like to close my account, please."
    )
    assert set(titles(told)[:3]) == {"Lost cards", "Late fees", "Internal: Closing an account"}


def test_what_was_said_before_says_what_is_meant(collection: Any) -> None:
    for title in ("Savings", "Loans"):
        document_save(
            collection=collection,
            title=f"{title}: rates",
            body=f"The rate of {title.lower()} is set each month by the bank and is in the list of rates.",
        )
    for about, title in (("My savings grow too slowly.", "Savings"), ("I want two loans.", "Loans")):
        assert titles("what is the rate", context=[about])[0] == f"{title}: rates"
        card = passage_card(question("rate", ["Good morning.", about]))
        assert card is not None and card["title"] == f"{title}: rates"


def test_words_of_one_meaning_find_each_other_until_they_are_taken_away(collection: Any) -> None:
    assert titles("remission") == []
    row = synonyms_save(words=["waiver", " remission ", "waiver"])
    assert row.words == ["waiver", "remission"]
    assert titles("a Remission?")[0] == "Late fees"
    synonyms_delete(synonyms=row)
    assert titles("remission") == []
    for wrong in ([], ["one"], ["same", "same"], ["x" * 81, "y"], [f"word {number}" for number in range(21)]):
        with pytest.raises(ValidationError):
            synonyms_save(words=wrong)
    assert not Synonyms.objects.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        "refund " * 1500,
        "x" * 10_000,
        "a' | 'b & !(c <-> d):*",
        "'); DROP TABLE knowledge_chunk; --",
        "\\ \\' \\\\ '' \" refund",
        "refund:* & | ! ( ) < > ::",
        '"refund',
        '-"refund" -',
        "\x00\x01\x02refund",
        "refund \ud7ff\U0010ffff\u202e\u200b",
        "%s %(a)s {0} refund",
        "(" * 5_000,
        "refund\n" * 2_000,
        "ref und-" * 20,
    ],
)
def test_no_question_breaks_search(collection: Any, hostile: str) -> None:
    for typing in (False, True):
        found = passages_search(query=hostile, context=[hostile], typing=typing)
        assert len(found) <= 5
    assert Document.objects.count() == len(TEXTS)


def test_each_collection_is_read_in_its_language(collection: Any) -> None:
    german = Collection.objects.create(name="Richtlinien", language="de")
    document_save(
        collection=german, title="Gebühren", body="Die Mahngebühren werden einmal im Jahr erlassen."
    )
    [found] = passages_search(query="Mahngebühr")
    assert (found.title, found.collection) == ("Gebühren", "Richtlinien")
    assert "<mark>Mahngebühren</mark>" in found.html
    german.language = "tlh"
    german.save()
    assert titles("Mahngebühr") == [] and titles("Mahngebühren") == ["Gebühren"]


def test_what_changes_is_found_at_once_and_what_was_rolled_back_is_not(collection: Any) -> None:
    assert titles("overdraft") == []
    with pytest.raises(RuntimeError), transaction.atomic():
        document_save(collection=collection, title="Overdraft", body="An overdraft costs ten.")
        assert titles("overdraft") == ["Overdraft"]
        raise RuntimeError
    assert titles("overdraft") == []
    row = document_save(collection=collection, title="Overdraft", body="An overdraft costs ten.")
    assert titles("overdraft costs") == ["Overdraft"]
    document_save(collection=collection, title="Overdraft", body="It is free.", document=row)
    assert titles("costs") == []
    row.delete()
    assert titles("overdraft") == []
    collection.delete()
    assert titles("refund") == []


def test_what_does_not_hold_leaves_no_gap(collection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "RANKED", 2)
    yesterday = timezone.localdate() - timedelta(1)
    for number in range(12):
        document_save(
            collection=collection,
            title=f"Old refunds {number}",
            body="Refund refund refund of the old kind.",
            valid_to=yesterday,
        )
    assert titles("refund", limit=1) == ["Refunds"]
    other = Collection.objects.create(name="Other")
    document_save(collection=other, title="Elsewhere", body="A refund elsewhere.")
    assert titles("refund", documents=Document.objects.filter(collection=other)) == ["Elsewhere"]


def test_the_api_takes_what_a_page_takes_and_more(world: Any, collection: Any) -> None:
    agent = world.northwind.client("agent")
    url = "/api/v1/knowledge/search/"
    [first, *_rest] = agent.get(url, {"q": "how long does a ref", "typing": "true"}).json()
    assert first["title"] == "Refunds" and 0 < first["covers"] <= 1
    assert agent.get(url, {"q": "refund", "collection": "None such"}).json() == []
    asked = {"q": "and the form?", "context": ["I was charged a late fee."], "limit": 1}
    [found] = agent.post(url, asked, content_type="application/json").json()
    assert found["title"] == "Late fees"
    assert agent.post(url, {"q": "x" * 10_001}, content_type="application/json").status_code == 400
    page = agent.get("/knowledge/search/", {"q": "refund " * 400})
    assert page.status_code == 200 and "Refunds" in page.content.decode()


def test_words_of_one_meaning_are_kept_by_those_who_look_after_knowledge(world: Any, collection: Any) -> None:
    manager = world.northwind.client("supervisor")
    made = manager.post(
        "/api/v1/synonyms/", {"words": ["waiver", "remission"]}, content_type="application/json"
    )
    assert made.status_code == 201
    assert titles("remission")[0] == "Late fees"
    url = f"/api/v1/synonyms/{made.json()['id']}/"
    changed = manager.put(url, {"words": ["waiver", "pardon"]}, content_type="application/json")
    assert changed.json()["words"] == ["waiver", "pardon"]
    assert (titles("remission"), titles("pardon")[0]) == ([], "Late fees")
    assert manager.delete(url).status_code == 204 and manager.delete(url).status_code == 404
    admin = world.northwind.client("admin")
    saved = admin.post("/admin/knowledge/synonyms/add/", {"words": "waiver, absolution"})
    assert saved.status_code == 302, saved.context["errors"]
    assert titles("absolution")[0] == "Late fees"
    assert admin.get("/admin/knowledge/synonyms/").status_code == 200


def test_while_much_is_read_the_database_answers(
    world: Any, collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Any] = []
    monkeypatch.setattr(indexing, "AT_ONCE", 2)
    monkeypatch.setattr(indexing, "start_beside", waiting.append)
    monkeypatch.setattr(indexing, "call_in_schema", lambda schema, work: work())
    indexing.forget()
    assert titles("Please tell me, is a late fee waived?") == ["Late fees"]
    assert titles("courier zebra") == ["Lost cards"]
    assert "Refunds" in titles("refund\n" * 300)
    assert len(waiting) == 1, "it is read once, however many ask"
    waiting.pop()()
    assert titles("replacemant")[0] == "Lost cards"
    # What was there before is searched while more is read.
    for number in range(3):
        document_save(collection=collection, title=f"Fees {number}", body="A late fee of another kind.")
    assert titles("late fee") == ["Late fees"]
    waiting.pop()()
    assert len(titles("late fee")) == 4


def test_one_company_does_not_find_what_another_has(world: Any, collection: Any) -> None:
    assert titles("refund")
    with world.acme.scope():
        assert passages_search(query="refund") == []


def test_what_is_found_shows_the_words_of_links_and_the_document_where_they_lead(
    world: Any, collection: Any
) -> None:
    company, body = (
        world.northwind,
        "Fill in [the hardship form](https://forms.example/hardship/form?x=1) at once.",
    )
    document = document_save(collection=collection, title="Hardship", body=body)
    found = passages_search(query="hardship")[0]
    assert found.text == body
    shown = re.sub("<[^>]+>", "", found.html)
    assert shown == "Fill in the hardship form at once."
    page = company.client("agent").get(f"/knowledge/documents/{document.pk}/").content.decode()
    assert 'href="https://forms.example/hardship/form?x=1"' in page
    asked = {"q": "Shall I fill in the hardship form at once?"}
    client = company.client("agent")
    answer = client.post("/api/v1/knowledge-answers/", asked, content_type="application/json").json()
    assert [one["text"] for one in answer["sentences"]] == [shown]


def test_search_and_answers_may_be_of_one_collection_only(world: Any, collection: Any) -> None:
    news = Collection.objects.create(name="News & more")
    document_save(collection=news, title="Refunds now", body="A refund to the card takes ten days now.")
    client = world.northwind.client("agent")

    def found(**more: str) -> str:
        return client.get("/knowledge/search/", {"q": "refund card days"} | more).content.decode()

    both, one = found(), found(collection="News & more")
    assert "Time limits" in both and "Refunds now" in both and 'data-only="News &amp; more"' in both
    assert "Refunds now" in one and "Time limits" not in one and "Only News &amp; more" in one
    for nothing in ("nowhere", "\x00"):
        assert "Refunds now" not in found(collection=nothing) or nothing == "\x00"
    wanted = {"q": "refund to the card days", "collection": "News & more"}
    answer = client.post("/api/v1/knowledge-answers/", wanted, content_type="application/json").json()
    assert {one["collection"] for one in answer["passages"]} == {"News & more"}
    streamed = client.get("/knowledge/answer/", wanted).getvalue().decode()
    assert "ten days now" in streamed and "five days" not in streamed


def test_where_there_is_nothing_yet_everything_says_so(world: Any) -> None:
    company = world.northwind
    with company.scope():
        empty = Collection.objects.create(name="Empty")
        agent, supervisor = company.client("agent"), company.client("supervisor")
        page = agent.get("/knowledge/search/", {"q": "refund"}).content.decode()
        assert "no documents to search yet" in page
        only = agent.get("/knowledge/search/", {"q": "refund", "collection": "Empty"}).content.decode()
        assert "nothing to be found in this collection" in only
        assert agent.get("/api/v1/knowledge/search/", {"q": "refund"}).json() == []
        answer = agent.post("/api/v1/knowledge-answers/", {"q": "refund"}, content_type="application/json")
        assert (answer.json()["source"], answer.json()["words"]) == ("none", "The documents do not say.")
        for path, words in (
            (f"/knowledge/collections/{empty.pk}/", "Empty"),
            (f"/knowledge/collections/{empty.pk}/tests/", "No tests yet"),
            ("/knowledge/coverage/", "Each was shown to somebody"),
            ("/knowledge/gaps/", "No gaps"),
            ("/knowledge/findings/", "Nothing to look at"),
        ):
            assert words in supervisor.get(path).content.decode(), path
        run = supervisor.post(f"/knowledge/collections/{empty.pk}/tests/run", follow=True)
        assert run.status_code == 200
        assert supervisor.get("/knowledge/coverage.csv").status_code == 200
