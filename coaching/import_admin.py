"""Policies from files, in admin: a file that was exported here or elsewhere becomes a draft."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.models import User
from accounts.throttle import address_of
from coaching import exchange
from coaching.models import Policy
from coaching.services import policy_create, policy_draft_save


class ImportAdmin:
    """Goes before the policies' own admin class: the page that takes files in."""

    actions_list: tuple[str, ...] = ("take_in",)

    @action(description=_("Import"), url_path="import", icon="upload", permissions=["add"])
    def take_in(self, request: HttpRequest) -> HttpResponse:
        """A file or pasted text; a POST makes a draft of it, or puts it in place of the draft of that name."""
        errors: list[str] = []
        text, replace = "", bool(request.POST.get("replace"))
        if request.method == "POST":
            text = request.POST.get("text", "")
            try:
                policy = _take(request, _given(request, text), replace)
            except ValidationError as error:
                errors = error.messages
            else:
                words = _t("“%(name)s” is a draft now: agents see nothing of it until it is published.")
                messages.success(request, words % {"name": policy.name})
                return redirect("admin:coaching_policy_change", policy.pk)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "title": _t("Import a policy"),
            "errors": errors,
            "text": text,
            "replace": replace,
        }
        return TemplateResponse(
            request, "admin/coaching/policy_import.html", context, status=400 if errors else 200
        )


def _given(request: HttpRequest, text: str) -> str | bytes:
    """The file if there is one, else what was pasted; no more of it is read than may be one."""
    file: Any = request.FILES.get("file")
    given = file.read(exchange.MAX_BYTES + 1) if file is not None else text
    if not given.strip():
        raise ValidationError(_t("Choose a file, or paste its text."))
    return given  # type: ignore[no-any-return]


def _take(request: HttpRequest, given: str | bytes, replace: bool) -> Policy:
    if not isinstance(request.user, User):
        raise PermissionDenied
    fields = exchange.fields_of(exchange.read(given))
    who: dict[str, Any] = {"actor": request.user, "address": address_of(request) or None}
    with transaction.atomic():
        known = Policy.objects.filter(name=fields["name"].strip()).first()
        if known is None:
            return policy_create(**fields, **who)
        if not replace:
            raise ValidationError(
                _t("There is a policy “%(name)s” already: tick the box to replace its draft."),
                params={"name": known.name},
            )
        return policy_draft_save(policy=known, **fields, **who)
