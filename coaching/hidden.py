"""What guidance does when words are hidden later, or erased: evidence moves with them, and what may quote them goes."""

from __future__ import annotations

from uuid import UUID

from coaching.models import Alert, BehaviourOutcome, Guidance, SuggestedReply
from conversations.hiding import WordsHidden


def evidence_move(change: WordsHidden) -> None:
    """Runs in the transaction that hides the words."""
    quotes_remove(change.conversation_id)
    for model in (Guidance, Alert):
        for row in model.objects.filter(conversation=change.conversation_id):
            moved = change.moved_evidence(row.evidence)
            if moved != row.evidence:
                row.evidence = moved
                row.save(update_fields=["evidence"])
    for outcome in BehaviourOutcome.objects.filter(conversation=change.conversation_id):
        fields = {name: change.moved_evidence(getattr(outcome, name)) for name in ("situation", "evidence")}
        if any(getattr(outcome, name) != moved for name, moved in fields.items()):
            BehaviourOutcome.objects.filter(pk=outcome.pk).update(**fields)


def quotes_remove(conversation_id: UUID) -> None:
    """A chat model may have repeated what it was given; what else was suggested are the company's own words."""
    model = SuggestedReply.Source.MODEL
    SuggestedReply.objects.filter(conversation=conversation_id, source=model).delete()
