"""The form of a collection: for whom it is, when it holds, who looks after it."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Queue, Team, User
from accounts.permissions import MATRIX, Permission
from knowledge.models import Channel, Collection

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def languages_read(text: str) -> list[str]:
    """Languages as people list them, by comma or blank. Raises `ValidationError` for what is none."""
    found = [one for one in re.split(r"[,;\s]+", text) if one]
    for one in found:
        if not _LANGUAGE.fullmatch(one) or len(one) > 12:
            raise ValidationError(_("“%s” is no language. Write them like this: en, de, pt-BR.") % one[:20])
    return found


class CollectionForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        choices=Channel.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    languages = forms.CharField(
        label=gettext_lazy("Customers' languages"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "en, de"}),
    )
    teams = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    queues = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Queues"),
        queryset=Queue.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Collection
        fields = (
            *("name", "language", "owner", "review_on", "valid_from", "valid_to"),
            *("teams", "queues", "channels", "languages", "on_private", "cards"),
        )
        widgets = {
            name: forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            for name in ("review_on", "valid_from", "valid_to")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who = MATRIX[Permission.KNOWLEDGE_MANAGE]
        owner: Any = self.fields["owner"]
        owner.queryset = User.objects.filter(is_active=True, role__in=who).order_by("name")
        owner.label_from_instance = lambda user: user.name
        owner.empty_label = _("nobody")
        self.initial["languages"] = ", ".join(self.instance.languages)
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select):
                field.widget.attrs["class"] = "form-select"
            elif not isinstance(field.widget, forms.CheckboxSelectMultiple | forms.CheckboxInput):
                field.widget.attrs["class"] = "form-control"

    def clean_languages(self) -> list[str]:
        return languages_read(self.cleaned_data["languages"])
