"""Writing and reading the sound of a recording piece by piece, in the codecs that recordings are kept in.

FLAC is lossless, about half the size of the samples; Opus (in Ogg, RFC 7845) is lossy and a fifth of FLAC or less.
Both carry their own length, so that players can seek. A piece is an array of int16, one row a sample and one column a
channel. Nothing here ever holds more than one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import soundfile

from engines.speech.audio import beep

Piece = npt.NDArray[np.int16]

PIECE_FRAMES = 65_536


@dataclass(frozen=True, slots=True)
class RecordingCodec:
    """A codec for recordings: how the writer and HTTP call it, and what its files end in."""

    name: str
    container: str
    subtype: str
    extension: str
    content_type: str


CODECS: Mapping[str, RecordingCodec] = MappingProxyType(
    {
        codec.name: codec
        for codec in (
            RecordingCodec("flac", "FLAC", "PCM_16", "flac", "audio/flac"),
            RecordingCodec("opus", "OGG", "OPUS", "ogg", "audio/ogg"),
        )
    }
)


class Encoder:
    """Encodes pieces into `target`, a seekable binary file. FLAC goes back to its first 42 bytes at the end.

    Used as a context manager; the file is complete once it is left. Raises `ValueError` for a codec that is not in
    `CODECS`.
    """

    def __init__(self, target: BinaryIO, *, codec: str, sample_rate: int, channels: int) -> None:
        if codec not in CODECS:
            raise ValueError(f"a recording's codec is one of {', '.join(CODECS)}, not {codec!r}")
        kind = CODECS[codec]
        self._file = soundfile.SoundFile(
            cast(Any, target),
            mode="w",
            samplerate=sample_rate,
            channels=channels,
            format=kind.container,
            subtype=kind.subtype,
        )

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, piece: Piece) -> None:
        # In small bites: libsndfile puts what Opus is given at once on the stack.
        for start in range(0, len(piece), PIECE_FRAMES):
            self._file.write(piece[start : start + PIECE_FRAMES])


def decoded(source: BinaryIO, *, first: int = 0) -> Iterator[Piece]:
    """Yield the sound of a file piece by piece, from its sample `first` on.

    Raises `ValueError` for what is no sound file, or is cut off.
    """
    try:
        with soundfile.SoundFile(cast(Any, source)) as file:
            said = min(first, file.frames)
            if said:
                file.seek(said)
            while len(piece := file.read(PIECE_FRAMES, dtype="int16", always_2d=True)):
                said += len(piece)
                yield piece
            if said < file.frames:
                raise ValueError("the sound ends before its file says")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not a readable sound file: {error.error_string}") from error


def silenced(
    pieces: Iterable[Piece], sample_rate: int, intervals: Sequence[tuple[int, int, int]], *, start_ms: int = 0
) -> Iterator[Piece]:
    """Yield the pieces with a quiet tone in place of `intervals`, (channel, start, end) in milliseconds.

    The first sample of the first piece is at `start_ms`. A stretch may go on over several pieces; each bit of it has
    a tone of its own. Nothing of what was beneath remains.
    """
    at = start_ms * sample_rate // 1000
    for piece in pieces:
        begins, ends = at * 1000 / sample_rate, (at + len(piece)) * 1000 / sample_rate
        at += len(piece)
        touched = [one for one in intervals if one[2] > begins and one[1] < ends]
        if not touched:
            yield piece
            continue
        sides = []
        for channel, side in enumerate(piece.T):
            # Outwards to whole milliseconds, as the piece need not begin on one.
            stretches = [
                (max(0, int(start - begins)), max(0, int(end - begins) + 1))
                for where, start, end in touched
                if where == channel
            ]
            sides.append(np.frombuffer(beep(side.tobytes(), sample_rate, stretches), dtype="<i2"))
        yield np.column_stack(sides)


def wav_header(*, sample_rate: int, channels: int, frames: int) -> bytes:
    """Return the 44 bytes before `frames` samples of PCM16 in a WAV file (RIFF, Microsoft 1991)."""
    size = min(frames * channels * 2, 0xFFFF_FFFF - 36)
    return b"".join(
        (
            b"RIFF",
            (36 + size).to_bytes(4, "little"),
            b"WAVEfmt ",
            (16).to_bytes(4, "little"),
            (1).to_bytes(2, "little"),
            channels.to_bytes(2, "little"),
            sample_rate.to_bytes(4, "little"),
            (sample_rate * channels * 2).to_bytes(4, "little"),
            (channels * 2).to_bytes(2, "little"),
            (16).to_bytes(2, "little"),
            b"data",
            size.to_bytes(4, "little"),
        )
    )
