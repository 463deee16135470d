"""Admin of scorecards: criteria as rows, publishing, past revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from accounts.admin_audit import OneRowAdmin, ReadOnlyAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.admin_publish import PublishAdmin, ReadOnlyInline
from qa import admin_calibrations, admin_rescores, admin_work  # noqa: F401 registers itself
from qa.blind import blind_to
from qa.forms import CriterionForm, RescoreForm, ScorecardForm
from qa.models import (
    Answer,
    CalibrationSession,
    Criterion,
    Evaluation,
    QualitySettings,
    ScorecardRevision,
    ScorecardTemplate,
)
from qa.rescoring import rescore_start
from qa.scorecards import scorecard_preview, scorecard_spec, scorecard_warnings
from qa.services import scorecard_publish, scorecard_retire


class CriterionInline(StackedInline):
    model = Criterion
    extra = 0
    form = CriterionForm
    collapsible = True
    ordering_field = "position"
    hide_ordering_field = True
    autocomplete_fields = ("moment", "applies_after")
    fieldsets = (
        (
            None,
            {"fields": (("section", "question"), ("kind", "weight"), ("active", "auto_fail"), "allow_na")},
        ),
        (_("Answers"), {"classes": ("collapse",), "fields": ("options", ("low", "high"))}),
        (
            _("Answered by"),
            {
                "classes": ("collapse",),
                "fields": (
                    "method",
                    ("moment", "expect", "applies_after"),
                    "said_by",
                    "behaviour",
                    ("figure", "figure_test", "limit"),
                    ("task", "intent", "least_score"),
                ),
            },
        ),
        (_("Condition"), {"classes": ("collapse",), "fields": ("depends_on", "depends_values")}),
        (
            _("For evaluators and agents"),
            {
                "classes": ("collapse",),
                "fields": ("guideline", "good_example", "bad_example", "coaching_tip"),
            },
        ),
        (None, {"classes": ("hidden",), "fields": ("position",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Criterion]:
        return super().get_queryset(request).select_related("moment", "applies_after", "depends_on")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was published is switched off instead: evaluations point at it."""
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not obj.revisions.exists())

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        request.scorecard = obj  # type: ignore[attr-defined]
        return super().get_formset(request, obj, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "depends_on":
            # Read once for all rows of the page.
            kwargs["queryset"] = Criterion.objects.filter(template=getattr(request, "scorecard", None))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


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
    list_display = (
        "name",
        "active",
        "audience",
        "criterion_count",
        "weight_sum",
        "revision_number",
        "updated_at",
    )
    list_filter = ("active", "teams", "queues")
    search_fields = ("name", "criteria__question")
    form = ScorecardForm
    autocomplete_fields = ("teams", "queues")
    fieldsets = (
        (None, {"fields": ("name", "standing")}),
        (_("Who it is for"), {"classes": ("tab",), "fields": ("teams", "queues", "channels")}),
        (_("Preview"), {"classes": ("tab",), "fields": ("preview",)}),
    )
    readonly_fields = ("standing", "preview")
    inlines = (CriterionInline, RevisionInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScorecardTemplate]:
        newest = (
            ScorecardRevision.objects.filter(template=OuterRef("pk")).order_by("-number").values("number")[:1]
        )
        counted = super().get_queryset(request)
        asked = Criterion.objects.filter(template=OuterRef("pk"), active=True).order_by().values("template")
        return counted.prefetch_related("teams", "queues").annotate(
            criterion_total=Coalesce(Subquery(asked.annotate(n=Count("pk")).values("n")), 0),
            weight_total=Subquery(asked.annotate(n=Sum("weight")).values("n")),
            newest=Subquery(newest),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Evaluations point at its revisions: a scorecard is retired instead.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or not obj.revisions.exists()
        )

    def revision_publish(self, request: HttpRequest, obj: ScorecardTemplate) -> ScorecardRevision:
        revision = scorecard_publish(template=obj, actor=request.user)  # type: ignore[arg-type]
        for warning in scorecard_warnings(revision.spec):
            self.message_user(request, warning, messages.WARNING)
        return revision

    def revision_retire(self, request: HttpRequest, obj: ScorecardTemplate) -> None:
        scorecard_retire(template=obj, actor=request.user)  # type: ignore[arg-type]

    actions_detail = ("publish", "rescore", "retire")

    @dialog(
        _("Score history anew"),
        path="rescore",
        icon="history",
        title=_("Score past conversations by the newest revision?"),
        words=_(
            "A preview only reckons what would change. Scores that somebody has touched stay as they are."
        ),
        submit=_("Begin"),
        form=RescoreForm,
    )
    def rescore(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(obj: ScorecardTemplate) -> str:
            newest = obj.revisions.order_by("-number").first()
            if newest is None:
                raise ValidationError(_t("Publish it first."))
            rescore_start(
                revision=newest,
                days=form.cleaned_data["days"],
                preview=form.cleaned_data["preview"],
                with_model=form.cleaned_data["with_model"],
                actor=request.user,  # type: ignore[arg-type]
            )
            return _t("It has begun. How far it is stands under Re-scorings.")

        return dialog_done(self, request, object_id, work)

    @admin.display(description=_("for"))
    def audience(self, obj: Any) -> str:
        names = [one.name for one in (*obj.teams.all(), *obj.queues.all())] + list(obj.channels)
        return ", ".join(names) or _t("everybody")

    @admin.display(description=_("as evaluators see it"))
    def preview(self, obj: ScorecardTemplate) -> str:
        if not obj.pk:
            return _t("Save it first.")
        return render_to_string("qa/preview.html", scorecard_preview(obj))

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

    list_display = ("created_at", "agent", "kind", "state", "total", "unscored", "auto_failed", "revision")
    list_filter = (
        "kind",
        "state",
        "unscored",
        "needs_person",
        "auto_failed",
        "revision__template",
        ("agent", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("agent", "revision__template")
    search_fields = ("conversation__provider_call_id", "agent__name")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (
        ("conversation", "revision"),
        ("agent", "team"),
        ("kind", "state", "evaluator"),
        ("total", "auto_failed", "unscored"),
        ("created_at", "released_at", "replaced_at"),
    )
    inlines = (AnswerInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Evaluation]:
        """Nobody sees here either what they judge blind, nor a calibration before its scoring is over."""
        unseen = CalibrationSession.objects.exclude(state__in=["discussion", "closed"]).values("pk")
        rows = super().get_queryset(request).exclude(blind_to(request.user))  # type: ignore[arg-type]
        return rows.exclude(assignment__calibration__session__in=unseen)


@admin.register(QualitySettings)
class QualitySettingsAdmin(OneRowAdmin):
    """What is scored by itself, when agents see it, and how long a score may be disputed."""

    without = _("Without it: agents see automatic scores once released, and calls under 30 s are not scored.")
    list_display = ("__str__", "release", "shortest_seconds", "gap_percent", "unsure_percent")
    fields = (
        "release",
        "shortest_seconds",
        "gap_percent",
        ("unsure_percent", "show_automatic"),
        "kappa_percent",
        ("dispute_days", "resolve_days"),
    )
