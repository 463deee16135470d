"""The file of a recording: written piece by piece in the installation's codec, sealed as it is written; read back.

What is being written goes, sealed, to a temporary file first: FLAC writes its header last, and storage gets the whole
in one step (in parts, where it is S3). So an hour takes no more memory than a minute.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, cast

import numpy as np
from django.conf import settings

from conversations.models import Recording
from conversations.sealed_files import SealedReader, SealedWriter, open_range
from conversations.stored import stored_open, stored_put
from engines.speech.audio import peaks
from engines.speech.encoding import CODECS, Encoder, Piece, decoded, wav_header
from tenants import keys, names
from tenants.scope import current_schema

PEAKS_PER_SECOND = 10
WAV_HEADER_BYTES = 44


class Waveform:
    """Peaks of one channel, 0 to 100 and 10 a second, whatever pieces the sound comes in."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window_bytes = rate // PEAKS_PER_SECOND * 2
        self._pending = bytearray()
        self._peaks: list[int] = []

    def add(self, pcm: bytes) -> None:
        self._pending += pcm
        whole = len(self._pending) // self._window_bytes * self._window_bytes
        self._take(whole)

    def finish(self) -> list[int]:
        self._take(len(self._pending))
        return self._peaks

    def _take(self, size: int) -> None:
        if size:
            found = peaks(bytes(self._pending[:size]), self._rate, PEAKS_PER_SECOND)
            self._peaks += [round(100 * value) for value in found]
            del self._pending[:size]


def file_write(recording: Recording, pieces: Iterable[Piece]) -> None:
    """Write a new file for a recording under a new key, and set what describes it; the row is the caller's to save.

    `recording` names its sample rate, channels, codec and revision; each revision has a file name of its own. What
    was stored is opened again before this returns. Raises `StorageError`.
    """
    schema, kind = current_schema(), CODECS[recording.codec]
    waves = [Waveform(recording.sample_rate) for _ in range(recording.channels)]
    key, frames = keys.new_key(), 0
    with tempfile.TemporaryFile() as spool:
        with SealedWriter(cast(BinaryIO, spool), key, bound_to=str(recording.pk)) as sealed:
            with Encoder(
                cast(BinaryIO, sealed),
                codec=recording.codec,
                sample_rate=recording.sample_rate,
                channels=recording.channels,
            ) as encoder:
                for piece in pieces:
                    encoder.write(piece)
                    frames += len(piece)
                    for wave, side in zip(waves, piece.T, strict=True):
                        wave.add(side.astype("<i2").tobytes())
            size = sealed.size_bytes
        recording.storage_key = names.storage_path(
            schema, "recordings", f"{recording.pk}-{recording.revision}.{kind.extension}.sealed"
        )
        stored_put(recording.storage_key, cast(BinaryIO, spool))
    recording.duration_ms = frames * 1000 // recording.sample_rate
    recording.size_bytes = size
    recording.peaks = [wave.finish() for wave in waves]
    recording.wrapped_key, recording.key_version = keys.wrap(
        schema, key, bound_to=f"recording:{recording.pk}"
    )
    # What it was made of is destroyed next: this reads it from where it lies now.
    digest = hashlib.sha256()
    for block in recording_read(recording=recording, start=0, end=size):
        digest.update(block)
    recording.sha256 = digest.hexdigest()


def codec_now() -> str:
    """The codec that new recordings are kept in: the installation's setting."""
    return str(settings.RECORDING_CODEC)


def _key(recording: Recording) -> bytes:
    return keys.unwrap(
        current_schema(),
        bytes(recording.wrapped_key),
        recording.key_version,
        bound_to=f"recording:{recording.pk}",
    )


def recording_read(*, recording: Recording, start: int, end: int) -> Iterator[bytes]:
    """Yield the plain bytes [start, end) of a recording's file, block by block; no others are fetched.

    Raises `keys.SealError` or `StorageError`, at the latest while it is read.
    """
    key, name = _key(recording), recording.storage_key

    def source(first: int, last: int) -> AbstractContextManager[BinaryIO]:
        return stored_open(name, first, last)

    return open_range(
        source, key, size_bytes=recording.size_bytes, start=start, end=end, bound_to=str(recording.pk)
    )


def recording_pieces(recording: Recording, *, first: int = 0) -> Iterator[Piece]:
    """Yield the sound of a recording, decoded, piece by piece, from its sample `first` on.

    Raises `keys.SealError` or `StorageError`.
    """
    key, name = _key(recording), recording.storage_key

    def source(first: int, last: int) -> AbstractContextManager[BinaryIO]:
        return stored_open(name, first, last)

    with SealedReader(source, key, size_bytes=recording.size_bytes, bound_to=str(recording.pk)) as file:
        yield from decoded(cast(BinaryIO, file), first=first)


def wav_size(recording: Recording) -> int:
    """Bytes of the recording as WAV. It has a whole number of samples, which its length in ms may cut."""
    return WAV_HEADER_BYTES + _frames(recording) * recording.channels * 2


def _frames(recording: Recording) -> int:
    return recording.duration_ms * recording.sample_rate // 1000


def wav_read(recording: Recording) -> Iterator[bytes]:
    """Yield the recording as a WAV file of PCM16, piece by piece. Raises as `recording_pieces` does."""
    left = _frames(recording)
    header = wav_header(sample_rate=recording.sample_rate, channels=recording.channels, frames=left)
    for piece in recording_pieces(recording):
        yield header + np.ascontiguousarray(piece[:left], dtype="<i2").tobytes()
        left -= min(left, len(piece))
        header = b""
    if header:
        yield header
