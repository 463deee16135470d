"""From the bytes of a file or a page to a document of a collection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from engines.documents.apart import document_read_apart
from engines.documents.model import Read
from integrations.documents.fetching import url_clean
from integrations.documents.models import Outcome
from knowledge.documents.services import document_save
from knowledge.models import Collection, Document, DocumentVersion


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of it."""

    document: Document
    outcome: Outcome


def key_of(kind: str, name: str) -> str:
    """What a document is known by in its collection: where it comes from, and a hash of its name there."""
    return f"{kind}:{hashlib.sha256(name.encode()).hexdigest()[:48]}"


def document_store(*, collection: Collection, key: str, read: Read, url: str = "") -> Stored:
    """Keep what was read under its key. Doing it again changes nothing. Raises `ValidationError`."""
    before = (
        DocumentVersion.objects.filter(document__collection=collection, document__origin_key=key)
        .order_by("-number")
        .values_list("number", "document__withdrawn_at")
        .first()
    )
    # What a service says is an address may be anything; the page makes a link of it.
    document = document_save(
        collection=collection, title=read.title, body=read.body, origin_key=key, origin_url=url_clean(url)
    )
    last = document.versions.defer("body").first()
    if last is None or (before is not None and before == (last.number, None)):
        return Stored(document, Outcome.SAME)
    if last.state == DocumentVersion.State.HELD:
        return Stored(document, Outcome.HELD)
    return Stored(document, Outcome.NEW if last.number == 1 else Outcome.CHANGED)


def bytes_store(
    *, collection: Collection, key: str, name: str, data: bytes, charset: str = "", url: str = ""
) -> Stored:
    """Read a file and keep it. Raises `DocumentError` and `ValidationError`."""
    read = document_read_apart(name, data, charset=charset)
    return document_store(collection=collection, key=key, read=read, url=url)
