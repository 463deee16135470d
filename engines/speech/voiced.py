"""How far a voice goes on beyond what speech recognition wrote down of it.

A word that recognition dropped has no time; in the sound it is there. From the edge of what must be hidden the voice is
followed outwards, over pauses as short as those between the digits of a number, until it falls silent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engines.speech.audio import samples

FRAME_MS = 10
# The pauses between digits that are read out, with the quiet sounds before and after them that go under in a line's
# noise ("six"); whoever stops for longer has ended.
PAUSE_MS = 700
# A word begins and dies away more quietly than its middle: what of it goes under in the noise is as long as this.
FADE_MS = 450
# A voice is sought in bands (Hz) one by one: the noise of all of them hides an "s", or the end of an "oh", that its own
# does not. The last goes up to what there is.
BANDS_HZ = (100, 600, 1_400, 2_500, 8_000)
# In one band a voice has so many times the power that the line has without one, and is as loud as this (RMS of PCM16).
OVER_NOISE = 2.5
LOUD_RMS = 20.0
# Power is taken over windows of so many frames, and their mean over so many windows: what noise does by chance is
# mostly shorter, and counts as a voice only if it lasts for some frames. The sound is blurred by so much.
_WINDOW, _MEAN, _LASTS = 3, 5, 6
BLUR_MS = (_WINDOW // 2 + _MEAN // 2) * FRAME_MS
# The line's noise is what the quietest frames around hold.
_QUIET_SHARE = 10
_NOISE_MS = 4_000
# What is louder is a voice, even where nothing around is quieter: rather too much is beeped than too little.
_NOISE_AT_MOST = 200.0
# The sound that is needed on either side of an edge that moves up to five seconds.
AROUND_MS = 7_000


def voice_start(pcm: bytes, rate: int, at_ms: int, *, earliest_ms: int) -> int:
    """Return where the voice began that is heard at `at_ms`: at_ms itself, or earlier, down to `earliest_ms`.

    `pcm` is PCM16 mono at `rate` Hz; times are milliseconds from its first sample. What lies outside is silence.
    """
    loud = _loud(pcm, rate, at_ms)
    edge = -(-max(0, at_ms) // FRAME_MS)  # the frame that the edge cuts may hold the last of a voice
    if edge > len(loud):
        return at_ms
    ends = _last(loud[max(0, earliest_ms) // FRAME_MS : edge][::-1])
    return max(earliest_ms, min(at_ms, edge * FRAME_MS - ends - FADE_MS)) if ends else at_ms


def voice_end(pcm: bytes, rate: int, at_ms: int, *, latest_ms: int) -> int:
    """Return where the voice ends that is heard at `at_ms`: at_ms itself, or later, up to `latest_ms`."""
    edge = max(0, at_ms) // FRAME_MS
    ends = _last(_loud(pcm, rate, at_ms)[edge : max(0, latest_ms) // FRAME_MS])
    return min(latest_ms, max(at_ms, edge * FRAME_MS + ends + FADE_MS)) if ends else at_ms


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
    power = _band_power(pcm, rate)
    around = power[max(0, at_ms - _NOISE_MS) // FRAME_MS : max(0, at_ms + _NOISE_MS) // FRAME_MS]
    # Where the line sends nothing at all, it says nothing of its noise.
    around = around[around.sum(axis=1) > 1.0]
    noise = np.percentile(around, _QUIET_SHARE, axis=0) if len(around) else np.zeros(power.shape[1])
    least = np.maximum(np.minimum(noise, _NOISE_AT_MOST**2) * OVER_NOISE, LOUD_RMS**2)
    loud: npt.NDArray[np.bool_] = np.any(power > least, axis=1)
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2):
        if end - start < _LASTS:
            loud[start:end] = False
    return loud


def _band_power(pcm: bytes, rate: int) -> npt.NDArray[np.float64]:
    """Return the mean square of each band for each whole frame: shape (frames, bands)."""
    size = rate * FRAME_MS // 1000
    values = samples(pcm)
    count, window = len(values) // size, size * _WINDOW
    if not count:
        return np.zeros((0, len(BANDS_HZ) - 1))
    padded = np.pad(values[: count * size].astype(np.float32), size * (_WINDOW // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::size]
    shape = np.hanning(window).astype(np.float32)
    spectrum = np.square(np.abs(np.fft.rfft(frames * shape, axis=1))) / (window * np.sum(shape**2) / 2)
    hertz = np.fft.rfftfreq(window, 1 / rate)
    ends = np.pad(np.cumsum(spectrum, axis=1), ((0, 0), (1, 0)))
    cuts = np.searchsorted(hertz, BANDS_HZ)
    power = np.diff(ends[:, cuts], axis=1)
    sums = np.pad(np.cumsum(np.pad(power, ((_MEAN // 2, _MEAN // 2), (0, 0))), axis=0), ((1, 0), (0, 0)))
    return np.asarray(np.maximum((sums[_MEAN:] - sums[:-_MEAN]) / _MEAN, 0.0), dtype=np.float64)
