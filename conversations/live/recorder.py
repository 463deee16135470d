"""The recording of a live call, segment by segment: what was heard and judged is beeped, sealed and stored.

A segment ends a little before the point that every channel has been heard up to, because the beep of an utterance
may begin before it. Which segments count is part of the committed engine state, so what a superseded worker still
stores is simply never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from engines.speech.audio import beep
from tenants import keys, names

SEGMENT_MS = 10_000
# Speech recognition may hear a word begin late; the margin of a beep reaches back further than this never does.
HOLD_BACK_MS = 500


@dataclass(frozen=True)
class Segment:
    """A stretch of audio ready to be stored: interleaved PCM16."""

    start_ms: int
    end_ms: int
    pcm: bytes


def segment_path(schema: str, conversation_id: UUID, start_ms: int, epoch: int) -> str:
    return names.storage_path(schema, "segments", conversation_id, f"{start_ms}-{epoch}.pcm")


def segment_store(*, schema: str, conversation_id: UUID, epoch: int, key: bytes, segment: Segment) -> None:
    """Seal and store a segment; storing it again replaces it. No transaction is open meanwhile."""
    path = segment_path(schema, conversation_id, segment.start_ms, epoch)
    if default_storage.exists(path):
        default_storage.delete(path)
    default_storage.save(path, ContentFile(keys.seal(key, segment.pcm, bound_to=path)))


class Recorder:
    """Holds the decoded audio that is not stored yet. Begins at `recorded_ms` of the call."""

    def __init__(
        self, *, sample_rate: int, channels: int, recorded_ms: int, state: dict[str, Any] | None
    ) -> None:
        self._rate = sample_rate
        self._start_ms = recorded_ms
        self._pcm = [bytearray() for _ in range(channels)]
        state = state or {}
        self._segments: list[list[int]] = list(state.get("segments", []))
        self._beeps: list[list[int]] = list(state.get("beeps", []))

    @property
    def recorded_ms(self) -> int:
        return self._start_ms

    def add(self, start_ms: int, pcm: list[bytes]) -> None:
        """Take a chunk's channels. Audio before the recorded point (a replay) is passed over."""
        if start_ms < self._start_ms:
            return
        for held, new in zip(self._pcm, pcm, strict=True):
            held += new

    def hide(self, channel: int, intervals: tuple[tuple[int, int], ...]) -> None:
        """Remember stretches to beep, in call time."""
        self._beeps += [[channel, start, end] for start, end in intervals]

    def take(self, upto_ms: int, epoch: int, *, all_of_it: bool = False) -> Segment | None:
        """Cut the next segment off, if enough has been heard, and count it as recorded."""
        end_ms = upto_ms if all_of_it else upto_ms - HOLD_BACK_MS
        held_ms = len(self._pcm[0]) * 1000 // (self._rate * 2)
        end_ms = min(end_ms, self._start_ms + held_ms)
        if end_ms <= self._start_ms or (not all_of_it and end_ms - self._start_ms < SEGMENT_MS):
            return None
        size = self._bytes(end_ms - self._start_ms)
        if all_of_it:
            size = len(self._pcm[0])  # the last chunk may end within a millisecond
        sides = []
        for channel, held in enumerate(self._pcm):
            stretches = [
                (max(0, start - self._start_ms), min(end, end_ms) - self._start_ms)
                for side, start, end in self._beeps
                if side == channel and end > self._start_ms and start < end_ms
            ]
            sides.append(np.frombuffer(beep(bytes(held[:size]), self._rate, stretches), dtype="<i2"))
            del held[:size]
        segment = Segment(self._start_ms, end_ms, np.column_stack(sides).tobytes())
        self._segments.append([segment.start_ms, segment.end_ms, epoch])
        self._start_ms = end_ms
        return segment

    def state(self) -> dict[str, Any]:
        # Copies: a commit writes it in another thread, while the next segment is being cut here.
        return {"segments": list(self._segments), "beeps": list(self._beeps)}

    def _bytes(self, ms: int) -> int:
        return ms * self._rate // 1000 * 2
