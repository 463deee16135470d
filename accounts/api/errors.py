"""One error shape: `{"error": {"code", "message", "fields"?}}`, whatever went wrong."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404
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


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Unknown exceptions stay a 500 without details."""
    if isinstance(exception, Http404):
        exception = exceptions.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied()
    elif isinstance(exception, DjangoValidationError):
        detail = exception.message_dict if hasattr(exception, "error_dict") else exception.messages
        exception = exceptions.ValidationError(detail)
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
    error: dict[str, Any] = {"code": exception.default_code, "message": _message(exception.detail)}
    if isinstance(exception, exceptions.ValidationError) and isinstance(exception.detail, dict):
        error["fields"] = exception.detail
    return Response({"error": error}, status=exception.status_code, headers=headers)
