"""The live way with real ears: pocketsphinx on the demo call and on a real two-channel telephone call."""

from __future__ import annotations

import asyncio
import difflib
import signal
from pathlib import Path

import pytest

from conversations.models import CallLedger, CallOwner, Conversation, Utterance
from engines.speech.audio import join_channels, read_audio
from tests.live_calls import call_make, call_play, wait_for, worker_process

pytestmark = [pytest.mark.unhurried, pytest.mark.timeout(400)]

DEMO = Path(__file__).resolve().parent.parent / "demo" / "calls" / "cancellation.flac"
EARS = {"SPEECH_PROVIDER": "pocketsphinx", "SPEECH_OPTIONS": "{}", "LIVE_CLAIM_IDLE_MS": "1500"}


def sound_of(path: Path, seconds: float | None = None) -> tuple[bytes, float]:
    """Interleaved PCM16 of a two-channel 8 kHz file, in whole chunks, and its length."""
    rate, sides = read_audio(path)
    assert rate == 8000 and len(sides) == 2
    chunks = min(len(sides[0]) // 1600, round(seconds * 10) if seconds else 1 << 30)
    return join_channels([side[: chunks * 1600] for side in sides]), chunks / 10


def ended(ident):
    return Conversation.objects.filter(pk=ident, ended_at__isnull=False).first()


def words(ident, channel):
    rows = Utterance.objects.filter(conversation=ident, channel_index=channel)
    return [word for row in rows for word in row.text.split()]


def assert_nothing_doubled(ident):
    for channel in (0, 1):
        reached = 0
        for row in Utterance.objects.filter(conversation=ident, channel_index=channel).order_by("start_ms"):
            assert row.start_ms >= reached - 250
            reached = row.end_ms


def test_no_speech_is_missing_or_doubled_when_the_worker_is_killed(committed, tmp_path):
    company, log = committed.northwind, tmp_path / "log"
    sound, seconds = sound_of(DEMO, 31)
    with company.scope():
        with worker_process(tmp_path / "none", log, **EARS) as victim:
            calm, key = call_make(company.people["agent"])
            asyncio.run(call_play(company.schema, calm, key, seconds=seconds, sound=sound))
            wait_for(lambda: ended(calm), seconds=240, what="the end of the undisturbed call")
            ident, key = call_make(company.people["agent"])
            asyncio.run(call_play(company.schema, ident, key, seconds=seconds, sound=sound))
            wait_for(
                lambda: Utterance.objects.filter(conversation=ident).count() >= 2,
                seconds=240,
                what="two utterances",
            )
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        with worker_process(tmp_path / "none", log, **EARS):
            wait_for(lambda: ended(ident), seconds=240, what="the end of the disturbed call")
        assert CallOwner.objects.get(pk=ident).epoch == 2
        assert_nothing_doubled(ident)
        length = round(seconds * 1000)
        assert CallLedger.objects.get(conversation=ident).transcribed_ms == [length, length]
        for channel in (0, 1):
            ratio = difflib.SequenceMatcher(None, words(calm, channel), words(ident, channel)).ratio()
            assert ratio > 0.85, f"channel {channel}: {ratio:.2f}"


def test_a_real_telephone_call_goes_the_whole_way(committed, tmp_path, shared_data):
    company = committed.northwind
    path = shared_data / "dev" / "audio" / "calls" / "lca_auto_repairs_49.stereo.flac"
    sound, seconds = sound_of(path, 30)
    assert seconds == 30
    with company.scope(), worker_process(tmp_path / "none", tmp_path / "log", **EARS):
        ident, key = call_make(company.people["agent"])
        asyncio.run(call_play(company.schema, ident, key, seconds=seconds, sound=sound))
        conversation = wait_for(lambda: ended(ident), seconds=330, what="the end of the call")
        assert (conversation.state, conversation.end_reason) == ("wrap_up", "stop")
        ledger = CallLedger.objects.get(conversation=ident)
        length = round(seconds * 1000)
        assert ledger.received_ms == ledger.transcribed_ms == ledger.recorded_ms == [length, length]
        assert ledger.gaps == []
        assert_nothing_doubled(ident)
        assert {row.speaker for row in Utterance.objects.filter(conversation=ident)} == {"agent", "customer"}
