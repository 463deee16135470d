"""Admin of sampling plans: what is drawn for people to evaluate, and by whom."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin_audit import AuditedAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.models import User
from accounts.permissions import MATRIX, Permission
from qa.models import SamplingPlan
from qa.work import drawn_words, plan_draw


@admin.register(SamplingPlan)
class SamplingPlanAdmin(AuditedAdmin):
    without = _("Nothing is put on anybody’s list by itself until there is a plan.")
    list_display = (
        "name",
        "active",
        "template",
        "strata",
        "moment",
        "per_agent",
        "per_period",
        "period",
        "drawn_at",
    )
    list_filter = ("active", "template", "strata")
    list_select_related = ("template", "moment")
    search_fields = ("name",)
    autocomplete_fields = ("moment",)
    readonly_fields = ("drawn_at",)
    fieldsets = (
        (None, {"fields": ("name", "active", "template")}),
        (
            _("What is drawn"),
            {"fields": (("strata", "moment"), ("period", "per_agent", "per_period"), "shortest_seconds")},
        ),
        (_("Who evaluates"), {"fields": ("evaluators", ("second_percent", "due_days"), "drawn_at")}),
    )
    actions_detail = ("draw",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "evaluators":
            roles = MATRIX[Permission.EVALUATION_OVERRIDE]
            # They are few: all in sight.
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
            kwargs["queryset"] = User.objects.filter(is_active=True, role__in=roles).order_by("name")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @dialog(
        _("Draw now"),
        path="draw",
        icon="shuffle",
        title=_("Draw now what the plan still owes this period?"),
        words=_("It draws once a day by itself."),
    )
    def draw(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(obj: SamplingPlan) -> str:
            return drawn_words(len(plan_draw(plan=obj, actor=request.user)))  # type: ignore[arg-type]

        return dialog_done(self, request, object_id, work)
