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
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from accounts.admin_audit import AuditedAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.errors import Conflict
from accounts.throttle import address_of
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
from moments.admin_classifiers import percent

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
class NextStepVersionAdmin(AuditedAdmin):
    list_display = (
        "name", "shown_state", "dialogues", "seen", "unseen", "shown_share", "shown_right", "created_at",
    )  # fmt: skip
    list_filter = ("state",)
    actions_detail = ("promote", "roll_back", "retire", "cancel", "resume")
    change_form_after_template = "admin/coaching/next_step.html"
    without = gettext_lazy(
        "Nothing is suggested. Versions are learned from labelled dialogues and playbooks."
    )

    class Media:
        css = {"all": ("css/classifiers.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[NextStepVersion]:
        return super().get_queryset(request).defer("playbooks")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs, form=NoteForm if obj else TrainForm)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("note",) if obj else ("file", "books", "with_labels", "note")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        shown = super().get_actions_detail(request, object_id)
        version = self.get_object(request, str(object_id))
        buttons = BUTTONS.get(State(version.state), ()) if isinstance(version, NextStepVersion) else ()
        return [one for one in shown if one.action_name.endswith(buttons)]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What suggests now, or is being learned, stays.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or obj.state not in (State.LIVE, State.TRAINING)
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        # One by one, on its page, where it shows which one is live.
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: NextStepVersion, form: Any, change: bool) -> None:
        if change:
            NextStepVersion.objects.filter(pk=obj.pk).update(note=obj.note)
            return
        made = next_steps_begin(
            dialogues=form.given.dialogues,
            playbooks=form.given.playbooks,
            source=form.cleaned_data["file"].name,
            sha256=form.given.sha256,
            note=obj.note,
            with_labels=form.cleaned_data["with_labels"],
            **_by(request),
        )
        obj.__dict__.update(made.__dict__)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if isinstance(version, NextStepVersion) and self.has_view_permission(request, version):
            extra |= {
                "page": page_of_version(version),
                "title": _("Next step, version %(number)d") % {"number": version.version},
            }
        response = super().change_view(request, object_id, form_url, extra)
        if (
            isinstance(version, NextStepVersion)
            and version.state == State.TRAINING
            and request.method == "GET"
        ):
            response["Refresh"] = "10"
        return response

    @dialog(
        gettext_lazy("Promote"),
        path="promote",
        icon="publish",
        title=gettext_lazy("Make this version the live one?"),
        words=gettext_lazy("Calls that begin from now on use it. The one that is live now can be put back."),
        primary=True,
    )
    def promote(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(version: NextStepVersion) -> str:
            done = next_steps_promote(version_id=version.pk, **_by(request))
            return _("Version %(number)d is live.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Roll back"),
        path="roll-back",
        icon="undo",
        title=gettext_lazy("Put back the version before?"),
        words=gettext_lazy("The version that was live before the one that is."),
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(_version: NextStepVersion) -> str:
            done = next_steps_roll_back(**_by(request))
            return _("Version %(number)d is live again.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Retire"),
        path="retire",
        icon="block",
        title=gettext_lazy("Take it out of use?"),
        words=gettext_lazy("If it is live, nothing is suggested in calls that begin from now on."),
    )
    def retire(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(version: NextStepVersion) -> str:
            done = next_steps_retire(version_id=version.pk, **_by(request))
            return _("Version %(number)d is retired.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

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
            done = next_steps_cancel(version_id=version.pk, **_by(request))
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
            done = next_steps_resume(version_id=version.pk, **_by(request))
            return _("The training of version %(number)d goes on.") % {"number": done.version}

        return dialog_done(self, request, object_id, work)

    @admin.display(description=gettext_lazy("version"), ordering="version")
    def name(self, obj: NextStepVersion) -> str:
        return _("Version %(number)d") % {"number": obj.version}

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={
            State.LIVE: "success",
            State.CANDIDATE: "primary",
            State.TRAINING: "info",
            State.FAILED: "danger",
        },
    )
    def shown_state(self, obj: NextStepVersion) -> tuple[str, str]:
        label = str(obj.get_state_display())
        return obj.state, f"{label} {obj.progress} %" if obj.state == State.TRAINING else label

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


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user, "address": address_of(request) or None}


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
