"""Admin pages that note in the audit log what was changed there, pages on which nothing can be, and the way back."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts.services import audit
from accounts.throttle import address_of


def _fields(message: Any) -> list[str]:
    """The names of the fields that Django's own change message lists."""
    parts = message if isinstance(message, list) else []
    return [name for part in parts for name in part.get("changed", {}).get("fields", [])]


def page_of(request: HttpRequest, model: type[Model], object_id: str) -> HttpResponse:
    """Lead to the admin page of one object, after what a button of it did."""
    options = model._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[object_id])
    if request.headers.get("HX-Request"):
        # A dialog posts by htmx, which must be told to leave the page.
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


class AuditedAdmin(ModelAdmin):
    """Writes an audit event beside each entry of Django's own log: which fields, never their values.

    `without` says on an empty list what holds while nothing is there.
    """

    without: Any = ""

    def _audit(self, request: HttpRequest, obj: Any, action: str, message: Any = None) -> None:
        audit(
            actor=request.user,  # type: ignore[arg-type]
            action=f"{obj._meta.model_name}.{action}",
            thing=obj,
            changes={"fields": _fields(message)} if _fields(message) else {},
            address=address_of(request) or None,
        )

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "create", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "update", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._audit(request, obj, "delete")
        return super().log_deletions(request, queryset)


class OneRowAdmin(AuditedAdmin):
    """Settings of which there is one row or none: a second one cannot be added.

    Every page of the admin asks each model whether it may be added to, for its menus. Only the model's own pages and
    the lists of what can be added look whether the row is there.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        if not super().has_add_permission(request):
            return False
        page = request.resolver_match.url_name or "" if request.resolver_match else ""
        own = page.startswith(f"{self.opts.app_label}_{self.opts.model_name}_")
        return not (own or page in {"index", "app_list"}) or not self.model._default_manager.exists()


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows; nothing is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
