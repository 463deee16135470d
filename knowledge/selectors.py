"""Documents for reading, and which of them hold. Search over passages is `knowledge.search`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet
from django.utils import timezone

from knowledge.markdown import block_html, blocks
from knowledge.models import Chunk, Document


def documents_valid(on: date | None = None) -> QuerySet[Document]:
    """Documents that hold on a day, today in the company's time zone if none is named."""
    day = on or timezone.localdate()
    return Document.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=day), Q(valid_to__isnull=True) | Q(valid_to__gte=day)
    )


def documents_listed() -> QuerySet[Document]:
    """All documents with their collection, without their text. One query."""
    return (
        Document.objects.select_related("collection")
        .defer("body")
        .order_by("collection__name", "title", "pk")
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of a document as safe HTML; `cited`: the passage that the reader came for."""

    html: str
    cited: bool


def document_parts(document: Document, cited: Chunk | None) -> list[Part]:
    """Cut a document into what stands before, within and after the cited passage. No query."""
    parts: list[Part] = []
    for block in blocks(document.body):
        inside = cited is not None and block.start < cited.end and cited.start < block.end
        html = block_html(document.body, block)
        if parts and parts[-1].cited == inside:
            parts[-1] = Part(parts[-1].html + html, inside)
        else:
            parts.append(Part(html, inside))
    return parts
