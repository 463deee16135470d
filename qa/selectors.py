"""Reads of scorecards: by which of them a conversation is judged."""

from __future__ import annotations

from uuid import UUID

from qa.models import Answer, ScorecardRevision


def scoring_revisions() -> list[ScorecardRevision]:
    """The newest revision of each scorecard in use. One query."""
    return list(
        ScorecardRevision.objects.filter(template__active=True)
        .order_by("template_id", "-number")
        .distinct("template_id")
    )


def judged_by_people(conversation_id: UUID) -> bool:
    """Whether somebody has changed what a conversation was scored."""
    answers = Answer.objects.filter(evaluation__conversation=conversation_id)
    return answers.filter(overridden_at__isnull=False).exists()
