"""Admin of uploads: to look at only. Files are brought, followed and tried again on their own page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_audit import ReadOnlyAdmin
from integrations.uploads.models import UploadedCall

_STATES = {
    "waiting": "info",
    "decoding": "info",
    "transcribing": "info",
    "done": "success",
    "failed": "danger",
}


@admin.register(UploadedCall)
class UploadedCallAdmin(ReadOnlyAdmin):
    """Every file, what became of it, and why it failed."""

    list_display = ("name", "state_label", "upload", "size_bytes", "attempts", "error", "changed_at")
    list_filter = ("state", "upload__source")
    list_select_related = ("upload",)
    search_fields = ("name", "upload__name")
    show_full_result_count = False
    fields = (
        ("name", "state", "error"),
        ("upload", "conversation"),
        ("size_bytes", "duration_ms", "progress"),
        ("attempts", "tries", "changed_at"),
    )

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, obj: UploadedCall) -> tuple[str, Any]:
        return obj.state, obj.get_state_display()
