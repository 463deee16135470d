"""Admin of intent classifiers: train from a file, look at the figures, promote, roll back, retire, watch the drift."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin_audit import ReadOnlyAdmin
from accounts.admin_versions import VersionsAdmin, by, percent
from engines.intents import MAX_BYTES, UnusableFile, check_examples, read_examples
from moments.classifier_page import page_of_classifier
from moments.models import Classifier, TrainingSet
from moments.training import (
    NO_SERVER,
    classifier_promote,
    classifier_retire,
    classifier_roll_back,
    classifier_train,
    complaint_words,
)
from moments.vectors import server_of_vectors

State = Classifier.State
SHOWN_COMPLAINTS = 12


class TrainForm(forms.ModelForm):
    """A file of labelled examples, and what the new version is for."""

    file = forms.FileField(
        label=gettext_lazy("Labelled examples"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "CSV with the columns text and intent, or one JSON object a line with both. At least five different "
            "examples of each intent; the intent “oos” marks texts that are none of them, and some hundred of these "
            "make refusing better. Up to 32 MB and 50,000 examples. They are redacted before they are kept."
        ),
    )

    class Meta:
        model = Classifier
        fields = ["task", "file", "refuse_cost", "with_vectors", "note"]
        help_texts = {
            "task": gettext_lazy(
                "What it tells apart, such as reasons-for-calling. The same task again makes its next version."
            )
        }

    def clean_file(self) -> Any:
        """Say by line what is wrong; a file of which nothing can be learned goes no further."""
        given = self.cleaned_data["file"]
        if given.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 32 MB."))
        given.seek(0)
        try:
            found = read_examples(given.read())
        except UnusableFile as error:
            raise ValidationError(str(error)) from None
        if wrong := check_examples(found.usable):
            shown = [complaint_words(one) for one in [*wrong, *found.complaints[:SHOWN_COMPLAINTS]]]
            raise ValidationError(shown)
        return given

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        task = cleaned.get("task")
        # Here as well as in the service: the form is where it can still be put right.
        if task and Classifier.objects.filter(task=task, state=State.TRAINING).count() > 1:
            self.add_error("task", _("Versions of this task are being trained already. Wait for them."))
        if cleaned.get("with_vectors") and server_of_vectors() is None:
            self.add_error("with_vectors", NO_SERVER)
        return cleaned


class NoteForm(forms.ModelForm):
    class Meta:
        model = Classifier
        fields = ["note"]


@admin.register(Classifier)
class ClassifierAdmin(VersionsAdmin):
    list_display = (
        "name",
        "shown_state",
        "accuracy",
        "in_scope",
        "out_of_scope",
        "examples",
        "shown_drift",
        "trained_at",
    )
    list_filter = ("state", "task")
    search_fields = ("task", "note")
    list_select_related = ("training_set",)
    train_form, note_form = TrainForm, NoteForm
    change_form_after_template = "admin/moments/classifier.html"
    without = gettext_lazy("Without a classifier, moments of the kind intent are not heard.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Classifier]:
        return super().get_queryset(request).select_related("training_set")

    def version_train(self, request: HttpRequest, obj: Classifier, form: Any) -> Classifier:
        given = form.cleaned_data["file"]
        given.seek(0)
        made = classifier_train(
            task=obj.task,
            data=given.read(),
            source=given.name,
            note=obj.note,
            refuse_cost=obj.refuse_cost,
            with_vectors=obj.with_vectors,
            **by(request),
        )
        if made.training_set.complaints:
            self.message_user(
                request, _("Some lines could not be used; they are listed below."), messages.WARNING
            )
        return made

    def version_page(self, version: Classifier) -> dict[str, Any]:
        return page_of_classifier(version)

    def version_title(self, version: Classifier) -> str:
        return str(version)

    def version_promote(self, version: Classifier, by: dict[str, Any]) -> str:
        return _("“%(name)s” is live.") % {"name": classifier_promote(classifier_id=version.pk, **by)}

    def version_roll_back(self, version: Classifier, by: dict[str, Any]) -> str:
        return _("“%(name)s” is live again.") % {"name": classifier_roll_back(task=version.task, **by)}

    def version_retire(self, version: Classifier, by: dict[str, Any]) -> str:
        return _("“%(name)s” is retired.") % {"name": classifier_retire(classifier_id=version.pk, **by)}

    @admin.display(description=gettext_lazy("classifier"), ordering="task")
    def name(self, obj: Classifier) -> str:
        return _("%(task)s, version %(version)d") % {"task": obj.task, "version": obj.version}

    @admin.display(description=gettext_lazy("right"))
    def accuracy(self, obj: Classifier) -> str:
        return percent(obj.figures.get("accuracy"))

    @admin.display(description=gettext_lazy("right and accepted"))
    def in_scope(self, obj: Classifier) -> str:
        return percent(obj.figures.get("in_scope_accuracy"))

    @admin.display(description=gettext_lazy("out of scope refused"))
    def out_of_scope(self, obj: Classifier) -> str:
        return percent(obj.figures.get("oos_recall"))

    @admin.display(description=gettext_lazy("examples"))
    def examples(self, obj: Classifier) -> int:
        return obj.training_set.examples

    @display(
        description=gettext_lazy("drift"),
        label={
            Classifier.Drift.MUCH: "danger",
            Classifier.Drift.SOME: "warning",
            Classifier.Drift.NONE: "success",
        },
    )
    def shown_drift(self, obj: Classifier) -> tuple[str, str]:
        if obj.state != State.LIVE:
            return "", "–"
        return obj.drift, str(obj.get_drift_display())


@admin.register(TrainingSet)
class TrainingSetAdmin(ReadOnlyAdmin):
    """What versions learned from. One that no version needs any more can be removed, with its texts."""

    list_display = ("task", "source", "examples", "intents", "created_at", "created_by")
    list_filter = ("task",)
    list_select_related = ("created_by",)
    fields = ("task", "source", "examples", "intents", "created_at", "created_by", "complaints")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj) and (
            obj is not None and not obj.classifiers.exists()
        )
