"""Test sets of collections: what a run keeps, what got worse, and when they run by themselves."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from knowledge.care.tests_running import search_tests_do, search_tests_start, search_tests_wake
from knowledge.care.tests_services import search_test_save, search_tests_import
from knowledge.documents.services import document_save, document_withdraw
from knowledge.models import Collection, SearchTest, SearchTestRun
from tests.budgets import query_budget
from tests.conftest import World


@pytest.fixture
def collection(world: World) -> Collection:
    with world.northwind.scope():
        kept = Collection.objects.create(name="Policies", owner=world.northwind.people["supervisor"])
        document_save(collection=kept, title="Refunds", body="Refunds go back to the card within five days.")
        document_save(collection=kept, title="Late fees", body="A late fee may be waived once a year.")
    return kept


def run(collection: Collection) -> SearchTestRun:
    done = search_tests_do(run_id=search_tests_start(collection=collection).pk)
    assert done is not None and done.state == "done", done
    return done


def test_a_run_says_what_was_found_and_what_got_worse(world: World, collection: Collection) -> None:
    with world.northwind.scope():
        refunds, fees = collection.documents.order_by("-title")
        search_test_save(
            collection=collection, question="refund to my card?", documents=[refunds], passage="FIVE days"
        )
        search_test_save(collection=collection, question="late fee waived", documents=[fees])
        first = run(collection)
        assert (first.recall_at_10, first.mrr, first.hit_at_10, first.worse) == (1.0, 1.0, 1.0, 0)
        assert {row.change for row in first.results.all()} == {"new"}
        assert first.results.get(test__passage="FIVE days").passage_rank == 1
        # The same job again does its work once.
        assert search_tests_do(run_id=first.pk) is None
        document_withdraw(document=refunds)
        with world.northwind.scope():
            second = run(collection)
        assert (second.recall_at_10, second.worse) == (0.5, 1)
        gone = second.results.get(change="worse")
        assert (gone.rank, gone.before) == (None, 1)


def test_worse_is_told_to_the_owner_without_the_question(
    world: World, collection: Collection, django_capture_on_commit_callbacks: object
) -> None:
    with world.northwind.scope():
        (refunds,) = collection.documents.filter(title="Refunds")
        search_test_save(collection=collection, question="refund to my card?", documents=[refunds])
        run(collection)
        document_withdraw(document=refunds)
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            started = SearchTestRun.objects.create(collection=collection, cause="person")
            search_tests_do(run_id=started.pk)
    assert [message.to for message in mail.outbox] == [["supervisor@northwind.test"]]
    assert "refund" not in mail.outbox[0].body


def test_they_run_once_after_what_search_finds_has_come_to_rest(world: World, collection: Collection) -> None:
    with world.northwind.scope():
        (refunds,) = collection.documents.filter(title="Refunds")
        search_test_save(collection=collection, question="refund", documents=[refunds])

        def waiting() -> int:
            search_tests_wake()
            return SearchTestRun.objects.filter(state="waiting").count()

        assert waiting() == 0
        document_save(collection=collection, title="Refunds", body="Refunds take nine days.")
        assert waiting() == 0, "it is still changing"
        assert waiting() == 1
        search_tests_do(run_id=SearchTestRun.objects.get(state="waiting").pk)
        assert waiting() == 0, "nothing changed since"
        document_save(collection=collection, title="Refunds", body="Refunds take ten days.")
        assert [waiting(), waiting()] == [0, 1]


def test_import_tells_each_line_that_cannot_be_used(world: World, collection: Collection) -> None:
    data = (
        "Question;Document;Passage\nWhen is my refund?;Refunds;five days\nWhen is my refund?;Late fees;\n"
        "What then?;Nowhere;\nI am ann.lee@example.com, and now?;Refunds;\n;Refunds;\n"
    )
    with world.northwind.scope():
        done = search_tests_import(collection=collection, data=data.encode())
        assert (done.new, done.changed, [line for line, _words in done.complaints]) == (1, 1, [4, 5, 6])
        test = SearchTest.objects.get()
        assert (test.documents.count(), test.passage) == (2, "five days")
        for wrong in (b"\xff\xfe\x00", b"a,b\n1,2\n", b"question,document\n"):
            with pytest.raises(ValidationError):
                search_tests_import(collection=collection, data=wrong)


def test_pages_api_and_command(
    world: World, collection: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    company = world.northwind
    client = company.client("analyst")
    url = f"/knowledge/collections/{collection.pk}/tests/"
    given = {"question": "late <b>fee</b> waived?", "document": "Refunds"}
    assert client.post(url + "add", given).status_code == 302
    assert client.post(url + "add", {**given, "document": "Nowhere"}).status_code == 400
    with company.scope():
        run(collection)
    with query_budget("knowledge-tests"):
        page = client.get(url).content.decode()
    assert "late &lt;b&gt;fee&lt;/b&gt; waived?" in page and "What was found instead" in page
    with query_budget("api-knowledge-tests"):
        (row,) = client.get("/api/v1/knowledge-tests/").json()["results"]
    assert row["rank"] is None
    document = row["documents"][0]
    again = {"collection": str(collection.pk), "question": "refund?", "documents": [document]}
    made = client.post("/api/v1/knowledge-tests/", again, content_type="application/json")
    assert made.status_code == 201, made.content
    body = {"collection": str(collection.pk), "csv": "question,document\nWaived?,Late fees\n"}
    took = client.post("/api/v1/knowledge-tests/import/", body, content_type="application/json")
    assert took.json() == {"new": 1, "changed": 0, "complaints": []}
    call_command("test_knowledge", company="northwind", collection="Policies")
    assert "Policies: 3 questions" in capsys.readouterr().out
    with query_budget("api-knowledge-test-runs"):
        runs = client.get("/api/v1/knowledge-test-runs/").json()["results"]
    assert [one["total"] for one in runs] == [3, 1]
    results = client.get(f"/api/v1/knowledge-test-runs/{runs[0]['id']}/results/").json()
    assert results[0]["found"][0]["title"] == "Late fees"
    with company.scope():
        document_withdraw(document=collection.documents.get(title="Late fees"))
    with pytest.raises(CommandError, match="1 questions find less"):
        call_command("test_knowledge", company="northwind")
