"""Admin of intent classifiers: train from a file, look at the figures, promote, roll back, retire, watch the drift."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from accounts.admin_audit import AuditedAdmin, ReadOnlyAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.throttle import address_of
from engines.intents import MAX_BYTES, UnusableFile, check_examples, read_examples
from moments.classifier_page import page_of_classifier
from moments.models import Classifier, TrainingSet
from moments.training import (
    classifier_promote,
    classifier_retire,
    classifier_roll_back,
    classifier_train,
    complaint_words,
)

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
        fields = ["task", "file", "refuse_cost", "note"]
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
        return cleaned


class NoteForm(forms.ModelForm):
    class Meta:
        model = Classifier
        fields = ["note"]


@admin.register(Classifier)
class ClassifierAdmin(AuditedAdmin):
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
    actions_detail = ("promote", "roll_back", "retire")
    change_form_after_template = "admin/moments/classifier.html"
    without = gettext_lazy("Without a classifier, moments of the kind intent are not heard.")

    class Media:
        css = {"all": ("css/classifiers.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Classifier]:
        return super().get_queryset(request).select_related("training_set")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs, form=NoteForm if obj else TrainForm)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("note",) if obj else ("task", "file", "refuse_cost", "note")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What tells intents now, or is being learned, stays.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or obj.state not in (State.LIVE, State.TRAINING)
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        # One by one, on its page, where it shows which one is live.
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: Classifier, form: Any, change: bool) -> None:
        if change:
            Classifier.objects.filter(pk=obj.pk).update(note=obj.note)
            return
        given = form.cleaned_data["file"]
        given.seek(0)
        made = classifier_train(
            task=obj.task,
            data=given.read(),
            source=given.name,
            note=obj.note,
            refuse_cost=obj.refuse_cost,
            actor=request.user,  # type: ignore[arg-type]
            address=address_of(request) or None,
        )
        obj.__dict__.update(made.__dict__)
        left_out = len(made.training_set.complaints)
        if left_out:
            self.message_user(
                request, _("Some lines could not be used; they are listed below."), messages.WARNING
            )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        classifier = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if isinstance(classifier, Classifier) and self.has_view_permission(request, classifier):
            extra["page"] = page_of_classifier(classifier)
            extra["title"] = str(classifier)
        response = super().change_view(request, object_id, form_url, extra)
        if (
            isinstance(classifier, Classifier)
            and classifier.state == State.TRAINING
            and request.method == "GET"
        ):
            response["Refresh"] = "5"
        return response

    @dialog(
        gettext_lazy("Promote"),
        path="promote",
        icon="publish",
        title=gettext_lazy("Make this version the live one?"),
        words=gettext_lazy(
            "Calls that begin from now on use it. The version that is live now is kept, and can be put back."
        ),
        primary=True,
    )
    def promote(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(one: Classifier) -> str:
            done = classifier_promote(
                classifier_id=one.pk,
                actor=request.user,  # type: ignore[arg-type]
                address=address_of(request) or None,
            )
            return _("“%(name)s” is live.") % {"name": done}

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Roll back"),
        path="roll-back",
        icon="undo",
        title=gettext_lazy("Put back the version before?"),
        words=gettext_lazy("Of this task, the version that was live before the one that is."),
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(one: Classifier) -> str:
            done = classifier_roll_back(
                task=one.task,
                actor=request.user,  # type: ignore[arg-type]
                address=address_of(request) or None,
            )
            return _("“%(name)s” is live again.") % {"name": done}

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Retire"),
        path="retire",
        icon="block",
        title=gettext_lazy("Take it out of use?"),
        words=gettext_lazy("If it is live, calls that begin from now on hear no intents of this task."),
    )
    def retire(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(one: Classifier) -> str:
            done = classifier_retire(
                classifier_id=one.pk,
                actor=request.user,  # type: ignore[arg-type]
                address=address_of(request) or None,
            )
            return _("“%(name)s” is retired.") % {"name": done}

        return dialog_done(self, request, object_id, work)

    @admin.display(description=gettext_lazy("classifier"), ordering="task")
    def name(self, obj: Classifier) -> str:
        return _("%(task)s, version %(version)d") % {"task": obj.task, "version": obj.version}

    @display(
        description=gettext_lazy("state"),
        label={
            State.LIVE: "success",
            State.FAILED: "danger",
            State.TRAINING: "info",
            State.CANDIDATE: "primary",
        },
    )
    def shown_state(self, obj: Classifier) -> tuple[str, str]:
        label = str(obj.get_state_display())
        return obj.state, f"{label} {obj.progress} %" if obj.state == State.TRAINING else label

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


def percent(share: float | None) -> str:
    """A share with one digit, or a dash where nothing was measured."""
    return "–" if share is None else f"{share * 100:.1f}\u00a0%"
