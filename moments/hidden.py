"""Marks of moments move with the words when some of an utterance are hidden later."""

from __future__ import annotations

from conversations.hiding import WordsHidden
from moments.models import MomentOccurrence


def marks_move(change: WordsHidden) -> None:
    """Runs in the transaction that hides the words."""
    for row in MomentOccurrence.objects.filter(utterance=change.utterance_id, start__isnull=False):
        if row.start is not None and row.end is not None:
            if row.start < change.end and row.end > change.start:
                # Which name it was is what is hidden.
                row.names = []
            row.start, row.end = change.moved(row.start, row.end)
            row.save(update_fields=["start", "end", "names"])
