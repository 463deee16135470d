"""How much a company may keep: documents that are not withdrawn, and the bytes of all texts with their versions."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Func, IntegerField, Sum
from django.utils.translation import gettext as _

from knowledge.models import Document, DocumentVersion

# What a refusal for want of room is called.
QUOTA = "quota"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """What a company keeps, and what it may."""

    documents: int
    documents_most: int
    bytes: int
    bytes_most: int

    @property
    def megabytes(self) -> float:
        return self.bytes / MEGABYTE

    @property
    def megabytes_most(self) -> float:
        return self.bytes_most / MEGABYTE

    @property
    def is_short(self) -> bool:
        """Whether nine tenths are used."""
        return 10 * self.documents >= 9 * self.documents_most or 10 * self.bytes >= 9 * self.bytes_most


def room_used() -> Room:
    """What the current company has used. Two queries; the length of a text is known without reading it."""
    size = Func("body", function="OCTET_LENGTH", output_field=IntegerField())
    return Room(
        documents=Document.objects.filter(withdrawn_at__isnull=True).count(),
        documents_most=settings.KNOWLEDGE_QUOTA_DOCUMENTS,
        bytes=DocumentVersion.objects.aggregate(total=Sum(size))["total"] or 0,
        bytes_most=settings.KNOWLEDGE_QUOTA_BYTES,
    )


def room_check(*, documents: int, size: int) -> None:
    """See that so many documents and bytes more may be kept. Raises `ValidationError` in words that say what to do."""
    room = room_used()
    if documents and room.documents + documents > room.documents_most:
        words = _(
            "The company keeps %(has)d of %(most)d documents. Withdraw some that nobody needs, or ask whoever runs "
            "this installation for more."
        )
        raise ValidationError(words % {"has": room.documents, "most": room.documents_most}, code=QUOTA)
    if room.bytes + size > room.bytes_most:
        words = _(
            "The company's documents and their versions have %(has).1f of %(most).1f MB. Delete some for good in the "
            "admin, or ask whoever runs this installation for more."
        )
        raise ValidationError(words % {"has": room.megabytes, "most": room.megabytes_most}, code=QUOTA)
