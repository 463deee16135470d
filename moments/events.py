"""How a moment is shown to whoever follows a conversation."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from conversations.events import register
from moments.models import MomentOccurrence


def _rows() -> QuerySet[MomentOccurrence]:
    return MomentOccurrence.objects.select_related("revision").order_by("at_ms", "id")


def _render(row: MomentOccurrence) -> dict[str, Any]:
    searched = row.searched_from_ms is not None and row.searched_to_ms is not None
    return {
        "id": str(row.pk),
        "key": row.revision.spec["key"],
        "name": row.revision.spec["name"],
        "utterance": str(row.utterance_id) if row.utterance_id else None,
        "start": row.start,
        "end": row.end,
        "searched": [row.searched_from_ms, row.searched_to_ms] if searched else None,
        "at_ms": row.at_ms,
        "score": row.score,
        "names": row.names,
    }


def register_own() -> None:
    register("moment", rows=_rows, render=_render)
