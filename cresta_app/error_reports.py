"""What Django's own report of an error may hold: where it happened, and no values.

Django makes such a report for its page in DEBUG, and for mails to admins, which `logs` does not send. Variables of the
code and posted fields may be what a customer said; their kinds are enough to find the error by.
"""

from __future__ import annotations

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from cresta_app.log_redaction import message_scrubbed

HIDDEN = "[HIDDEN]"


class NoValues(SafeExceptionReporterFilter):
    """Names and kinds, in DEBUG as well."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, HIDDEN)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return {name: f"<{type(value).__name__}>" for name, value in tb_frame.f_locals.items()}.items()


class WithoutRows(ExceptionReporter):
    """A report whose message is told as the log tells one: scrubbed, and without the row that it quotes."""

    def get_traceback_data(self) -> dict[str, Any]:
        data: dict[str, Any] = super().get_traceback_data()
        for name in ("exception_value", "exception_notes"):
            if name in data:
                data[name] = message_scrubbed(data[name])
        data["unicode_hint"] = ""
        return data
