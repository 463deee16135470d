"""Pages of a document: to read it, and to look after it."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from knowledge.care.selectors import document_use
from knowledge.documents.access import document_for, version_for
from knowledge.documents.caring import private_shown, types_named, versions_listed
from knowledge.documents.selectors import document_parts
from knowledge.documents.services import document_restore, document_withdraw, version_decide
from knowledge.models import Chunk, DocumentVersion
from knowledge.text.private import counted

FOUND = 10
DOCUMENTS = 100
PASSAGES = 100


@needs(Permission.KNOWLEDGE_SEARCH)
@require_safe
def document_page(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """One document; `?passage=` marks the passage that the reader came for.

    `?version=3&from=120&to=450` opens that version at that place: a citation holds longer than its passage. Without
    these it is what is published now.
    """
    user = _user(request)
    document = document_for(user, document_id)
    wanted = request.GET.get("passage", "")
    chunk_id = _uuid(wanted)
    chunk = Chunk.objects.filter(document=document, pk=chunk_id).first() if chunk_id else None
    number = _number(request.GET.get("version", ""))
    version = version_for(user, document, number) if number and number != document.version else None
    place = _place(request) or ((chunk.start, chunk.end) if chunk and version is None else None)
    shown = document if version is None else version
    parts = [
        {"html": mark_safe(part.html), "cited": part.cited}  # noqa: S308 escaped in knowledge.markdown
        for part in document_parts(shown.body, place)
    ]
    context = {
        "document": document,
        "version": version,
        "shown": shown,
        "parts": parts,
        "cited": place is not None and any(part["cited"] for part in parts),
        "place": place,
        "wanted": wanted,
        "back": request.GET.get("q", ""),
        "manages": user.may(Permission.KNOWLEDGE_MANAGE),
    }
    return render(request, "knowledge/document.html", context)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def document_care(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The passages of a document with their paths, its versions, and what was held back of it."""
    document = document_for(_user(request), document_id)
    chunks = list(document.chunks.defer("search").order_by("position"))
    use = document_use(document, chunks)
    passages = Paginator([{"row": one, "use": use.passages.get(one.pk)} for one in chunks], PASSAGES)
    types = types_named()
    versions = [
        {"row": row, "private": [(types.get(name, name), n) for name, n in counted(row.private).items()]}
        for row in versions_listed(document)
    ]
    held = document.versions.filter(state=DocumentVersion.State.HELD).first()
    context = {
        "document": document,
        "passages": passages.get_page(request.GET.get("page")),
        "versions": versions,
        "held": held,
        "findings": private_shown(held, types) if held else [],
        "use": use,
    }
    return render(request, "knowledge/care.html", context)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def version_decide_page(request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
    """Publish or discard a version that was held back."""
    user = _user(request)
    document = document_for(user, document_id)
    version = version_for(user, document, number)
    publish = request.POST.get("decision") == "publish"
    try:
        version_decide(version=version, publish=publish, actor=user, address=address_of(request) or None)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is published.") if publish else _("It is discarded."))
    return redirect("knowledge-care", document_id=document.pk)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def document_withdraw_page(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """Have a document found no more, or found again."""
    user = _user(request)
    document = document_for(user, document_id)
    address = address_of(request) or None
    if document.withdrawn_at is None:
        document_withdraw(document=document, actor=user, address=address)
    else:
        try:
            document_restore(document=document, actor=user, address=address)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    return redirect("knowledge-care", document_id=document.pk)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 9 else 0


def _place(request: HttpRequest) -> tuple[int, int] | None:
    start, end = request.GET.get("from", ""), request.GET.get("to", "")
    found = _number(start), _number(end)
    return found if found[0] < found[1] else None


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
