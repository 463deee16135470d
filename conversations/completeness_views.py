"""The page that shows whether anything was lost."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import Permission
from accounts.views import needs
from conversations.completeness import PERIODS, completeness
from conversations.models import Conversation
from conversations.spoken import cause_words, source_names


@needs(Permission.REPORT_READ)
@require_safe
def completeness_page(request: HttpRequest) -> HttpResponse:
    """Announced, received, transcribed, recorded; what is missing, and why."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(period) for period in PERIODS} else PERIODS[0]
    found = completeness(days=days)
    names = source_names()
    context = {
        "periods": PERIODS,
        "days": days,
        "found": found,
        "imported_link": urlencode({"source": Conversation.IMPORTED}),
        "sources": [(row, names.get(row.source, row.source)) for row in found.sources],
        "reasons": [(row, cause_words(row.reason)) for row in found.reasons],
        "gaps": [(row, cause_words(row.cause)) for row in found.gaps],
        "troubles": [
            (
                row,
                names.get(row.source, row.source),
                cause_words(row.reason),
                ", ".join(cause_words(cause) for cause in row.causes),
            )
            for row in found.troubles
        ],
    }
    return render(request, "conversations/completeness.html", context)
