"""Admin of documents on their way in: files to look at; sources are made and fetched here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_audit import ReadOnlyAdmin
from integrations.documents.models import DocumentFile

_STATES = {"waiting": "info", "reading": "info", "done": "success", "failed": "danger"}


@admin.register(DocumentFile)
class DocumentFileAdmin(ReadOnlyAdmin):
    """Every file, what became of it, and why it failed. They are brought and tried again on their collection's page."""

    list_display = (
        "name",
        "state_label",
        "outcome",
        "collection",
        "size_bytes",
        "attempts",
        "error",
        "changed_at",
    )
    list_filter = ("state", "outcome", "upload__source", "upload__collection")
    list_select_related = ("upload__collection",)
    search_fields = ("name", "upload__name")
    fields = (
        "upload",
        "name",
        "document",
        "state",
        "outcome",
        "error",
        "size_bytes",
        "attempts",
        "changed_at",
    )
    readonly_fields = fields

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, row: DocumentFile) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("collection"), ordering="upload__collection__name")
    def collection(self, row: DocumentFile) -> Any:
        return row.upload.collection
