"""Admin of scorecards: criteria as rows, publishing, past revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from accounts.admin_audit import ReadOnlyAdmin
from accounts.admin_publish import PublishAdmin, ReadOnlyInline
from qa.models import Answer, Criterion, Evaluation, ScorecardRevision, ScorecardTemplate
from qa.services import scorecard_publish, scorecard_retire, scorecard_spec


class CriterionInline(StackedInline):
    model = Criterion
    extra = 0
    ordering_field = "position"
    hide_ordering_field = True
    autocomplete_fields = ("moment", "applies_after")
    fieldsets = (
        (None, {"fields": ("section", "question", "guideline")}),
        (
            _("Judgement"),
            {"fields": ("moment", ("expect", "weight"), "applies_after", "auto_fail", "position")},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Criterion]:
        return super().get_queryset(request).select_related("moment", "applies_after")


class RevisionInline(ReadOnlyInline):
    model = ScorecardRevision
    fields = ("number", "published_at", "published_by", "in_words")
    readonly_fields = fields
    verbose_name_plural = _("revisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScorecardRevision]:
        return super().get_queryset(request).select_related("published_by")

    @admin.display(description=_("criteria"))
    def in_words(self, obj: ScorecardRevision) -> SafeString:
        return format_html_join(
            "",
            "<p>{}: {} ({})</p>",
            ((one["section"], one["question"], one["weight"]) for one in obj.spec["criteria"]),
        )


@admin.register(ScorecardTemplate)
class ScorecardAdmin(PublishAdmin):
    list_display = ("name", "active", "criterion_count", "weight_sum", "revision_number", "updated_at")
    list_filter = ("active",)
    search_fields = ("name", "criteria__question")
    fields = ("name", "standing")
    readonly_fields = ("standing",)
    inlines = (CriterionInline, RevisionInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScorecardTemplate]:
        newest = (
            ScorecardRevision.objects.filter(template=OuterRef("pk")).order_by("-number").values("number")[:1]
        )
        counted = super().get_queryset(request)
        return counted.annotate(
            criterion_total=Count("criteria"), weight_total=Sum("criteria__weight"), newest=Subquery(newest)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Evaluations point at its revisions: a scorecard is retired instead.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or not obj.revisions.exists()
        )

    def revision_publish(self, request: HttpRequest, obj: ScorecardTemplate) -> ScorecardRevision:
        return scorecard_publish(template=obj, actor=request.user)  # type: ignore[arg-type]

    def revision_retire(self, request: HttpRequest, obj: ScorecardTemplate) -> None:
        scorecard_retire(template=obj, actor=request.user)  # type: ignore[arg-type]

    @admin.display(description=_("criteria"), ordering="criterion_total")
    def criterion_count(self, obj: Any) -> int:
        return int(obj.criterion_total)

    @admin.display(description=_("sum of weights"), ordering="weight_total")
    def weight_sum(self, obj: Any) -> int:
        return int(obj.weight_total or 0)

    @admin.display(description=_("revision"), ordering="newest")
    def revision_number(self, obj: Any) -> int | None:
        return obj.newest

    @admin.display(description=_("standing"))
    def standing(self, obj: ScorecardTemplate) -> str:
        newest = obj.revisions.order_by("-number").first() if obj.pk else None
        if newest is None:
            return _t("Draft: no conversation is scored by it until it is published.")
        if not obj.active:
            return _t("Retired: no further conversation is scored by it.")
        if newest.spec != scorecard_spec(obj):
            return _t("Changed since revision %(number)d: publish to score by it.") % {
                "number": newest.number
            }
        return _t("Conversations are scored by revision %(number)d, as shown here.") % {
            "number": newest.number
        }


class AnswerInline(ReadOnlyInline):
    model = Answer
    fields = ("question", "value", "automatic", "override_reason", "overridden_by", "overridden_at")
    readonly_fields = fields
    tab = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Answer]:
        return super().get_queryset(request).select_related("overridden_by", "evaluation__revision")

    @admin.display(description=_("question"))
    def question(self, obj: Answer) -> str:
        asked = obj.evaluation.revision.spec["criteria"]
        return next((one["question"] for one in asked if one["key"] == obj.criterion_key), obj.criterion_key)


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """Scores as they stand; a supervisor overrides an answer on the conversation's own page."""

    list_display = ("created_at", "agent", "total", "auto_failed", "revision", "evaluator")
    list_filter = (
        "auto_failed",
        "revision__template",
        ("evaluator", admin.EmptyFieldListFilter),
        ("conversation__agent", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("conversation__agent", "revision__template", "evaluator")
    search_fields = ("conversation__provider_call_id", "conversation__agent__name")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        ("conversation", "revision"),
        ("total", "auto_failed", "evaluator"),
        ("created_at", "updated_at"),
    )
    inlines = (AnswerInline,)

    @admin.display(description=_("agent"), ordering="conversation__agent__name")
    def agent(self, obj: Evaluation) -> str:
        return obj.conversation.agent.name if obj.conversation.agent else "–"
