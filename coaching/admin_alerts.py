"""Admin of alerts: which of them reach which team, and a look at what was raised."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from coaching.models import CHECK, HAND, Alert, TeamAlerts

# Rules that have alerted nobody for long need no line to be left out by.
OFFERED = 60


class TeamAlertsForm(forms.ModelForm):
    silenced = forms.MultipleChoiceField(
        label=_("Not these rules"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("Rules that have alerted somebody. Those that are left out still count in the figures."),
    )

    class Meta:
        model = TeamAlerts
        fields = ("team", "least", "hands", "silenced", "escalate_seconds", "escalate_to_others", "emails")
        widgets = {"emails": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = (
            Alert.objects.exclude(rule_key__in=[HAND, CHECK])
            .order_by("policy_id", "rule_key", "-raised_at")
            .distinct("policy_id", "rule_key")
        )
        titles = {row.key: row.title for row in newest[:OFFERED]}
        for key in self.instance.silenced:
            titles.setdefault(key, _t("A rule that has alerted nobody lately"))
        self.fields["silenced"].choices = sorted(titles.items(), key=lambda one: one[1])  # type: ignore[attr-defined]


@admin.register(TeamAlerts)
class TeamAlertsAdmin(AuditedAdmin):
    form = TeamAlertsForm
    list_display = ("__str__", "least", "hands", "escalate_seconds", "escalate_to_others", "updated_at")
    list_select_related = ("team",)
    without = _(
        "All alerts reach the supervisors of the agent's team. What nobody takes in 60 seconds reaches the others."
    )
    fieldsets = (
        (None, {"fields": ("team",)}),
        (_("What reaches its supervisors"), {"fields": ("least", "hands", "silenced")}),
        (
            _("What nobody takes"),
            {"fields": ("escalate_seconds", "escalate_to_others", "emails")},
        ),
    )


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """What supervisors were called to, and who saw to it."""

    list_display = (
        "raised_at",
        "title",
        "severity",
        "count",
        "state",
        "assignee",
        "resolved_by",
        "resolved_at",
    )
    list_filter = ("state", "severity", ("assignee", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("assignee", "resolved_by")
    search_fields = ("title", "conversation__provider_call_id")
    date_hierarchy = "raised_at"
    show_full_result_count = False
    fields = (
        ("title", "severity", "state", "count"),
        ("revision", "conversation"),
        ("raised_at", "assignee", "claimed_at", "escalated_at"),
        ("resolved_at", "resolved_by", "closed_at"),
    )
