"""Admin of providers: accounts, who does which task in which order, and the company's own words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.admin_audit import AuditedAdmin
from accounts.services import audit
from providers.models import Keyterm, ProviderAccount, Route
from providers.selectors import trial_choice
from providers.services import account_secret_set
from providers.speech import speech_try
from tenants.keys import SealError


class ProviderAccountForm(forms.ModelForm):
    secret = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        strip=True,
        max_length=500,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "Sealed when saved, and never shown again. Empty: the one that is there stays."
        ),
    )

    class Meta:
        model = ProviderAccount
        fields = ("vendor", "name", "base_url", "secret", "options", "active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # The model's own check, which comes after this, asks whether there will be a key.
        self.instance.secret_comes = bool(cleaned.get("secret"))
        moved = {"vendor", "base_url"} & set(self.changed_data)
        if moved and self.instance.has_secret and not cleaned.get("secret"):
            # Whoever names another server would be told a key that nothing else shows.
            self.add_error("secret", _("Give the key again: it would go to another server than before."))
        return cleaned


@admin.register(ProviderAccount)
class ProviderAccountAdmin(AuditedAdmin):
    form = ProviderAccountForm
    list_display = ("name", "vendor", "base_url", "active", "key_there")
    list_filter = ("active", "vendor")
    search_fields = ("name", "base_url")
    actions = ("try_it",)

    @admin.display(description=gettext_lazy("key"), boolean=True)
    def key_there(self, account: ProviderAccount) -> bool:
        return account.has_secret

    def save_model(self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("secret"):
            account_secret_set(account=obj, secret=form.cleaned_data["secret"], actor=request.user)  # type: ignore[arg-type]

    @admin.action(description=gettext_lazy("Try it: have it hear a second of sound"), permissions=["change"])
    def try_it(self, request: HttpRequest, queryset: QuerySet[ProviderAccount]) -> None:
        for account in queryset[:5]:
            audit(actor=request.user, action="provideraccount.try", thing=account)  # type: ignore[arg-type]
            try:
                choice = trial_choice(account)
            except SealError:
                self.message_user(
                    request, f"{account.name}: " + _("Its key does not open. Give it again."), messages.ERROR
                )
                continue
            trial = speech_try(choice)
            level = messages.SUCCESS if trial.good else messages.ERROR
            self.message_user(request, f"{account.name}: {trial.words}", level)


@admin.register(Route)
class RouteAdmin(AuditedAdmin):
    without = gettext_lazy("The recogniser that this installation brings hears every call then.")
    list_display = ("task", "language", "position", "chosen", "active")
    list_filter = ("active", "task", "language")
    list_select_related = ("account",)
    search_fields = ("provider", "account__name", "language")
    ordering = ("task", "language", "position")

    @admin.display(description=gettext_lazy("who"))
    def chosen(self, route: Route) -> str:
        return route.account.name if route.account is not None else route.get_provider_display()


@admin.register(Keyterm)
class KeytermAdmin(AuditedAdmin):
    list_display = ("term", "language", "active")
    list_filter = ("active", "language")
    search_fields = ("term",)
