"""Recordings for tests: a pitch that must not be heard, calls with segments, finished recordings."""

from __future__ import annotations

from typing import Any

import numpy as np

from conversations.live.recorder import Segment
from conversations.live.segments import segment_store
from conversations.models import CallOwner, Recording
from conversations.recording_files import file_write, recording_pieces
from tests.live_calls import RATE, call_make
from tests.past_calls import Past

SECRET = 440.0  # the pitch of what must not be heard


def sine(seconds: float, hertz: float = SECRET, rate: int = RATE) -> np.ndarray:
    return (np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate) * 12_000).astype("<i2")


def loudness_of(pcm: np.ndarray, hertz: float, rate: int = RATE) -> float:
    """How strongly a pitch is heard, 0 to 1 of full scale."""
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(pcm)) / rate)
    return float(abs(np.dot(pcm.astype(float), turn)) * 2 / max(1, len(pcm)) / 32768)


def heard(recording: Recording) -> np.ndarray:
    return np.concatenate(list(recording_pieces(Recording.objects.get(pk=recording.pk))))


def stretch(sound: np.ndarray, channel: int, start_ms: int, end_ms: int) -> np.ndarray:
    return sound[start_ms * RATE // 1000 : end_ms * RATE // 1000, channel]


def call_recorded(seconds: int = 30, *, beeps: tuple[Any, ...] = (), segment: int = 10) -> tuple[Any, bytes]:
    """A call that has ended, its segments (the secret pitch on both sides) stored by epoch 3."""
    ident, key = call_make()
    segments = []
    schema = "northwind"
    for start in range(0, seconds, segment):
        both = np.column_stack([sine(segment), sine(segment)]).tobytes()
        part = Segment(start * 1000, (start + segment) * 1000, both, RATE, 2)
        segment_store(schema=schema, conversation_id=ident, epoch=3, key=key, segment=part)
        segments.append([part.start_ms, part.end_ms, 3])
    CallOwner.objects.filter(pk=ident).update(
        epoch=3, engine_state={"recording": {"segments": segments, "beeps": [list(one) for one in beeps]}}
    )
    return ident, key


def recorded(past: Past, seconds: int = 20, codec: str = "flac") -> Recording:
    recording = Recording(conversation=past.conversation, codec=codec, sample_rate=RATE, channels=2)
    file_write(recording, [np.column_stack([sine(seconds), sine(seconds)])])
    recording.save()
    return recording
