"""Reads of scorecards: by which of them a conversation is judged."""

from __future__ import annotations

from qa.models import ScorecardRevision


def scoring_revisions() -> list[ScorecardRevision]:
    """The newest revision of each scorecard in use. One query."""
    return list(
        ScorecardRevision.objects.filter(template__active=True)
        .order_by("template_id", "-number")
        .distinct("template_id")
    )
