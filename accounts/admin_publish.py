"""Admin pages of things that are edited as drafts and take effect as numbered, unchangeable revisions."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts.admin_audit import AuditedAdmin
from accounts.admin_dialogs import dialog, dialog_done


class ReadOnlyInline(TabularInline):
    """Rows that are shown beside what they belong to and never changed there."""

    extra = 0
    can_delete = False
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PublishAdmin(AuditedAdmin):
    """Publishes from the page: with "Save and publish", or by a button that asks once. Both are POST requests."""

    actions_submit_line = ("save_and_publish",)
    actions_detail: tuple[str, ...] = ("publish", "retire")
    warn_unsaved_form = True

    def revision_publish(self, request: HttpRequest, obj: Any) -> Any:
        """Publish `obj` and return the revision. Raises `ValidationError`."""
        raise NotImplementedError

    def revision_retire(self, request: HttpRequest, obj: Any) -> None:
        """Take `obj` out of use."""
        raise NotImplementedError

    @action(description=gettext_lazy("Save and publish"))
    def save_and_publish(self, request: HttpRequest, obj: Any) -> None:
        # Called between the thing and its rows being saved: publishing must wait for the rows.
        request.publish_when_saved = True  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if getattr(request, "publish_when_saved", False):
            self._publish(request, form.instance)

    @dialog(
        gettext_lazy("Publish"),
        path="publish",
        icon="publish",
        title=gettext_lazy("Publish as it was last saved?"),
        words=gettext_lazy(
            "It takes effect with the next conversation. Calls under way keep what they have."
        ),
        primary=True,
    )
    def publish(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(obj: Any) -> str:
            self._publish(request, obj)
            return ""

        return dialog_done(self, request, object_id, work)

    @dialog(
        gettext_lazy("Retire"),
        path="retire",
        icon="block",
        title=gettext_lazy("Take it out of use?"),
        words=gettext_lazy("From the next conversation on it has no effect. It can be published again."),
    )
    def retire(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def work(obj: Any) -> str:
            self.revision_retire(request, obj)
            return _("“%(thing)s” is retired.") % {"thing": obj}

        return dialog_done(self, request, object_id, work)

    def _publish(self, request: HttpRequest, obj: Any) -> None:
        try:
            revision = self.revision_publish(request, obj)
        except ValidationError as error:
            for message in error.messages:
                self.message_user(request, message, messages.ERROR)
            self.message_user(
                request, _("It is saved, but not published: put right what is said above."), messages.WARNING
            )
        else:
            self.message_user(
                request,
                _("Revision %(number)d is published. It takes effect with the next conversation.")
                % {"number": revision.number},
                messages.SUCCESS,
            )
