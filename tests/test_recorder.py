"""The recorder of a call that another worker goes on with."""

from __future__ import annotations

import numpy as np

from conversations.live.recorder import Recorder

RATE = 8_000
CHUNK = RATE // 10


def test_a_takeover_within_a_chunk_loses_nothing_of_it() -> None:
    """Segments end on any millisecond; chunks are heard again from their beginning."""
    sound = np.arange(CHUNK * 30, dtype="<i2")
    recorder = Recorder(sample_rate=RATE, channels=1, recorded_ms=1_040, state=None)
    for number in range(30):
        recorder.add(number * 100, [sound[number * CHUNK : (number + 1) * CHUNK].tobytes()])
    segment = recorder.take(3_000, 1, all_of_it=True)
    assert segment is not None
    assert (segment.start_ms, segment.end_ms) == (1_040, 3_000)
    assert segment.pcm == sound[1_040 * RATE // 1000 :].tobytes()
