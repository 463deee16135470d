"""Search over passages, and documents for reading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank
from django.db.models import F, Func, QuerySet, TextField, Value

from engines.language.marking import BEGIN, END, clean, headline_html
from knowledge.audience import Audience, collections_for, holds
from knowledge.markdown import block_html, blocks
from knowledge.models import Chunk, Document

QUERY_LENGTH = 200
HEADLINE_WORDS = 60
# Weights of D, C, B and A: a heading counts three times as much as the text under it.
WEIGHTS = [0.1, 0.2, 0.33, 1.0]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found. `html`: the part that matches, safe, with marks; `start`/`end`: in the body."""

    id: UUID
    document_id: UUID
    title: str
    collection: str
    path: str
    html: str
    text: str
    start: int
    end: int
    version: int
    rank: float


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


def passages_search(
    *, query: str, limit: int = 5, documents: QuerySet[Document] | None = None
) -> list[Found]:
    """Find the passages that answer best, best first. At most two queries.

    Takes what web searches take: "a phrase", or, -not. Where the words together find too little, passages with any
    of them fill up the rest. `documents`: which may be found; those that hold today if none are named.
    """
    text = clean(query)[:QUERY_LENGTH].replace("\x00", "").strip()
    if not text:
        return []
    allowed = documents_valid() if documents is None else documents
    found = _search(text, limit, allowed, without=[])
    words = re.findall(r"[^\W_]+", text)
    if len(found) < limit and len(words) > 1 and '"' not in text and "-" not in text:
        found += _search(" or ".join(words), limit - len(found), allowed, without=[row.id for row in found])
    return found


def _search(text: str, limit: int, allowed: QuerySet[Document], *, without: list[UUID]) -> list[Found]:
    query = SearchQuery(text, config="english", search_type="websearch")
    unmarked = Func(F("text"), Value(BEGIN + END), Value(""), function="translate", output_field=TextField())
    rows = (
        Chunk.objects.filter(search=query, document__in=allowed)
        .exclude(pk__in=without)
        .select_related("document__collection")
        .defer("document__body", "search")
        # Cover density, and longer passages are not better for being long (normalisation 1).
        .annotate(rank=SearchRank(F("search"), query, weights=WEIGHTS, cover_density=True, normalization=1))
        .order_by("-rank", "document_id", "position")[:limit]
    )
    rows = rows.annotate(
        headline=SearchHeadline(
            unmarked,
            query,
            config="english",
            start_sel=BEGIN,
            stop_sel=END,
            max_words=HEADLINE_WORDS,
            min_words=HEADLINE_WORDS // 2,
        )
    )
    return [
        Found(
            id=row.pk,
            document_id=row.document_id,
            title=row.document.title,
            collection=row.document.collection.name,
            path=row.heading_path,
            html=headline_html(_dotted(row.headline, row.text), own_types=False),
            text=row.text,
            start=row.start,
            end=row.end,
            version=row.document_version,
            rank=row.rank,
        )
        for row in rows
    ]


def _dotted(headline: str, text: str) -> str:
    """The headline, with dots where it leaves out the passage's beginning or end."""
    shown, whole = clean(headline).strip(), clean(text).strip()
    begins, ends = whole.startswith(shown), whole.endswith(shown)
    return f"{'' if begins else '… '}{headline}{'' if ends else ' …'}"


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
