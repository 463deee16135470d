"""Which uploads a person sees, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from conversations.access import conversations_visible
from integrations.uploads.models import Upload, UploadedCall

PAGE = 50
# A zip of hundreds shows its first files on the page; the API lists them all.
CALLS_SHOWN = 200
State = UploadedCall.State


def uploads_visible(user: User) -> QuerySet[Upload]:
    """Whoever reads all conversations sees all uploads; others, what they brought themselves."""
    if not user.may(Permission.UPLOAD_MANAGE):
        return Upload.objects.none()
    if user.may(Permission.CONVERSATION_READ_ALL):
        return Upload.objects.all()
    return Upload.objects.filter(user=user)


def uploads_counted(rows: QuerySet[Upload]) -> QuerySet[Upload]:
    """With `files`, `done`, `failed`, `going_on` and `share` (0 to 1) of each."""
    over = Q(calls__state__in=[State.DONE, State.FAILED])
    return rows.annotate(
        files=Count("calls"),
        done=Count("calls", filter=Q(calls__state=State.DONE)),
        failed=Count("calls", filter=Q(calls__state=State.FAILED)),
        going_on=Count("calls", filter=~over),
        progressed=Sum("calls__progress", filter=~Q(calls__state=State.FAILED)),
    )


def upload_for(user: User, upload_id: UUID) -> Upload:
    """Load one with its figures. `Http404` where they may see none."""
    row = uploads_counted(uploads_visible(user).select_related("user")).filter(pk=upload_id).first()
    if row is None:
        raise Http404("no such upload")
    return row


def uploaded_call_for(user: User, call_id: UUID) -> UploadedCall:
    """Load one call of an upload that this person sees. `Http404` else."""
    row = UploadedCall.objects.filter(pk=call_id, upload__in=uploads_visible(user).values("pk")).first()
    if row is None:
        raise Http404("no such upload")
    return row


def readable(user: User, calls: list[UploadedCall]) -> set[UUID]:
    """Which of these calls' conversations this person may open. One query."""
    wanted = [call.conversation_id for call in calls if call.conversation_id is not None]
    return set(conversations_visible(user).filter(pk__in=wanted).values_list("pk", flat=True))


@dataclass(frozen=True)
class Shown:
    """A page of uploads, newest first. `next`: the id to go on after, "" at the end."""

    uploads: list[dict[str, Any]]
    next: str
    going_on: int
    failed: int


def uploads_page(user: User, *, before: UUID | None = None) -> Shown:
    """Uploads with their calls, as many as fit a page. Three queries, however many."""
    rows = uploads_counted(uploads_visible(user).select_related("user")).order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    uploads, room = [], CALLS_SHOWN
    found = list(rows[: PAGE + 1])
    for upload in found[:PAGE]:
        if room <= 0:
            break
        uploads.append(upload)
        room -= min(upload.files, CALLS_SHOWN)  # type: ignore[attr-defined]
    calls = list(
        UploadedCall.objects.filter(upload__in=uploads)
        .defer("wrapped_key", "sealed_details")
        .order_by("id")[: 2 * CALLS_SHOWN]
    )
    may_open = readable(user, calls)
    by_upload: dict[UUID, list[UploadedCall]] = {upload.pk: [] for upload in uploads}
    for call in calls:
        by_upload[call.upload_id].append(call)
    shown = [
        {
            "upload": upload,
            "calls": [
                {"row": call, "open": call.conversation_id in may_open, "percent": round(100 * call.progress)}
                for call in by_upload[upload.pk]
            ],
            "more": upload.files - len(by_upload[upload.pk]),  # type: ignore[attr-defined]
        }
        for upload in uploads
    ]
    return Shown(
        uploads=shown,
        next=str(uploads[-1].pk) if len(uploads) < len(found) else "",
        going_on=sum(upload.going_on for upload in uploads),  # type: ignore[attr-defined]
        failed=sum(upload.failed for upload in uploads),  # type: ignore[attr-defined]
    )
