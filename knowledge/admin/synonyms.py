"""Admin of a company's words of one meaning."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import AuditedAdmin
from knowledge.models import Synonyms


@admin.register(Synonyms)
class SynonymsAdmin(AuditedAdmin):
    list_display = ("__str__",)
    search_fields = ("words",)
    fields = ("words",)
    without = _("Each word finds only itself. Add words that customers and documents use for the same thing.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).order_by("words")
