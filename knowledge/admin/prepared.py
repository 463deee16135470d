"""Admin of prepared answers: they are looked at here, and written on their own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from knowledge.models import PreparedAnswer


@admin.register(PreparedAnswer)
class PreparedAnswerAdmin(ModelAdmin):
    list_display = ("__str__", "state", "locked", "review", "edited_by", "changed_at")
    list_filter = ("state", "locked", "language")
    search_fields = ("answer",)
    list_select_related = ("edited_by",)
    readonly_fields = (
        *("page", "questions", "answer", "language", "collection", "state", "locked", "review"),
        *("edited_by", "decided_by", "made_at", "changed_at"),
    )
    fields = readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("where it is written"))
    def page(self, row: PreparedAnswer) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("knowledge-prepared-answer", args=[row.pk]), str(row)
        )
