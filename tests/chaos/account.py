"""What came of a call, in a form in which a disturbed call and an undisturbed one are the same."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import redis
import soundfile
from django.conf import settings

from conversations.events import events_after
from conversations.models import CallLedger, CallOwner, Conversation, ConversationEvent, Recording, Utterance
from conversations.recording_files import recording_read
from conversations.recordings import recording_seal
from tests.chaos.house import Call, House
from tests.peers.coded import RATE, sound


def told(call: Call) -> dict[str, Any]:
    """Utterances, events and ledger of a call that has ended, without ids, times on the wall and order of arrival.

    After an outage what is said now is heard beside what piled up, so that a later utterance may be written earlier.
    """
    kept = {"conversation": ("state", "end_reason"), "utterance": ("speaker", "start_ms", "end_ms", "text")}
    conversation = Conversation.objects.get(pk=call.ident)
    ledger = CallLedger.objects.get(conversation=call.ident)
    return {
        "state": (conversation.state, conversation.end_reason),
        "utterances": list(
            Utterance.objects.filter(conversation=call.ident)
            .order_by("start_ms", "channel_index")
            .values_list("channel_index", "speaker", "start_ms", "end_ms", "text")
        ),
        "events": sorted(
            (event["kind"], *(str(event["data"][name]) for name in kept.get(event["kind"], ())))
            for event in events_after(call.ident, 0)
        ),
        "ledger": (ledger.state, ledger.reason, ledger.gaps),
        "accounted": [ledger.received_ms, ledger.transcribed_ms, ledger.recorded_ms],
    }


def ended(call: Call) -> bool:
    """Whether the call is over and its ledger closed, which is one transaction."""
    return CallLedger.objects.filter(
        conversation=call.ident, closed_at__isnull=False, conversation__ended_at__isnull=False
    ).exists()


def assert_numbers_whole(call: Call) -> None:
    """Every event and every utterance has a number, and none is missing or given twice."""
    for model in (ConversationEvent, Utterance):
        rows = model.objects.filter(conversation=call.ident).order_by("sequence")
        numbers = list(rows.values_list("sequence", flat=True))
        assert numbers == list(range(1, len(numbers) + 1)), call.name


def assert_as_said(call: Call) -> None:
    """What the database holds of a call is what was said in it, word by word and to the millisecond."""
    rows = Utterance.objects.filter(conversation=call.ident).order_by("end_ms", "channel_index")
    found = [(row.channel_index, row.start_ms, row.end_ms, row.text) for row in rows]
    assert found == [(each.channel, each.start_ms, each.end_ms, each.text) for each in call.lines], call.name


def seal(house: House, call: Call) -> None:
    """Seal the recording as the job does, and see that it is the call's sound and that nothing else is left."""
    recording_seal(call.ident)
    recording = Recording.objects.get(conversation=call.ident)
    stored = b"".join(recording_read(recording=recording, start=0, end=recording.size_bytes))
    samples, rate = soundfile.read(io.BytesIO(stored), dtype="int16", always_2d=True)
    wanted = np.frombuffer(sound(call.lines, call.seconds), "<i2").reshape(-1, 2)
    assert rate == RATE and np.array_equal(samples, wanted), f"{call.name} sounds otherwise"
    assert CallOwner.objects.get(pk=call.ident).wrapped_key is None
    with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        assert client.keys(f"*{call.ident}*") == [], call.name
