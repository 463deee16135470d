"""The page that shows whether anything was lost."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.permissions import Permission
from accounts.views import needs
from conversations.completeness import PERIODS, completeness


def cause_words(cause: str) -> str:
    """A reason or cause in plain words; what a vendor named stays as it is."""
    known = {
        "stop": _("ended as it should"),
        "no_stop": _("the line broke and nobody came back"),
        "speech_failed": _("speech recognition failed"),
        "failed": _("failed here too often"),
        "audio_lost": _("its audio was lost"),
        "audio lost": _("lost in the buffer"),
        "not transcribed": _("not transcribed"),
        "hold": _("on hold"),
        "ivr": _("in a menu"),
        "queue": _("waiting in a queue"),
        "ringing": _("ringing"),
        "no consent": _("no consent"),
        "no_key": _("no valid key"),
        "not_allowed": _("not allowed"),
        "bad_signature": _("wrong signature"),
        "unknown_account": _("unknown account"),
        "call_in_use": _("the call id was in use"),
        "call_used_before": _("the call id was used before"),
        "out_of_order": _("messages out of order"),
        "clock_jump": _("the clock jumped"),
        "too_fast": _("faster than real time"),
        "bad_message": _("not the protocol"),
        "unknown_format": _("audio of another kind"),
        "try_again": _("storage was away"),
        "line_broken": _("the line broke"),
        "client_error": _("telephony gave up after an error"),
    }
    return known.get(cause, cause.replace("_", " "))


@needs(Permission.REPORT_READ)
@require_safe
def completeness_page(request: HttpRequest) -> HttpResponse:
    """Announced, received, transcribed, recorded; what is missing, and why."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(period) for period in PERIODS} else PERIODS[0]
    found = completeness(days=days)
    context = {
        "periods": PERIODS,
        "days": days,
        "found": found,
        "reasons": [(row, cause_words(row.reason)) for row in found.reasons],
        "gaps": [(row, cause_words(row.cause)) for row in found.gaps],
        "troubles": [
            (row, cause_words(row.reason), ", ".join(cause_words(cause) for cause in row.causes))
            for row in found.troubles
        ],
    }
    return render(request, "conversations/completeness.html", context)
