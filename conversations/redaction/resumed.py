"""The redactor of a conversation that goes on elsewhere: from its stored state, or from its stored turns.

A state of another version of ours cannot be read. What was said is stored, with placeholders where something was
hidden: a new redactor is told all of it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog

from conversations.models import Utterance
from engines.redaction.redactor import RedactionConfig
from engines.redaction.stream import StreamRedactor

log = structlog.get_logger(__name__)


def redactor_resumed(
    state: Mapping[str, Any] | None, config: RedactionConfig, conversation_id: UUID, *, turn_ms: int = 0
) -> StreamRedactor:
    """Go on from `state`; without one begin. One query where the state is of another version.

    `turn_ms`: how long each turn takes by the redactor's clock, where that is not the call's own. Raises `ValueError`
    for a state of this version that is none.
    """
    if not state:
        return StreamRedactor(config)
    if StreamRedactor.reads(state):
        return StreamRedactor.restore(state, config)
    log.warning("redaction.retold", conversation=str(conversation_id))
    rows = Utterance.objects.filter(conversation=conversation_id).order_by("sequence")
    turns = rows.values_list("sequence", "speaker", "text", "start_ms", "end_ms")
    return StreamRedactor.retold(
        (
            (speaker, text, *((number * turn_ms, number * turn_ms) if turn_ms else (start_ms, end_ms)))
            for number, speaker, text, start_ms, end_ms in turns
        ),
        config,
    )
