"""Documents for reading, and which of them hold. Search over passages is `knowledge.search`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from knowledge.documents.audience import Audience, collections_for, holds
from knowledge.models import Document
from knowledge.text.markdown import block_html, blocks


def documents_valid(on: date | None = None) -> QuerySet[Document]:
    """Documents that hold on a day, as their collections do; today in the company's time zone if none is named."""
    return Document.objects.filter(holds(on), holds(on, prefix="collection__"), withdrawn_at__isnull=True)


def documents_for(audience: Audience, on: date | None = None) -> QuerySet[Document]:
    """Documents that hold on a day and are for this audience; to be used within a query. No query itself."""
    return documents_valid(on).filter(collection__in=collections_for(audience, on))


def documents_listed() -> QuerySet[Document]:
    """All documents that are published, with their collection, without their text. One query."""
    return (
        Document.objects.filter(version__gt=0, withdrawn_at__isnull=True)
        .select_related("collection")
        .defer("body")
        .order_by("collection__name", "title", "pk")
    )


def documents_within(documents: QuerySet[Document], collection: str) -> QuerySet[Document]:
    """Those of one collection, by its name; all of them if it is "". No query."""
    return documents.filter(collection__name=collection) if collection else documents


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of a document as safe HTML; `cited`: the passage that the reader came for."""

    html: str
    cited: bool


def document_parts(body: str, cited: tuple[int, int] | None) -> list[Part]:
    """Cut a text into what stands before, within and after the cited characters, [start, end). No query."""
    parts: list[Part] = []
    for block in blocks(body):
        inside = cited is not None and block.start < cited[1] and cited[0] < block.end
        html = block_html(body, block)
        if parts and parts[-1].cited == inside:
            parts[-1] = Part(parts[-1].html + html, inside)
        else:
            parts.append(Part(html, inside))
    return parts
