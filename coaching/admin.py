"""Admin of policies: rules as plain pickers, what each does in a sentence, publishing, past revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.decorators import display

from accounts.admin_audit import ReadOnlyAdmin
from accounts.admin_publish import PublishAdmin, ReadOnlyInline
from coaching import admin_alerts, admin_limits  # noqa: F401 register their own
from coaching.models import Guidance, Policy, PolicyRevision, Rule
from coaching.services import policy_publish, policy_retire, policy_spec
from engines.rules import RuleSpec
from engines.rules.explain import describe


class RuleInline(StackedInline):
    model = Rule
    extra = 0
    ordering_field = "position"
    hide_ordering_field = True
    autocomplete_fields = ("when", "unless", "withdraw_on")
    fieldsets = (
        (None, {"fields": ("when", ("kind", "label"), "severity", "unless", "wait_seconds")}),
        (_("What people read"), {"fields": ("title", "say")}),
        (
            _("Limits"),
            {
                "fields": (("priority", "once"), ("cooldown_seconds", "expires_seconds"), "withdraw_on"),
                "classes": ("collapse",),
            },
        ),
        (None, {"fields": ("position",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        return super().get_queryset(request).select_related("when", "unless", "withdraw_on")


class RevisionInline(ReadOnlyInline):
    model = PolicyRevision
    fields = ("number", "published_at", "published_by", "in_words")
    readonly_fields = fields
    verbose_name_plural = _("revisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyRevision]:
        return super().get_queryset(request).select_related("published_by")

    @admin.display(description=_("rules"))
    def in_words(self, obj: PolicyRevision) -> SafeString:
        names = obj.spec["names"]
        return format_html_join(
            "", "<p>{}</p>", ((describe(RuleSpec(**rule), names),) for rule in obj.spec["rules"])
        )


@admin.register(Policy)
class PolicyAdmin(PublishAdmin):
    list_display = ("name", "shown_state", "scope", "team", "rule_count", "revision_number", "updated_at")
    list_filter = ("state", "scope", "team")
    list_select_related = ("team",)
    search_fields = ("name", "rules__title")
    fields = ("name", ("scope", "team"), "standing", "in_words")
    readonly_fields = ("standing", "in_words")
    inlines = (RuleInline, RevisionInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        counted = super().get_queryset(request)
        return counted.annotate(rule_total=Count("rules", distinct=True), newest=Max("revisions__number"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What was shown to agents points at its revision: a policy is retired instead.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or not obj.revisions.exists()
        )

    def revision_publish(self, request: HttpRequest, obj: Policy) -> PolicyRevision:
        return policy_publish(policy=obj, actor=request.user)  # type: ignore[arg-type]

    def revision_retire(self, request: HttpRequest, obj: Policy) -> None:
        policy_retire(policy=obj, actor=request.user)  # type: ignore[arg-type]

    @display(
        description=_("state"),
        ordering="state",
        label={
            Policy.State.PUBLISHED: "success",
            Policy.State.DRAFT: "warning",
            Policy.State.RETIRED: "default",
        },
    )
    def shown_state(self, obj: Policy) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @admin.display(description=_("rules"), ordering="rule_total")
    def rule_count(self, obj: Any) -> int:
        return int(obj.rule_total)

    @admin.display(description=_("revision"), ordering="newest")
    def revision_number(self, obj: Any) -> int | None:
        return obj.newest

    @admin.display(description=_("standing"))
    def standing(self, obj: Policy) -> str:
        newest = obj.revisions.order_by("-number").first() if obj.pk else None
        if newest is None:
            return _t("Draft: agents see nothing of it until it is published.")
        if obj.state == Policy.State.RETIRED:
            return _t("Retired: no effect on new conversations.")
        if newest.spec != policy_spec(obj):
            return _t("Changed since revision %(number)d: publish to make the change effective.") % {
                "number": newest.number
            }
        return _t("Revision %(number)d is in effect, as shown here.") % {"number": newest.number}

    @admin.display(description=_("what it does"))
    def in_words(self, obj: Policy) -> SafeString | str:
        spec = policy_spec(obj)
        if not spec["rules"]:
            return "–"
        return format_html_join(
            "", "<p>{}</p>", ((describe(RuleSpec(**rule), spec["names"]),) for rule in spec["rules"])
        )


@admin.register(Guidance)
class GuidanceAdmin(ReadOnlyAdmin):
    """What agents were shown and what they did with it."""

    list_display = ("decided_at", "title", "kind", "state", "dismiss_reason", "revision", "agent")
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
        ("state", "dismiss_reason"),
        ("decided_at", "sent_at", "shown_at", "settled_at"),
    )

    @admin.display(description=_("agent"), ordering="conversation__agent__name")
    def agent(self, obj: Guidance) -> str:
        return obj.conversation.agent.name if obj.conversation.agent else "–"
