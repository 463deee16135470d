"""Pages of knowledge: what people look up while they talk, and the documents behind it."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from accounts.permissions import Permission
from accounts.views import needs
from knowledge.access import document_for
from knowledge.models import Chunk
from knowledge.search import passages_search
from knowledge.selectors import document_parts, documents_listed

FOUND = 10
DOCUMENTS = 100


def _found(query: str, *, typing: bool = False) -> list[dict[str, object]]:
    # `html` is escaped where it is made; see engines.language.marking.
    return [
        {"row": row, "html": mark_safe(row.html)}  # noqa: S308
        for row in passages_search(query=query, limit=FOUND, typing=typing)
    ]


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def knowledge_page(request: HttpRequest) -> HttpResponse:
    """Search box, what it found, and the list of documents."""
    query = request.GET.get("q", "").strip()
    documents = Paginator(documents_listed(), DOCUMENTS).get_page(request.GET.get("page"))
    return render(
        request,
        "knowledge/knowledge.html",
        {"query": query, "found": _found(query) if query else [], "documents": documents},
    )


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def knowledge_search(request: HttpRequest) -> HttpResponse:
    """What a search found, as a part of a page: for this page and for the agent's desk, while somebody types."""
    query = request.GET.get("q", "").strip()
    found = _found(query, typing=True) if query else []
    return render(request, "knowledge/found.html", {"query": query, "found": found})


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def document_page(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """One document; `?passage=` marks the passage that the reader came for."""
    document = document_for(request.user, document_id)  # type: ignore[arg-type]
    wanted = request.GET.get("passage", "")
    chunk_id = _uuid(wanted)
    cited = Chunk.objects.filter(document=document, pk=chunk_id).first() if chunk_id else None
    parts = [
        {"html": mark_safe(part.html), "cited": part.cited}  # noqa: S308 escaped in knowledge.markdown
        for part in document_parts(document, cited)
    ]
    context = {
        "document": document,
        "parts": parts,
        "cited": cited,
        "wanted": wanted,
        "back": request.GET.get("q", ""),
    }
    return render(request, "knowledge/document.html", context)


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
