"""Admin of the learned next step: versions with their figures and what agents made of them, put in and out of use."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_audit import AuditedAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.throttle import address_of
from coaching.models import NextStepVersion
from coaching.next_step_labels import label_counts
from coaching.next_steps import NEVER, next_steps_promote, next_steps_retire, next_steps_roll_back
from moments.admin_classifiers import percent

State = NextStepVersion.State


@admin.register(NextStepVersion)
class NextStepVersionAdmin(AuditedAdmin):
    list_display = (
        "name", "shown_state", "dialogues", "seen", "unseen", "shown_share", "shown_right", "created_at",
    )  # fmt: skip
    list_filter = ("state",)
    fields = ("note",)
    actions_detail = ("promote", "roll_back", "retire")
    change_form_after_template = "admin/coaching/next_step.html"
    without = gettext_lazy(
        "Nothing is suggested. Versions are learned from labelled dialogues: manage.py train_next_step."
    )

    class Media:
        css = {"all": ("css/classifiers.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[NextStepVersion]:
        return super().get_queryset(request).defer("playbooks")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # They are learned by command: it takes minutes, and a file.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and (obj is None or obj.state != State.LIVE)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        # One by one, on its page, where it shows which one is live.
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: NextStepVersion, form: Any, change: bool) -> None:
        NextStepVersion.objects.filter(pk=obj.pk).update(note=obj.note)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if isinstance(version, NextStepVersion) and self.has_view_permission(request, version):
            extra |= {"page": page_of_version(version), "title": self.name(version)}
        return super().change_view(request, object_id, form_url, extra)

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

    @admin.display(description=gettext_lazy("version"), ordering="version")
    def name(self, obj: NextStepVersion) -> str:
        return _("Next step, version %(number)d") % {"number": obj.version}

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={State.LIVE: "success", State.CANDIDATE: "primary"},
    )
    def shown_state(self, obj: NextStepVersion) -> tuple[str, str]:
        return obj.state, str(obj.get_state_display())

    @admin.display(description=gettext_lazy("right, tasks with past calls"))
    def seen(self, obj: NextStepVersion) -> str:
        return percent(obj.figures.get("seen_accuracy"))

    @admin.display(description=gettext_lazy("right, tasks without"))
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
