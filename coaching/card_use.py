"""What agents do with a passage on their screen is noted as use of the passage, where knowledge is looked after."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from coaching.models import Guidance
from knowledge.models import Document, KnowledgeQuestion, PassageUse
from knowledge.usage.noting import Passage, use_note, use_take_back

Kind = PassageUse.Kind
_NOTED = {"seen": Kind.SHOWN, "accept": Kind.HELPFUL, "wrong": Kind.WRONG}
_NEEDED = {"document", "version", "start", "end"}


def card_answered(guidance: Guidance, user: User, action: str) -> None:
    """Note it: painted, helpful, wrong, or taken back. Nothing for other guidance, or once its document is gone."""
    payload = guidance.payload
    if guidance.kind != Guidance.Kind.KNOWLEDGE or not payload.keys() >= _NEEDED:
        return
    if action not in {*_NOTED, "undo"} or not Document.objects.filter(pk=payload["document"]).exists():
        return
    passage = Passage(UUID(payload["document"]), payload["version"], payload["start"], payload["end"])
    asked = payload.get("question")
    if asked and not KnowledgeQuestion.objects.filter(pk=asked).exists():
        asked = None
    question_id = UUID(asked) if asked else None
    if action == "undo":
        use_take_back(
            passage=passage, person=user, question_id=question_id, conversation_id=guidance.conversation_id
        )
        return
    use_note(
        passage=passage,
        kind=_NOTED[action],
        person=user,
        question_id=question_id,
        conversation_id=guidance.conversation_id,
    )
