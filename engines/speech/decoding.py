"""Sound files as they are uploaded, decoded piece by piece into PCM16: WAV, FLAC, MP3, Ogg (Opus, Vorbis), M4A, AAC.

FFmpeg's libraries (by way of PyAV) demux, decode and resample. The container is told from the file's first bytes and
named to them, so that no playlist or script format, which could make them open other files, is ever tried. What an
encoder put before the sound (priming, pre-skip) is left out, and what is missing inside a file becomes silence, so
that a sound lies in the result where a listener hears it in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from engines.speech.audio import AudioFormat
from engines.speech.containers import HEAD_BYTES, container_of

CHUNK_MS = 100
RATES = (8_000, 48_000)
# Sound that a damaged file lacks is left silent up to here; a longer hole is no damage but a broken file.
HOLE_SECONDS = 60
# Shorter steps between frames are how containers with coarse clocks write down that there is none.
STEP_SECONDS = Fraction(3, 100)
BAD_PACKETS = 50
# The first frame of AAC-LC says nothing yet. An MP4's edit list says so; a bare ADTS stream has nowhere to.
ADTS_PRIMING = 1024

_CODECS = {"flac", "mp3", "mp3float", "opus", "libopus", "vorbis", "aac", "alac"}
_DEMUXERS = {"wav": "wav", "flac": "flac", "mp3": "mp3", "ogg": "ogg", "m4a": "mov", "aac": "aac"}


class SoundFileError(ValueError):
    """The file cannot be used. The message says why in plain words and quotes nothing of the file."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """What a file holds. `format`: how `chunks` gives it; `duration_ms` as the file says, 0 where it says nothing."""

    container: str
    codec: str
    sample_rate: int
    format: AudioFormat
    duration_ms: int


def probe(source: BinaryIO, *, max_seconds: int) -> SoundFile:
    """Look at a file's head. Raises `SoundFileError` for one that is no sound, or not one that we take."""
    source.seek(0)
    with _opened(source) as container:
        return _described(container, _container(source), max_seconds)


def chunks(source: BinaryIO, *, max_seconds: int) -> Iterator[bytes]:
    """Decode a file from its beginning into interleaved PCM16, 100 ms at a time; the last piece may be shorter.

    8 kHz for a source of 8 kHz, otherwise 16 kHz. The same file always gives the same pieces. At most a few seconds
    are held in memory. Raises `SoundFileError` where the file turns out to be broken or too long.
    """
    kind = _container(source)
    source.seek(0)
    with _opened(source) as container:
        sound = _described(container, kind, max_seconds)
        size = sound.format.bytes_per_ms * CHUNK_MS
        limit = max_seconds * 1000 * sound.format.bytes_per_ms
        pending, given = bytearray(), 0
        for piece in _pcm(container, sound):
            pending += piece
            while len(pending) >= size:
                given += size
                if given > limit:
                    raise _too_long(max_seconds)
                yield bytes(pending[:size])
                del pending[:size]
        if not given and not pending:
            raise SoundFileError("The file holds no sound.")
        if pending:
            yield bytes(pending)


def _container(source: BinaryIO) -> str:
    source.seek(0)
    kind = container_of(source.read(HEAD_BYTES))
    if not kind:
        raise SoundFileError(
            "This is not a sound file of a kind that we read (WAV, FLAC, MP3, Ogg, M4A, AAC)."
        )
    return kind


def _opened(source: BinaryIO) -> InputContainer:
    kind = _container(source)
    source.seek(0)
    try:
        # The name keeps FFmpeg from asking the file object for one.
        return av.open(source, "r", format=_DEMUXERS[kind], metadata_errors="ignore")
    except (av.FFmpegError, ValueError, OverflowError):
        raise SoundFileError("The sound file is damaged: its head cannot be read.") from None


def _described(container: InputContainer, kind: str, max_seconds: int) -> SoundFile:
    if not container.streams.audio:
        raise SoundFileError("The file holds no sound.")
    stream = container.streams.audio[0]
    context = stream.codec_context
    codec = context.name
    if codec not in _CODECS and not codec.startswith("pcm_"):
        raise SoundFileError(
            f"The sound in the file is coded as {codec or 'something unknown'}, which we do not read."
        )
    rate, count = context.sample_rate or 0, context.channels or 0
    if count > 2:
        raise SoundFileError(f"The file has {count} channels; calls have one or two.")
    if count < 1 or not RATES[0] <= rate <= RATES[1]:
        raise SoundFileError(f"The sample rate of {rate} Hz is outside 8 to 48 kHz.")
    known = stream.duration * stream.time_base if stream.duration and stream.time_base else None
    if known is None and container.duration:
        known = Fraction(container.duration, av.time_base)
    duration_ms = max(0, int((known or 0) * 1000))
    if duration_ms > (max_seconds + 1) * 1000:
        raise _too_long(max_seconds)
    target = 8_000 if rate == 8_000 else 16_000
    return SoundFile(kind, codec, rate, AudioFormat("pcm16", target, count), duration_ms)


def _too_long(max_seconds: int) -> SoundFileError:
    return SoundFileError(f"The call is longer than {max_seconds // 60} minutes.")


def _pcm(container: InputContainer, sound: SoundFile) -> Iterator[bytes]:
    """Resampled sound in pieces of any length, with silence where frames are missing."""
    layout = "stereo" if sound.format.channels == 2 else "mono"
    resampler = AudioResampler(format="s16", layout=layout, rate=sound.format.sample_rate)
    expected: Fraction | None = None
    written = 0  # samples of one channel given to the resampler, at the source's rate
    skip = ADTS_PRIMING if sound.container == "aac" else 0
    for frame in _frames(container):
        rate = frame.sample_rate
        if rate != sound.sample_rate or len(frame.layout.channels) != sound.format.channels:
            raise SoundFileError(
                "The sound changes its sample rate or its channels in the middle of the file."
            )
        at = Fraction(frame.pts) * frame.time_base if frame.pts is not None and frame.time_base else None
        if at is not None and expected is not None and at - expected > STEP_SECONDS:
            if at - expected > HOLE_SECONDS:
                raise SoundFileError("The file is damaged: a long stretch of its sound is missing.")
            hole = int((at - expected) * rate)
            yield from _resampled(resampler, _silence(hole, frame, written))
            written += hole
        if at is not None:
            expected = at + Fraction(frame.samples, rate)
        if skip >= frame.samples:
            skip -= frame.samples
            continue
        if skip:
            frame = _without_head(frame, skip)
            skip = 0
        # Clocks of containers are rounded; counted samples are not.
        frame.pts, frame.time_base = written, Fraction(1, rate)
        written += frame.samples
        yield from _resampled(resampler, frame)
    if written:
        yield from _resampled(resampler, None)


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Decode packet by packet, so that one that is damaged costs only itself."""
    stream: AudioStream = container.streams.audio[0]
    bad = good = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:
            # What lies beyond cannot be found: the file was cut off, or worse.
            if not good:
                raise SoundFileError("The sound file is damaged: nothing in it can be decoded.") from None
            raise SoundFileError("The file is damaged: its end cannot be read.") from None
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            if bad > BAD_PACKETS or bad > 10 + good:
                raise SoundFileError(
                    "The file is damaged: too much of its sound cannot be decoded."
                ) from None
            continue
        good += len(frames)
        yield from frames


def _silence(count: int, like: AudioFrame, at: int) -> AudioFrame:
    frame = _frame(np.zeros((_rows(like), count * _columns(like)), dtype=_array(like).dtype), like)
    frame.pts, frame.time_base = at, Fraction(1, like.sample_rate)
    return frame


def _without_head(frame: AudioFrame, count: int) -> AudioFrame:
    values = _array(frame)[:, count * _columns(frame) :]
    return _frame(np.ascontiguousarray(values), frame)


def _array(frame: AudioFrame) -> Any:
    return frame.to_ndarray()


def _rows(frame: AudioFrame) -> int:
    return len(frame.layout.channels) if frame.format.is_planar else 1


def _columns(frame: AudioFrame) -> int:
    return 1 if frame.format.is_planar else len(frame.layout.channels)


def _frame(values: Any, like: AudioFrame) -> AudioFrame:
    frame = AudioFrame.from_ndarray(values, format=like.format.name, layout=like.layout.name)
    frame.sample_rate = like.sample_rate
    return frame


def _resampled(resampler: AudioResampler, frame: AudioFrame | None) -> Iterator[bytes]:
    try:
        for out in resampler.resample(frame):
            yield out.to_ndarray().astype("<i2").tobytes()
    except (av.FFmpegError, ValueError):
        raise SoundFileError("The file is damaged: its sound cannot be resampled.") from None
