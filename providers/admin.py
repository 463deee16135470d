"""Admin of providers: which server does which task for this company."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin_audit import AuditedAdmin
from providers.models import Route


@admin.register(Route)
class RouteAdmin(AuditedAdmin):
    list_display = ("task", "provider", "active")
    list_filter = ("active", "task")
    search_fields = ("provider",)
