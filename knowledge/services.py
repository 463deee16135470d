"""Writes to documents. Saving one cuts its passages anew, in the same transaction."""

from __future__ import annotations

import hashlib
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from knowledge.models import Chunk, Collection, Document
from knowledge.passages import passages

MAX_CHARACTERS = 1_000_000


def document_save(
    *,
    collection: Collection,
    title: str,
    body: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
    document: Document | None = None,
) -> Document:
    """Keep a text in Markdown and cut it into passages. Returns the document as stored.

    Without `document` it is the one of that title in the collection, or a new one. The version counts up when the
    title or the text changed; saving the same again changes nothing. `valid_from` and `valid_to` are the first and
    the last day on which search offers it. Raises `ValidationError`.
    """
    title, body = title.strip(), body.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in title + body:
        raise ValidationError(_("The text holds characters that cannot be stored."))
    if len(body) > MAX_CHARACTERS:
        raise ValidationError(
            {"body": _("A document may be a million characters long. Cut it into several.")}
        )
    if valid_from and valid_to and valid_to < valid_from:
        raise ValidationError({"valid_to": _("The last day lies before the first.")})
    with transaction.atomic():
        # The collection's row, so that two people who save a new title at once do not make two documents.
        Collection.objects.select_for_update().get(pk=collection.pk)
        if document is None:
            row = Document.objects.filter(collection=collection, title=title).first() or Document(version=0)
        else:
            row = Document.objects.select_for_update().get(pk=document.pk)
        digest = hashlib.sha256(body.encode()).hexdigest()
        changed = row.version == 0 or row.sha256 != digest or row.title != title
        row.collection, row.title, row.body, row.sha256 = collection, title, body, digest
        row.valid_from, row.valid_to = valid_from, valid_to
        row.version += changed
        row.full_clean()
        row.save()
        if changed:
            row.chunks.all().delete()
            Chunk.objects.bulk_create(
                Chunk(
                    document=row,
                    document_version=row.version,
                    position=position,
                    heading_path=passage.path,
                    text=body[passage.start : passage.end],
                    start=passage.start,
                    end=passage.end,
                )
                for position, passage in enumerate(passages(title, body))
            )
    return row
