"""The page of what became of summaries, and the button that takes one into the evaluation set."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from accounts.views import needs
from conversations.access import conversation_for
from conversations.models import Summary
from conversations.summary_cases import summary_case_make
from conversations.summary_figures import PERIODS, summary_figures


@needs(Permission.REPORT_READ)
@require_safe
def figures_page(request: HttpRequest) -> HttpResponse:
    """Lines accepted, edits, what nothing bore out, and moments covered, by template and way."""
    asked = request.GET.get("days", "30")
    days = int(asked) if asked in {str(one) for one in PERIODS} else 30
    user = cast(User, request.user)
    return render(
        request,
        "conversations/summary_figures.html",
        {
            "figures": summary_figures(user=user, days=days),
            "days": days,
            "periods": PERIODS,
            "may_configure": user.may(Permission.ADMIN_CONFIGURE),
        },
    )


@needs(Permission.EVALUATION_OVERRIDE)
@require_POST
def case_make(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Take a conversation's confirmed summary into the evaluation set, as a draft."""
    user = cast(User, request.user)
    conversation = conversation_for(user, conversation_id)
    rows = Summary.objects.select_related("template", "conversation").prefetch_related("lines")
    try:
        summary_case_make(summary=get_object_or_404(rows, conversation=conversation), actor=user)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is in the evaluation set, as a draft that an admin takes into use."))
    return redirect("conversation", conversation_id=conversation_id)
