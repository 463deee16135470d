"""The admin's form of a policy: for whom in pickers, the draft as text that is checked before it is kept."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.text import capfirst
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSingleTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Queue, Team, User
from accounts.permissions import Role
from coaching.models import SCOPED, Policy, empty_document
from coaching.scopes import DAYS, GONE, scope_clean, scope_complaints, scope_gone
from coaching.services import document_complaints
from conversations.models import Conversation

_DAY_NAMES = tuple(
    zip(DAYS, (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")), strict=True)
)


def _gone(name: str, one: str) -> str:
    words = _t("%(key)s, which is not there any more") if name == "queues" else _t("not there any more")
    return words % {"key": one} if name == "queues" else words


class DraftField(forms.JSONField):
    """A document, indented for reading."""

    widget = UnfoldAdminTextareaWidget

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError(_t("The draft is nested too deep: make it flatter.")) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(super().has_changed(initial, data))
        except RecursionError:
            return True

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            text = json.dumps(value, indent=2, ensure_ascii=False)
            try:
                text.encode()
            except UnicodeEncodeError:
                # What the check refuses still has to be shown to who wrote it.
                return json.dumps(value, indent=2)
            return text
        return super().prepare_value(value)


class PolicyForm(forms.ModelForm):
    """`scope` is put together from the pickers; `wanted` is what the services take."""

    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(), required=False, label=_("Teams"), widget=UnfoldAdminSelectMultipleWidget
    )
    agents = forms.ModelMultipleChoiceField(
        User.objects.none(), required=False, label=_("Agents"), widget=UnfoldAdminSelectMultipleWidget
    )
    queues = forms.ModelMultipleChoiceField(
        Queue.objects.none(),
        required=False,
        label=_("Queues"),
        to_field_name="key",
        widget=UnfoldAdminSelectMultipleWidget,
    )
    channels = forms.MultipleChoiceField(
        choices=lambda: [(key, capfirst(name)) for key, name in Conversation.Channel.choices],
        required=False,
        label=_("Channels"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    languages = forms.CharField(
        required=False,
        label=_("Languages"),
        max_length=200,
        help_text=_("As en, de or es-MX, with spaces between."),
        widget=UnfoldAdminTextInputWidget,
    )
    days = forms.MultipleChoiceField(
        choices=_DAY_NAMES, required=False, label=_("Days"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    from_time = forms.TimeField(
        required=False, label=_("From (time of day)"), widget=UnfoldAdminSingleTimeWidget
    )
    until_time = forms.TimeField(
        required=False, label=_("Until (time of day)"), widget=UnfoldAdminSingleTimeWidget
    )
    draft = DraftField(
        required=False,
        initial=empty_document,
        label=_("Draft"),
        help_text=_("The policy language: rules, behaviours, playbooks. It is checked before it is kept."),
    )

    class Meta:
        model = Policy
        fields = ("name", "draft", *SCOPED[1:])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field("teams").queryset = Team.objects.all()
        self._field("agents").queryset = User.objects.filter(role=Role.AGENT, is_active=True)
        self._field("queues").queryset = Queue.objects.all()
        scope = self.instance.scope or {}
        for name in ("teams", "agents", "queues", "channels"):
            self.initial.setdefault(name, scope.get(name) or [])
        for name, gone in scope_gone(scope).items():
            # Chosen still, so that a save does not silently make the policy one for more people.
            field = self._field(name)
            field.widget.choices = [*field.choices, *((one, _gone(name, one)) for one in gone)]
            field.error_messages |= dict.fromkeys(("invalid_choice", "invalid_pk_value"), GONE[name])
        self.initial.setdefault("languages", " ".join(scope.get("languages") or []))
        window = scope.get("time") or {}
        self.initial.setdefault("days", window.get("days") or [])
        self.initial.setdefault("from_time", window.get("from"))
        self.initial.setdefault("until_time", window.get("until"))

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if not cleaned.get("draft"):
            cleaned["draft"] = self.instance.draft
        for complaint in document_complaints(cleaned["draft"]):
            if complaint.kind == "error":
                where = f"{complaint.where}: " if complaint.where else ""
                self.add_error("draft", where + complaint.sentence)
        try:
            cleaned["scope"] = scope_clean(self._scope(cleaned))
        except ValueError as error:
            raise ValidationError(str(error)) from None
        for sentence in scope_complaints(cleaned["scope"]):
            self.add_error(None, sentence)
        starts, ends = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _t("It ends before it starts."))
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """The arguments of `policy_create` and `policy_draft_save`."""
        cleaned = self.cleaned_data
        return {
            "name": cleaned["name"],
            "document": cleaned["draft"],
            **{name: cleaned[name] for name in SCOPED},
        }

    @staticmethod
    def _scope(cleaned: dict[str, Any]) -> dict[str, Any]:
        def hour(name: str) -> str | None:
            at = cleaned.get(name)
            return None if at is None else at.strftime("%H:%M")

        return {
            "teams": [str(row.pk) for row in cleaned.get("teams") or []],
            "agents": [str(row.pk) for row in cleaned.get("agents") or []],
            "queues": [row.key for row in cleaned.get("queues") or []],
            "channels": list(cleaned.get("channels") or []),
            "languages": (cleaned.get("languages") or "").replace(",", " ").split(),
            "time": {
                "days": list(cleaned.get("days") or []),
                "from": hour("from_time"),
                "until": hour("until_time"),
            },
        }
