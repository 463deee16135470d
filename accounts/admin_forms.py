"""Forms of the people's part of the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from accounts.models import ApiKey, Team, User
from accounts.permissions import Role, Scope
from tenants.scope import PUBLIC, current_schema


def roles_here() -> list[tuple[str, Any]]:
    """The roles that people of this company can have; on the platform's own host, the operators'."""
    platform = current_schema() == PUBLIC
    return [(role.value, role.label) for role in Role if (role is Role.PLATFORM) == platform]


class PersonForm(forms.ModelForm):
    """A person, with a password or a mail by which they set one."""

    password_new = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave empty to keep it as it is. Somebody without one sets it by the link in the mail."),
    )
    invite = forms.BooleanField(
        label=_("Send an invitation"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("A mail with a link to set a password, which works for three days."),
    )

    class Meta:
        model = User
        fields = ("email", "name", "role", "team", "is_active", "external_id")

    # Set by the admin for each request: who works on the page.
    actor: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            choices = roles_here()
            self.fields["role"] = forms.ChoiceField(
                label=_("Role"), choices=choices, initial=choices[0][0], widget=UnfoldAdminSelectWidget()
            )
        if self.instance._state.adding:
            self.fields["invite"].initial = True

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip().lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_("Somebody has this address already."))
        return email

    def clean_password_new(self) -> str:
        password = str(self.cleaned_data["password_new"])
        if password:
            validate_password(password, self.instance)
        return password

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        role, active = cleaned.get("role"), cleaned.get("is_active")
        if self.instance.pk == self.actor.pk and (role != self.actor.role or not active):
            raise ValidationError(_("You cannot take away your own access."))
        if cleaned.get("invite") and not active:
            self.add_error("invite", _("Who is not active cannot set a password."))
        return cleaned


class TeamForm(forms.ModelForm):
    class Meta:
        model = Team
        fields = ("name", "supervisors")

    def clean_supervisors(self) -> Any:
        people = self.cleaned_data["supervisors"]
        if any(person.role != Role.SUPERVISOR for person in people):
            raise ValidationError(_("Only people with the role supervisor can look after a team."))
        return people


class ApiKeyForm(forms.ModelForm):
    """What a new key is for. The secret is made on saving and shown once."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[
            (Scope.READ.value, _("read: what its owner may read")),
            (Scope.WRITE.value, _("write: what its owner may change")),
            (Scope.INGEST.value, _("ingest: send calls")),
        ],
        widget=CheckboxSelectMultiple(),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "owner", "scopes", "expires_at")
