"""Buttons of admin pages that ask once: a dialog, what it does, what is said of it, and the way back to the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from accounts.admin_audit import page_of
from accounts.errors import Conflict


def dialog(
    label: Any,
    *,
    path: str,
    icon: str,
    title: Any,
    words: Any,
    submit: Any = "",
    form: type[BaseDialogForm] = BaseDialogForm,
    primary: bool = False,
) -> Callable[[Any], Any]:
    """Make a method `(self, request, form, object_id)` a button of an object's page. Only who may change it sees it.

    `title` asks, `words` say what follows; `submit` is on the dialog's button, by default the label.
    """
    given: dict[str, Any] = {"variant": ActionVariant.PRIMARY} if primary else {}
    made: Callable[[Any], Any] = action(
        description=label,
        url_path=path,
        icon=icon,
        permissions=["change"],
        dialog={
            "title": title,
            "description": words,
            "form_class": form,
            "form_submit_text": submit or label,
        },
        **given,
    )
    return made


def dialog_done(admin: Any, request: HttpRequest, object_id: str, work: Callable[[Any], str]) -> HttpResponse:
    """Do what a button asks for, say what `work` returned or why it was refused, and go back to the page."""
    found = admin.get_object(request, object_id)
    if found is not None:
        try:
            said, level = [work(found)], messages.SUCCESS
        except ValidationError as error:
            said, level = error.messages, messages.ERROR
        except Conflict as error:
            said, level = [str(error)], messages.ERROR
        for sentence in said:
            if sentence:
                admin.message_user(request, sentence, level)
    return page_of(request, admin.model, object_id)
