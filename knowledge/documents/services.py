"""Writes to collections and documents. What is published is cut into passages anew, in the same transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import Queue, Team, User
from accounts.services import audit
from engines.language.steering import steering_find
from knowledge.documents.room import room_check
from knowledge.models import Chunk, Collection, Document, DocumentVersion
from knowledge.text.lexing import config_of
from knowledge.text.passages import passages
from knowledge.text.private import private_find

MAX_CHARACTERS = 1_000_000
TITLE_LENGTH = 200
_CHUNKS_AT_ONCE = 1_000

State = DocumentVersion.State


# --- Collections ----------------------------------------------------------------------------------------

COLLECTION_FIELDS = frozenset(
    [
        "name",
        "language",
        "channels",
        "languages",
        "valid_from",
        "valid_to",
        "on_private",
        "cards",
        "owner",
        "review_on",
    ]
)


def collection_save(
    *,
    collection: Collection | None = None,
    actor: User | None = None,
    address: str | None = None,
    teams: Iterable[Team] | None = None,
    queues: Iterable[Queue] | None = None,
    **fields: Any,
) -> Collection:
    """Make or change a collection; what is not given stays. `fields`: `COLLECTION_FIELDS`. Raises `ValidationError`."""
    if unknown := set(fields) - COLLECTION_FIELDS:
        raise TypeError(f"no such fields: {sorted(unknown)}")
    with transaction.atomic():
        row = (
            Collection()
            if collection is None
            else Collection.objects.select_for_update().get(pk=collection.pk)
        )
        for name, value in fields.items():
            setattr(row, name, value)
        row.name = row.name.strip()
        row.languages = list(dict.fromkeys(one.strip() for one in row.languages if one.strip()))
        row.channels = list(dict.fromkeys(row.channels))
        row.full_clean()
        _in_order(row.valid_from, row.valid_to)
        row.save()
        changed = set(fields)
        for name, those in (("teams", teams), ("queues", queues)):
            if those is not None:
                getattr(row, name).set(those)
                changed.add(name)
        audit(
            actor=actor,
            action="collection.create" if collection is None else "collection.update",
            thing=row,
            changes={"fields": sorted(changed)},
            address=address,
        )
    return row


def _in_order(first: date | None, last: date | None) -> None:
    if first and last and last < first:
        raise ValidationError({"valid_to": _("The last day lies before the first.")})


# --- Documents ------------------------------------------------------------------------------------------


def document_save(
    *,
    collection: Collection,
    title: str,
    body: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
    document: Document | None = None,
    origin_key: str = "",
    origin_url: str = "",
    actor: User | None = None,
) -> Document:
    """Keep a text in Markdown as a new version of a document. Returns the document as stored.

    Without `document` it is the one of that `origin_key` in the collection, without a key the one of that title, or a
    new one. There is a new version when the title or the text changed; saving the same again changes nothing. Where
    the text holds personal data and the collection says so, the version is held back until somebody decides
    (`version_decide`); what was published before stays. `valid_from` and `valid_to` are the first and the last day on
    which search offers it. Raises `ValidationError`.
    """
    title, body = title.strip(), body.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in title + body:
        raise ValidationError(_("The text holds characters that cannot be stored."))
    if len(body) > MAX_CHARACTERS:
        raise ValidationError(
            {"body": _("A document may be a million characters long. Cut it into several.")}
        )
    _in_order(valid_from, valid_to)
    digest = hashlib.sha256(body.encode()).hexdigest()
    with transaction.atomic():
        # The collection's row, so that two people who save a new title at once do not make two documents.
        kept = Collection.objects.select_for_update().get(pk=collection.pk)
        row = _document(kept, document, title, origin_key)
        if row.collection_id != kept.pk:
            row.collection = kept
            row.chunks.update(config=config_of(kept.language))
        if origin_key:
            title = _free_title(kept, title, row)
            row.origin_key, row.origin_url = origin_key, origin_url[:1000]
        else:
            # When something holds that comes from elsewhere, people say here; bringing it again does not undo that.
            row.valid_from, row.valid_to = valid_from, valid_to
        last = None if row._state.adding else row.versions.exclude(state=State.DISCARDED).first()
        if last is not None and (last.title, last.sha256) == (title, digest):
            row.full_clean(exclude=["body"])
            if row.withdrawn_at is not None:
                room_check(documents=1, size=0)
                row.withdrawn_at = None
                _publish(row, last) if last.state == State.PUBLISHED else row.save()
            else:
                row.save()
            return row
        is_more = row._state.adding or row.withdrawn_at is not None
        room_check(documents=int(is_more), size=len(body.encode()))
        private = [[one.type, one.start, one.end] for one in private_find(body)]
        steering = [[one.how, one.start, one.end] for one in steering_find(body)]
        version = DocumentVersion(
            number=_next_number(row),
            title=title,
            body=body,
            sha256=digest,
            private=private,
            steering=steering,
            made_by=actor,
        )
        held = bool(private) and kept.on_private == Collection.OnPrivate.HOLD
        if row._state.adding:
            row.title, row.version, row.body = title, 0, ""
        row.withdrawn_at = None
        row.full_clean(exclude=["body", "sha256"])
        row.save()
        row.versions.filter(state=State.HELD).update(state=State.DISCARDED, body="")
        version.document, version.state = row, State.HELD if held else State.PUBLISHED
        version.save()
        if not held:
            _publish(row, version)
    return row


def _document(collection: Collection, document: Document | None, title: str, origin_key: str) -> Document:
    if document is not None:
        return Document.objects.select_for_update().get(pk=document.pk)
    rows = Document.objects.filter(collection=collection)
    found = rows.filter(origin_key=origin_key).first() if origin_key else None
    # What people wrote here under the same title is taken over by the place that has it now.
    found = found or rows.filter(title=title, **({"origin_key": ""} if origin_key else {})).first()
    return found or Document(collection=collection, version=0)


def _free_title(collection: Collection, title: str, row: Document) -> str:
    """The title, with a number where another document of the collection has it."""
    title = title[:TITLE_LENGTH]
    taken = set(
        Document.objects.filter(collection=collection, title__startswith=title[: TITLE_LENGTH - 8])
        .exclude(pk=row.pk)
        .values_list("title", flat=True)
    )
    free, number = title, 2
    while free in taken:
        free = f"{title[: TITLE_LENGTH - 8]} ({number})"
        number += 1
    return free


def _next_number(row: Document) -> int:
    if row._state.adding:
        return 1
    return int(row.versions.aggregate(last=Max("number"))["last"] or row.version) + 1


def _publish(row: Document, version: DocumentVersion) -> None:
    """Make a version the one that is found, within the caller's transaction."""
    row.title, row.body, row.sha256, row.version = version.title, version.body, version.sha256, version.number
    row.full_clean(exclude=["body"])
    row.save()
    row.chunks.all().delete()
    config = config_of(row.collection.language)
    Chunk.objects.bulk_create(
        (
            Chunk(
                document=row,
                document_version=version.number,
                position=position,
                heading_path=passage.path,
                text=version.body[passage.start : passage.end],
                start=passage.start,
                end=passage.end,
                config=config,
            )
            for position, passage in enumerate(passages(version.title, version.body))
        ),
        batch_size=_CHUNKS_AT_ONCE,
    )


def version_decide(
    *, version: DocumentVersion, publish: bool, actor: User | None, address: str | None = None
) -> DocumentVersion:
    """Publish a version that was held back, or discard it with its text. Raises `Conflict` where that was decided."""
    with transaction.atomic():
        document = Document.objects.select_for_update().get(pk=version.document_id)
        row = document.versions.select_for_update().get(pk=version.pk)
        if row.state != State.HELD:
            raise Conflict(_("This version does not wait any more."))
        row.state, row.decided_by = State.PUBLISHED if publish else State.DISCARDED, actor
        row.body = row.body if publish else ""
        row.save(update_fields=["state", "decided_by", "body"])
        if publish:
            row.title = _free_title(document.collection, row.title, document)
            _publish(document, row)
        audit(
            actor=actor,
            action="documentversion.publish" if publish else "documentversion.discard",
            thing=row,
            changes={"number": row.number, "private": len(row.private)},
            address=address,
        )
    return row


def document_withdraw(*, document: Document, actor: User | None = None, address: str | None = None) -> None:
    """Have a document found no more. Its versions stay, for what was cited; saving it anew brings it back."""
    with transaction.atomic():
        row = Document.objects.select_for_update().get(pk=document.pk)
        if row.withdrawn_at is not None:
            return
        row.withdrawn_at = timezone.now()
        row.save(update_fields=["withdrawn_at", "updated_at"])
        row.chunks.all().delete()
        audit(actor=actor, action="document.withdraw", thing=row, address=address)


def document_restore(*, document: Document, actor: User | None = None, address: str | None = None) -> None:
    """Have a document that was withdrawn found again, as it was published last.

    Raises `ValidationError` where the company has as many as it may.
    """
    with transaction.atomic():
        row = Document.objects.select_for_update().get(pk=document.pk)
        if row.withdrawn_at is None:
            return
        room_check(documents=1, size=0)
        row.withdrawn_at = None
        version = row.versions.filter(state=State.PUBLISHED, number=row.version).first()
        if version is None:
            row.save(update_fields=["withdrawn_at", "updated_at"])
        else:
            _publish(row, version)
        audit(actor=actor, action="document.restore", thing=row, address=address)
