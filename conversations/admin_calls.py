"""Admin of how calls are heard and for how long what is kept: voice settings, consent, retention, legal holds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.admin_audit import AuditedAdmin, OneRowAdmin, ReadOnlyAdmin
from accounts.models import User
from accounts.throttle import address_of
from conversations.consent_enforcement import hold_lifted
from conversations.keeping import REASON_LENGTH, hold_lift
from conversations.models import (
    CallPhase,
    ConsentRecord,
    ConsentRule,
    LegalHold,
    RetentionRule,
    RetentionRun,
    VoiceSettings,
    WaitingMetadata,
)
from conversations.nightly import RETENTION_AT, next_at
from conversations.redacted import redacted
from conversations.retention import preview


@admin.register(VoiceSettings)
class VoiceSettingsAdmin(OneRowAdmin):
    without = _("Menus and hold are not transcribed then.")
    list_display = ("__str__", "transcribe_ivr", "transcribe_hold")


@admin.register(ConsentRule)
class ConsentRuleAdmin(AuditedAdmin):
    without = _(
        "Nothing is asked then: every call is heard and recorded, unless the caller refuses or withdraws."
    )
    list_display = ("region_label", "purpose", "mode", "unknown_allows", "on_withdrawal")
    list_filter = ("purpose", "mode")
    search_fields = ("region",)

    @display(description=_("region"), ordering="region")
    def region_label(self, obj: ConsentRule) -> Any:
        return obj.region or _("all others")


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin):
    """Evidence. It is made by telephony, the API and the agent's desk, and never changed."""

    list_display = ("at", "conversation", "purpose", "state", "source", "actor")
    list_filter = ("purpose", "state", "source")
    list_select_related = ("conversation", "actor")
    search_fields = ("conversation__provider_call_id",)
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(RetentionRule)
class RetentionRuleAdmin(AuditedAdmin):
    without = _("Everything is kept then, for as long as nobody adds a rule.")
    list_display = ("kind", "queue_label", "days")
    list_before_template = "admin/conversations/retention.html"
    list_filter = ("kind",)
    list_select_related = ("queue",)

    @display(description=_("queue"), ordering="queue")
    def queue_label(self, obj: RetentionRule) -> Any:
        return obj.queue.name if obj.queue else _("all others")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, {**(extra_context or {}), "nights": _nights()})


@admin.register(LegalHold)
class LegalHoldAdmin(AuditedAdmin):
    list_display = ("held", "reason", "placed_at", "placed_by", "standing")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter),)
    list_select_related = ("conversation", "customer", "placed_by")
    search_fields = ("reason", "conversation__provider_call_id", "customer__reference")
    raw_id_fields = ("conversation", "customer")
    fields = ("conversation", "customer", "reason", "lifted_at")
    actions = ("lift",)

    @display(description=_("held"))
    def held(self, obj: LegalHold) -> str:
        return str(obj)

    @display(description=_("stands"), boolean=True)
    def standing(self, obj: LegalHold) -> bool:
        return obj.lifted_at is None

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if isinstance(obj, LegalHold):
            obj.reason = redacted(obj.reason)[:REASON_LENGTH]
        if not change and isinstance(obj, LegalHold) and isinstance(request.user, User):
            obj.placed_by = request.user
        super().save_model(request, obj, form, change)
        if change and isinstance(obj, LegalHold) and obj.lifted_at is not None:
            hold_lifted(obj)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        if isinstance(obj, LegalHold):
            hold_lifted(obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for hold in queryset:
            hold_lifted(hold)
        super().delete_queryset(request, queryset)

    @admin.action(description=_("Lift"))
    def lift(self, request: HttpRequest, queryset: Any) -> None:
        for hold in queryset.filter(lifted_at__isnull=True):
            if hold_lift(hold=hold, actor=request.user, address=address_of(request) or None):  # type: ignore[arg-type]
                ModelAdmin.log_change(self, request, hold, [{"changed": {"fields": ["lifted_at"]}}])


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    """What went each night."""

    list_before_template = "admin/conversations/retention.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, {**(extra_context or {}), "nights": _nights()})

    list_display = ("started_at", "finished_at", "went", "kept", "not_done")

    @display(description=_("removed"))
    def went(self, obj: RetentionRun) -> str:
        return _counted(obj.removed)

    @display(description=_("kept by a legal hold"))
    def kept(self, obj: RetentionRun) -> str:
        return _counted(obj.held)

    @display(description=_("could not be removed"))
    def not_done(self, obj: RetentionRun) -> str:
        return _counted(obj.failed)


def _nights() -> list[str]:
    """When the next run is and what it would remove, and what became of the last one, in words."""
    kinds = RetentionRule.Kind
    due = [
        (
            gettext("%(what)s: %(remove)d (%(held)d held)")
            if counts["held"]
            else gettext("%(what)s: %(remove)d")
        )
        % {"what": kinds(kind).label, **counts}
        for kind, counts in preview().items()
        if counts["remove"] or counts["held"]
    ]
    at = timezone.localtime(next_at(RETENTION_AT, timezone.now()))
    words: list[str] = [
        gettext("Next run: %s.") % date_format(at, "D j M Y, H:i"),
        gettext("Due by now: %s.") % ", ".join(due) if due else gettext("Nothing is due now."),
    ]
    last = RetentionRun.objects.first()
    if last is None:
        return [*words, gettext("It has not run yet.")]
    began = date_format(timezone.localtime(last.started_at), "D j M Y, H:i")
    words.append(
        gettext("Last run, %(at)s: removed %(what)s.") % {"at": began, "what": _counted(last.removed)}
    )
    if any(last.failed.values()):
        words.append(gettext("Could not be removed: %s.") % _counted(last.failed))
    if last.finished_at is None:
        words.append(gettext("It did not come to its end; the next run goes on."))
    return words


def _counted(counts: dict[str, int]) -> str:
    """`recordings: 3, events: 12`; a dash for nothing."""
    labels = dict(RetentionRule.Kind.choices) | {"unmet": _("what met no call")}
    return ", ".join(f"{labels.get(kind, kind)}: {count}" for kind, count in counts.items() if count) or "–"


@admin.register(WaitingMetadata)
class WaitingMetadataAdmin(ReadOnlyAdmin):
    """What telephony or CRM said of a call, and whether it met one."""

    list_display = ("received_at", "provider", "ids", "joined_at", "conversation")
    list_filter = ("provider", ("joined_at", admin.EmptyFieldListFilter))
    list_select_related = ("conversation",)
    date_hierarchy = "received_at"
    show_full_result_count = False

    @display(description=_("ids"))
    def ids(self, obj: WaitingMetadata) -> str:
        return ", ".join(key.partition(":")[2] for key in obj.keys)


@admin.register(CallPhase)
class CallPhaseAdmin(ReadOnlyAdmin):
    """What calls went through, as their telephony told it; refused ones could not follow what was before."""

    list_display = ("at", "conversation", "phase", "from_ms", "agent", "provider_agent_id", "refused")
    list_filter = ("phase", "refused")
    list_select_related = ("conversation", "agent")
    search_fields = ("conversation__provider_call_id", "provider_agent_id")
    date_hierarchy = "at"
    show_full_result_count = False
