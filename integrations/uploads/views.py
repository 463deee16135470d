"""The page of uploads: bring files, see how far each is, try again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import Conflict
from accounts.models import Queue
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from integrations.uploads.details import FIELDS
from integrations.uploads.intake import GivenFile, UploadRefused
from integrations.uploads.models import Upload
from integrations.uploads.selectors import uploaded_call_for, uploads_page
from integrations.uploads.services import call_retry, upload_receive


@needs(Permission.UPLOAD_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def uploads(request: HttpRequest) -> HttpResponse:
    """List what was uploaded, or take files in. The page's script asks for JSON, a form without it gets a page."""
    if request.method == "POST":
        return _take_in(request)
    return _page(request)


def _page(request: HttpRequest, *, status: int = 200, given: dict[str, str] | None = None) -> HttpResponse:
    before = None
    try:
        if raw := request.GET.get("before"):
            before = UUID(raw)
    except ValueError:
        return redirect("uploads")
    context: dict[str, Any] = {
        "shown": uploads_page(request.user, before=before),  # type: ignore[arg-type]
        "before": before,
        "queues": list(Queue.objects.values_list("key", "name")),
        "given": given or {},
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_request_bytes": settings.UPLOAD_MAX_REQUEST_BYTES,
        "max_megabytes": settings.UPLOAD_MAX_BYTES // (1024 * 1024),
        "max_files": settings.UPLOAD_MAX_FILES,
    }
    return render(request, "integrations/uploads.html", context, status=status)


def given_files(request: HttpRequest) -> list[GivenFile]:
    """The files of a form, whatever its fields are called."""
    found = [file for name in request.FILES for file in request.FILES.getlist(name)]
    return [GivenFile(file.name or "", file.file, file.size or 0) for file in found]  # type: ignore[arg-type]


def _take_in(request: HttpRequest) -> HttpResponse:
    wants_json = "application/json" in request.headers.get("Accept", "")
    fields = {name: request.POST.get(name, "") for name in FIELDS}
    try:
        upload = upload_receive(
            user=request.user,  # type: ignore[arg-type]
            source=Upload.Source.PAGE,
            files=given_files(request),
            fields=fields,
            address=address_of(request) or None,
        )
    except UploadRefused as refused:
        if wants_json:
            error = {"error": {"code": refused.code, "message": str(refused)}}
            response: HttpResponse = JsonResponse(error, status=refused.status)
        else:
            messages.error(request, str(refused))
            response = _page(request, status=refused.status, given=fields)
        if refused.wait:
            response["Retry-After"] = str(refused.wait)
        return response
    count = upload.calls.count()
    if wants_json:
        return JsonResponse({"id": str(upload.pk), "files": count}, status=201)
    said = ngettext("%d file is taken in and waits for its turn.", "%d files are taken in.", count) % count
    messages.success(request, said)
    return redirect("uploads")


@needs(Permission.UPLOAD_MANAGE)
@require_POST
def uploaded_call_retry(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Try a call again that failed."""
    call = uploaded_call_for(request.user, call_id)  # type: ignore[arg-type]
    try:
        call_retry(call=call, user=request.user, address=address_of(request) or None)  # type: ignore[arg-type]
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Another try is under way."))
    return redirect("uploads")
