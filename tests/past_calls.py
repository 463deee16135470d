"""Past calls with all that is made of one, for tests of the pages and the API that look back."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from conversations.models import CallLedger, Conversation, Recording, Summary
from conversations.sealed_files import seal_blocks
from qa.models import Answer, Criterion, Evaluation, ScorecardTemplate
from qa.scoring import conversation_score
from qa.services import evaluation_release, scorecard_publish
from tenants import keys, names
from tests.live_events import alert, call_begin, call_end, customer_make, hint, moment, say

SCRIPT = "<script>alert('x')</script>"


@dataclass
class Past:
    """A call in which a customer threatened to cancel, with one row of each kind."""

    conversation: Conversation
    said: list[Any]
    moment: Any
    hint: Any
    alert: Any
    summary: Summary
    score: Evaluation
    answer: Answer


def past_call(*, agent: Any, queue: Any = None, customer: str = "C-1001", **fields: Any) -> Past:
    """Make one, in the current schema. An utterance holds markup, and one a redaction."""
    call = call_begin(
        agent, ago_seconds=60, queue=queue, customer=customer_make(customer, "Helen Marsh"), **fields
    )
    said = [
        say(call, "agent", "Good morning, you are through to Billing.", 0),
        say(call, "customer", f"My bill is wrong {SCRIPT} and I want to cancel my account.", 5_000),
        say(call, "agent", "I can offer you a discount, and I will refund the second payment today.", 10_000),
        say(call, "customer", "My card is [CREDIT_CARD], thank you, that is all.", 15_000),
    ]
    heard = moment(call, said[1], "want to cancel")
    shown = hint(
        call, "Offer to stay", said=said[1], words="want to cancel", say="I can offer you something."
    )
    template = ScorecardTemplate.objects.filter(name="Service call").first()
    if template is None:
        template = ScorecardTemplate.objects.create(name="Service call")
        for position, question in enumerate(("Was there a threat?", "Was it polite?")):
            Criterion.objects.create(
                template=template,
                section="Solving",
                position=position,
                question=question,
                weight=10,
                moment=heard.definition,
                expect="present" if position == 0 else "absent",
            )
        scorecard_publish(template=template, actor=None)
    call_end(call)
    # Afterwards, so that it is open: what is open when a call ends is closed with it.
    raised = alert(call, "Customer threatens to cancel", said=said[1], words="want to cancel")
    conversation_score(conversation_id=call.pk)
    call.refresh_from_db()
    score = evaluation_release(evaluation=call.evaluations.get(), user=None)
    return Past(call, said, heard, shown, raised, call.summary, score, score.answers.first())


def recording_make(conversation: Conversation, *, seconds: int = 20) -> tuple[Recording, bytes]:
    """Seal a recording of two tones, as the live way seals one. Returns it with its plain FLAC bytes."""
    at = np.arange(8000 * seconds) / 8000
    sides = np.stack([np.sin(2 * np.pi * 440 * at), np.sin(2 * np.pi * 660 * at)], axis=1)
    # Noise does not compress, so that the file takes several blocks.
    sides = sides * 0.3 + np.random.default_rng(1).normal(0, 0.1, sides.shape)
    flac = io.BytesIO()
    soundfile.write(flac, (sides * 20_000).astype("int16"), 8000, format="FLAC")
    data = flac.getvalue()
    schema, key = connection.schema_name, keys.new_key()
    recording = Recording(
        conversation=conversation,
        sample_rate=8000,
        channels=2,
        duration_ms=seconds * 1000,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        redacted_intervals=[[1, 15_500, 17_000]],
        peaks=[[30] * seconds * 10, [40] * seconds * 10],
    )
    recording.wrapped_key, recording.key_version = keys.wrap(
        schema, key, bound_to=f"recording:{recording.pk}"
    )
    path = names.storage_path(schema, "recordings", f"{recording.pk}.flac.sealed")
    recording.storage_key = default_storage.save(
        path, ContentFile(seal_blocks(key, data, bound_to=str(recording.pk)))
    )
    recording.save()
    CallLedger.objects.create(
        conversation=conversation,
        source="native",
        announced_at=conversation.announced_at,
        state=CallLedger.State.INCOMPLETE,
        reason="no_stop",
        received_ms=[seconds * 1000, seconds * 1000],
        transcribed_ms=[seconds * 1000, seconds * 1000 - 500],
        recorded_ms=[seconds * 1000, seconds * 1000],
        gaps=[{"channel": 1, "from_ms": 8_000, "to_ms": 8_500, "cause": "line"}],
    )
    return recording, data
