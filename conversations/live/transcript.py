"""From what was heard to what is kept: one redacted utterance and what was taken out of it."""

from __future__ import annotations

from functools import partial

from accounts.ids import new_id
from conversations.live.rows import row_new
from conversations.live.stages import Batch
from conversations.models import Redaction, Speaker, Utterance
from conversations.redaction.kept import kept_seal
from engines.language.sentiment import score
from engines.redaction.stream import RedactedUtterance
from engines.speech.types import Hypothesis


def utterance_add(
    batch: Batch,
    *,
    sequence: int,
    speaker: str,
    channel: int,
    heard: Hypothesis,
    redacted: RedactedUtterance,
) -> Utterance:
    """Have `batch` create and announce the row of a final, with its redactions. Returns the row."""
    row = row_new(
        Utterance,
        id=new_id(),
        conversation_id=batch.conversation_id,
        sequence=sequence,
        speaker=speaker,
        channel_index=channel,
        start_ms=heard.start_ms,
        end_ms=max(heard.start_ms, heard.end_ms),
        text=redacted.redacted.text,
        words=[[word.text, word.start_ms, word.end_ms, round(word.confidence, 3)] for word in redacted.words],
        confidence=round(heard.confidence, 3),
        provider=heard.provider,
        sentiment=score(redacted.redacted.text) if speaker == Speaker.CUSTOMER else None,
    )
    batch.create(row)
    batch.event("utterance", row)
    apart = {one.span: one.words for one in redacted.apart}
    kept = []
    for span in redacted.redacted.spans:
        redaction = Redaction(
            utterance=row,
            type=span.type,
            start=span.start,
            end=span.end,
            score=span.score,
            detector=span.detector,
            reason=span.reason[:200],
        )
        batch.create(redaction)
        if span in apart:
            kept.append((redaction, apart[span]))
    if kept:
        batch.write(partial(kept_seal, kept))
    return row
