"""Evidence of guidance and alerts moves with the words when some of an utterance are hidden later."""

from __future__ import annotations

from coaching.models import Alert, Guidance
from conversations.hiding import WordsHidden


def evidence_move(change: WordsHidden) -> None:
    """Runs in the transaction that hides the words."""
    for model in (Guidance, Alert):
        for row in model.objects.filter(conversation=change.conversation_id):
            moved = change.moved_evidence(row.evidence)
            if moved != row.evidence:
                row.evidence = moved
                row.save(update_fields=["evidence"])
