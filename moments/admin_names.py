"""Admin of the lists of products and competitors that moments listen for."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import AuditedAdmin
from moments.forms import ListedNameForm
from moments.models import ListedName
from moments.naming import name_delete, name_save, names_refused


@admin.register(ListedName)
class ListedNameAdmin(AuditedAdmin):
    form = ListedNameForm
    list_display = ("name", "kind", "spelled", "updated_at")
    list_filter = ("kind", "exact")
    search_fields = ("name", "spellings")
    fields = ("kind", "name", "spellings", "exact")
    list_after_template = "admin/moments/try_names.html"
    change_form_after_template = "admin/moments/try_names.html"
    warn_unsaved_form = True
    without = _(
        "Moments of the kind “something named” hear a product or a competitor once it is listed here."
    )

    class Media:
        css = {"all": ("css/classifiers.css",)}

    @admin.display(description=_("other spellings"))
    def spelled(self, obj: ListedName) -> str:
        return ", ".join(obj.spellings[:6]) + (" …" if len(obj.spellings) > 6 else "") or "–"

    def save_model(self, request: HttpRequest, obj: ListedName, form: Any, change: bool) -> None:
        name_save(row=obj, actor=request.user)  # type: ignore[arg-type]

    def delete_model(self, request: HttpRequest, obj: ListedName) -> None:
        name_delete(row=obj, actor=request.user)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ListedName]) -> None:
        for row in queryset:
            name_delete(row=row, actor=request.user)  # type: ignore[arg-type]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # What a moment still needs is told where one is asked whether one is sure.
        shown, counts, missing, protected = super().get_deleted_objects(objs, request)
        return shown, counts, missing, [*protected, *names_refused(rows=objs)]
