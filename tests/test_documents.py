"""Uploaded files become documents: versions, personal data, what is wrong with one, twice without doubles."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from accounts.errors import Conflict
from engines.documents import apart
from integrations.documents import services, storing
from integrations.documents.models import DocumentFile
from integrations.documents.services import documents_receive, file_read, file_retry, file_take, files_tidy
from integrations.uploads.intake import GivenFile, UploadRefused
from knowledge.documents.audience import Audience, audience_of
from knowledge.documents.selectors import documents_for
from knowledge.documents.services import (
    collection_save,
    document_restore,
    document_save,
    document_withdraw,
    version_decide,
)
from knowledge.models import Collection, Document, DocumentVersion
from knowledge.search.searching import passages_search
from knowledge.text.passages import passages
from tests.budgets import query_budget
from tests.documents_made import docx, pdf, zipped

LATE = b"# Late fees\n\nA fee of $25 is due ten days after the bill.\n\n## Waivers\n\nOnce a year.\n"
PRIVATE = "Write to ann.lee@example.com or call +1 202-555-0143."


@pytest.fixture
def collection(world: Any) -> Any:
    with world.northwind.scope():
        yield Collection.objects.create(name="Policies")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: Any) -> None:
    """A process for each file takes its time; tests/engines/test_documents.py starts some."""
    monkeypatch.setattr(
        storing,
        "document_read_apart",
        lambda name, data, charset="": apart.document_read(name, data, charset=charset),
    )


def given(**files: bytes) -> list[GivenFile]:
    return [GivenFile(name.replace("__", "."), io.BytesIO(data), len(data)) for name, data in files.items()]


def bring(collection: Any, *files: GivenFile, user: Any = None) -> dict[str, DocumentFile]:
    """Bring files and read them all. By name."""
    upload = documents_receive(collection=collection, user=user, source="page", files=files)
    while (file_id := file_take()) is not None:
        file_read(file_id=file_id)
    return {file.name: file for file in upload.files.all()}


def test_a_zip_of_everything_and_one_bad_file_does_not_stop_the_rest(collection: Any) -> None:
    packed = zipped(
        {
            "fees/late.md": LATE,
            "guide/late.md": b"# Guide\n\nAll of it.",
            "word.docx": docx(),
            "scan.pdf": pdf([[]], picture=True),
            "faq.csv": b"question,answer\nWhen?,Now.\n",
            "notes.exe": bytes(100),
            "inner.zip": zipped({"a.txt": b"a"}),
            "empty.txt": b"",
            "twin.md": LATE.replace(b"ten", b"nine"),
        }
    )
    rows = bring(collection, *given(all__zip=packed))
    assert {name: file.error for name, file in rows.items() if file.state == "failed"} == {
        "scan.pdf": "The PDF holds pictures of pages and no text. Have its text recognised first.",
        "notes.exe": "This is no document of a kind that we read: PDF, DOCX, HTML, Markdown, TXT or CSV.",
        "inner.zip": "An archive inside a zip is not opened.",
        "empty.txt": "The file is empty.",
    }
    assert {file.outcome for file in rows.values() if file.state == "done"} == {"new"}
    # Two files that call themselves the same are two documents.
    assert set(Document.objects.values_list("title", flat=True)) == {
        "Late fees", "Late fees (2)", "Late fees (3)", "Guide", "faq",
    }  # fmt: skip
    assert passages_search(query="fee waivers")[0].path.endswith("Waivers")
    # What was read is kept nowhere else.
    assert not DocumentFile.objects.exclude(storage_key="", wrapped_key=None).exists()


def test_bringing_it_again_makes_no_doubles_and_a_change_makes_a_version(collection: Any) -> None:
    first = bring(collection, *given(late__md=LATE))["late.md"]
    assert first.outcome == "new"
    assert bring(collection, *given(late__md=LATE))["late.md"].outcome == "same"
    changed = bring(collection, *given(late__md=LATE.replace(b"$25", b"$30")))["late.md"]
    assert (changed.outcome, changed.document_id) == ("changed", first.document_id)
    document = Document.objects.get()
    assert [row.number for row in document.versions.all()] == [2, 1] and document.version == 2
    # The job may run twice, also when the first run had gone as far as the document.
    DocumentFile.objects.filter(pk=changed.pk).update(state="reading")
    file_read(file_id=changed.pk)
    file_read(file_id=changed.pk)
    assert document.versions.count() == 2
    # Somebody says when it holds; a new version does not undo that.
    Document.objects.update(valid_to=timezone.localdate())
    bring(collection, *given(late__md=LATE))
    document.refresh_from_db()
    assert document.version == 3 and document.valid_to == timezone.localdate()


def test_a_version_that_was_cited_can_be_opened_again(world: Any, collection: Any) -> None:
    document = document_save(collection=collection, title="Late fees", body=LATE.decode())
    (found,) = passages_search(query="once a year")
    document_save(collection=collection, title="Late fees", body="# Late fees\n\nNone any more.\n")
    client = world.northwind.client("agent")
    place = f"passage={found.id}&version={found.version}&from={found.start}&to={found.end}"
    page = client.get(f"/knowledge/documents/{document.pk}/?{place}").content.decode()
    assert "This is version 1, as it was cited." in page
    assert page.partition('id="passage"')[2].partition("</section>")[0].count("Once a year.") == 1
    text = client.get(f"/api/v1/knowledge/{document.pk}/?version=1").json()
    assert text["version"] == 1 and "ten days" in text["body"]
    assert client.get(f"/api/v1/knowledge/{document.pk}/").json()["version"] == 2
    assert client.get(f"/knowledge/documents/{document.pk}/?version=9").status_code == 404
    assert client.get(f"/knowledge/documents/{document.pk}/?version=1&from=9&to=2").status_code == 200


def test_personal_data_holds_a_version_back_until_somebody_decides(world: Any, collection: Any) -> None:
    people = world.northwind.people
    document = document_save(collection=collection, title="Contacts", body="Ask at the desk.")
    document_save(collection=collection, title="Contacts", body=f"# Contacts\n\n{PRIVATE}\n")
    document.refresh_from_db()
    held = document.versions.get(state="held")
    assert document.version == 1 and [held.body[start:end] for _type, start, end in held.private] == [
        "ann.lee@example.com", "+1 202-555-0143",
    ]  # fmt: skip
    assert passages_search(query="ann lee example") == [] and passages_search(query="ask desk")
    page = (
        world.northwind.client("supervisor").get(f"/knowledge/documents/{document.pk}/care/").content.decode()
    )
    assert "2 places read as personal data" in page and "<mark>ann.lee@example.com</mark>" in page
    version_decide(version=held, publish=True, actor=people["supervisor"])
    with pytest.raises(Conflict):
        version_decide(version=held, publish=False, actor=people["supervisor"])
    assert [found.version for found in passages_search(query="write or call")] == [2]
    # The next one is held anew; discarded, it leaves what there is. One that is new takes the place of one that waits.
    for number in (3, 4):
        document_save(collection=collection, title="Contacts", body=f"{PRIVATE} Version {number}.")
    assert list(document.versions.values_list("number", "state")) == [
        (4, "held"), (3, "discarded"), (2, "published"), (1, "published"),
    ]  # fmt: skip
    version_decide(version=document.versions.get(number=4), publish=False, actor=people["analyst"])
    document.refresh_from_db()
    assert document.version == 2
    # What nobody wanted is kept nowhere.
    assert set(document.versions.filter(state="discarded").values_list("body", flat=True)) == {""}
    collection_save(collection=collection, on_private="publish")
    document_save(collection=collection, title="Contacts", body=f"{PRIVATE} Last.")
    newest = document.versions.first()
    assert (newest.state, len(newest.private)) == ("published", 2)


def test_addresses_of_pages_are_personal_only_where_they_name_somebody(collection: Any) -> None:
    body = "Fill in 1 [form](https://forms.example/a?x=2), [not](https://x.example/case/1234567)."
    document = document_save(collection=collection, title="Forms", body=body)
    [(kind, start, end)] = document.versions.get().private
    assert (kind, body[start:end]) == ("URL", "https://x.example/case/1234567")


def test_what_is_withdrawn_is_found_no_more_and_comes_back_when_it_is_brought_again(collection: Any) -> None:
    file = bring(collection, *given(late__md=LATE))["late.md"]
    document = Document.objects.get(pk=file.document_id)
    document_withdraw(document=document)
    assert passages_search(query="late fee") == [] and document.versions.count() == 1
    document_restore(document=document)
    assert passages_search(query="late fee")
    document_withdraw(document=document)
    bring(collection, *given(late__md=LATE))
    assert passages_search(query="late fee") and document.versions.count() == 1


def test_search_keeps_to_the_audience_and_to_when_collections_hold(world: Any, collection: Any) -> None:
    company = world.northwind
    document_save(collection=collection, title="Late fees", body=LATE.decode())

    def found(**fields: Any) -> int:
        return len(passages_search(query="once a year", documents=documents_for(Audience(**fields))))

    collection_save(
        collection=collection,
        teams=[company.team],
        queues=[company.queue],
        channels=["voice"],
        languages=["en"],
    )
    assert found() == 1 and found(channel="voice", language="en-GB", queue=company.queue.pk) == 1
    assert found(channel="chat") == found(language="de") == found(team=company.other_team.pk) == 0
    for persona, times in (("agent", 1), ("outsider", 0), ("analyst", 1)):
        rows = passages_search(
            query="once a year", documents=documents_for(audience_of(company.people[persona]))
        )
        assert len(rows) == times
        page = company.client(persona).get("/api/v1/knowledge/search/?q=once+a+year").json()
        assert len(page) == times
    yesterday = timezone.localdate() - timedelta(1)
    collection_save(collection=collection, valid_to=yesterday)
    assert found() == 0


def test_refusals_say_what_is_wrong(world: Any, collection: Any, settings: Any) -> None:
    settings.KNOWLEDGE_MAX_BYTES, settings.KNOWLEDGE_MAX_FILES = 2000, 3
    bomb = zipped({"a.txt": b" " * 3_000_000})
    for files, code, words in [
        (given(), "no_file", "There is no file."),
        (given(a__md=b"x" * 2001), "too_large", "larger than"),
        (given(a__md=b"", b__md=b"", c__md=b"", d__md=b""), "too_many", "3 are allowed"),
        (given(a__zip=zipped({str(number): b"x" for number in range(4)})), "no_document", "3 are allowed"),
        (given(a__zip=bomb), "no_document", "far more"),
        (given(a__zip=zipped({"a.txt": b"a"})[:-30]), "no_document", "damaged"),
        (given(a__xlsx=zipped({"[Content_Types].xml": b"<x/>"})), "no_document", "no document of a kind"),
    ]:
        with pytest.raises(UploadRefused) as refused:
            documents_receive(collection=collection, user=None, source="page", files=files)
        assert refused.value.code == code and words in str(refused.value)
    assert not DocumentFile.objects.exists()
    # Among others a bad one fails by itself.
    rows = bring(collection, *given(a__zip=bomb, late__md=LATE))
    assert {name: file.state for name, file in rows.items()} == {"a.zip": "failed", "late.md": "done"}


def test_a_file_that_kills_its_reader_is_given_up_and_one_that_is_away_waits(
    world: Any, collection: Any
) -> None:
    upload = documents_receive(
        collection=collection, user=None, source="page", files=given(a__md=LATE, b__md=LATE)
    )
    first, second = upload.files.order_by("id")
    for _times in range(services.ATTEMPTS + 1):
        DocumentFile.objects.filter(pk=second.pk).update(due_at=None)
        DocumentFile.objects.filter(pk=first.pk).update(due_at=timezone.now())
        assert file_take() == first.pk
    file_read(file_id=first.pk)
    first.refresh_from_db()
    assert first.state == "failed" and "broke off three times" in first.error and first.may_retry
    DocumentFile.objects.filter(pk=second.pk).update(due_at=timezone.now())
    with patch("integrations.documents.services.sealed_open", side_effect=services.StorageError("away")):
        assert file_take() == second.pk and file_take() is None
        file_read(file_id=second.pk)
    second.refresh_from_db()
    assert second.state == "reading" and second.due_at > timezone.now()
    file_retry(file=first, user=world.northwind.people["supervisor"])
    with pytest.raises(Conflict):
        file_retry(file=first, user=world.northwind.people["supervisor"])
    assert file_take() == first.pk
    file_read(file_id=first.pk)
    first.refresh_from_db()
    assert first.outcome == "new"
    DocumentFile.objects.filter(pk=second.pk).update(
        state="failed", changed_at=timezone.now() - timedelta(30)
    )
    assert files_tidy(now=timezone.now()) == 1


def test_ten_thousand_headings_and_a_long_table_are_cut_with_their_places(collection: Any) -> None:
    body = "".join(f"## Part {number}\n\nText {number}.\n\n" for number in range(10_000))
    assert len(passages("Long", body)) == 10_000
    body = body[: body.index("## Part 500\n")]
    table = "| Plan | Fee |\n|---|---|\n" + "".join(
        f"| Plan {number} | {number} |\n" for number in range(600)
    )
    document = document_save(collection=collection, title="Long", body=body + "## Fees\n\n" + table)
    chunks = list(document.chunks.order_by("position").values_list("heading_path", "text", "start", "end"))
    assert len(chunks) > 500 and chunks[499][0] == "Long › Part 499"
    assert all(document.body[start:end] == text for _path, text, start, end in chunks)
    rows = [text for path, text, _start, _end in chunks if path.endswith("Fees")]
    assert len(rows) > 5 and all(text.startswith("| Plan") and text.endswith("|") for text in rows)
    assert "\n".join(rows) == table.strip()


def test_pages_and_api(world: Any, collection: Any) -> None:
    client = world.northwind.client("supervisor")
    files = {"file": io.BytesIO(LATE), "collection": str(collection.pk)}
    files["file"].name = "late.md"
    made = client.post("/api/v1/knowledge-uploads/", files)
    assert made.status_code == 201 and made.json()["parts"][0]["state"] == "waiting", made.content
    files["file"].seek(0)
    answer = client.post("/knowledge/upload/", files, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["files"]) == (201, 1)
    wrong = client.post(
        "/knowledge/upload/", {"collection": str(collection.pk)}, headers={"accept": "application/json"}
    )
    assert wrong.status_code == 400 and wrong.json()["error"]["message"] == "There is no file."
    while (file_id := file_take()) is not None:
        file_read(file_id=file_id)
    upload = client.get(f"/api/v1/knowledge-uploads/{made.json()['id']}/").json()
    assert (upload["done"], upload["parts"][0]["outcome"]) == (1, "new")
    document = upload["parts"][0]["document"]
    assert [row["path"] for row in client.get(f"/api/v1/knowledge/{document}/passages/").json()] == [
        "Late fees", "Late fees › Waivers",
    ]  # fmt: skip
    assert client.get(f"/api/v1/knowledge/{document}/versions/").json()[0]["state"] == "published"
    with query_budget("knowledge-collections"):
        assert "Policies" in client.get("/knowledge/collections/").content.decode()
    with query_budget("knowledge-collection"):
        page = client.get(f"/knowledge/collections/{collection.pk}/").content.decode()
    assert "new document" in page and "nothing new" in page and "2 passages" in page
    with query_budget("knowledge-care"):
        page = client.get(f"/knowledge/documents/{document}/care/").content.decode()
    assert "Late fees › Waivers" in page and "Version 1" in page
    with query_budget("api-knowledge-collections"):
        (row,) = client.get("/api/v1/knowledge-collections/").json()["results"]
    assert (row["documents"], row["held"]) == (1, 0)
    with query_budget("api-knowledge-uploads"):
        assert len(client.get("/api/v1/knowledge-uploads/").json()["results"]) == 2
    bad = {"name": "", "language": "en", "on_private": "hold", "languages": "en, x!"}
    assert client.post("/knowledge/collections/new/", bad).status_code == 400
    change = json.dumps({"languages": ["en"], "teams": [str(world.northwind.team.pk)], "queues": ["nope"]})
    url = f"/api/v1/knowledge-collections/{collection.pk}/"
    assert client.patch(url, change, content_type="application/json").status_code == 400
    good = json.dumps({"languages": ["en"], "queues": [world.northwind.queue.key]})
    assert client.patch(url, good, content_type="application/json").json()["queues"] == [
        world.northwind.queue.key
    ]
    assert DocumentVersion.objects.count() == 1


def test_the_command_reads_a_folder(world: Any, tmp_path: Any) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "late.md").write_bytes(LATE)
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-")
    out = io.StringIO()
    call_command(
        "import_documents", str(tmp_path), company="northwind", collection="New", now=True, stdout=out
    )
    assert "bad.pdf: The file is damaged" in out.getvalue() and "1 of 2 documents are read." in out.getvalue()
    with world.northwind.scope():
        assert Collection.objects.get(name="New").documents.get().title == "Late fees"


def test_a_company_has_room_for_so_much_and_says_when_it_is_full(
    world: Any, collection: Any, settings: Any
) -> None:
    company = world.northwind
    settings.KNOWLEDGE_QUOTA_DOCUMENTS, settings.KNOWLEDGE_QUOTA_BYTES = 2, 400
    rows = bring(collection, *given(a__md=LATE, b__md=b"# B\n\nTwo.", c__md=b"# C\n\nThree."))
    states = {name: file.state for name, file in rows.items()}
    assert sorted(states.values()) == ["done", "done", "failed"]
    [late] = [file for file in rows.values() if file.state == "failed"]
    assert "2 of 2 documents" in late.error and late.storage_key, "it can be tried again"
    # What is there may change, withdrawn ones do not count, and what is brought back does.
    first, second = Document.objects.order_by("title")
    document_save(collection=collection, title=second.title, body="Two and a half.", document=second)
    document_withdraw(document=first)
    file_retry(file=late, user=company.people["supervisor"])
    file_read(file_id=late.pk)
    assert DocumentFile.objects.get(pk=late.pk).state == "done"
    client = company.client("supervisor")
    assert client.post(f"/api/v1/knowledge/{first.pk}/restore/").status_code == 400
    page = client.post(f"/knowledge/documents/{first.pk}/withdraw", follow=True).content.decode()
    assert "2 of 2 documents" in page
    # All versions count.
    with pytest.raises(ValidationError, match="for good"):
        document_save(collection=collection, title=second.title, body="x" * 400, document=second)
    room = client.get("/api/v1/knowledge/room/").json()
    assert (room["documents"], room["documents_most"], room["bytes_most"]) == (2, 2, 400)
    assert room["bytes"] == sum(len(one.body.encode()) for one in DocumentVersion.objects.all())
    assert "nothing new is taken in" in client.get("/knowledge/collections/").content.decode()
