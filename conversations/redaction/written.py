"""What was written of a conversation, read again: the summary's lines, the note, briefs of hand-overs, its metadata."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from conversations import events
from conversations.live import metadata
from conversations.models import Conversation, Handover, Note, Summary, SummaryLine
from conversations.services import event_append
from conversations.summary_case_words import summary_case_change
from engines.redaction.redactor import RedactionConfig, redact
from engines.redaction.text import RawText

_LINE = SummaryLine._meta.get_field("text").max_length or 400


def written_redact(*, conversation_id: UUID, config: RedactionConfig) -> int:
    """Hide what `config` names in it, within the caller's transaction. Returns how much that was."""
    summary_case_change(conversation_id, lambda text: _again(text, config)[0])
    return (
        _summary(conversation_id, config)
        + _note(conversation_id, config)
        + _briefs(conversation_id, config)
        + _metadata(conversation_id)
    )


def _again(text: str, config: RedactionConfig) -> tuple[str, int]:
    if not text:
        return text, 0
    done = redact(RawText(text), config)
    return (done.text, len(done.spans)) if done.text != text else (text, 0)


def _summary(conversation_id: UUID, config: RedactionConfig) -> int:
    found = 0
    for line in SummaryLine.objects.filter(summary__conversation=conversation_id):
        text, first = _again(line.text, config)
        original, second = _again(line.original, config)
        if first or second:
            line.text, line.original = text[:_LINE], original[:_LINE]
            line.save(update_fields=["text", "original"])
            found += max(first, second)
    if found:
        summary = Summary.objects.get(conversation=conversation_id)
        row = events.rows("summary").get(pk=summary.pk)
        event_append(conversation_id=conversation_id, kind="summary", row=row)
    return found


def _note(conversation_id: UUID, config: RedactionConfig) -> int:
    note = Note.objects.select_for_update(no_key=True).filter(conversation=conversation_id).first()
    if note is None:
        return 0
    text, found = _again(note.text, config)
    if found:
        note.text = text
        note.save(update_fields=["text"])
    return found


def _briefs(conversation_id: UUID, config: RedactionConfig) -> int:
    found = 0
    for handover in Handover.objects.filter(conversation=conversation_id):
        brief: list[dict[str, Any]] = []
        own = 0
        for line in handover.brief:
            text, more = _again(str(line.get("text", "")), config)
            brief.append({**line, "text": text} if more else line)
            own += more
        if own:
            handover.brief = brief
            handover.save(update_fields=["brief"])
            found += own
    return found


def _metadata(conversation_id: UUID) -> int:
    conversation = Conversation.objects.only("metadata").get(pk=conversation_id)
    clean = metadata.redacted(conversation.metadata)
    if clean == conversation.metadata:
        return 0
    Conversation.objects.filter(pk=conversation_id).update(metadata=clean)
    return 1
