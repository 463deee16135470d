"""Fields of the admin that speak the way criteria are written: choices and answers one a line."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from conversations.models import Conversation
from moments.forms import LinesField
from qa.answers import choice_value, number_of
from qa.judging import PERSON, judges
from qa.models import Criterion, ScorecardTemplate

LABEL_MAX = 60


class OptionsField(forms.CharField):
    """The answers of a choice, one a line with what each is worth: `Partly: 50`."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{one['label']}: {one['score']:g}" for one in value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        found = []
        for line in (value or "").splitlines():
            if not line.strip():
                continue
            label, _colon, worth = line.rpartition(":")
            score = number_of(worth.strip())
            if not label.strip() or score is None or not 0 <= score <= 100:
                raise ValidationError(
                    _("“%(line)s”: write the answer, a colon, and what it is worth from 0 to 100.")
                    % {"line": line.strip()[:60]}
                )
            label = label.strip()[:LABEL_MAX]
            found.append({"value": choice_value(label), "label": label, "score": score})
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class AnswersField(LinesField):
    """Answers of another criterion, one a line, as people write them: “Partly”, “yes”, “3”."""

    def to_python(self, value: Any) -> Any:
        return [answer_value(line) for line in super().to_python(value)]


def answer_value(words: str) -> str:
    """The answer that somebody means by these words."""
    number = number_of(words)
    return f"{number:g}" if number is not None else choice_value(words)


def _label(name: str) -> dict[str, Any]:
    field: Any = Criterion._meta.get_field(name)
    return {"label": capfirst(field.verbose_name), "help_text": field.help_text, "required": False}


def methods() -> list[tuple[str, Any]]:
    """Who or what can answer a criterion: the judges that there are, and people."""
    return [*((key, judge.label) for key, judge in judges().items()), (PERSON, _("people only"))]


class CriterionForm(forms.ModelForm):
    options = OptionsField(**_label("options"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    depends_values = AnswersField(
        **_label("depends_values"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    method = forms.ChoiceField(
        choices=methods,
        label=capfirst(str(_("answered by"))),
        initial="moment",
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Criterion
        exclude = ()  # noqa: DJ006 the inline names its fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["method"].required = False
        if "said_by" in self.fields:
            self.fields["said_by"].required = False

    def clean_method(self) -> str:
        return self.cleaned_data["method"] or "moment"

    def clean_said_by(self) -> str:
        return self.cleaned_data["said_by"] or Criterion.SaidBy.AGENT


class ScorecardForm(forms.ModelForm):
    channels = forms.MultipleChoiceField(
        choices=Conversation.Channel.choices,
        required=False,
        label=_("Channels"),
        help_text=_("None chosen: all."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ScorecardTemplate
        fields = ("name", "teams", "queues", "channels")


class RescoreForm(BaseDialogForm):
    days = forms.IntegerField(
        label=_("Calls of the last days"),
        min_value=1,
        max_value=731,
        initial=30,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    preview = forms.BooleanField(
        label=_("Preview only"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )
    with_model = forms.BooleanField(
        label=_("Ask the language model, too"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("It costs what the preview says. Otherwise what it said before stays."),
    )
