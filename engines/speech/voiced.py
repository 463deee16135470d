"""How far a voice goes on beyond what speech recognition wrote down of it.

A word that recognition dropped has no time; in the sound it is there. From the edge of what must be hidden the voice is
followed outwards, over pauses as short as those between the digits of a number, until it falls silent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engines.speech.audio import samples

FRAME_MS = 10
# The pauses between digits that are read out, and the quiet ends of words; whoever stops for longer has ended.
PAUSE_MS = 450
# A word begins and dies away more quietly than its middle: what of it goes under in the noise is as long as this.
FADE_MS = 430
# RMS of PCM16: a voice is as loud as this, and so many times as loud as the line is without one.
LOUD_RMS = 60.0
OVER_NOISE = 1.8
# The line's noise is what the quietest frames around hold.
_QUIET_SHARE = 10
_NOISE_MS = 4_000
# What is louder is a voice, even where nothing around is quieter: rather too much is beeped than too little.
_NOISE_AT_MOST = 250.0
# The sound that is needed on either side of an edge that moves up to three seconds.
AROUND_MS = 5_000


def voice_start(pcm: bytes, rate: int, at_ms: int, *, earliest_ms: int) -> int:
    """Return where the voice began that is heard at `at_ms`: at_ms itself, or earlier, down to `earliest_ms`.

    `pcm` is PCM16 mono at `rate` Hz; times are milliseconds from its first sample. What lies outside is silence.
    """
    loud = _loud(pcm, rate, at_ms)
    if at_ms // FRAME_MS > len(loud):
        return at_ms
    ends = _last(loud[max(0, earliest_ms) // FRAME_MS : max(0, at_ms) // FRAME_MS][::-1])
    return max(earliest_ms, at_ms - ends - FADE_MS) if ends else at_ms


def voice_end(pcm: bytes, rate: int, at_ms: int, *, latest_ms: int) -> int:
    """Return where the voice ends that is heard at `at_ms`: at_ms itself, or later, up to `latest_ms`."""
    loud = _loud(pcm, rate, at_ms)
    ends = _last(loud[-(-max(0, at_ms) // FRAME_MS) : max(0, latest_ms) // FRAME_MS])
    return min(latest_ms, at_ms + FRAME_MS + ends + FADE_MS) if ends else at_ms


def _last(loud: npt.NDArray[np.bool_]) -> int:
    """Return up to where (in ms) the voice goes on from the first frame, without a longer pause; 0 if it does not."""
    last = 0
    for index in np.flatnonzero(loud):
        if int(index) * FRAME_MS - last > PAUSE_MS:
            break
        last = (int(index) + 1) * FRAME_MS
    return last


def _loud(pcm: bytes, rate: int, at_ms: int) -> npt.NDArray[np.bool_]:
    """Say for each whole frame whether a voice is in it, by the noise of the seconds around `at_ms`."""
    size = rate * FRAME_MS // 1000
    values = samples(pcm)
    frames = values[: len(values) // size * size].astype(np.float32).reshape(-1, size)
    rms = np.sqrt(np.mean(np.square(frames), axis=1))
    around = rms[max(0, at_ms - _NOISE_MS) // FRAME_MS : max(0, at_ms + _NOISE_MS) // FRAME_MS]
    around = around[around > 1.0]  # where the line sends nothing at all, it says nothing of its noise
    noise = min(float(np.percentile(around, _QUIET_SHARE)), _NOISE_AT_MOST) if len(around) else 0.0
    return np.asarray(rms > max(LOUD_RMS, noise * OVER_NOISE))
