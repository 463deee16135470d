"""Every write to uploads: taking files in, trying again, noting progress and ends, tidying up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import throttle
from accounts.errors import Conflict
from accounts.ids import new_id
from accounts.models import User
from accounts.services import audit
from conversations.live.metadata import text_redacted
from conversations.stored import stored_delete, stored_names
from integrations.uploads import archive
from integrations.uploads.details import CallDetails, details_read
from integrations.uploads.intake import (
    GivenFile,
    Part,
    UploadRefused,
    in_words,
    part_check,
    parts_of,
)
from integrations.uploads.models import Upload, UploadedCall
from integrations.uploads.sealing import FOLDER, file_store
from tenants import names
from tenants.companies import company_zone
from tenants.scope import current_schema, schema_scope

# A call that is being heard says so more often than this; one that has not is taken up by the next sweep.
LEASE = timedelta(seconds=30)


def upload_receive(
    *,
    user: User | None,
    source: str,
    files: Sequence[GivenFile],
    fields: dict[str, str],
    address: str | None = None,
) -> Upload:
    """Take files in: sealed into storage, one row a call, and a job for each. Raises `UploadRefused`.

    `fields` are what a form says of all of them (see `details`). A file that cannot be a call fails by itself where
    it came with others; alone, it is refused.
    """
    if user is not None:
        _throttle(user)
    if not files:
        raise UploadRefused(400, "no_file", _("There is no file in the request."))
    zone = company_zone()
    try:
        base = details_read(fields, CallDetails(), zone)
        parts = parts_of(files, base, zone)
    except ValidationError as error:
        raise UploadRefused(400, "invalid", in_words(error)) from None
    except archive.ArchiveError as error:
        raise UploadRefused(400, "bad_zip", str(error)) from None
    if len(parts) > settings.UPLOAD_MAX_FILES:
        text = _("%(count)d files are too many for one upload; %(most)d are allowed.")
        text %= {"count": len(parts), "most": settings.UPLOAD_MAX_FILES}
        raise UploadRefused(413, "too_many", text)
    for part in parts:
        part_check(part, user)
    alone = len(parts) == 1 and parts[0].zipped is None
    if alone and parts[0].problem:
        large = parts[0].size > settings.UPLOAD_MAX_BYTES
        raise UploadRefused(413 if large else 415, "too_large" if large else "no_audio", parts[0].problem)
    wanted = sum(part.size for part in parts if not part.problem)
    _quota(wanted)
    upload = Upload(user=user, source=source, name=_upload_name(files))
    rows: list[UploadedCall] = []
    try:
        for part in parts:
            rows.append(_sealed(upload, part))
        _rows_create(upload, rows, user, address)
    except BaseException:
        for row in rows:
            if row.storage_key:
                stored_delete(row.storage_key)
        raise
    return upload


# --- How much is too much -------------------------------------------------------------------------------


def _throttle(user: User) -> None:
    limit = throttle.Limit("upload", times=settings.UPLOADS_PER_HOUR, seconds=3600)
    who = {"address": str(user.pk), "place": current_schema()}
    if wait := throttle.seconds_left(limit, **who):
        raise UploadRefused(429, "too_often", _("That were many uploads. Try again later."), wait=wait)
    throttle.note(limit, **who)


def _quota(wanted: int) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = UploadedCall.objects.filter(upload__created_at__gte=midnight)
    used = today.aggregate(total=Sum("size_bytes"))["total"] or 0
    if used + wanted > settings.UPLOAD_DAILY_BYTES:
        wait = int((midnight + timedelta(days=1) - now).total_seconds()) + 1
        text = _("Your company may upload %d MB a day, and this would be more.")
        raise UploadRefused(429, "quota", text % (settings.UPLOAD_DAILY_BYTES // (1024 * 1024)), wait=wait)


# --- Rows ------------------------------------------------------------------------------------------


def _upload_name(files: Sequence[GivenFile]) -> str:
    if len(files) == 1:
        return text_redacted(archive.label(files[0].name))[:200] or _("a file")
    return _("%d files") % len(files)


def _sealed(upload: Upload, part: Part) -> UploadedCall:
    """Seal one file into storage. Its row is not saved yet; a file that is no call gets one that has failed."""
    row = UploadedCall(id=new_id(), upload=upload, name=text_redacted(part.label)[:200] or _("a file"))
    if not part.problem:
        try:
            with part.open() as file:
                file_store(row, file, part.details or CallDetails())
        except archive.ArchiveError as error:
            part.problem = str(error)
    if part.problem:
        row.state, row.error, row.size_bytes = UploadedCall.State.FAILED, part.problem[:300], part.size
    else:
        row.due_at = timezone.now()
    return row


def _rows_create(upload: Upload, rows: list[UploadedCall], user: User | None, address: str | None) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two uploads at once must not each find room for itself alone.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{current_schema()}:uploads"]
            )
        _quota(sum(row.size_bytes for row in rows))
        upload.save()
        UploadedCall.objects.bulk_create(rows)
        audit(
            actor=user,
            action="upload.receive",
            thing=upload,
            changes={"files": len(rows), "bytes": sum(row.size_bytes for row in rows)},
            address=address,
        )
        _dispatch_on_commit([row.pk for row in rows if not row.is_over])


def _dispatch_on_commit(ids: list[UUID]) -> None:
    schema = current_schema()

    def dispatch() -> None:
        with schema_scope(schema):
            calls_dispatch(ids=ids[: settings.UPLOAD_CALLS_AT_ONCE])

    transaction.on_commit(dispatch)


def calls_dispatch(*, ids: Sequence[UUID]) -> None:
    """Hand calls to Celery. A broker that is away is no error: the sweep finds them."""
    from integrations.uploads.tasks import uploaded_call_hear

    for ident in ids:
        try:
            uploaded_call_hear.delay(uploaded_call_id=str(ident))
        except (OSError, uploaded_call_hear.OperationalError):
            return


def calls_due(*, limit: int) -> list[UUID]:
    """Take calls that should be heard by now, the oldest first; each falls due again if nobody takes it up."""
    now = timezone.now()
    with transaction.atomic():
        rows = UploadedCall.objects.exclude(state__in=["done", "failed"]).filter(due_at__lte=now)
        taken = list(
            rows.order_by("due_at", "id")
            .select_for_update(skip_locked=True, no_key=True)
            .values_list("pk", flat=True)[:limit]
        )
        UploadedCall.objects.filter(pk__in=taken).update(due_at=now + LEASE)
    return taken


# --- What becomes of a call -----------------------------------------------------------------------------


def call_note(*, call_id: UUID, **fields: Any) -> None:
    """Note where a call is (state, progress, length, conversation), and that somebody is at it."""
    now = timezone.now()
    UploadedCall.objects.filter(pk=call_id).exclude(state__in=["done", "failed"]).update(
        **fields, due_at=now + LEASE, changed_at=now
    )


def call_wait(*, call_id: UUID, seconds: float) -> None:
    """Have another go later."""
    now = timezone.now()
    UploadedCall.objects.filter(pk=call_id).exclude(state__in=["done", "failed"]).update(
        due_at=now + timedelta(seconds=seconds), changed_at=now
    )


def call_done(*, call_id: UUID) -> None:
    """The conversation is whole: the file and its key go."""
    UploadedCall.objects.filter(pk=call_id).update(
        state=UploadedCall.State.DONE,
        progress=1.0,
        error="",
        due_at=None,
        wrapped_key=None,
        sealed_details=None,
        changed_at=timezone.now(),
    )
    _file_forget(UploadedCall.objects.get(pk=call_id))


def call_failed(*, call_id: UUID, error: str) -> None:
    """It did not work out, for this reason. The file stays for another try."""
    UploadedCall.objects.filter(pk=call_id).exclude(state="done").update(
        state=UploadedCall.State.FAILED, error=error[:300], due_at=None, changed_at=timezone.now()
    )


def call_retry(*, call: UploadedCall, user: User, address: str | None = None) -> None:
    """Try a failed call again. Raises `Conflict` where it has not failed, or its file is gone.

    It begins anew, in the conversation that an earlier try left incomplete. Where that has to stay (a legal hold, a
    note, a confirmed summary), it gives up its call id, and this try makes a conversation of its own.
    """
    with transaction.atomic():
        row = UploadedCall.objects.select_for_update(no_key=True).get(pk=call.pk)
        if not row.may_retry:
            raise Conflict(_("This file cannot be tried again. Upload it anew."))
        if row.conversation_id is not None:
            row.tries += 1
        row.state, row.error, row.progress, row.attempts = UploadedCall.State.WAITING, "", 0.0, 0
        row.conversation, row.due_at = None, timezone.now()
        row.save()
        audit(actor=user, action="upload.retry", thing=row, address=address)
        _dispatch_on_commit([row.pk])


def _file_forget(row: UploadedCall) -> None:
    if row.storage_key:
        stored_delete(row.storage_key)
        UploadedCall.objects.filter(pk=row.pk).update(storage_key="")


def upload_forget(conversation_id: UUID) -> None:
    """What a conversation was made of goes with its sound and words: nobody can have it heard again."""
    for row in UploadedCall.objects.filter(conversation_id=conversation_id):
        UploadedCall.objects.filter(pk=row.pk).update(wrapped_key=None, sealed_details=None)
        _file_forget(row)


def uploads_tidy(*, now: datetime) -> int:
    """Remove files that nobody needs: of calls that are done, of failed ones after their time, and of no call.

    Returns how many went.
    """
    too_old = now - timedelta(days=settings.UPLOAD_KEPT_DAYS)
    rows = UploadedCall.objects.exclude(storage_key="")
    stale = list(rows.filter(state="done")) + list(rows.filter(state="failed", changed_at__lt=too_old))
    for row in stale:
        UploadedCall.objects.filter(pk=row.pk).update(wrapped_key=None, sealed_details=None)
        _file_forget(row)
    known = UploadedCall.objects.filter
    return len(stale) + orphans_forget(FOLDER, lambda ident: known(pk=ident).exists(), now=now)


def orphans_forget(folder: str, known: Callable[[UUID], bool], *, now: datetime) -> int:
    """Remove sealed files of a folder that no row stands for. Returns how many went.

    A file without a row is one whose request was cut off before its end.
    """
    gone = 0
    path = names.storage_path(current_schema(), folder)
    for name in stored_names(path)[1]:
        try:
            ident = UUID(name.removesuffix(".sealed"))
        except ValueError:
            continue
        # The id tells when it was given: a request under way is younger than a day.
        made = datetime.fromtimestamp((ident.int >> 80) / 1000, UTC)
        if made < now - timedelta(days=1) and not known(ident):
            stored_delete(f"{path}/{name}")
            gone += 1
    return gone
