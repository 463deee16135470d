"""Vectors of passages: made by a job that goes on where it was, asked by search, and missed without harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from engines.embeddings import NotEmbedded
from knowledge.documents.audience import Audience
from knowledge.documents.selectors import documents_for
from knowledge.documents.services import document_save, document_withdraw
from knowledge.models import Collection, VectorState
from knowledge.search import vectors
from knowledge.search.progress import vectors_progress
from knowledge.search.searching import passages_search
from knowledge.search.vectors import vectors_due, vectors_make
from knowledge.text import private
from providers.models import SearchServer
from providers.searching import search_server_try
from providers.selectors import account_secret
from providers.services import search_server_create
from tests.peers.vectors import VectorServer, vector_server

TEXTS = {
    "Refunds": "A refund is paid to the card within five days.",
    "Late fees": "A late fee may be waived once a year. Ask for the waiver form.",
    "Lost cards": "Freeze the card at once, then order a replacement by courier.",
}
# Loopback is as fast as the machine lets it be; what is too slow is slow for ever.
PATIENT_MS = 5_000


@pytest.fixture
def peer() -> Iterator[VectorServer]:
    with vector_server() as server:
        yield server


@pytest.fixture
def collection(world: Any, settings: Any) -> Any:
    settings.PROVIDER_ALLOW_PRIVATE_URLS = True
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        for title, body in TEXTS.items():
            document_save(collection=collection, title=title, body=body)
        yield collection


def server_of(peer: VectorServer, kind: str = "embeddings", **fields: Any) -> SearchServer:
    given: dict[str, Any] = {"name": kind, "model": "words", "dimensions": peer.dimensions}
    more = {"deadline_ms": PATIENT_MS, "secret": "sk-inside"}
    return search_server_create(kind=kind, base_url=peer.url, **given | more | fields)


def filled() -> None:
    while vectors_make():
        pass


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM knowledge_vector")
        return int(cursor.fetchone()[0])


# --- The job --------------------------------------------------------------------------------------------


def test_each_passage_is_asked_about_once_until_its_words_change(
    collection: Any, peer: VectorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not vectors_due() and not vectors_make() and vectors_progress().state == "off"
    server = server_of(peer, passage_prefix="passage: ")
    assert vectors_due() and vectors_progress().state == "filling"
    # Time for one round only; the next job goes on.
    monkeypatch.setattr(vectors, "AT_ONCE", 2)
    assert vectors_make(within_s=0.0) and rows() == 2
    assert vectors_due() and vectors_progress().done == 2
    filled()
    assert rows() == 3 and len(peer.texts) == 3
    assert sorted(peer.texts)[0] == "passage: Late fees\n" + TEXTS["Late fees"]
    assert not vectors_due() and vectors_progress().state == "ready"
    assert "3 of 3" in vectors_progress().words

    # Twice does nothing; a document saved anew is asked about where its words changed only.
    filled()
    long = "## One\n\nFirst part.\n\n## Two\n\n"
    document_save(collection=collection, title="Long", body=long + "Second part.")
    assert vectors_due()
    filled()
    peer.requests.clear()
    document_save(collection=collection, title="Long", body=long + "Another part.")
    document_save(collection=Collection.objects.create(name="Copy"), title="Refunds", body=TEXTS["Refunds"])
    filled()
    assert peer.texts == ["passage: Long › Two\nAnother part."] and rows() == 6

    # Another model: all of it anew.
    peer.requests.clear()
    server.model = "others"
    server.save()
    assert vectors_due()
    filled()
    assert len(peer.texts) == 5 and rows() == 6 and not vectors_due()


def test_what_fails_is_said_tried_later_and_goes_on(collection: Any, peer: VectorServer) -> None:
    server = server_of(peer)
    for order, said in (("401", "check the key"), ("short", "have 3 numbers, and 256 are set. Set 3.")):
        peer.script = [order]
        assert not vectors_make()
        progress = vectors_progress()
        assert progress.state == "failing" and said in progress.words
        # Not at once again.
        assert not vectors_due()
        VectorState.objects.update(retry_at=timezone.now())
        assert vectors_due()
    assert passages_search(query="late fee")[0].meaning == ""
    filled()
    assert vectors_progress().state == "ready"
    # While one job is at it, another leaves it alone.
    document_save(collection=collection, title="More", body="More words.")
    VectorState.objects.update(taken_until=timezone.now() + timezone.timedelta(minutes=1))
    assert not vectors_due() and not vectors_make() and rows() == 3
    server.delete()
    assert vectors_progress().state == "off"


def test_a_database_without_pgvector_is_searched_by_words(
    collection: Any, peer: VectorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_of(peer)
    monkeypatch.setattr(vectors, "PGVECTOR", (99, 0))
    assert not vectors_make() and "older than 0.8" in vectors_progress().words
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', current_schema(), true)")
        assert vectors._pgvector_fault() == vectors.OLD_PGVECTOR
        cursor.execute("SELECT set_config('search_path', current_schema() || ', public', true)")
    monkeypatch.setattr(vectors, "_pgvector_fault", lambda: vectors.NO_PGVECTOR)
    VectorState.objects.update(retry_at=None)
    assert not vectors_make() and "has no pgvector" in vectors_progress().words
    assert [one.title for one in passages_search(query="late fee")] == ["Late fees"]
    assert not peer.requests


def test_personal_data_stays_here(
    collection: Any, peer: VectorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(text: str) -> Any:
        at = text.find("ann@example.com")
        return [private.Private("EMAIL", at, at + 15)] if at >= 0 else []

    monkeypatch.setattr(private, "_find", find)
    collection.on_private = Collection.OnPrivate.PUBLISH
    collection.save()
    document_save(collection=collection, title="Contacts", body="Write to ann@example.com about refunds.")
    server_of(peer)
    filled()
    assert "Contacts\nWrite to [EMAIL] about refunds." in peer.texts
    passages_search(query="what does ann@example.com answer", context=["I wrote to ann@example.com there"])
    assert peer.texts[-1] == "I wrote to [EMAIL] there\nwhat does [EMAIL] answer"
    assert not any("ann@" in text for text in peer.texts)


# --- Search ---------------------------------------------------------------------------------------------


def test_what_words_do_not_find_vectors_do(collection: Any, peer: VectorServer) -> None:
    # The loopback's words are their first six letters, which the database's stems are not.
    document_save(collection=collection, title="Cancelling", body="Quartzite takes effect at midnight.")
    assert passages_search(query="quartzoids when exactly")[:1] == []
    server_of(peer)
    assert passages_search(query="late fee")[0].meaning == ""  # not before all have one
    filled()
    found = passages_search(query="quartzoids when exactly")
    assert found[0].title == "Cancelling" and found[0].meaning == "used"
    assert found[0].similarity is not None and found[0].similarity > 0.1 and found[0].covers == 0.0
    assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)
    # Asked again it is from memory; half a word is not asked about.
    before = len(peer.requests)
    passages_search(query="quartzoids when exactly")
    assert passages_search(query="late", typing=True)[0].meaning == ""
    assert len(peer.requests) == before


def test_vectors_find_what_is_for_this_audience_and_holds(
    collection: Any, peer: VectorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = Collection.objects.create(name="Chat only", channels=["chat"])
    for number in range(15):
        document_save(
            collection=hidden, title=f"Cancelling {number}", body="Quartzite takes effect at midnight."
        )
    document_save(collection=collection, title="Cancelling", body="Quartzite is free of charge in summer.")
    server_of(peer)
    filled()
    # So little is looked at first that the index must go on.
    monkeypatch.setattr(vectors, "LOOKED_AT", 2)
    voice = documents_for(Audience(channel="voice"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_seqscan', 'off', true)")
    found = passages_search(query="quartzoids when exactly", documents=voice)
    assert [one.title for one in found][:1] == ["Cancelling"]
    assert {one.collection for one in found} == {"Policies"}
    document_withdraw(document=collection.documents.get(title="Cancelling"))
    assert "Cancelling" not in {
        one.title for one in passages_search(query="quartzoids when exactly", documents=voice)
    }
    assert passages_search(query="quartzoids when exactly", documents=voice.none()) == []


def test_who_is_late_is_not_waited_for(collection: Any, peer: VectorServer, world: Any) -> None:
    server = server_of(peer)
    filled()
    SearchServer.objects.update(deadline_ms=20)
    server.refresh_from_db()
    server.save()
    peer.script = ["late"]
    found = passages_search(query="could the late fee be waived")
    assert found[0].title == "Late fees"
    assert (found[0].meaning, found[0].similarity) == ("slow", None)
    client = world.northwind.client("agent")
    page = client.get("/knowledge/search/?q=could+the+late+fee+be+waived").content.decode()
    assert "By words alone" in page
    peer.free.set()


def test_a_model_puts_in_order_what_was_found(collection: Any, peer: VectorServer, world: Any) -> None:
    for title in ("Card one", "Card two"):
        document_save(collection=collection, title=title, body=f"{TEXTS['Lost cards']} {title} is blue.")
    ours = [one.title for one in passages_search(query="card", limit=3)]
    server_of(peer, "rerank", dimensions=None)
    found = passages_search(query="card", limit=3)
    assert found[0].meaning == "used" and len(found) == 3
    assert len(peer.requests[-1]["documents"]) == 4 and peer.requests[-1]["query"] == "card"
    peer.script = ["500"]
    # Asked about other words, or it would be from memory.
    assert passages_search(query="the card", limit=3)[0].meaning == "broken"
    assert [one.title for one in passages_search(query="card", limit=3)] != [] and ours
    answer = world.northwind.client("agent").get("/api/v1/knowledge/search/?q=card").json()
    assert answer[0]["meaning"] == "used" and answer[0]["similarity"] is None


def test_phrases_are_read_in_the_collection_s_language(collection: Any) -> None:
    german = Collection.objects.create(name="Richtlinien", language="de")
    document_save(
        collection=german, title="Gebühren", body="Die Mahngebühren werden einmal im Jahr erlassen."
    )
    [found] = passages_search(query='Mahngebühr "Jahre erlass"')
    assert found.title == "Gebühren" and "<mark>Mahngebühren</mark>" in found.html
    assert passages_search(query='"erlass Jahre"') == []
    assert [one.title for one in passages_search(query='"waiver formed"')] == ["Late fees"]
    # What a collection is written in may be set right later.
    collection.language = "de"
    collection.save()
    assert passages_search(query='"waiver formed"') == []


# --- The server -----------------------------------------------------------------------------------------


def test_servers_are_checked_sealed_and_tried(collection: Any, peer: VectorServer, world: Any) -> None:
    for wrong in (
        {"base_url": "http://169.254.169.254/v1"},
        {"base_url": "http://8.8.8.8/v1"},
        {"dimensions": None},
        {"dimensions": 4_001},
    ):
        with pytest.raises(ValidationError):
            given = {"base_url": peer.url, "dimensions": 256} | wrong
            search_server_create(kind="embeddings", name="Wrong", model="m", **given)
    server = server_of(peer)
    with pytest.raises(ValidationError, match="active already"):
        server_of(peer, name="Another")
    assert account_secret(server) == "sk-inside" and b"sk-inside" not in bytes(server.secret_sealed or b"")
    assert (
        search_server_try(server).good and peer.requests[-1]["headers"]["authorization"] == "Bearer sk-inside"
    )
    peer.script = ["short", "401"]
    assert "Set 3" in search_server_try(server).words
    assert "check the key" in search_server_try(server).words
    client = world.northwind.client("admin")
    chosen = {"action": "try_it", "_selected_action": [str(server.pk)]}
    page = client.post("/admin/providers/searchserver/", chosen, follow=True).content.decode()
    assert "knew which of two sentences answers" in page
    page = client.get(f"/admin/providers/searchserver/{server.pk}/change/").content.decode()
    assert "sk-inside" not in page
    shown = world.northwind.client("supervisor")
    assert "have a vector" in shown.get("/knowledge/collections/").content.decode()
    assert shown.get("/api/v1/knowledge/meaning/").json()["state"] == "filling"
    SearchServer.objects.update(secret_version=99)
    server.refresh_from_db()
    with pytest.raises(NotEmbedded) as raised:
        vectors.texts_embed(server, ["words"])
    assert raised.value.fault == "refused"
