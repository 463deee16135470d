"""How the live pages' requests are answered: JSON both ways, the API's error shape, words that can be shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission

View = Callable[..., HttpResponse]
BODY_MAX = 64 * 1024


def refusal(status: int, code: str, message: str) -> JsonResponse:
    """`{"error": {"code", "message"}}`, as everywhere in the API."""
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)


def answers_json(permission: Permission | None, method: str) -> Callable[[View], View]:
    """A view for the live pages: signed in (401), allowed (403), by this method (405), errors as JSON in words.

    `permission` None: for whoever brings something else that proves who they are.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if permission is not None and not isinstance(request.user, User):
                return refusal(401, "not_authenticated", _("You are signed out."))
            if request.method != method:
                return refusal(
                    405, "method_not_allowed", _("This address takes %(method)s.") % {"method": method}
                )
            try:
                if permission is not None and not request.user.may(permission):  # type: ignore[union-attr]
                    raise PermissionDenied
                return view(request, *args, **kwargs)
            except PermissionDenied:
                return refusal(403, "permission_denied", _("Your role does not allow this."))
            except Http404:
                return refusal(404, "not_found", _("There is no such thing here."))
            except Conflict as error:
                return refusal(409, "conflict", str(error))
            except ValidationError as error:
                return refusal(400, "invalid", " ".join(error.messages))

        return answering

    return decorate


def body(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object. Raises `ValidationError`."""
    if len(request.body) > BODY_MAX:
        raise ValidationError(_("That is too long."))
    try:
        content = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        raise ValidationError(_("That is not JSON.")) from None
    if not isinstance(content, dict):
        raise ValidationError(_("A request is a JSON object."))
    return content


def words(content: dict[str, Any], name: str, *, maximum: int) -> str:
    """A text field of the request, without the space around it. Raises `ValidationError`."""
    value = content.get(name)
    if not isinstance(value, str):
        raise ValidationError(_("“%(name)s” is missing."), params={"name": name})
    if len(value) > maximum:
        raise ValidationError(_("At most %(max)s characters, please."), params={"max": maximum})
    return value.strip()
