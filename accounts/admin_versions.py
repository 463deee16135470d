"""Admin pages of models that are trained: numbered versions with their figures, one of which is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from accounts.admin_audit import AuditedAdmin
from accounts.admin_dialogs import dialog, dialog_done
from accounts.throttle import address_of

TRAINING, FAILED, CANDIDATE, LIVE = "training", "failed", "candidate", "live"


class VersionsAdmin(AuditedAdmin):
    """Trains from a form, and puts versions in and out of use by buttons that ask once.

    The model has `state` (training, failed, candidate, live and others), `progress` in per cent and `note`. A subclass
    says which buttons a state has, what learns from the form (`version_train`), what the page shows, and what
    promoting, rolling back and retiring do; each of these returns what is said afterwards and may raise
    `ValidationError` or `Conflict`.
    """

    train_form: ClassVar[Any]
    note_form: ClassVar[Any]
    # The buttons of a version's page, by its state; every button where a state is not named.
    buttons: ClassVar[Mapping[Any, tuple[str, ...]]] = {}
    refresh_seconds = 5  # while it is being trained
    actions_detail: tuple[str, ...] = ("promote", "roll_back", "retire")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("css/classifiers.css",)}

    # --- What a subclass does ---------------------------------------------------------------------------

    def version_train(self, request: HttpRequest, obj: Any, form: Any) -> Any:
        """Begin to learn a version from the form. Returns it."""
        raise NotImplementedError

    def version_page(self, version: Any) -> dict[str, Any]:
        """What the template below the form shows."""
        raise NotImplementedError

    def version_title(self, version: Any) -> str:
        raise NotImplementedError

    def version_promote(self, version: Any, by: dict[str, Any]) -> str:
        raise NotImplementedError

    def version_roll_back(self, version: Any, by: dict[str, Any]) -> str:
        raise NotImplementedError

    def version_retire(self, version: Any, by: dict[str, Any]) -> str:
        raise NotImplementedError

    # --- Form and page ----------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(
            request, obj, change, **kwargs, form=self.note_form if obj else self.train_form
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return tuple((self.note_form if obj else self.train_form).Meta.fields)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        # A page asks for its version three times, and shows it as it was once.
        kept: dict[str, Any] = request.__dict__.setdefault("_versions_shown", {})
        if request.method != "GET" or object_id not in kept:
            kept[object_id] = super().get_object(request, object_id, from_field)
        return kept[object_id]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        shown: list[Any] = super().get_actions_detail(request, object_id)
        version = self.get_object(request, str(object_id))
        buttons = self.buttons.get(version.state) if version is not None else ()
        return shown if buttons is None else [one for one in shown if one.action_name.endswith(buttons)]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # What is in use now, or is being learned, stays.
        return bool(super().has_delete_permission(request, obj)) and (
            obj is None or obj.state not in (LIVE, TRAINING)
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        # One by one, on its page, where it shows which one is live.
        found.pop("delete_selected", None)
        return found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            self.model.objects.filter(pk=obj.pk).update(note=obj.note)
            return
        obj.__dict__.update(self.version_train(request, obj, form).__dict__)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        extra = dict(extra_context or {})
        if version is not None and self.has_view_permission(request, version):
            extra |= {"page": self.version_page(version), "title": self.version_title(version)}
        response: HttpResponse = super().change_view(request, object_id, form_url, extra)
        if version is not None and version.state == TRAINING and request.method == "GET":
            response["Refresh"] = str(self.refresh_seconds)
        return response

    # --- Buttons ----------------------------------------------------------------------------------------

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
        return dialog_done(
            self, request, object_id, lambda version: self.version_promote(version, by(request))
        )

    @dialog(
        gettext_lazy("Roll back"),
        path="roll-back",
        icon="undo",
        title=gettext_lazy("Put back the version before?"),
        words=gettext_lazy("The one that was live before the one that is."),
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return dialog_done(
            self, request, object_id, lambda version: self.version_roll_back(version, by(request))
        )

    @dialog(
        gettext_lazy("Retire"),
        path="retire",
        icon="block",
        title=gettext_lazy("Take it out of use?"),
        words=gettext_lazy("If it is live, calls that begin from now on do without it."),
    )
    def retire(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return dialog_done(
            self, request, object_id, lambda version: self.version_retire(version, by(request))
        )

    @display(
        description=gettext_lazy("state"),
        ordering="state",
        label={LIVE: "success", CANDIDATE: "primary", TRAINING: "info", FAILED: "danger"},
    )
    def shown_state(self, obj: Any) -> tuple[str, str]:
        label = str(obj.get_state_display())
        return obj.state, f"{label} {obj.progress} %" if obj.state == TRAINING else label


def by(request: HttpRequest) -> dict[str, Any]:
    """Who asks, and from where, as services take it."""
    return {"actor": request.user, "address": address_of(request) or None}


def percent(share: float | None) -> str:
    """A share with one digit, or a dash where nothing was measured."""
    return "–" if share is None else f"{share * 100:.1f}\u00a0%"
