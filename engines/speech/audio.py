"""Sound as bytes: formats, mu-law, channels, resampling, waveform peaks, beeps, FLAC and WAV files.

Inside the platform sound is PCM16: signed 16-bit little-endian samples of one channel. What arrives in
another shape is brought to it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt
import soundfile

Codec = Literal["pcm16", "mulaw"]

SAMPLE_BYTES: dict[str, int] = {"pcm16": 2, "mulaw": 1}
SAMPLE_RATES = (8000, 16000)


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a stream's bytes are to be read. Several channels are interleaved sample by sample.

    Raises `ValueError` for a codec, rate or number of channels that is not supported.
    """

    codec: Codec
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        if self.codec not in SAMPLE_BYTES:
            raise ValueError(f"codec must be one of {', '.join(SAMPLE_BYTES)}, not {self.codec!r}")
        if type(self.sample_rate) is not int or self.sample_rate not in SAMPLE_RATES:
            raise ValueError(f"sample rate must be 8000 or 16000, not {self.sample_rate!r}")
        if type(self.channels) is not int or self.channels not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, not {self.channels!r}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel; a payload is a whole number of these."""
        return SAMPLE_BYTES[self.codec] * self.channels

    @property
    def bytes_per_ms(self) -> int:
        """Bytes of one millisecond of every channel."""
        return self.frame_bytes * self.sample_rate // 1000


def _mulaw_to_linear() -> npt.NDArray[np.int16]:
    """Build the decoding table of ITU-T G.711 (mu-law), scaled from its 14 bits to 16."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent = (code >> 4) & 7
    magnitude = ((((code & 15) << 3) + 132) << exponent) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


def _linear_to_mulaw() -> npt.NDArray[np.uint8]:
    """Build the encoding table for all 65,536 samples, addressed by the sample taken as unsigned."""
    sample = np.arange(65536, dtype=np.int32)
    sample = np.where(sample > 32767, sample - 65536, sample)
    biased = np.minimum(np.abs(sample), 32635) + 132
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 15
    code = (exponent << 4) | mantissa | np.where(sample < 0, 0x80, 0)
    table: npt.NDArray[np.uint8] = (~code & 0xFF).astype(np.uint8)
    return table


_DECODE = _mulaw_to_linear()
_ENCODE = _linear_to_mulaw()


def mulaw_decode(payload: bytes) -> bytes:
    """Turn G.711 mu-law, one byte per sample, into PCM16."""
    return _DECODE[np.frombuffer(payload, dtype=np.uint8)].tobytes()


def mulaw_encode(pcm: bytes) -> bytes:
    """Turn PCM16 into G.711 mu-law. Raises `ValueError` for half a sample."""
    return _ENCODE[samples(pcm).view(np.uint16)].tobytes()


def samples(pcm: bytes) -> npt.NDArray[np.int16]:
    """Look at PCM16 as an array of samples, read-only. Raises `ValueError` for half a sample."""
    if len(pcm) % 2:
        raise ValueError(f"PCM16 has two bytes per sample, got {len(pcm)} bytes")
    return np.frombuffer(pcm, dtype="<i2")


def split_channels(fmt: AudioFormat, payload: bytes) -> list[bytes]:
    """Take a payload apart into one PCM16 mono string per channel.

    Raises `ValueError` when it does not end on a whole sample of every channel.
    """
    if len(payload) % fmt.frame_bytes:
        raise ValueError(
            f"{len(payload)} bytes are no whole number of {fmt.frame_bytes}-byte frames "
            f"({fmt.codec}, {fmt.channels} channels)"
        )
    pcm = mulaw_decode(payload) if fmt.codec == "mulaw" else payload
    if fmt.channels == 1:
        return [pcm]
    return [samples(pcm)[channel :: fmt.channels].tobytes() for channel in range(fmt.channels)]


def join_channels(channels: Sequence[bytes]) -> bytes:
    """Interleave PCM16 channels of the same length. Raises `ValueError` if the lengths differ."""
    if len({len(pcm) for pcm in channels}) != 1:
        raise ValueError("channels must have the same length")
    return np.stack([samples(pcm) for pcm in channels], axis=1).astype("<i2").tobytes()


def sides_check(sides: Sequence[bytes], channels: int) -> None:
    """Raise `ValueError` unless there is PCM16 in whole samples, of one length, for each of `channels`."""
    if len(sides) != channels or len({len(pcm) for pcm in sides}) != 1 or len(sides[0]) % 2:
        raise ValueError(f"needs PCM16 in whole samples, of one length, for each of {channels} channels")


def sound_from(pcm: bytes, start_ms: int, from_ms: int, rate: int) -> bytes:
    """Return what of PCM16 that begins at `start_ms` lies at `from_ms` or later; perhaps nothing."""
    return pcm[max(0, from_ms - start_ms) * rate // 1000 * 2 :]


class Upsampler:
    """Doubles the rate of a PCM16 stream that arrives in pieces: 8 kHz telephone sound to 16 kHz.

    A half-band filter: each given sample is kept, each sample between is a windowed sinc (Kaiser, beta 8)
    over the 16 samples on either side. The same bytes come out however the input was cut into pieces.
    """

    REACH = 16

    def __init__(self) -> None:
        offset = np.arange(-self.REACH, self.REACH) + 0.5
        taps = np.sinc(offset) * np.kaiser(2 * self.REACH, 8.0)
        self._taps = taps / taps.sum()
        self._held = np.zeros(self.REACH - 1)

    def feed(self, pcm: bytes) -> bytes:
        """Take the next piece; return what can be said already (16 input samples behind)."""
        held = np.concatenate([self._held, samples(pcm).astype(np.float64)])
        ready = len(held) - 2 * self.REACH + 1
        if ready <= 0:
            self._held = held
            return b""
        self._held = held[ready:]
        out = np.empty(2 * ready)
        out[0::2] = held[self.REACH - 1 : self.REACH - 1 + ready]
        out[1::2] = np.convolve(held, self._taps, mode="valid")
        return _to_pcm(out)

    def flush(self) -> bytes:
        """Return the rest, as if silence followed, and begin anew."""
        rest = self.feed(bytes(2 * self.REACH))
        self._held = np.zeros(self.REACH - 1)
        return rest


def _to_pcm(values: npt.NDArray[np.float64]) -> bytes:
    return np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes()


def peaks(pcm: bytes, rate: int, per_second: int) -> list[float]:
    """Return the loudest sample of each 1/`per_second` s, as 0..1 of full scale, for a drawn waveform.

    The last value may stand for a shorter stretch. Raises `ValueError` if `per_second` exceeds the rate.
    """
    if not 0 < per_second <= rate:
        raise ValueError(f"per_second must lie in 1..{rate}, not {per_second}")
    loudness = np.abs(samples(pcm).astype(np.int32))
    if not len(loudness):
        return []
    count = -(-len(loudness) * per_second // rate)
    starts = np.arange(count) * rate // per_second
    return [round(float(value), 4) for value in np.maximum.reduceat(loudness, starts) / 32768]


def tone(rate: int, count: int, *, hertz: float = 1000.0, level: float = 0.08, ramp_ms: int = 5) -> bytes:
    """Return `count` samples of a sine at `level` of full scale, faded in and out against clicks."""
    at = np.arange(count)
    ramp = min(max(1, rate * ramp_ms // 1000), max(1, count // 2))
    envelope = np.minimum(1.0, np.minimum(at + 1, count - at) / ramp)
    return _to_pcm(np.sin(2 * np.pi * hertz * at / rate) * envelope * level * 32767)


def beep(pcm: bytes, rate: int, intervals: Iterable[tuple[int, int]]) -> bytes:
    """Replace stretches of PCM16 by a quiet tone; nothing of the sound beneath remains.

    `intervals` are (start, end) in milliseconds from the first sample, in any order, half-open. They may
    overlap and may reach beyond the sound. Raises `ValueError` for one that ends before it starts.
    """
    out = samples(pcm).copy()
    for start_ms, end_ms in _merged(intervals):
        # Outwards to whole samples, so that no sample that belongs to the interval survives.
        start = max(0, start_ms * rate // 1000)
        end = min(len(out), -(-end_ms * rate // 1000))
        if start < end:
            out[start:end] = samples(tone(rate, end - start))
    return out.tobytes()


def _merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if end < start:
            raise ValueError(f"interval ends at {end} ms, before its start at {start} ms")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def read_audio(source: Path | BinaryIO) -> tuple[int, list[bytes]]:
    """Read a WAV or FLAC file: its rate in Hz and PCM16 per channel.

    Raises `ValueError` for what is no sound file.
    """
    try:
        values, rate = soundfile.read(source, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not a readable sound file: {error.error_string}") from error
    return rate, [values[:, channel].astype("<i2").tobytes() for channel in range(values.shape[1])]


def write_audio(
    target: Path | BinaryIO,
    rate: int,
    channels: Sequence[bytes],
    *,
    container: Literal["FLAC", "WAV"] = "FLAC",
) -> None:
    """Write PCM16 channels of one length as FLAC (lossless, about half the size) or WAV."""
    if len({len(pcm) for pcm in channels}) != 1:
        raise ValueError("channels must have the same length")
    values = np.stack([samples(pcm) for pcm in channels], axis=1)
    soundfile.write(cast("str", target), values, rate, format=container, subtype="PCM_16")
