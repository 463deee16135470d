"""Writes to test sets: one question, many by CSV, and taking them away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from knowledge.models import Collection, Document, SearchTest
from knowledge.text.private import private_find

TESTS_MOST = 2_000
CSV_BYTES = 5_000_000
COMPLAINTS_SHOWN = 20


@dataclass(slots=True)
class Imported:
    """What came of a file: new questions, changed ones, and what is wrong, by line."""

    new: int = 0
    changed: int = 0
    complaints: list[tuple[int, str]] = field(default_factory=list)


def search_test_save(
    *,
    collection: Collection,
    question: str,
    documents: Iterable[Document],
    passage: str = "",
    test: SearchTest | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> SearchTest:
    """Keep a question with the documents that should be found; one that is there already gets them in addition.

    With `test` that one is made anew. Raises `ValidationError`: nothing asked, no document, personal data, too many.
    """
    wanted = list(documents)
    question, passage = " ".join(question.replace("\x00", "").split()), " ".join(passage.split())
    _check(collection, question, wanted)
    with transaction.atomic():
        kept = Collection.objects.select_for_update().get(pk=collection.pk)
        row = test or SearchTest.objects.filter(collection=kept, question=question).first()
        new = row is None
        if row is None:
            if kept.tests.count() >= TESTS_MOST:
                raise ValidationError(_("A collection has at most %d questions.") % TESTS_MOST)
            row = SearchTest(collection=kept, made_by=actor)
        row.question, row.passage = question, passage or ("" if test else row.passage)
        row.full_clean()
        row.save()
        (row.documents.set if test else row.documents.add)(*([wanted] if test else wanted))
        audit(
            actor=actor,
            action="searchtest.create" if new else "searchtest.update",
            thing=row,
            changes={"documents": len(wanted)},
            address=address,
        )
    return row


def _check(collection: Collection, question: str, wanted: Sequence[Document]) -> None:
    if not question:
        raise ValidationError({"question": _("Nothing is asked.")})
    if private_find(question):
        raise ValidationError({"question": _("This reads as if it held personal data. Ask without it.")})
    if not wanted:
        raise ValidationError({"documents": _("Name a document that should be found.")})
    if any(document.collection_id != collection.pk for document in wanted):
        raise ValidationError({"documents": _("This document is in another collection.")})


def search_test_delete(*, test: SearchTest, actor: User | None, address: str | None = None) -> None:
    """Take a question away, with its results."""
    with transaction.atomic():
        audit(actor=actor, action="searchtest.delete", thing=test, address=address)
        test.delete()


def search_tests_import(
    *, collection: Collection, data: bytes, actor: User | None = None, address: str | None = None
) -> Imported:
    """Take questions from CSV: columns `question`, `document` (its title), and `passage` if there is one.

    Several lines with one question name several documents. Lines that cannot be used are told and left out. Raises
    `ValidationError` for a file of which nothing can be read.
    """
    rows = _rows(data)
    titles = dict(collection.documents.values_list("title", "pk"))
    done = Imported()
    known = set(collection.tests.values_list("question", flat=True))
    with transaction.atomic():
        by_id = Document.objects.defer("body").in_bulk(
            [titles[row["document"]] for _line, row in rows if row["document"] in titles]
        )
        for line, row in rows:
            if row["document"] not in titles:
                done.complaints.append((line, _("There is no such document in this collection.")))
                continue
            try:
                test = search_test_save(
                    collection=collection,
                    question=row["question"],
                    documents=[by_id[titles[row["document"]]]],
                    passage=row["passage"],
                    actor=actor,
                    address=address,
                )
            except ValidationError as error:
                done.complaints.append((line, " ".join(error.messages)))
                continue
            done.new, done.changed = (
                (done.new, done.changed + 1) if test.question in known else (done.new + 1, done.changed)
            )
            known.add(test.question)
    return done


def _rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    if len(data) > CSV_BYTES:
        raise ValidationError(_("This file is too large: 5 MB at most."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError(_("This is no CSV in UTF-8.")) from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        reader = csv.DictReader(io.StringIO(text.replace("\x00", "")), delimiter=delimiter)
        names = {name.strip().casefold(): name for name in reader.fieldnames or [] if name}
        if not {"question", "document"} <= names.keys():
            raise ValidationError(_("The first line names the columns: question, document, and passage."))
        rows = [
            (
                reader.line_num,
                {
                    name: (row.get(names[name]) or "").strip() if name in names else ""
                    for name in ("question", "document", "passage")
                },
            )
            for row in reader
        ]
    except csv.Error:
        raise ValidationError(_("This is no CSV in UTF-8.")) from None
    if not rows or len(rows) > 5 * TESTS_MOST:
        raise ValidationError(_("This file has no lines, or too many."))
    return rows
