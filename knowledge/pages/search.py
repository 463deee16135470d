"""Pages of search: what people look up while they talk."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from knowledge.documents.audience import audience_of
from knowledge.documents.selectors import documents_for, documents_listed, documents_within
from knowledge.search.searching import passages_search
from knowledge.usage.noting import nothing_answers
from knowledge.usage.tickets import ticket_make

FOUND = 10
DOCUMENTS = 100


def conversation_named(request: HttpRequest) -> UUID | None:
    """The call that a page asks for (`?conversation=`), as it says; None if it names none."""
    try:
        return UUID(request.GET.get("conversation", ""))
    except ValueError:
        return None


def collection_named(request: HttpRequest) -> str:
    """The collection that alone is asked (`?collection=`), "" for all."""
    return request.GET.get("collection", "").replace("\x00", "")


def _found(request: HttpRequest, *, typing: bool = False) -> dict[str, object]:
    """What `found.html` shows. Whether the question was meant is noted by the ticket, once its writer has stopped."""
    query, collection = request.GET.get("q", "").strip(), collection_named(request)
    if not query:
        return {"query": "", "found": [], "collection": collection}
    user = cast("User", request.user)
    documents = documents_within(documents_for(audience_of(user)), collection)
    found = passages_search(query=query, limit=FOUND, documents=documents, typing=typing)
    names = list(dict.fromkeys(one.collection for one in found))
    return {
        "query": query,
        # `html` is escaped where it is made; see engines.language.marking.
        "found": [{"row": row, "html": mark_safe(row.html)} for row in found],  # noqa: S308
        "nothing": bool(found) and nothing_answers(found),
        "ticket": ticket_make(
            user=user, text=query, found=found, conversation_id=conversation_named(request)
        ),
        # Whether there is nothing to search, or only nothing that fits.
        "empty": not found and not documents.exists(),
        "collection": collection,
        # What there is to choose from is where something was found.
        "collections": names if len(names) > 1 else [],
    }


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def knowledge_page(request: HttpRequest) -> HttpResponse:
    """Search box, what it found, and the list of documents."""
    documents = Paginator(documents_listed(), DOCUMENTS).get_page(request.GET.get("page"))
    return render(
        request,
        "knowledge/knowledge.html",
        {
            **_found(request),
            "documents": documents,
            "answer_url": reverse("knowledge-answer"),
            "manages": cast("User", request.user).may(Permission.KNOWLEDGE_MANAGE),
        },
    )


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def knowledge_search(request: HttpRequest) -> HttpResponse:
    """What a search found, as a part of a page: for this page and for the agent's desk, while somebody types."""
    return render(request, "knowledge/found.html", _found(request, typing=True))
