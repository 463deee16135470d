"""The admin site of a company, and, on the platform's own host, of the installation."""

from __future__ import annotations

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class TenantAdminSite(UnfoldAdminSite):
    """Open to admins of the company; signing in happens on the product's own page."""

    site_header = "Cresta App"
    site_title = "Cresta App"
    index_title = "Admin"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_authenticated and request.user.is_staff)
