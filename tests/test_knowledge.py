"""Documents: cut into exact passages, searched, shown, and never shown as markup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from knowledge.documents.services import document_save
from knowledge.models import Chunk, Collection, Document
from knowledge.search.searching import passages_search
from knowledge.text.markdown import block_html, blocks
from knowledge.text.passages import TARGET, passages
from tests.budgets import query_budget

REFUNDS = """# Refunds

Refunds go back to the card that paid. They take three to five working days.

## Duplicate charges

When a customer was charged twice:

1. Check that both payments have settled.

2. Refund the second payment in full.
   Tell the customer the date.

| Plan | Limit |
|---|---|
| Basic | £50 |
| Plus | £120 |

## Late fees

A late fee may be waived once a year.
"""


def test_passages_follow_headings_and_their_offsets_are_exact() -> None:
    cut = passages("Refunds", REFUNDS)
    assert [one.path for one in cut] == ["Refunds", "Refunds › Duplicate charges", "Refunds › Late fees"]
    duplicate = REFUNDS[cut[1].start : cut[1].end]
    assert duplicate.startswith("When a customer was charged twice:\n")
    assert duplicate.endswith("| Plus | £120 |")
    assert "Late fees" not in duplicate


def test_long_texts_are_cut_between_sentences_and_lists_stay_whole() -> None:
    sentence = "This sentence has exactly as many words as it needs to be cut somewhere. "
    items = "\n".join(f"- step {number} of a long list that nobody may cut in two" for number in range(40))
    body = f"# A\n\n{sentence * 40}\n\nThe steps are:\n\n{items}\n"
    cut = passages("Long", body)
    texts = [body[one.start : one.end] for one in cut]
    assert len(texts) > 3
    assert all(len(text) <= TARGET for text in texts if "step" not in text)
    assert all(text.endswith(".") for text in texts[:-1])
    assert sum("- step" in text for text in texts) == 1
    assert "The steps are:" in next(text for text in texts if "- step 0" in text)
    # Nothing is lost and nothing is there twice: what is left out is white space and headings.
    kept = "".join("".join(text.split()) for text in texts)
    assert kept == "".join(body.replace("# A", "").split())


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ("Title\n=====\ntext", ["heading", "paragraph"]),
        ("```\n# not a heading\n```\nafter", ["code", "paragraph"]),
        ("> said so\n> twice", ["quote"]),
        ("```\nnever closed", ["code"]),
        ("", []),
        ("\n\n  \n", []),
    ],
)
def test_blocks(body: str, kinds: list[str]) -> None:
    assert [block.kind for block in blocks(body)] == kinds


def test_markup_in_a_document_is_text() -> None:
    body = (
        "# <script>x</script>\n\n<img src=x onerror=alert(1)> **<b>** [go](javascript:alert(1)) "
        '[ok](https://example.org/?a="b)\n\n- <i>\n\n| <u> | b |\n\n```\n<s>\n```'
    )
    html = "".join(block_html(body, block) for block in blocks(body))
    for tag in ("<script", "<img", "<i>", "<u>", "<s>", 'href="javascript', "<b><b>"):
        assert tag not in html
    assert '<a href="https://example.org/?a=&quot;b" rel="noopener">ok</a>' in html


def test_saving_again_changes_nothing_and_a_change_is_a_new_version(world: Any) -> None:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        first = document_save(collection=collection, title="Refunds", body=REFUNDS)
        ids = set(Chunk.objects.values_list("pk", flat=True))
        again = document_save(collection=collection, title="Refunds", body=REFUNDS.replace("\n", "\r\n"))
        assert (again.pk, again.version, set(Chunk.objects.values_list("pk", flat=True))) == (
            first.pk,
            1,
            ids,
        )
        changed = document_save(
            collection=collection, title="Refunds", body=REFUNDS + "\n\nOne more thing.\n"
        )
        assert (changed.pk, changed.version) == (first.pk, 2)
        for chunk in changed.chunks.all():
            assert chunk.text == changed.body[chunk.start : chunk.end]
            assert chunk.document_version == 2
        renamed = document_save(
            collection=collection, title="Money back", body=changed.body, document=changed
        )
        assert (renamed.pk, renamed.version) == (first.pk, 3)
        assert renamed.chunks.first().heading_path.startswith("Money back")
        for wrong in ({"title": ""}, {"body": "\x00"}, {"body": "x" * 1_000_001}):
            with pytest.raises(ValidationError):
                document_save(**{"collection": collection, "title": "T", "body": "b", **wrong})
        day = timezone.localdate()
        with pytest.raises(ValidationError):
            document_save(
                collection=collection, title="T", body="b", valid_from=day, valid_to=day - timedelta(1)
            )
        assert Document.objects.count() == 1


def test_search_takes_phrases_prefers_headings_and_fills_up_with_any_word(world: Any) -> None:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        document_save(collection=collection, title="Refunds", body=REFUNDS)
        document_save(
            collection=collection,
            title="Opening hours",
            body="We open at nine. Duplicate charges are looked at within a day, on weekdays.",
        )
        found = passages_search(query="duplicate charges")
        assert found[0].path == "Refunds › Duplicate charges"
        assert passages_search(query='"second payment in full"')[0].path == "Refunds › Duplicate charges"
        assert passages_search(query='"payment second in full"') == []
        # No passage has both words; one of them is enough when nothing better is there.
        assert {row.title for row in passages_search(query="waived weekdays")} == {"Refunds", "Opening hours"}
        assert "<mark>" in found[0].html
        for nothing in ("", "   ", "the", "\x00", "zebra"):
            assert passages_search(query=nothing) == []


def test_dots_stand_where_a_passage_was_cut(world: Any) -> None:
    filling = "agents look at the bill and say what they see "
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        document_save(
            collection=collection, title="Long", body=f"{filling * 12}a waiver is given {filling * 12}"
        )
        document_save(collection=collection, title="Short", body="A voucher is given at once.")
        [long] = passages_search(query="waiver")
        assert long.html.startswith("… ") and long.html.endswith(" …") and "<mark>waiver</mark>" in long.html
        [short] = passages_search(query="voucher")
        assert short.html == "A <mark>voucher</mark> is given at once."


def test_search_leaves_out_what_does_not_hold_today(world: Any) -> None:
    today = timezone.localdate()
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        for title, valid_from, valid_to in [
            ("Old", None, today - timedelta(1)),
            ("Coming", today + timedelta(1), None),
            ("Now", today, today),
        ]:
            document_save(
                collection=collection,
                title=title,
                body="Late fees.",
                valid_from=valid_from,
                valid_to=valid_to,
            )
        assert [row.title for row in passages_search(query="late fees")] == ["Now"]


def test_pages_show_words_as_words(world: Any) -> None:
    company = world.northwind
    with company.scope():
        collection = Collection.objects.create(name="Policies")
        document = document_save(
            collection=collection,
            title="A <b>title</b>",
            body="# Tags\n\nWrite <script>alert(1)</script> never.",
        )
        chunk = document.chunks.get()
        # The first search after a change reads what changed; see `knowledge.search.indexing`.
        assert passages_search(query="write")
    client = company.client("agent")
    with query_budget("knowledge"):
        page = client.get("/knowledge/?q=never+write").content.decode()
    with query_budget("knowledge-search"):
        part = client.get("/knowledge/search/?q=never+write").content.decode()
    with query_budget("knowledge-document"):
        text = client.get(f"/knowledge/documents/{document.pk}/?passage={chunk.pk}").content.decode()
    for html in (page, part, text):
        assert "<script>alert" not in html and "<b>title" not in html
    assert "<mark>never</mark>" in part
    assert "<html" not in part
    assert 'id="passage"' in text and "&lt;script&gt;alert(1)" in text


def test_a_citation_that_is_gone_says_so_and_a_foreign_document_is_not_found(world: Any) -> None:
    with world.northwind.scope():
        collection = Collection.objects.create(name="Policies")
        document = document_save(collection=collection, title="Refunds", body=REFUNDS)
        old = document.chunks.first().pk
        document_save(collection=collection, title="Refunds", body="# New\n\nAll new.")
    client = world.northwind.client("agent")
    page = client.get(f"/knowledge/documents/{document.pk}/?passage={old}")
    assert "cut anew" in page.content.decode()
    assert client.get(f"/knowledge/documents/{document.pk}/?passage=nonsense").status_code == 200
    assert world.acme.client("agent").get(f"/knowledge/documents/{document.pk}/").status_code == 404


def test_the_admin_saves_through_the_service(world: Any) -> None:
    company = world.northwind
    with company.scope():
        collection = Collection.objects.create(name="Policies")
    client = company.client("admin")
    fields = {
        "collection": collection.pk,
        "title": "Refunds",
        "body": REFUNDS,
        "valid_from": "",
        "valid_to": "",
    }
    inline = {
        f"chunks-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    }
    made = client.post("/admin/knowledge/document/add/", {**fields, **inline})
    assert made.status_code == 302, made.context["errors"]
    with company.scope():
        document = Document.objects.get()
        assert document.chunks.count() == 3
    changed = client.post(
        f"/admin/knowledge/document/{document.pk}/change/",
        {**fields, **inline, "body": "# One\n\nOnly this."},
    )
    assert changed.status_code == 302, changed.context["errors"]
    with company.scope():
        document.refresh_from_db()
        assert (document.version, document.chunks.count()) == (2, 1)
    wrong = client.post(
        f"/admin/knowledge/document/{document.pk}/change/",
        {**fields, **inline, "valid_from": "2026-02-02", "valid_to": "2026-01-01"},
    )
    assert wrong.status_code == 200 and "The last day lies before the first." in wrong.content.decode()
    for page in ("document/", "collection/", "collection/add/", f"document/{document.pk}/change/"):
        assert client.get(f"/admin/knowledge/{page}").status_code == 200
