"""Admin of how much agents are shown, and of what they muted."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import OneRowAdmin, ReadOnlyAdmin
from coaching.models import GuidanceMute, GuidanceSettings


@admin.register(GuidanceSettings)
class GuidanceSettingsAdmin(OneRowAdmin):
    without = _("At most one new hint in 20 seconds then, and six a call.")
    list_display = (
        *("__str__", "hint_every_seconds", "hints_per_call", "knowledge_by_itself", "shift_hours"),
    )


@admin.register(GuidanceMute)
class GuidanceMuteAdmin(ReadOnlyAdmin):
    """What people do not want to see is a sign about the rule, seldom about the person."""

    list_display = ("title", "kind", "user", "created_at", "until")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("title", "user__name")
