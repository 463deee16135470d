"""Sound files made for tests: tone bursts at known times, in every container and codec that uploads may come in."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
from av.audio.frame import AudioFrame

BURSTS = (0.5, 1.5, 2.5)
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 6: "5.1"}


def bursts(rate: int, *, seconds: float = 3.0, at: Sequence[float] = BURSTS) -> np.ndarray:
    """A mono signal in -1..1: 100 ms of 1 kHz at each of these times, silence else."""
    t = np.arange(int(seconds * rate)) / rate
    on = np.zeros(len(t), dtype=bool)
    for start in at:
        on |= (t >= start) & (t < start + 0.1)
    return 0.5 * np.sin(2 * np.pi * 1000 * t) * on


def sound_file(
    container: str, codec: str, rate: int, channels: int = 1, signals: Sequence[np.ndarray] | None = None
) -> bytes:
    """Encode the signals (one a channel; the bursts by default) with FFmpeg."""
    given = list(signals) if signals is not None else [bursts(rate)] * channels
    values = (np.stack(given, axis=1) * 32767).astype("<i2")
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=LAYOUTS[channels])
        for start in range(0, len(values), rate):
            block = np.ascontiguousarray(values[start : start + rate].reshape(1, -1))
            frame = AudioFrame.from_ndarray(block, format="s16", layout=LAYOUTS[channels])
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def onsets(pcm: bytes, rate: int, channels: int = 1, channel: int = 0) -> list[float]:
    """The times, in seconds, at which the bursts of one channel begin."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")[channel::channels].astype(int)) > 3000)
    if not len(loud):
        return []
    starts = loud[np.flatnonzero(np.diff(np.concatenate([[-rate], loud])) > rate // 4)]
    return [float(start) / rate for start in starts]
