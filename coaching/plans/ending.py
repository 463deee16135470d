"""What becomes of notes on agendas when words are hidden later, and when those of their call are no longer kept."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from coaching.models import AgendaItem
from conversations.hiding import WordsHidden

NOTE_LENGTH = AgendaItem._meta.get_field("note").max_length or 500


def notes_hide(change: WordsHidden) -> None:
    """Take words that were hidden out of the notes on their call. In the transaction that hides them."""
    if change.said is None:
        return
    for item in AgendaItem.objects.filter(conversation=change.conversation_id).exclude(note=""):
        note = change.without(item.note)[:NOTE_LENGTH]
        if note != item.note:
            item.note = note
            item.save(update_fields=["note"])


def notes_end(conversation_id: UUID) -> None:
    """A note on a call goes with its words; that the call was on the agenda stays."""
    AgendaItem.objects.filter(conversation=conversation_id).exclude(note="").update(note="")


def notes_of_lines_end(conversation_id: UUID, utterances: Collection[UUID]) -> None:
    """Where words of some utterances go, notes on the call go: nobody can tell which of them they quote."""
    notes_end(conversation_id)
