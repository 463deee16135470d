"""Admin of telephony: connections with what to paste at the vendor, and what its attributes mean."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.admin_audit import AuditedAdmin
from integrations.documents.admin import DocumentFileAdmin as DocumentFileAdmin
from integrations.documents.admin import KnowledgeSourceAdmin as KnowledgeSourceAdmin
from integrations.models import AttributeMapping, TelephonyConnection
from integrations.services import connection_create, connection_former_drop, connection_secret_set
from integrations.telephony.connect.admin import KvsStreamAdmin as KvsStreamAdmin
from integrations.telephony.setup import line_url, setup_text
from integrations.uploads.admin import UploadedCallAdmin as UploadedCallAdmin
from integrations.webhooks.admin import WebhookDeliveryAdmin as WebhookDeliveryAdmin
from integrations.webhooks.admin import WebhookEndpointAdmin as WebhookEndpointAdmin


class ConnectionForm(forms.ModelForm):
    """The secret is written and never read back."""

    secret = forms.CharField(
        label=_("Secret"),
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "The vendor's token, or a password of your own. Empty: one is made for a new connection and shown once;"
            " an old one stays. After a change the former secret is good for a week."
        ),
    )

    class Meta:
        model = TelephonyConnection
        fields = ("provider", "name", "settings", "active")


class MappingInline(TabularInline):
    model = AttributeMapping
    fields = ("order", "source", "target", "default")
    extra = 0
    tab = True


@admin.register(TelephonyConnection)
class TelephonyConnectionAdmin(AuditedAdmin):
    form = ConnectionForm
    without = _("Add one for each telephony account; its page then shows what to paste at the vendor.")
    list_display = ("name", "provider", "active", "last_seen_at")
    list_filter = ("provider", "active")
    search_fields = ("name",)
    readonly_fields = ("address", "to_paste", "last_seen_at")
    inlines = (MappingInline,)
    actions = ("former_drop",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("provider", "name", "secret", "settings", "active")
        return (*fields, "address", "to_paste", "last_seen_at") if obj else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # The address names the vendor, and the secret is sealed for this connection.
        return (*super().get_readonly_fields(request, obj), *(("provider",) if obj else ()))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        self._host = request.get_host().rsplit(":", 1)[0]
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        secret = form.cleaned_data.get("secret", "")
        if change:
            super().save_model(request, obj, form, change)
            if secret:
                connection_secret_set(connection=obj, secret=secret, actor=request.user)  # type: ignore[arg-type]
            return
        made, shown = connection_create(
            provider=obj.provider,
            name=obj.name,
            secret=secret,
            settings=obj.settings,
            active=obj.active,
            actor=request.user,  # type: ignore[arg-type]
        )
        obj.pk = made.pk
        obj._state.adding = False
        obj.refresh_from_db()
        if not secret:
            messages.warning(
                request, _("The secret of this connection, shown this once: %(secret)s") % {"secret": shown}
            )

    @admin.display(description=_("address"))
    def address(self, connection: TelephonyConnection) -> str:
        return format_html("<code>{}</code>", line_url(connection, self._host))

    @admin.display(description=_("to paste at the vendor"))
    def to_paste(self, connection: TelephonyConnection) -> str:
        return format_html("<pre>{}</pre>", setup_text(connection, self._host))

    @admin.action(description=_("Former secret is not good any more"))
    def former_drop(self, request: HttpRequest, queryset: Any) -> None:
        for connection in queryset:
            connection_former_drop(connection=connection, actor=request.user)  # type: ignore[arg-type]
        messages.success(request, _("Only the newest secret lets in now."))


class VendorMappingForm(forms.ModelForm):
    class Meta:
        model = AttributeMapping
        fields = ("provider", "order", "source", "target", "default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "provider" in self.fields:
            self.fields["provider"].required = True


@admin.register(AttributeMapping)
class AttributeMappingAdmin(AuditedAdmin):
    """Rules for all connections of a vendor; those of one connection are on its own page."""

    form = VendorMappingForm
    without = _("Vendors' own attribute names are used as they come.")
    list_display = ("provider", "source", "target", "default", "order")
    list_filter = ("provider",)
    search_fields = ("source", "target")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(connection__isnull=True)
