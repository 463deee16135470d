"""Forms of the sign-in and password pages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import throttle
from accounts.models import User


def _styled(form: forms.BaseForm) -> None:
    """Give every field the kit's class. What assistive technology needs, Django adds itself."""
    for field in form.fields.values():
        field.widget.attrs.setdefault("class", "form-control")


class SignInForm(auth_forms.AuthenticationForm):
    """E-mail address and password. Says the same whatever was wrong, and blocks who fails too often."""

    username = forms.EmailField(
        label=_("E-mail"), widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"})
    )
    error_messages = {
        "invalid_login": _("E-mail or password is wrong."),
        "inactive": _("E-mail or password is wrong."),
    }
    blocked = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _styled(self)

    def clean(self) -> dict[str, Any]:
        address = self.cleaned_data.get("username") or ""
        assert self.request is not None
        place = throttle.address_of(self.request)
        wait = throttle.seconds_left(throttle.SIGN_IN, address=address, place=place)
        if wait:
            self.blocked = True
            minutes = math.ceil(wait / 60)
            raise ValidationError(
                ngettext(
                    "Too many attempts with this address. Try again in %(minutes)d minute.",
                    "Too many attempts with this address. Try again in %(minutes)d minutes.",
                    minutes,
                ),
                code="blocked",
                params={"minutes": minutes},
            )
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            throttle.note(throttle.SIGN_IN, address=address, place=place)
            raise
        if self.get_user() is not None:
            throttle.forget(throttle.SIGN_IN, address=address, place=place)
        return cleaned


class PasswordChangeForm(auth_forms.PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _styled(self)


class PasswordSetForm(auth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _styled(self)


class PasswordResetForm(auth_forms.PasswordResetForm):
    """Asks for the mail with the link. Also for who has never had a password: that is how imported people begin."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _styled(self)

    def get_users(self, email: str) -> Iterable[User]:
        return User.objects.filter(email__iexact=email, is_active=True)


class PeopleFileForm(forms.Form):
    """The upload step of the people import."""

    file = forms.FileField(
        label=_("CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "class": "form-control"}),
    )
