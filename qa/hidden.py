"""Evidence of answers moves with the words when some of an utterance are hidden later."""

from __future__ import annotations

from conversations.hiding import WordsHidden
from qa.models import Answer


def evidence_move(change: WordsHidden) -> None:
    """Runs in the transaction that hides the words. A model's own sentence may have said them, too: it goes."""
    Answer.objects.filter(evaluation__conversation=change.conversation_id).exclude(reason="").update(
        reason=""
    )
    for row in Answer.objects.filter(evaluation__conversation=change.conversation_id):
        moved = change.moved_evidence(row.evidence)
        if moved != row.evidence:
            row.evidence = moved
            row.save(update_fields=["evidence"])
