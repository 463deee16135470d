"""What a manager sees of a collection: files on their way, sources, documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.permissions import Permission
from integrations.documents.models import DocumentFile, DocumentUpload, KnowledgeSource
from knowledge.models import Collection

FILES_SHOWN = 200
UPLOADS_SHOWN = 5
State = DocumentFile.State


def uploads_visible(user: User) -> QuerySet[DocumentUpload]:
    """All uploads with `total`, `done`, `failed` and `going_on`, for those who look after knowledge."""
    if not user.may(Permission.KNOWLEDGE_MANAGE):
        return DocumentUpload.objects.none()
    return DocumentUpload.objects.select_related("user", "collection").annotate(
        total=Count("files"),
        done=Count("files", filter=Q(files__state=State.DONE)),
        failed=Count("files", filter=Q(files__state=State.FAILED)),
        going_on=Count("files", filter=Q(files__state__in=[State.WAITING, State.READING])),
    )


def upload_for(user: User, upload_id: UUID) -> DocumentUpload:
    """Load one with its figures. `Http404` else."""
    row = uploads_visible(user).filter(pk=upload_id).first()
    if row is None:
        raise Http404("no such upload")
    return row


def file_for(user: User, file_id: UUID) -> DocumentFile:
    """Load one file. `Http404` else."""
    row = DocumentFile.objects.filter(pk=file_id).first() if user.may(Permission.KNOWLEDGE_MANAGE) else None
    if row is None:
        raise Http404("no such file")
    return row


def uploads_shown(user: User, collection: Collection) -> list[dict[str, Any]]:
    """The last uploads into a collection with their files: those that are not done first. Two queries."""
    uploads = list(uploads_visible(user).filter(collection=collection).order_by("-id")[:UPLOADS_SHOWN])
    files = list(
        DocumentFile.objects.filter(upload__in=uploads)
        .defer("wrapped_key")
        .order_by("-state", "id")[:FILES_SHOWN]
    )
    shown: list[dict[str, Any]] = []
    for upload in uploads:
        counted: Any = upload
        rows = [file for file in files if file.upload_id == upload.pk]
        rows.sort(key=lambda file: (file.state == State.DONE, file.pk))
        over = counted.done + counted.failed
        shown.append(
            {
                "upload": upload,
                "files": rows,
                "over": over,
                "percent": 100 * over // max(1, counted.total),
                "more": counted.total - len(rows),
            }
        )
    return shown


def sources_shown(collection: Collection) -> QuerySet[KnowledgeSource]:
    """The sources of a collection. One query."""
    return KnowledgeSource.objects.filter(collection=collection).order_by("name")
