"""Pages of sign-in, passwords and the import of people."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts import throttle
from accounts.errors import Conflict
from accounts.forms import PasswordChangeForm, PasswordResetForm, PasswordSetForm, PeopleFileForm, SignInForm
from accounts.imports import MAX_BYTES, Plan, csv_text, people_import, people_plan
from accounts.permissions import Permission
from accounts.services import audit
from tenants import keys
from tenants.scope import current_schema

IMPORT_SECONDS = 30 * 60
ROWS_SHOWN = 500


def needs(permission: Permission) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A page for signed-in people whose role allows this: others get 403, and strangers the sign-in page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.may(permission):  # type: ignore[union-attr]
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return login_required(guarded)

    return decorate


# Names of pages that a pop-up leads to once its person is signed in, by the rooms that have them.
popup_pages: set[str] = set()


def keeps_opener(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """For pages of a pop-up: they keep their tie to the window that opened it, which every other page of ours cuts.

    Outermost, since the way to the sign-in page would cut it as well.
    """

    @wraps(view)
    def tied(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Cross-Origin-Opener-Policy"] = "unsafe-none"
        return response

    return tied


class SignIn(auth_views.LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = super().dispatch
        after = urlsplit(self.get_redirect_url()).path
        in_popup = any(after == reverse(name) for name in popup_pages) if after else False
        return (
            keeps_opener(answer)(request, *args, **kwargs) if in_popup else answer(request, *args, **kwargs)
        )

    def form_valid(self, form: SignInForm) -> HttpResponse:
        response = super().form_valid(form)
        audit(
            actor=form.get_user(),
            action="user.sign_in",
            thing=form.get_user(),
            address=throttle.address_of(self.request) or None,
        )
        return response

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 429 if form.blocked else 200
        return response


class PasswordChange(auth_views.PasswordChangeView):
    template_name = "accounts/password_change.html"
    form_class = PasswordChangeForm
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        audit(actor=form.user, action="user.password_change", thing=form.user)
        messages.success(self.request, _("Your password is changed. Other devices are signed out."))
        return response


class PasswordReset(auth_views.PasswordResetView):
    """Says the same whether or not somebody has this address."""

    template_name = "accounts/password_reset.html"
    form_class = PasswordResetForm
    email_template_name = "accounts/mail/password_reset.txt"
    subject_template_name = "accounts/mail/password_reset_subject.txt"
    success_url = reverse_lazy("password-reset-sent")

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        address, place = form.cleaned_data["email"], throttle.address_of(self.request)
        if throttle.seconds_left(throttle.RESET, address=address, place=place):
            # Enough mail has gone there; saying so would tell that the address exists.
            return HttpResponseRedirect(str(self.success_url))
        throttle.note(throttle.RESET, address=address, place=place)
        self.extra_email_context = {"company": getattr(self.request, "tenant", None)}
        return super().form_valid(form)


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    template_name = "accounts/password_set.html"
    form_class = PasswordSetForm
    success_url = reverse_lazy("sign-in")
    title = gettext_lazy("Set your password")

    def form_valid(self, form: PasswordSetForm) -> HttpResponse:
        response = super().form_valid(form)
        audit(actor=form.user, action="user.password_set", thing=form.user)
        messages.success(self.request, _("Your password is set. Sign in with it."))
        return response


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Lead a person to the page that they work on."""
    first = [
        (Permission.DESK_WORK, "desk"),
        (Permission.FLOOR_WATCH, "floor"),
        (Permission.CONVERSATION_READ_OWN, "conversations"),
        (Permission.PLATFORM_OPERATE, "admin:index"),
    ]
    for permission, page in first:
        if request.user.may(permission):  # type: ignore[union-attr]
            return redirect(page)
    raise PermissionDenied


def _bound(token: str) -> str:
    return f"people-import:{token}"


def _held(request: HttpRequest, token: str) -> str:
    """The cache key of an uploaded file between its two steps: of this person, in this company."""
    return f"people-import:{request.user.pk}:{token[:64]}"


@needs(Permission.PEOPLE_IMPORT)
@require_http_methods(["GET", "POST"])
def people_import_page(request: HttpRequest) -> HttpResponse:
    """Upload a CSV file, look at what it would change, apply it."""
    if request.method == "POST" and "token" in request.POST:
        return _import_apply(request, request.POST["token"])
    form = PeopleFileForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/people_import.html", {"form": form})
    upload = form.cleaned_data["file"]
    try:
        # One byte more than allowed is enough to know that it is too long.
        text = csv_text(upload.read(MAX_BYTES + 1))
        plan = people_plan(text=text, actor=request.user)  # type: ignore[arg-type]
    except ValidationError as error:
        form.add_error("file", error)
        return render(request, "accounts/people_import.html", {"form": form}, status=422)
    token = secrets.token_urlsafe(16)
    if plan.changes and not plan.errors:
        # Sealed: it may be the wrong file, and what lies in a cache is on a disk sooner or later.
        sealed = keys.wrap(current_schema(), text.encode(), bound_to=_bound(token))
        cache.set(_held(request, token), sealed, timeout=IMPORT_SECONDS)
    return render(
        request,
        "accounts/people_import.html",
        _preview(plan) | {"form": form, "token": token, "file": upload.name},
    )


def _preview(plan: Plan) -> dict[str, Any]:
    """What a person wants to see first: errors, then what changes; what stays as it is shows as a number."""
    order = {"error": 0, "create": 1, "update": 2}
    rows = sorted(
        (row for row in plan.rows if row.outcome != "unchanged"),
        key=lambda row: (order[row.outcome], row.line),
    )
    return {"plan": plan, "rows": rows[:ROWS_SHOWN], "more": max(0, len(rows) - ROWS_SHOWN)}


def _import_apply(request: HttpRequest, token: str) -> HttpResponse:
    sealed = cache.get(_held(request, token))
    if sealed is None:
        messages.error(request, _("This file is no longer held here. Choose it again."))
        return redirect("people-import")
    text = keys.unwrap(current_schema(), *sealed, bound_to=_bound(token)).decode()
    try:
        plan = people_import(
            text=text,
            actor=request.user,  # type: ignore[arg-type]
            address=throttle.address_of(request) or None,
        )
    except (Conflict, ValidationError) as error:
        message = str(error) if isinstance(error, Conflict) else "; ".join(error.messages)
        messages.error(request, message)
        return redirect("people-import")
    cache.delete(_held(request, token))
    created, updated = plan.totals["create"], plan.totals["update"]
    messages.success(
        request,
        "{} {}".format(
            ngettext("%d person added.", "%d people added.", created) % created,
            ngettext("%d person changed.", "%d people changed.", updated) % updated,
        ),
    )
    return redirect("people-import")
