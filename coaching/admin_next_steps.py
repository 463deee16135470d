"""Admin of the learned next step: versions with their figures and what agents made of them, put in and out of use."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from accounts.admin_dialogs import dialog, dialog_done
from accounts.admin_versions import VersionsAdmin, by, percent
from accounts.errors import Conflict
from coaching.models import NextStepVersion
from coaching.models.next_steps import NEVER
from coaching.next_step_files import MAX_DIALOGUE_BYTES, MAX_PLAYBOOK_BYTES, given_read
from coaching.next_step_labels import label_counts
from coaching.next_step_training import (
    next_steps_begin,
    next_steps_cancel,
    next_steps_resume,
    training_checked,
)
from coaching.next_steps import next_steps_promote, next_steps_retire, next_steps_roll_back

State = NextStepVersion.State
# The buttons of a version's page, by its state.
BUTTONS = {
    State.TRAINING: ("cancel",),
    State.FAILED: ("resume",),
    State.CANCELLED: ("resume",),
    State.CANDIDATE: ("promote", "roll_back", "retire"),
    State.LIVE: ("roll_back", "retire"),
    State.RETIRED: ("promote", "roll_back"),
}


class TrainForm(forms.ModelForm):
    """What a new version is learned from."""

    file = forms.FileField(
        label=gettext_lazy("Labelled dialogues"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "One JSON object a line: id, task, and events with role, text and, where the agent did something, the "
            "action's name. At least ten dialogues, up to 32 MB. They are redacted before anything is learned, and "
            "kept until it is."
        ),
    )
    # Not named like the model's own field, which holds what is read of it.
    books = forms.FileField(
        label=gettext_lazy("Playbooks"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "A zip of one JSON file a task, or one JSON object by task, each with replies and a graph. Without it, "
            "those of the live version."
        ),
    )
    with_labels = forms.BooleanField(
        label=gettext_lazy("Learn from calls, too"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy(
            "What agents used or accepted of its suggestions was right there, what they dismissed was wrong."
        ),
    )

    class Meta:
        model = NextStepVersion
        fields = ["file", "books", "with_labels", "note"]

    def clean(self) -> dict[str, Any]:
        """Say by line what is wrong; files of which nothing can be learned go no further."""
        cleaned = super().clean() or {}
        file, books = cleaned.get("file"), cleaned.get("books")
        if file is None:
            return cleaned
        try:
            self.given = given_read(
                dialogues=file.read(MAX_DIALOGUE_BYTES + 1),
                name=file.name,
                playbooks=books.read(MAX_PLAYBOOK_BYTES + 1) if books else None,
            )
            training_checked(self.given.dialogues, self.given.playbooks)
        except ValidationError as error:
            given = getattr(error, "error_dict", {None: error})
            for name, errors in given.items():
                self.add_error("books" if name == "playbooks" else name, errors)
        except Conflict as error:
            self.add_error(None, str(error))
        return cleaned


class NoteForm(forms.ModelForm):
    class Meta:
        model = NextStepVersion
        fields = ["note"]


@admin.register(NextStepVersion)
class NextStepVersionAdmin(VersionsAdmin):
    list_display = (
        "name", "shown_state", "dialogues", "seen", "unseen", "shown_share", "shown_right", "created_at",
    )  # fmt: skip
    list_filter = ("state",)
    train_form, note_form, buttons = TrainForm, NoteForm, BUTTONS
    refresh_seconds = 10
    actions_detail = (*VersionsAdmin.actions_detail, "cancel", "resume")
    change_form_after_template = "admin/coaching/next_step.html"
    without = gettext_lazy(
        "Nothing is suggested. Versions are learned from labelled dialogues and playbooks."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[NextStepVersion]:
        return super().get_queryset(request).defer("playbooks")

    def version_train(self, request: HttpRequest, obj: NextStepVersion, form: Any) -> NextStepVersion:
        return next_steps_begin(
            dialogues=form.given.dialogues,
            playbooks=form.given.playbooks,
            source=form.cleaned_data["file"].name,
            sha256=form.given.sha256,
            note=obj.note,
            with_labels=form.cleaned_data["with_labels"],
            **by(request),
        )

    def version_page(self, version: NextStepVersion) -> dict[str, Any]:
        return page_of_version(version)

    def version_title(self, version: NextStepVersion) -> str:
        return _("Next step, version %(number)d") % {"number": version.version}

    def version_promote(self, version: NextStepVersion, by: dict[str, Any]) -> str:
        done = next_steps_promote(version_id=version.pk, **by)
        return _("Version %(number)d is live.") % {"number": done.version}

    def version_roll_back(self, version: NextStepVersion, by: dict[str, Any]) -> str:
        done = next_steps_roll_back(**by)
        return _("Version %(number)d is live again.") % {"number": done.version}

    def version_retire(self, version: NextStepVersion, by: dict[str, Any]) -> str:
        done = next_steps_retire(version_id=version.pk, **by)
        return _("Version %(number)d is retired.") % {"number": done.version}

    @dialog(
        gettext_lazy("Cancel training"),
        path="cancel",
        icon="stop_circle",
        title=gettext_lazy("Stop this training?"),
        words=gettext_lazy(
            "It stops after the part it is at. What is done stays, and it can be gone on with."
        ),
    )
    def cancel(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(version: NextStepVersion) -> str:
            done = next_steps_cancel(version_id=version.pk, **by(request))
            return _("The training of version %(number)d is stopped.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Resume training"),
        path="resume",
        icon="resume",
        title=gettext_lazy("Go on with this training?"),
        words=gettext_lazy("It goes on where it was."),
        primary=True,
    )
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(version: NextStepVersion) -> str:
            done = next_steps_resume(version_id=version.pk, **by(request))
            return _("The training of version %(number)d goes on.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

    @admin.display(description=gettext_lazy("version"), ordering="version")
    def name(self, obj: NextStepVersion) -> str:
        return _("Version %(number)d") % {"number": obj.version}

    @admin.display(description=gettext_lazy("right, known tasks"))
    def seen(self, obj: NextStepVersion) -> str:
        return percent(obj.figures.get("seen_accuracy"))

    @admin.display(description=gettext_lazy("right, new tasks"))
    def unseen(self, obj: NextStepVersion) -> str:
        return percent(obj.figures.get("unseen_accuracy"))

    @admin.display(description=gettext_lazy("shown"))
    def shown_share(self, obj: NextStepVersion) -> str:
        return percent(obj.figures.get("shown_share"))

    @admin.display(description=gettext_lazy("right when shown"))
    def shown_right(self, obj: NextStepVersion) -> str:
        return percent(obj.figures.get("shown_accuracy"))


def page_of_version(version: NextStepVersion) -> dict[str, Any]:
    """What the page of one version shows. Two queries."""
    figures = version.figures
    live = NextStepVersion.objects.filter(state=State.LIVE).exclude(pk=version.pk).defer("playbooks").first()
    labels = label_counts().get(version.version, {})
    shown = [
        (
            "seen_accuracy",
            _("right, of tasks with past calls"),
            _("the first suggestion was what the agent did"),
        ),
        ("among_three", _("among the first three"), _("of the same tasks")),
        ("unseen_accuracy", _("right, of tasks without"), _("known by their playbooks only")),
        ("shown_share", _("shown unasked"), _("of all suggestions: those it is sure of")),
        ("shown_accuracy", _("right when shown"), _("of those it is sure of")),
    ]
    return {
        "version": version,
        "live": live,
        "is_training": version.state == State.TRAINING,
        "is_learned": version.state in (State.CANDIDATE, State.LIVE, State.RETIRED),
        "decisions": figures.get("decisions"),
        "never": version.threshold >= NEVER,
        "cards": [
            {
                "label": label,
                "value": figures.get(key),
                "live": live.figures.get(key) if live else None,
                "words": words,
            }
            for key, label, words in shown
        ],
        "tasks": sorted(figures.get("tasks", {}).items(), key=lambda one: (one[1] or 0, one[0])),
        "labels": [
            (_("shown"), labels.get("shown", 0)),
            (_("used: the words were said"), labels.get("used", 0)),
            (_("accepted"), labels.get("accepted", 0)),
            (_("dismissed"), labels.get("dismissed", 0)),
        ],
    }
