"""Pages of collections: all of them, a new one, and what one is set to."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from accounts.views import needs
from knowledge.documents.access import collection_for
from knowledge.documents.caring import collections_listed
from knowledge.documents.forms import CollectionForm
from knowledge.documents.room import room_used
from knowledge.documents.services import collection_save
from knowledge.models import Collection
from knowledge.search.progress import vectors_progress


@needs(Permission.KNOWLEDGE_MANAGE)
@require_safe
def collections_page(request: HttpRequest) -> HttpResponse:
    """All collections with their audience, their figures, and what waits for somebody."""
    rows = list(collections_listed())
    return render(
        request,
        "knowledge/collections.html",
        {
            "collections": rows,
            "today": timezone.localdate(),
            "meaning": vectors_progress(),
            "room": room_used(),
        },
    )


@needs(Permission.KNOWLEDGE_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def collection_new(request: HttpRequest) -> HttpResponse:
    """Make a collection."""
    return _settings(request, Collection(), None)


@needs(Permission.KNOWLEDGE_MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def collection_settings(request: HttpRequest, collection_id: UUID) -> HttpResponse:
    """Change what a collection is set to."""
    row = collection_for(cast("User", request.user), collection_id)
    return _settings(request, row, row)


def _settings(request: HttpRequest, instance: Collection, kept: Collection | None) -> HttpResponse:
    form = CollectionForm(request.POST or None, instance=instance)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            row = collection_save(
                collection=kept,
                actor=cast("User", request.user),
                address=address_of(request) or None,
                teams=given.pop("teams"),
                queues=given.pop("queues"),
                **given,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("knowledge-collection", collection_id=row.pk)
    choices = [form[name] for name in ("teams", "queues", "channels")]
    context = {"form": form, "collection": kept, "choices": choices}
    return render(request, "knowledge/collection_form.html", context, status=400 if form.errors else 200)
