"""Fields of the admin that speak the way definitions are written."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminTextareaWidget

from moments.models import ListedName, MomentDefinition
from moments.naming import name_refused
from moments.services import moment_check


class LinesField(forms.CharField):
    """A list of texts, written one a line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


def _lines(model: type[Model], name: str) -> LinesField:
    """The lines of a model's field, called as Django would call it."""
    field: Any = model._meta.get_field(name)
    return LinesField(
        required=False,
        label=capfirst(field.verbose_name),
        help_text=field.help_text,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
    )


class MomentForm(forms.ModelForm):
    phrases = _lines(MomentDefinition, "phrases")
    examples = _lines(MomentDefinition, "examples")
    values = _lines(MomentDefinition, "values")
    counter_examples = _lines(MomentDefinition, "counter_examples")

    class Meta:
        model = MomentDefinition
        fields = [
            "name",
            "key",
            "kind",
            "speaker",
            "phrases",
            "pattern",
            "entity",
            "reject_negated",
            "expected",
            "after",
            "within_seconds",
            "examples",
            "counter_examples",
            "task",
            "intent",
            "question",
            "least_score",
            "mood",
            "turns",
            "field",
            "field_test",
            "values",
            "limit",
            "active",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of one kind only: the others leave it as it is.
        self.fields["turns"].required = False

    def clean_turns(self) -> int:
        given = self.cleaned_data["turns"]
        return int(MomentDefinition._meta.get_field("turns").default if given is None else given)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            # The rule language's own complaints belong beside the form, not on an error page.
            draft = MomentDefinition(pk=self.instance.pk, key=self.instance.key)
            for name, value in (cleaned or {}).items():
                setattr(draft, name, value)
            try:
                moment_check(definition=draft)
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned


class ListedNameForm(forms.ModelForm):
    spellings = _lines(ListedName, "spellings")

    class Meta:
        model = ListedName
        fields = ["kind", "name", "spellings", "exact"]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not self.errors:
            draft = ListedName(pk=self.instance.pk, **(cleaned or {}))
            draft._state.adding = self.instance._state.adding
            if (error := name_refused(row=draft)) is not None:
                self.add_error(None, error)
        return cleaned
