"""Answers for the pages that search."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from engines.retrieval.sentences import LENGTH
from knowledge.answers.responses import answer_streamed
from knowledge.pages.search import collection_named, conversation_named


@require_GET
def _answer(request: HttpRequest) -> HttpResponseBase:
    query = request.GET.get("q", "").strip()[:LENGTH]
    if not query:
        return HttpResponse(status=204)
    return answer_streamed(
        request,
        cast("User", request.user),
        query,
        conversation_id=conversation_named(request),
        collection=collection_named(request),
    )


@needs(Permission.KNOWLEDGE_SEARCH)
def knowledge_answer(request: HttpRequest) -> HttpResponse:
    """`?q=&conversation=&collection=`: the answer to a question as server-sent events; nothing to say to nothing."""
    return cast("HttpResponse", _answer(request))
