"""What has come of a call's audio: how far it goes, when each part reached us, and when each channel last had sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from conversations.live.buffer import CHUNK_MS
from conversations.live.lane import SOUND_RMS, loudness

# Ten minutes of chunks: no recogniser answers later than that.
KEPT = 6_000


class Arrivals:
    """Of one call. `upto_ms`: the end of the audio that has been read."""

    def __init__(self, channels: int) -> None:
        self.upto_ms = 0
        self._came: deque[tuple[int, datetime]] = deque(maxlen=KEPT)
        self._sound_ms = [0] * channels

    def add(self, end_ms: int, received_at: datetime, sides: Sequence[bytes]) -> None:
        """A chunk that ends at `end_ms`, one PCM16 buffer per channel."""
        self.upto_ms = end_ms
        self._came.append((end_ms, received_at))
        for channel, pcm in enumerate(sides):
            if loudness(pcm) > SOUND_RMS:
                self._sound_ms[channel] = end_ms

    def quiet_ms(self, roles: Sequence[str]) -> dict[str, int]:
        """For how long each channel has been without sound."""
        return {role: self.upto_ms - sound_ms for role, sound_ms in zip(roles, self._sound_ms, strict=True)}

    def arrival(self, at_ms: int) -> datetime:
        """When the audio that holds `at_ms` reached us."""
        for end_ms, received_at in reversed(self._came):
            if end_ms - CHUNK_MS <= at_ms:
                return received_at + timedelta(milliseconds=min(0, at_ms - end_ms))
        return datetime.now(UTC)
