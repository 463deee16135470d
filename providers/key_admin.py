"""Admin of whatever has a sealed key: a form that sets it and never shows it, and trying out what it opens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.admin_audit import AuditedAdmin
from accounts.services import audit
from providers.services import account_secret_set
from providers.speech import Trial
from tenants.keys import SealError


class SecretForm(forms.ModelForm):
    """A key that is set and never shown. `moves` are the fields that name its server: another one wants it anew."""

    moves: frozenset[str] = frozenset({"base_url"})

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

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # The model's own check, which comes after this, asks whether there will be a key.
        self.instance.secret_comes = bool(cleaned.get("secret"))
        if (
            self.moves.intersection(self.changed_data)
            and self.instance.has_secret
            and not cleaned.get("secret")
        ):
            # Whoever names another server would be told a key that nothing else shows.
            self.add_error("secret", _("Give the key again: it would go to another server than before."))
        return cleaned


class KeyedAdmin(AuditedAdmin):
    """Says whether there is a key, and seals the one that the form brings (`SecretForm`)."""

    @admin.display(description=gettext_lazy("key"), boolean=True)
    def key_there(self, keyed: Any) -> bool:
        return bool(keyed.has_secret)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("secret"):
            account_secret_set(account=obj, secret=form.cleaned_data["secret"], actor=request.user)  # type: ignore[arg-type]

    def try_each(self, request: HttpRequest, keyed: Iterable[Any], trial_of: Callable[[Any], Trial]) -> None:
        """Try each out, and say what came of it. `trial_of` may raise `SealError`."""
        for one in keyed:
            audit(actor=request.user, action=f"{one._meta.model_name}.try", thing=one)  # type: ignore[arg-type]
            try:
                trial = trial_of(one)
            except SealError:
                words, level = _("Its key does not open. Give it again."), messages.ERROR
            else:
                words, level = trial.words, messages.SUCCESS if trial.good else messages.ERROR
            self.message_user(request, f"{one.name}: {words}", level)
