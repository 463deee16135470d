"""Admin of second readings and of history read again: to look at, and to start again what did not get done."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from accounts.admin_audit import ReadOnlyAdmin
from accounts.errors import Conflict
from accounts.models import User
from accounts.throttle import address_of
from conversations.models import RedactionCheck, RedactionRun
from conversations.redaction.again import run_cancel, run_resume
from conversations.redaction.read_again import checks_read_again

_COLOURS = {
    "waiting": "info",
    "running": "info",
    "done": "success",
    "failed": "danger",
    "cancelled": "warning",
}


@admin.register(RedactionCheck)
class RedactionCheckAdmin(ReadOnlyAdmin):
    """Second readings: what they found, how long they took, what keeps one from being done."""

    list_display = (
        *("begun_at", "conversation", "state_label", "attempts", "found", "took_ms", "last_error"),
        "alerted_at",
    )
    list_filter = ("state", ("alerted_at", admin.EmptyFieldListFilter), "begun_at")
    list_select_related = ("conversation",)
    search_fields = ("last_error", "conversation__provider_call_id")
    date_hierarchy = "begun_at"
    ordering = ("-begun_at",)
    actions = ("read_again",)
    show_full_result_count = False

    @display(description=_("state"), ordering="state", label=_COLOURS)
    def state_label(self, obj: RedactionCheck) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @admin.action(description=_("Read again"))
    def read_again(self, request: HttpRequest, queryset: QuerySet[RedactionCheck]) -> None:
        started = checks_read_again(
            check_ids=queryset.values_list("pk", flat=True), actor=_actor(request), address=_address(request)
        )
        words = (
            ngettext("%d conversation is read again.", "%d conversations are read again.", started) % started
        )
        self.message_user(request, words, messages.SUCCESS if started else messages.WARNING)


@admin.register(RedactionRun)
class RedactionRunAdmin(ReadOnlyAdmin):
    """History read again: how far each run has come."""

    list_display = (
        *("created_at", "state_label", "reason", "since", "progress", "found", "failed", "started_by"),
        "last_error",
    )
    list_filter = ("state", "created_at")
    list_select_related = ("started_by",)
    search_fields = ("reason", "last_error")
    ordering = ("-created_at",)
    actions = ("resume", "cancel")

    @display(description=_("state"), ordering="state", label=_COLOURS)
    def state_label(self, obj: RedactionRun) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description=_("read"))
    def progress(self, obj: RedactionRun) -> str:
        return _("%(done)d of %(total)d") % {"done": obj.done, "total": obj.total}

    @admin.action(description=_("Resume"))
    def resume(self, request: HttpRequest, queryset: QuerySet[RedactionRun]) -> None:
        for run in queryset:
            try:
                run_resume(run_id=run.pk, actor=_actor(request), address=_address(request))
            except Conflict as error:
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.message_user(request, _("It goes on where it was."), messages.SUCCESS)

    @admin.action(description=_("Cancel"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[RedactionRun]) -> None:
        for run in queryset:
            run_cancel(run_id=run.pk, actor=_actor(request), address=_address(request))


def _actor(request: HttpRequest) -> User:
    return cast(User, request.user)


def _address(request: HttpRequest) -> Any:
    return address_of(request) or None
