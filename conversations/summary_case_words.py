"""The words of a conversation that an evaluation case holds: they change, and go, with those of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from conversations.models import SummaryCase
from engines.language.summary.grading import SECTIONS
from providers.models import EvaluationCase


def summary_case_drop(conversation_id: UUID) -> None:
    """Take the case of a conversation whose words go away, within the caller's transaction."""
    EvaluationCase.objects.filter(summary_case__conversation=conversation_id).delete()


def summary_case_change(conversation_id: UUID, change: Callable[[str], str]) -> None:
    """Change the words of a conversation's case as they were changed where they live, within the same transaction."""
    row = SummaryCase.objects.select_related("case").filter(conversation=conversation_id).first()
    if row is None:
        return
    case = row.case
    turns = change(str(case.variables["turns"]))
    sections = {
        key: [change(text) for text in texts] for key, texts in case.expectation.get(SECTIONS, {}).items()
    }
    if turns != case.variables["turns"] or sections != case.expectation.get(SECTIONS):
        case.variables = {**case.variables, "turns": turns}
        case.expectation = {**case.expectation, SECTIONS: sections}
        case.save(update_fields=["variables", "expectation"])
