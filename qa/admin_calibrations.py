"""Admin of calibrations: what was calibrated, and what was decided about criteria. Led on their own pages."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import ReadOnlyAdmin
from accounts.admin_publish import ReadOnlyInline
from qa.models import CalibrationCall, CalibrationSession, CriterionDecision


class CallInline(ReadOnlyInline):
    model = CalibrationCall
    fields = ("conversation", "agent", "automatic")
    readonly_fields = fields
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[CalibrationCall]:
        return super().get_queryset(request).select_related("conversation", "agent", "automatic")


@admin.register(CalibrationSession)
class CalibrationAdmin(ReadOnlyAdmin):
    """Calls judged by several people, blind. Planned and led under Quality → Calibration."""

    list_display = ("name", "revision", "leader", "state", "due_at", "scored_at", "closed_at")
    list_filter = ("state", "revision__template")
    list_select_related = ("revision__template", "leader")
    search_fields = ("name",)
    fields = (
        ("name", "state"),
        ("revision", "leader", "reference_rater"),
        "participants",
        ("created_at", "due_at", "opened_at"),
        ("scored_at", "closed_at"),
    )
    inlines = (CallInline,)


@admin.register(CriterionDecision)
class CriterionDecisionAdmin(ReadOnlyAdmin):
    """What people decided about criteria whose automatic answers agreed too little with people's."""

    list_display = ("decided_at", "template", "question", "decision", "kappa", "pairs", "decided_by")
    list_filter = ("decision", "template")
    list_select_related = ("template", "decided_by")
    fields = (
        ("template", "question", "decision"),
        "reason",
        ("kappa", "pairs"),
        ("decided_by", "decided_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CriterionDecision]:
        return super().get_queryset(request).prefetch_related("template__criteria")

    @admin.display(description=_("criterion"))
    def question(self, obj: CriterionDecision) -> str:
        asked = {str(one.pk): one.question for one in obj.template.criteria.all()}
        return asked.get(obj.criterion_key, obj.criterion_key)
