"""The page of a collection: bring files, see how far each is, its documents and where they come from."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from integrations.documents.models import DocumentUpload
from integrations.documents.selectors import file_for, sources_shown, uploads_shown
from integrations.documents.services import documents_receive, file_retry
from integrations.uploads.intake import UploadRefused
from integrations.uploads.views import given_files
from knowledge.documents.access import collection_for
from knowledge.documents.caring import documents_cared
from knowledge.models import Collection

DOCUMENTS = 100


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def collection_page(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """A collection with its documents, and what is on its way into it."""
    return _page(request, collection_for(_user(request), collection_id))


def _page(request: HttpRequest, collection: Collection, *, status: int = 200) -> HttpResponse:
    user = _user(request)
    uploads = uploads_shown(user, collection)
    sources = list(sources_shown(collection))
    documents = Paginator(documents_cared(collection), DOCUMENTS).get_page(request.GET.get("page"))
    going_on = sum(one["upload"].going_on for one in uploads)
    context: dict[str, Any] = {
        "collection": collection,
        "uploads": uploads,
        "sources": sources,
        "documents": documents,
        "going_on": going_on,
        "failed": sum(one["upload"].failed for one in uploads),
        "polls": going_on or any(source.state in {"due", "running"} for source in sources),
        "configures": user.may(Permission.ADMIN_CONFIGURE),
        "max_bytes": settings.KNOWLEDGE_MAX_BYTES,
        "max_request_bytes": settings.KNOWLEDGE_MAX_REQUEST_BYTES,
        "max_megabytes": settings.KNOWLEDGE_MAX_BYTES // (1024 * 1024),
        "max_files": settings.KNOWLEDGE_MAX_FILES,
    }
    return render(request, "integrations/collection.html", context, status=status)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def documents_upload(request: HttpRequest) -> HttpResponse:
    """Take files into a collection. The page's script asks for JSON, a form without it gets a page."""
    user = _user(request)
    wants_json = "application/json" in request.headers.get("Accept", "")
    try:
        collection = collection_for(user, UUID(request.POST.get("collection", "")))
    except ValueError:
        return redirect("knowledge-collections")
    try:
        upload = documents_receive(
            collection=collection,
            user=user,
            source=DocumentUpload.Source.PAGE,
            files=given_files(request),
            address=address_of(request) or None,
        )
    except UploadRefused as refused:
        if wants_json:
            error = {"error": {"code": refused.code, "message": str(refused)}}
            response: HttpResponse = JsonResponse(error, status=refused.status)
        else:
            messages.error(request, str(refused))
            response = _page(request, collection, status=refused.status)
        if refused.wait:
            response["Retry-After"] = str(refused.wait)
        return response
    count = upload.files.count()
    if wants_json:
        return JsonResponse({"id": str(upload.pk), "files": count}, status=201)
    said = ngettext("%d file is taken in and is being read.", "%d files are taken in.", count) % count
    messages.success(request, said)
    return redirect("knowledge-collection", collection_id=collection.pk)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_POST
def document_file_retry(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """Try a file again that failed."""
    user = _user(request)
    file = file_for(user, file_id)
    try:
        file_retry(file=file, user=user, address=address_of(request) or None)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Another try is under way."))
    return redirect("knowledge-collection", collection_id=file.upload.collection_id)


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)
