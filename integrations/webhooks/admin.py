"""Admin of webhooks: endpoints with a test button and new secrets, and the log of deliveries, to be sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.admin_publish import ReadOnlyInline
from conversations.news import KINDS
from integrations.egress import EgressError, url_check
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from integrations.webhooks.services import (
    address_words,
    delivery_replay,
    endpoint_create,
    endpoint_delete,
    endpoint_replay,
    endpoint_rotate,
    endpoint_test,
    endpoint_update,
)

_STATES = {"waiting": "info", "delivered": "success", "failed": "danger"}
REPLAY_DAYS = 7


class EndpointForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        choices=[(kind, kind) for kind in KINDS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "description", "events", "active")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            url_check(url)
        except EgressError as error:
            raise ValidationError(address_words(error)) from None
        return url


class SinceForm(BaseDialogForm):
    days = forms.IntegerField(
        label=gettext_lazy("Of the last days"), min_value=1, max_value=30, initial=REPLAY_DAYS
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(AuditedAdmin):
    form = EndpointForm
    without = gettext_lazy("Nothing is sent anywhere until there is one.")
    list_display = ("url", "description", "how", "last_delivered_at", "failing_since")
    list_filter = ("active", "disabled_reason")
    search_fields = ("url", "description")
    readonly_fields = (
        "how_words",
        "disabled_at",
        "last_delivered_at",
        "failing_since",
        "hold_until",
        "former_until",
    )
    actions_detail = ("test", "rotate", "replay")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("url", "description", "events", "active")
        return (*fields, *self.readonly_fields) if obj else fields

    @display(
        description=gettext_lazy("state"),
        ordering="active",
        label={"on": "success", "off": "info", "bad": "danger"},
    )
    def how(self, endpoint: WebhookEndpoint) -> tuple[str, Any]:
        if endpoint.active:
            return ("bad", _("failing")) if endpoint.failing_since else ("on", _("active"))
        if endpoint.disabled_reason:
            return "bad", endpoint.get_disabled_reason_display()  # type: ignore[attr-defined]
        return "off", _("switched off")

    @display(description=gettext_lazy("state"))
    def how_words(self, endpoint: WebhookEndpoint) -> str:
        # Labels are drawn in lists only.
        return str(self.how(endpoint)[1])

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ("url", "description", "events", "active")}
        if change:
            endpoint_update(endpoint=obj, actor=request.user, **said)  # type: ignore[arg-type]
            return
        made, secret = endpoint_create(**said, actor=request.user)  # type: ignore[arg-type]
        obj.pk = made.pk
        obj._state.adding = False
        obj.refresh_from_db()
        self._secret_show(request, secret)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        endpoint_delete(endpoint=obj, actor=request.user)  # type: ignore[arg-type]

    def _audit(self, request: HttpRequest, obj: Any, action: str, message: Any = None) -> None:
        # The services do it.
        return None

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for endpoint in queryset:
            endpoint_delete(endpoint=endpoint, actor=request.user)  # type: ignore[arg-type]

    @dialog(
        gettext_lazy("Send a test"),
        path="test",
        icon="send",
        title=gettext_lazy("Send a test message?"),
        words=gettext_lazy("It gets a webhook.test, whatever it subscribes to."),
        submit=gettext_lazy("Send"),
        primary=True,
    )
    def test(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(endpoint: WebhookEndpoint) -> str:
            endpoint_test(endpoint=endpoint, actor=request.user)  # type: ignore[arg-type]
            return _("It is on its way: the deliveries say what came of it.")

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("New secret"),
        path="rotate",
        icon="key",
        title=gettext_lazy("Make a new secret?"),
        words=gettext_lazy("For three days messages are signed with both, the old and the new one."),
        submit=gettext_lazy("Make it"),
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(endpoint: WebhookEndpoint) -> str:
            self._secret_show(request, endpoint_rotate(endpoint=endpoint, actor=request.user))  # type: ignore[arg-type]
            return ""

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Send failed again"),
        path="replay",
        icon="replay",
        title=gettext_lazy("Send again what failed?"),
        words=gettext_lazy("Messages keep their ids, so that receivers know what they had already."),
        submit=gettext_lazy("Send"),
        form=SinceForm,
    )
    def replay(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(endpoint: WebhookEndpoint) -> str:
            since = timezone.now() - timedelta(days=form.cleaned_data["days"])
            count = endpoint_replay(endpoint=endpoint, since=since, actor=request.user)  # type: ignore[arg-type]
            return _sent_again(count)

        return dialog_done(self, request, object_id, work)

    def _secret_show(self, request: HttpRequest, secret: str) -> None:
        self.message_user(
            request,
            _("The signing secret of this endpoint, shown this once: %(secret)s") % {"secret": secret},
            messages.WARNING,
        )


def _sent_again(count: int) -> str:
    return _("Messages that are sent again: %(count)d.") % {"count": count}


class AttemptInline(ReadOnlyInline):
    model = WebhookAttempt
    fields = ("number", "at", "duration_ms", "status_code", "error")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """What was sent where, how often, and what came of it. What receivers answered is not kept."""

    list_display = ("kind", "endpoint", "state_label", "attempts", "status_code", "error", "happened", "due")
    list_filter = ("state", "message__kind", "endpoint")
    list_select_related = ("message", "endpoint")
    search_fields = ("endpoint__url", "error")
    show_full_result_count = False
    inlines = (AttemptInline,)
    actions = ("send_again",)
    fields = (
        ("endpoint", "state"),
        ("kind", "webhook_id", "conversation"),
        ("attempts", "status_code", "error"),
        ("happened", "due", "delivered_at"),
    )
    readonly_fields = ("kind", "webhook_id", "conversation", "happened", "due")

    @display(description=gettext_lazy("event"), ordering="message__kind")
    def kind(self, row: WebhookDelivery) -> str:
        return row.message.kind

    @display(description=gettext_lazy("webhook-id"))
    def webhook_id(self, row: WebhookDelivery) -> str:
        return row.message.webhook_id

    @display(description=gettext_lazy("conversation"))
    def conversation(self, row: WebhookDelivery) -> str:
        return str(row.message.conversation_id or "")

    @display(description=gettext_lazy("happened"), ordering="message__created_at")
    def happened(self, row: WebhookDelivery) -> Any:
        return row.message.created_at

    @display(description=gettext_lazy("next try"))
    def due(self, row: WebhookDelivery) -> Any:
        return row.due_at if row.state == WebhookDelivery.State.WAITING else None

    @display(description=gettext_lazy("state"), ordering="state", label=_STATES)
    def state_label(self, row: WebhookDelivery) -> tuple[str, Any]:
        return row.state, row.get_state_display()  # type: ignore[attr-defined]

    @admin.action(description=gettext_lazy("Send again"))
    def send_again(self, request: HttpRequest, queryset: Any) -> None:
        sent = 0
        for delivery in queryset.select_related("endpoint"):
            try:
                delivery_replay(delivery=delivery, actor=request.user)  # type: ignore[arg-type]
                sent += 1
            except ValidationError as error:
                self.message_user(request, f"{delivery.endpoint}: {error.messages[0]}", messages.ERROR)
        if sent:
            self.message_user(request, _sent_again(sent), messages.SUCCESS)
