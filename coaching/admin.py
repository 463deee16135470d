"""Admin of guidance: what agents were shown, what rules did, what was observed. Policies: `policy_admin.py`."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin_audit import ReadOnlyAdmin
from coaching import admin_alerts, admin_limits, admin_next_steps  # noqa: F401 register their own
from coaching.models import BehaviourOutcome, Guidance, RuleEffect
from coaching.policy_admin import PolicyAdmin

__all__ = ["PolicyAdmin"]


@admin.register(Guidance)
class GuidanceAdmin(ReadOnlyAdmin):
    """What agents were shown and what they did with it."""

    list_display = ("decided_at", "title", "kind", "became", "dismiss_reason", "revision", "agent")
    list_filter = (
        "kind",
        "state",
        "revision__policy",
        ("conversation__agent", admin.RelatedOnlyFieldListFilter),
    )
    list_select_related = ("revision__policy", "conversation__agent")
    search_fields = ("title", "dismiss_reason", "conversation__provider_call_id")
    date_hierarchy = "decided_at"
    show_full_result_count = False
    fields = (
        ("title", "kind", "label"),
        ("revision", "conversation"),
        ("state", "became", "dismiss_reason"),
        ("decided_at", "sent_at", "shown_at", "settled_at", "used_at"),
    )
    readonly_fields = ("became",)

    @admin.display(description=_("agent"), ordering="conversation__agent__name")
    def agent(self, obj: Guidance) -> str:
        return obj.conversation.agent.name if obj.conversation.agent else "–"

    @admin.display(description=_("what became of it"))
    def became(self, obj: Guidance) -> str:
        return str(Guidance.Outcome(obj.outcome).label)


@admin.register(RuleEffect)
class RuleEffectAdmin(ReadOnlyAdmin):
    """What rules did beside showing something."""

    list_display = ("created_at", "kind", "value", "refused", "revision", "conversation")
    list_filter = ("kind", "revision__policy")
    list_select_related = ("revision__policy", "conversation")
    search_fields = ("value", "conversation__provider_call_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (("kind", "value", "refused"), ("revision", "conversation"), ("created_at", "at_ms"))


@admin.register(BehaviourOutcome)
class BehaviourOutcomeAdmin(ReadOnlyAdmin):
    """What agents were expected to do, and whether they did."""

    list_display = ("created_at", "name", "result", "revision", "agent")
    list_filter = ("result", "revision__policy", ("conversation__agent", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("revision__policy", "conversation__agent")
    search_fields = ("name", "conversation__provider_call_id")
    date_hierarchy = "created_at"
    show_full_result_count = False
    fields = (("name", "result", "weight"), ("revision", "conversation"), ("created_at", "at_ms"))

    @admin.display(description=_("agent"), ordering="conversation__agent__name")
    def agent(self, obj: BehaviourOutcome) -> str:
        return obj.conversation.agent.name if obj.conversation.agent else "–"
