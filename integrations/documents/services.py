"""Every write to uploads of documents: taking files in, reading them, trying again, tidying up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import throttle
from accounts.errors import Conflict, error_place
from accounts.ids import new_id
from accounts.models import User
from accounts.services import audit
from conversations.live.metadata import text_redacted
from conversations.stored import StorageError, stored_delete
from engines.documents.model import DocumentError, Kind, Trouble
from engines.documents.word import packed_kind
from integrations.documents.models import DocumentFile, DocumentUpload, Outcome
from integrations.documents.storing import bytes_store, key_of
from integrations.documents.words import trouble_words
from integrations.uploads import archive
from integrations.uploads.intake import GivenFile, UploadRefused, in_words
from integrations.uploads.sealing import sealed_open, sealed_store
from integrations.uploads.services import orphans_forget
from knowledge.documents.room import QUOTA
from knowledge.models import Collection
from tenants.keys import SealError
from tenants.scope import current_schema, schema_scope

log = structlog.get_logger(__name__)

FOLDER = "documents"
# Reading takes at most two minutes; a file that nobody has finished by then is taken up by the next sweep.
LEASE = timedelta(seconds=180)
ATTEMPTS = 3
State = DocumentFile.State
# What may go better another time, when the machine is less busy. With all else the file itself is at fault, and goes.
_MAY_PASS = frozenset({Trouble.TOO_SLOW, Trouble.TOO_MUCH_MEMORY})


# --- Taking in ------------------------------------------------------------------------------------------


@dataclass
class _Part:
    """One file: it came alone, or in a zip. `path`: what it is called there, which is what it is known by."""

    path: str
    size: int
    given: GivenFile
    zipped: archive.Archive | None = None
    member: archive.Member | None = None
    problem: str = ""
    is_large: bool = False

    @contextmanager
    def open(self) -> Iterator[Any]:
        if self.zipped is not None and self.member is not None:
            with self.zipped.open(self.member) as file:
                yield file
        else:
            self.given.file.seek(0)
            yield self.given.file


def documents_receive(
    *,
    collection: Collection,
    user: User | None,
    source: str,
    files: Sequence[GivenFile],
    address: str | None = None,
) -> DocumentUpload:
    """Take files in: sealed into storage, one row each, and a job for each. Raises `UploadRefused`.

    A file that cannot be a document fails by itself where it came with others; alone, it is refused.
    """
    if user is not None:
        _throttle(user)
    if not files:
        raise UploadRefused(400, "no_file", _("There is no file."))
    if len(files) > settings.KNOWLEDGE_MAX_FILES:
        raise _too_many(len(files))
    parts = [part for given in files for part in _parts(given)]
    if len(parts) > settings.KNOWLEDGE_MAX_FILES:
        raise _too_many(len(parts))
    for part in parts:
        if not part.problem and part.size > settings.KNOWLEDGE_MAX_BYTES:
            part.is_large = True
            part.problem = _("It is larger than %d MB.") % (settings.KNOWLEDGE_MAX_BYTES // (1024 * 1024))
        elif not part.problem and not part.size:
            part.problem = trouble_words(Trouble.EMPTY)
    if len(parts) == 1 and parts[0].problem:
        large = parts[0].is_large
        raise UploadRefused(413 if large else 415, "too_large" if large else "no_document", parts[0].problem)
    upload = DocumentUpload(collection=collection, user=user, source=source, name=_upload_name(files))
    rows: list[DocumentFile] = []
    try:
        rows += (_sealed(upload, part) for part in parts)
        with transaction.atomic():
            upload.save()
            DocumentFile.objects.bulk_create(rows)
            audit(
                actor=user,
                action="documents.receive",
                thing=upload,
                changes={"files": len(rows), "bytes": sum(row.size_bytes for row in rows)},
                address=address,
            )
            _dispatch_on_commit()
    except BaseException:
        for row in rows:
            if row.storage_key:
                stored_delete(row.storage_key)
        raise
    return upload


def _too_many(count: int) -> UploadRefused:
    words = _("That are %(count)d files; %(most)d are allowed at once.")
    return UploadRefused(413, "too_many", words % {"count": count, "most": settings.KNOWLEDGE_MAX_FILES})


def _throttle(user: User) -> None:
    limit = throttle.Limit("documents", times=settings.UPLOADS_PER_HOUR, seconds=3600)
    who = {"address": str(user.pk), "place": current_schema()}
    if wait := throttle.seconds_left(limit, **who):
        raise UploadRefused(429, "too_often", _("That were many uploads. Try again later."), wait=wait)
    throttle.note(limit, **who)


def _parts(given: GivenFile) -> list[_Part]:
    """The files that one file is: itself, or what lies in a zip. What is wrong with it is noted, not raised."""
    alone = _Part(given.name, given.size, given)
    given.file.seek(0)
    if not archive.is_zip(given.file.read(4)):
        return [alone]
    limits = archive.Limits(
        files=settings.KNOWLEDGE_MAX_FILES,
        # One that is too large fails by itself: the others go on.
        bytes_each=settings.KNOWLEDGE_MAX_BYTES,
        bytes_all=settings.KNOWLEDGE_MAX_REQUEST_BYTES,
    )
    try:
        # First of all: it bounds what is read of the table of contents.
        zipped = archive.Archive(given.file, limits)
        given.file.seek(0)
        if packed_kind(given.file) is not Kind.ZIP:
            return [alone]
    except archive.ArchiveError as error:
        alone.problem = str(error)
        return [alone]
    except DocumentError as error:
        alone.problem = trouble_words(error.trouble)
        return [alone]
    return [_Part(one.info.filename, one.size, given, zipped, one) for one in zipped.members]


def _upload_name(files: Sequence[GivenFile]) -> str:
    if len(files) == 1:
        return _shown(files[0].name)
    return _("%d files") % len(files)


def _shown(path: str) -> str:
    return text_redacted(archive.label(path))[:200] or _("a file")


def _bound(row: DocumentFile) -> str:
    return f"document:{row.pk}"


def _sealed(upload: DocumentUpload, part: _Part) -> DocumentFile:
    """Seal one file into storage. Its row is not saved yet; a file that is no document gets one that has failed."""
    row = DocumentFile(
        id=new_id(),
        upload=upload,
        name=_shown(part.path),
        origin_key=key_of("file", part.path),
        size_bytes=part.size,
    )
    if not part.problem:
        try:
            with part.open() as file:
                sealed_store(row, file, folder=FOLDER, bound_to=_bound(row))
        except archive.ArchiveError as error:
            part.problem = str(error)
    if part.problem:
        row.state, row.error = State.FAILED, part.problem[:300]
    else:
        row.due_at = timezone.now()
    return row


# --- Jobs -----------------------------------------------------------------------------------------------


def _dispatch_on_commit() -> None:
    schema = current_schema()

    def dispatch() -> None:
        with schema_scope(schema):
            files_dispatch()

    transaction.on_commit(dispatch)


def files_dispatch() -> None:
    """Have Celery read what is due in the current company. A broker that is away is no error: the sweep comes again."""
    from integrations.documents.tasks import document_files_read

    try:
        document_files_read.delay()
    except (OSError, document_files_read.OperationalError):
        return


def files_due() -> bool:
    """Whether a file should be read by now."""
    return DocumentFile.objects.filter(
        state__in=[State.WAITING, State.READING], due_at__lte=timezone.now()
    ).exists()


def file_take() -> UUID | None:
    """Take the file that has waited longest, for as long as reading may take. None if none is due."""
    now = timezone.now()
    with transaction.atomic():
        row = (
            DocumentFile.objects.filter(Q(state=State.WAITING) | Q(state=State.READING), due_at__lte=now)
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, no_key=True)
            .values_list("pk", flat=True)
            .first()
        )
        if row is not None:
            DocumentFile.objects.filter(pk=row).update(
                state=State.READING, due_at=now + LEASE, attempts=F("attempts") + 1, changed_at=now
            )
    return row


def file_read(*, file_id: UUID) -> None:
    """Read one file into its document. Whatever is wrong with it is noted in its row; it may run twice."""
    row = DocumentFile.objects.select_related("upload__collection").get(pk=file_id)
    if row.is_over:
        return
    if row.attempts > ATTEMPTS:
        # Whoever read it died of it, more than once.
        _failed(row, _("It could not be read: the work on it broke off three times."))
        return
    try:
        with _content(row) as file:
            data = file.read()
        stored = bytes_store(collection=row.upload.collection, key=row.origin_key, name=row.name, data=data)
    except DocumentError as error:
        _failed(row, trouble_words(error.trouble))
        if error.trouble not in _MAY_PASS:
            _forget(row)
    except ValidationError as error:
        _failed(row, in_words(error))
        # What there is no room for can be tried again once there is some.
        if getattr(error, "code", "") != QUOTA:
            _forget(row)
    except (StorageError, SealError) as error:
        log.warning("documents.file_away", file=str(row.pk), place=error_place(error))
        if row.attempts >= ATTEMPTS:
            _failed(row, _("Its file could not be fetched from storage."))
        else:
            DocumentFile.objects.filter(pk=row.pk, state=State.READING).update(
                due_at=timezone.now() + timedelta(seconds=30 * row.attempts)
            )
    else:
        _done(row, stored.document.pk, stored.outcome)


@contextmanager
def _content(row: DocumentFile) -> Iterator[BinaryIO]:
    with sealed_open(row, bound_to=_bound(row)) as file:
        yield file


def _failed(row: DocumentFile, error: str) -> None:
    DocumentFile.objects.filter(pk=row.pk).exclude(state=State.DONE).update(
        state=State.FAILED, error=error[:300], due_at=None, changed_at=timezone.now()
    )


def _done(row: DocumentFile, document_id: UUID, outcome: Outcome) -> None:
    # A second run of the same file finds nothing new; what the first one did is what is told.
    told = DocumentFile.objects.filter(pk=row.pk).exclude(state=State.DONE)
    told.update(
        state=State.DONE,
        outcome=outcome,
        document=document_id,
        error="",
        due_at=None,
        changed_at=timezone.now(),
    )
    _forget(row)


def _forget(row: DocumentFile) -> None:
    if row.storage_key:
        stored_delete(row.storage_key)
        DocumentFile.objects.filter(pk=row.pk).update(storage_key="", wrapped_key=None)


def file_retry(*, file: DocumentFile, user: User, address: str | None = None) -> None:
    """Try a failed file again. Raises `Conflict` where it has not failed, or its file is gone."""
    with transaction.atomic():
        row = DocumentFile.objects.select_for_update(no_key=True).get(pk=file.pk)
        if not row.may_retry:
            raise Conflict(_("This file cannot be tried again. Upload it anew."))
        row.state, row.error, row.attempts, row.due_at = State.WAITING, "", 0, timezone.now()
        row.save(update_fields=["state", "error", "attempts", "due_at", "changed_at"])
        audit(actor=user, action="documents.retry", thing=row, address=address)
        _dispatch_on_commit()


def files_tidy(*, now: datetime) -> int:
    """Remove stored files that nobody needs: of what is done, of what failed long ago, of no row. Returns how many."""
    too_old = now - timedelta(days=settings.UPLOAD_KEPT_DAYS)
    rows = DocumentFile.objects.exclude(storage_key="")
    stale = rows.filter(Q(state=State.DONE) | Q(state=State.FAILED, changed_at__lt=too_old))
    gone = 0
    for row in stale:
        _forget(row)
        gone += 1
    return gone + orphans_forget(
        FOLDER, lambda ident: DocumentFile.objects.filter(pk=ident).exists(), now=now
    )
