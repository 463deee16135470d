"""Admin of Amazon Connect's streams, to look at only: which is read by whom, how far behind, what went wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_audit import ReadOnlyAdmin
from integrations.telephony.connect.models import KvsStream

_STATES = {"waiting": "warning", "reading": "info", "done": "success", "failed": "danger"}


@admin.register(KvsStream)
class KvsStreamAdmin(ReadOnlyAdmin):
    """A stream that stays *waiting* is read by nobody: no `kvs_reader` runs, or all are full."""

    list_display = ("announced_at", "connection", "state_label", "reason", "reader", "behind", "ended_at")
    list_filter = ("state", "reason", "connection")
    list_select_related = ("connection",)
    search_fields = ("conversation__provider_call_id", "reader")
    show_full_result_count = False
    fields = (
        ("connection", "conversation"),
        ("state", "reason"),
        ("reader", "epoch", "behind_ms"),
        ("announced_at", "ended_at", "updated_at"),
        ("contacts", "legs", "progress"),
    )

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, obj: KvsStream) -> tuple[str, Any]:
        return obj.state, obj.get_state_display()

    @display(description=_("behind"), ordering="behind_ms")
    def behind(self, obj: KvsStream) -> str:
        return "–" if obj.behind_ms is None else f"{obj.behind_ms / 1000:.1f} s"
