"""Admin of conversations: customers and dispositions to keep, the ledger and the outbox to look at.

Nothing here shows what was said: words are read on the conversation's own page, where access is checked.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from conversations import admin_summaries  # noqa: F401 registers itself
from conversations.customers import customer_typed
from conversations.models import CallLedger, Conversation, Customer, Disposition, OutboxJob
from conversations.outbox import MAX_ATTEMPTS
from conversations.outbox_again import jobs_run_again

_STATES = {
    "announced": "info",
    "live": "info",
    "open": "info",
    "wrap_up": "info",
    "completed": "success",
    "incomplete": "warning",
    "refused": "danger",
}


@admin.register(Customer)
class CustomerAdmin(AuditedAdmin):
    list_display = ("reference", "name", "segment")
    list_filter = ("segment",)
    search_fields = ("reference", "name")
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # What is typed here passes what a call brings passes.
        customer_typed(obj)
        super().save_model(request, obj, form, change)


@admin.register(Disposition)
class DispositionAdmin(AuditedAdmin):
    list_display = ("name", "key", "position", "active")
    list_filter = ("active",)
    search_fields = ("name", "key")
    prepopulated_fields = {"key": ("name",)}
    ordering_field = "position"


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """Who, when and how it ended; its words are on its own page."""

    list_display = ("announced_at", "state_label", "end_reason", "channel", "agent", "queue", "provider")
    list_filter = (
        "state",
        "end_reason",
        "channel",
        "provider",
        "queue",
        ("agent", admin.EmptyFieldListFilter),
    )
    list_select_related = ("agent", "queue")
    search_fields = ("provider_call_id", "provider_agent_id", "agent__name")
    date_hierarchy = "announced_at"
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("channel", "direction", "state"),
                    ("end_reason", "disposition"),
                    ("agent", "queue"),
                )
            },
        ),
        (_("Telephony"), {"fields": (("provider", "provider_call_id", "provider_agent_id"),)}),
        (_("Times"), {"fields": (("announced_at", "started_at"), ("ended_at", "closed_at"))}),
    )

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, obj: Conversation) -> tuple[str, Any]:
        return obj.state, obj.get_state_display()


def _seconds(milliseconds: list[int]) -> str:
    """Per channel, as seconds: `12.3 / 12.1 s`."""
    return " / ".join(f"{value / 1000:.1f}" for value in milliseconds) + " s" if milliseconds else "–"


@admin.register(CallLedger)
class CallLedgerAdmin(ReadOnlyAdmin):
    list_display = (
        "announced_at",
        "source",
        "provider_call_id",
        "state_label",
        "reason",
        "close_code",
        "received",
        "transcribed",
        "recorded",
    )
    list_filter = ("state", "reason", "source")
    search_fields = ("provider_call_id",)
    date_hierarchy = "announced_at"
    show_full_result_count = False

    @display(description=_("state"), ordering="state", label=_STATES)
    def state_label(self, obj: CallLedger) -> tuple[str, Any]:
        return obj.state, obj.get_state_display()

    @display(description=_("received"))
    def received(self, obj: CallLedger) -> str:
        return _seconds(obj.received_ms)

    @display(description=_("transcribed"))
    def transcribed(self, obj: CallLedger) -> str:
        return _seconds(obj.transcribed_ms)

    @display(description=_("recorded"))
    def recorded(self, obj: CallLedger) -> str:
        return _seconds(obj.recorded_ms)


class JobStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("waiting", _("waiting")), ("given_up", _("given up")), ("done", _("done"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxJob]) -> QuerySet[OutboxJob]:
        waiting = queryset.filter(done_at__isnull=True)
        if self.value() == "waiting":
            return waiting.filter(attempts__lt=MAX_ATTEMPTS)
        if self.value() == "given_up":
            return waiting.filter(attempts__gte=MAX_ATTEMPTS)
        return queryset.filter(done_at__isnull=False) if self.value() == "done" else queryset


@admin.register(OutboxJob)
class OutboxJobAdmin(ReadOnlyAdmin):
    list_display = ("due_at", "task", "event", "conversation", "state", "attempts", "last_error", "done_at")
    list_filter = (JobStateFilter, "task", "event")
    list_select_related = ("conversation",)
    search_fields = ("task", "last_error", "conversation__provider_call_id")
    ordering = ("-due_at",)
    actions = ("run_again",)
    show_full_result_count = False

    @display(description=_("state"), label={"done": "success", "waiting": "info", "given_up": "danger"})
    def state(self, obj: OutboxJob) -> tuple[str, Any]:
        if obj.done_at is not None:
            return "done", _("done")
        return ("waiting", _("waiting")) if obj.attempts < MAX_ATTEMPTS else ("given_up", _("given up"))

    @admin.action(description=_("Run again"))
    def run_again(self, request: HttpRequest, queryset: QuerySet[OutboxJob]) -> None:
        started = jobs_run_again(job_ids=queryset.values_list("pk", flat=True))
        words = ngettext("%d job started.", "%d jobs started.", started) % started
        self.message_user(request, words, messages.SUCCESS if started else messages.WARNING)


# Register themselves, as this module does.
from conversations import admin_calls  # noqa: E402, F401
from conversations.redaction import admin_checks, admin_page  # noqa: E402, F401
