"""One error shape: `{"error": {"code", "message", "fields"?}}`, whatever went wrong."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.errors import Conflict


def _message(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(_message(value) for value in detail.values())
    if isinstance(detail, list):
        return "; ".join(_message(value) for value in detail)
    return str(detail)


def _without_values(detail: Any) -> Any:
    """The same errors, none of which quotes what was sent: it may be a customer's, and answers end in logs."""
    if isinstance(detail, dict):
        return {name: _without_values(value) for name, value in detail.items()}
    if isinstance(detail, list):
        return [_without_values(value) for value in detail]
    if getattr(detail, "code", "") == "invalid_choice":
        return exceptions.ErrorDetail(_("This is not one of the choices."), code=detail.code)
    return detail


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Unknown exceptions stay a 500 without details."""
    if isinstance(exception, Http404):
        exception = exceptions.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied()
    elif isinstance(exception, DjangoValidationError):
        detail = exception.message_dict if hasattr(exception, "error_dict") else exception.messages
        exception = exceptions.ValidationError(detail)
    elif isinstance(exception, RequestDataTooBig):
        return Response(
            {"error": {"code": "too_large", "message": _("What was sent is too large.")}}, status=413
        )
    elif isinstance(exception, Conflict):
        set_rollback()
        return Response({"error": {"code": "conflict", "message": str(exception)}}, status=409)
    if not isinstance(exception, exceptions.APIException):
        return None
    set_rollback()
    headers = {}
    # Set by DRF on the exceptions that carry them, and declared on none.
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if seconds := getattr(exception, "wait", None):
        headers["Retry-After"] = str(int(seconds))
    detail = _without_values(exception.detail)
    error: dict[str, Any] = {"code": exception.default_code, "message": _message(detail)}
    if isinstance(exception, exceptions.ValidationError) and isinstance(detail, dict):
        error["fields"] = detail
    return Response({"error": error}, status=exception.status_code, headers=headers)
