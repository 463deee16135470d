"""What has come of a call's audio: how far it goes, when each part reached us, and when each channel last had sound."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from conversations.live.buffer import CHUNK_MS
from conversations.live.lane import SOUND_RMS, loudness

# Five minutes of chunks, at least: who answers later than that has a lane of its own. In arrays, because a worker has
# many calls, and an object a chunk would make each of them grow with its length: 8 bytes a chunk, 28 kB a call at most.
KEPT = 3_000
FORGOTTEN_AT_ONCE = 500


class Arrivals:
    """Of one call. `upto_ms`: the end of the audio that has been read."""

    def __init__(self, channels: int) -> None:
        self.upto_ms = 0
        # Milliseconds of the call, and milliseconds since its first chunk came: 49 days fit.
        self._ends_ms = array("I")
        self._came_ms = array("I")
        self._began = 0.0
        self._sound_ms = [0] * channels

    def add(self, end_ms: int, received_at: datetime, sides: Sequence[bytes]) -> None:
        """A chunk that ends at `end_ms`, one PCM16 buffer per channel."""
        self.upto_ms = end_ms
        came_at = received_at.timestamp()
        self._began = self._began or came_at
        self._ends_ms.append(end_ms)
        # A clock that was set back in mid-call must not stop the call.
        self._came_ms.append(max(0, round((came_at - self._began) * 1_000)))
        if len(self._ends_ms) > KEPT + FORGOTTEN_AT_ONCE:
            del self._ends_ms[:FORGOTTEN_AT_ONCE], self._came_ms[:FORGOTTEN_AT_ONCE]
        for channel, pcm in enumerate(sides):
            if loudness(pcm) > SOUND_RMS:
                self._sound_ms[channel] = end_ms

    def quiet_ms(self, roles: Sequence[str]) -> dict[str, int]:
        """For how long each channel has been without sound."""
        return {role: self.upto_ms - sound_ms for role, sound_ms in zip(roles, self._sound_ms, strict=True)}

    def arrival(self, at_ms: int) -> datetime:
        """When the audio that holds `at_ms` reached us."""
        index = bisect_right(self._ends_ms, at_ms + CHUNK_MS) - 1
        if index < 0:
            return datetime.now(UTC)
        early = timedelta(milliseconds=min(0, at_ms - self._ends_ms[index]))
        return datetime.fromtimestamp(self._began + self._came_ms[index] / 1_000, UTC) + early
