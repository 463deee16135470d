"""The page of language models: who does which task, by which words, what that took, and what is left of budgets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.permissions import Permission
from accounts.views import needs
from providers.language_figures import PERIODS, budgets_standing, figures, standings


@needs(Permission.ADMIN_CONFIGURE)
@require_safe
def models_page(request: HttpRequest) -> HttpResponse:
    """The company's language models."""
    asked = request.GET.get("days", "30")
    days = int(asked) if asked in {str(one) for one in PERIODS} else 30
    return render(
        request,
        "providers/models.html",
        {
            "standings": standings(),
            "figures": figures(days=days),
            "budgets": budgets_standing(),
            "days": days,
            "periods": PERIODS,
        },
    )
