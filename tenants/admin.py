"""The platform's own admin: companies and the hosts that lead to them."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.models import Domain, Tenant
from tenants.scope import PUBLIC
from tenants.services import TEMPLATE, tenant_activate, tenant_check, tenant_create, tenant_suspend

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def _host(value: str) -> str:
    """A host name in lower case, without scheme or port. Raises `ValidationError` for what is none."""
    host = value.strip().lower()
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise ValidationError(_("A host name has letters, digits, dashes and dots, and no port."))
    return host


class CompanyForm(forms.ModelForm):
    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise ValidationError(_("Use a name such as Europe/London."))
        return zone


class CompanyAddForm(CompanyForm):
    """A new company with its first host."""

    domain = forms.CharField(
        label=_("Host name"),
        max_length=253,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Where its people sign in, for instance acme.example.com."),
    )

    class Meta:
        model = Tenant
        fields = ("name", "schema_name", "region", "plan", "time_zone")

    def clean_domain(self) -> str:
        return _host(self.cleaned_data["domain"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "schema_name" in cleaned and "domain" in cleaned:
            tenant_check(schema=cleaned["schema_name"], domain=cleaned["domain"])
        return cleaned


class DomainForm(forms.ModelForm):
    def clean_domain(self) -> str:
        return _host(self.cleaned_data["domain"])


class DomainInline(TabularInline):
    model = Domain
    form = DomainForm
    fields = ("domain", "is_primary")
    extra = 0


@admin.register(Tenant)
class TenantAdmin(ModelAdmin):
    form = CompanyForm
    list_display = ("name", "schema_name", "state_label", "hosts", "region", "plan", "created_at")
    list_filter = ("state", "region", "plan")
    search_fields = ("name", "schema_name", "domains__domain")
    actions = ("suspend", "activate")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        # The platform itself and the template are no companies.
        rows = super().get_queryset(request).exclude(schema_name__in=[PUBLIC, TEMPLATE])
        return rows.prefetch_related("domains")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = CompanyAddForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "schema_name", "domain", "region", "plan", "time_zone")
        return ("name", "schema_name", "state", "region", "plan", "time_zone", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("schema_name", "state", "created_at") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return (DomainInline,) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A company's data does not go by one click; it is suspended.
        return False

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        data = dict(form.cleaned_data)
        tenant = tenant_create(
            schema=data.pop("schema_name"), name=data.pop("name"), domain=data.pop("domain"), **data
        )
        obj.__dict__.update(tenant.__dict__)

    @display(
        description=_("state"),
        ordering="state",
        label={"active": "success", "suspended": "warning", "closing": "danger"},
    )
    def state_label(self, obj: Tenant) -> tuple[str, Any]:
        return obj.state, obj.get_state_display()

    @display(description=_("host names"))
    def hosts(self, obj: Tenant) -> str:
        return ", ".join(domain.domain for domain in obj.domains.all()) or "–"

    def _tell(self, request: HttpRequest, changed: list[Tenant], what: str) -> None:
        for tenant in changed:
            self.log_change(request, tenant, what)
        words = ngettext("%d company changed.", "%d companies changed.", len(changed)) % len(changed)
        self.message_user(request, words, messages.SUCCESS)

    @admin.action(description=_("Suspend: close their host to everybody"))
    def suspend(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        self._tell(request, [tenant for tenant in queryset if tenant_suspend(tenant=tenant)], "suspended")

    @admin.action(description=_("Open again"))
    def activate(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> None:
        self._tell(request, [tenant for tenant in queryset if tenant_activate(tenant=tenant)], "activated")


@admin.register(Domain)
class DomainAdmin(ModelAdmin):
    form = DomainForm
    list_display = ("domain", "tenant", "is_primary")
    list_filter = ("is_primary",)
    list_select_related = ("tenant",)
    search_fields = ("domain", "tenant__name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Domain]:
        # The platform's own host is set by the installation; removing it here would lock everybody out.
        return super().get_queryset(request).exclude(tenant__schema_name__in=[PUBLIC, TEMPLATE])

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "tenant":
            kwargs["queryset"] = Tenant.objects.exclude(schema_name__in=[PUBLIC, TEMPLATE])
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
