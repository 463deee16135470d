"""What becomes of clips when words are hidden later, and when their conversation is no longer kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from coaching.models import Clip, ClipComment
from coaching.models.clips import COMMENT_LENGTH, NOTE_LENGTH, TITLE_LENGTH
from conversations.hiding import WordsHidden
from conversations.models import Utterance


def written_hide(change: WordsHidden) -> None:
    """Take words that were hidden out of what people wrote about clips. In the transaction that hides them."""
    if change.said is None:
        return
    for clip in Clip.objects.filter(conversation=change.conversation_id):
        title, note = change.without(clip.title)[:TITLE_LENGTH], change.without(clip.note)[:NOTE_LENGTH]
        if (title, note) != (clip.title, clip.note):
            clip.title, clip.note = title, note
            clip.save(update_fields=["title", "note"])
    for comment in ClipComment.objects.filter(clip__conversation=change.conversation_id):
        text = change.without(comment.text)[:COMMENT_LENGTH]
        if text != comment.text:
            comment.text = text
            comment.save(update_fields=["text"])


def clips_end(conversation_id: UUID) -> None:
    """Clips go with the words of their conversation: what was written about them goes, and the row says so."""
    _end(Q(conversation=conversation_id))


def clips_of_lines_end(conversation_id: UUID, utterances: Collection[UUID]) -> None:
    """Clips of which an utterance's words go, go with them: what was written about them may quote those."""
    lines = Utterance.objects.filter(pk__in=utterances, start_ms__lte=OuterRef("end_ms"))
    _end(Q(Exists(lines.filter(end_ms__gte=OuterRef("start_ms"))), conversation=conversation_id))


def _end(which: Q) -> int:
    with transaction.atomic():
        # Taken in one order, so that two who end the same clips do not wait for each other.
        found = (
            Clip.objects.select_for_update(of=("self",)).filter(which, state=Clip.State.KEPT).order_by("pk")
        )
        keys = list(found.values_list("pk", flat=True))
        ClipComment.objects.filter(clip__in=keys).delete()
        return Clip.objects.filter(pk__in=keys).update(
            title="", note="", skill="", state=Clip.State.GONE, gone_at=timezone.now()
        )


def clips_tidy(before: datetime, kept: Collection[UUID]) -> int:
    """Remove the rows of clips that went before that time. Returns how many.

    A clip that was made in the moment in which its conversation went is ended first.
    """
    _end(Q(conversation__isnull=True) | Q(conversation__words_erased_at__isnull=False))
    return Clip.objects.filter(state=Clip.State.GONE, gone_at__lt=before).delete()[1].get(Clip._meta.label, 0)


def clips_made(conversation_id: UUID) -> bool:
    """Whether somebody has made a clip of it: no other try can bring that back."""
    return Clip.objects.filter(conversation=conversation_id).exists()
