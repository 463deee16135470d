"""Admin of what summaries are made of: sections as rows, publishing, past revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from accounts.admin_audit import OneRowAdmin
from accounts.admin_publish import PublishAdmin, ReadOnlyInline
from conversations.models import SummarySection, SummarySettings, SummaryTemplate, SummaryTemplateRevision
from conversations.summary_templates import template_publish, template_retire, template_spec


class SectionInline(StackedInline):
    model = SummarySection
    extra = 0
    collapsible = True
    ordering_field = "position"
    hide_ordering_field = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("title", "key"),
                    "instruction",
                    ("kind", "source"),
                    "choices",
                    ("most", "required"),
                )
            },
        ),
        (None, {"classes": ("hidden",), "fields": ("position",)}),
    )


class RevisionInline(ReadOnlyInline):
    model = SummaryTemplateRevision
    fields = ("number", "published_at", "published_by", "in_words")
    readonly_fields = fields
    verbose_name_plural = _("revisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SummaryTemplateRevision]:
        return super().get_queryset(request).select_related("published_by")

    @admin.display(description=_("sections"))
    def in_words(self, obj: SummaryTemplateRevision) -> SafeString:
        return format_html_join("", "<p>{} ({})</p>", ((one.title, one.key) for one in obj.sections))


@admin.register(SummarySettings)
class SummarySettingsAdmin(OneRowAdmin):
    without = _("Of a summary that its agent has corrected a draft of an evaluation case is made then.")
    list_display = ("__str__", "edits", "cases_most")


@admin.register(SummaryTemplate)
class SummaryTemplateAdmin(PublishAdmin):
    without = _(
        "Summaries have the sections of the house then: reason, what was done, outcome, promises, next steps."
    )
    list_display = ("name", "active", "queue", "channel", "revision_number", "updated_at")
    list_filter = ("active", "channel", "queue")
    list_select_related = ("queue",)
    search_fields = ("name",)
    autocomplete_fields = ("queue",)
    fieldsets = ((None, {"fields": ("name", ("queue", "channel"), "standing")}),)
    readonly_fields = ("standing",)
    inlines = (SectionInline, RevisionInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SummaryTemplate]:
        newest = SummaryTemplateRevision.objects.filter(template=OuterRef("pk")).order_by("-number")
        return super().get_queryset(request).annotate(newest=Subquery(newest.values("number")[:1]))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Summaries point at its revisions: it is retired instead.
        allowed = bool(super().has_delete_permission(request, obj))
        return allowed and (obj is None or not obj.revisions.exists())

    def revision_publish(self, request: HttpRequest, obj: SummaryTemplate) -> SummaryTemplateRevision:
        return template_publish(template=obj, actor=request.user)  # type: ignore[arg-type]

    def revision_retire(self, request: HttpRequest, obj: SummaryTemplate) -> None:
        template_retire(template=obj, actor=request.user)  # type: ignore[arg-type]

    @admin.display(description=_("revision"), ordering="newest")
    def revision_number(self, obj: Any) -> int | None:
        return obj.newest  # type: ignore[no-any-return]

    @admin.display(description=_("standing"))
    def standing(self, obj: SummaryTemplate) -> str:
        newest = obj.revisions.order_by("-number").first() if obj.pk else None
        if newest is None:
            return _t("Draft: no summary is written by it until it is published.")
        if not obj.active:
            return _t("Retired: no further summary is written by it.")
        if newest.spec != template_spec(obj):
            return _t("Changed since revision %(number)d: publish to write summaries by it.") % {
                "number": newest.number
            }
        return _t("Summaries are written by revision %(number)d, as shown here.") % {"number": newest.number}
