"""Taking away what may not be kept any more: the sound of a conversation, or all that was said in it.

What remains says that there was a conversation, when and with whom, and that its words are gone. Judgements stay: they
point at utterances, which keep their times and lose their words. Each may run again and then changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from conversations.models import (
    CallOwner,
    Conversation,
    Handover,
    Note,
    Redaction,
    Summary,
    Utterance,
)
from conversations.recordings import recording_remove
from conversations.services import event_append


def recording_erase(*, conversation_id: UUID, reason: str, actor: User | None = None) -> bool:
    """Remove a conversation's sound, stored or still in pieces. Returns whether there was any.

    Raises `RecordingBusy` where another job works on it, `StorageError` where storage does not do its part.
    """
    conversation = Conversation.objects.get(pk=conversation_id)
    if not recording_remove(conversation_id):
        return False
    with transaction.atomic():
        audit(actor=actor, action="recording.erase", thing=conversation, changes={"reason": reason})
        event_append(conversation_id=conversation_id, kind="conversation", row=_shown(conversation_id))
    return True


def words_erase(*, conversation_id: UUID, reason: str, actor: User | None = None) -> bool:
    """Remove everything that was said or written in a conversation that has ended. Returns whether there was any."""
    with transaction.atomic():
        # The live way takes the call's row before its conversation; the same order here, or both would wait for ever.
        CallOwner.objects.select_for_update().filter(pk=conversation_id).first()
        conversation = Conversation.objects.select_for_update(of=("self",), no_key=True).get(
            pk=conversation_id
        )
        if conversation.words_erased_at is not None:
            return False
        Redaction.objects.filter(utterance__conversation_id=conversation_id).delete()
        Utterance.objects.filter(conversation_id=conversation_id).update(text="", words=[], sentiment=None)
        Summary.objects.filter(conversation_id=conversation_id).delete()
        Note.objects.filter(conversation_id=conversation_id).delete()
        Handover.objects.filter(conversation_id=conversation_id).update(brief=[])
        conversation.words_erased_at = timezone.now()
        conversation.save(update_fields=["words_erased_at"])
        audit(actor=actor, action="words.erase", thing=conversation, changes={"reason": reason})
        event_append(conversation_id=conversation_id, kind="conversation", row=_shown(conversation_id))
    return True


def _shown(conversation_id: UUID) -> Conversation:
    return Conversation.objects.select_related("agent", "customer", "queue", "disposition").get(
        pk=conversation_id
    )
