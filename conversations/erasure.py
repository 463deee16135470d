"""Taking away what may not be kept any more: the sound of a conversation, or all that was said in it.

What remains says that there was a conversation, when and with whom, and that its words are gone. Judgements stay: they
point at utterances, which keep their times and lose their words. Each may run again and then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from conversations import events
from conversations.models import (
    Handover,
    LabelledSpan,
    Note,
    Redaction,
    Summary,
    SummaryLine,
    Utterance,
)
from conversations.recordings import recording_remove
from conversations.services import conversation_lock, event_append
from conversations.summary_case_words import summary_case_drop

# Each with whether it is told, too, where the sound goes and the words stay.
_FOLLOWERS: dict[Callable[[UUID], None], bool] = {}


def follow(handler: Callable[[UUID], None], *, sound_alone: bool = True) -> None:
    """Have `handler(conversation_id)` take away what a higher room keeps of a conversation whose sound or words go.

    Without `sound_alone` not where its sound goes and its words stay. Called from an app's `ready()`. It must survive
    running twice.
    """
    _FOLLOWERS[handler] = sound_alone


# Take a conversation's id and the utterances of it whose words go.
_LINE_FOLLOWERS: list[Callable[[UUID, Collection[UUID]], None]] = []


def lines_follow(handler: Callable[[UUID, Collection[UUID]], None]) -> None:
    """Have `handler(conversation_id, utterances)` take away what quotes some utterances whose words go.

    In that transaction. Called from an app's `ready()`.
    """
    if handler not in _LINE_FOLLOWERS:
        _LINE_FOLLOWERS.append(handler)


def followers_tell(conversation_id: UUID, *, sound_alone: bool = False) -> None:
    """Have everybody who follows take away what they keep. `sound_alone`: the words stay."""
    for handler, wanted in _FOLLOWERS.items():
        if wanted or not sound_alone:
            handler(conversation_id)


def recording_erase(*, conversation_id: UUID, reason: str, actor: User | None = None) -> bool:
    """Remove a conversation's sound, stored or still in pieces. Returns whether there was any.

    Raises `RecordingBusy` where another job works on it, `StorageError` where storage does not do its part.
    """
    followers_tell(conversation_id, sound_alone=True)
    if not recording_remove(conversation_id):
        return False
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        audit(actor=actor, action="recording.erase", thing=conversation, changes={"reason": reason})
        event_append(conversation_id=conversation_id, kind="conversation", row=conversation)
    return True


def words_erase(*, conversation_id: UUID, reason: str, actor: User | None = None) -> bool:
    """Remove everything that was said or written in a conversation that has ended. Returns whether there was any."""
    followers_tell(conversation_id)
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        if conversation.words_erased_at is not None:
            return False
        Redaction.objects.filter(utterance__conversation_id=conversation_id).delete()
        Utterance.objects.filter(conversation_id=conversation_id).update(text="", words=[], sentiment=None)
        Summary.objects.filter(conversation_id=conversation_id).delete()
        summary_case_drop(conversation_id)
        Note.objects.filter(conversation_id=conversation_id).delete()
        LabelledSpan.objects.filter(conversation_id=conversation_id).delete()
        Handover.objects.filter(conversation_id=conversation_id).update(brief=[])
        conversation.words_erased_at = timezone.now()
        conversation.save(update_fields=["words_erased_at"])
        audit(actor=actor, action="words.erase", thing=conversation, changes={"reason": reason})
        event_append(conversation_id=conversation_id, kind="conversation", row=conversation)
    return True


def utterances_erase(*, conversation_id: UUID, utterances: Collection[UUID], reason: str) -> None:
    """Remove the words of some utterances of a conversation that has ended, wherever they were quoted."""
    gone = {str(each) for each in utterances}
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        for handler in _LINE_FOLLOWERS:
            handler(conversation_id, utterances)
        Redaction.objects.filter(utterance__in=utterances).delete()
        LabelledSpan.objects.filter(utterance__in=utterances).delete()
        for row in Utterance.objects.filter(pk__in=utterances).defer("search"):
            row.text, row.words, row.sentiment, row.revision = "", [], None, row.revision + 1
            row.save(update_fields=["text", "words", "sentiment", "revision"])
            event_append(conversation_id=conversation_id, kind="utterance", row=row)
        summary_case_drop(conversation_id)
        lines = SummaryLine.objects.filter(summary__conversation_id=conversation_id)
        quoting = [
            pk for pk, evidence in lines.values_list("pk", "evidence") if gone & set(map(str, evidence))
        ]
        if quoting:
            lines.filter(pk__in=quoting).delete()
            summary = events.rows("summary").get(conversation_id=conversation_id)
            event_append(conversation_id=conversation_id, kind="summary", row=summary)
        for handover in Handover.objects.filter(conversation_id=conversation_id):
            kept = [line for line in handover.brief if not gone & set(map(str, line["evidence"]))]
            if kept != handover.brief:
                Handover.objects.filter(pk=handover.pk).update(brief=kept)
        audit(
            actor=None,
            action="words.erase",
            thing=conversation,
            changes={"reason": reason, "lines": len(gone)},
        )
