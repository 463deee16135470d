"""What a measured process writes down about each chunk: short records of one length, in files that are read afterwards.

Memory must not grow by what is noted, because it is measured, too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

# Call, chunk number, seconds from its last frame heard to the chunk in the stream, when that was (monotonic clock).
CHUNK = struct.Struct("<16sIdd")
# Call id at the telephony, chunk number, when its last frame came (monotonic clock).
COUNT = struct.Struct("<36sId")


def chunks_read(folder: Path) -> Iterator[tuple[UUID, int, float, float]]:
    """The notes of the way in, all its processes'."""
    for ident, number, delay, at in _records(folder, "*.notes", CHUNK):
        yield UUID(bytes=ident), number, delay, at


def counts_read(folder: Path) -> Iterator[tuple[str, int, float]]:
    """The notes of the server that only counts."""
    for ident, number, at in _records(folder, "*.bare", COUNT):
        yield ident.rstrip(b"\0").decode(), number, at


def _records(folder: Path, pattern: str, form: struct.Struct) -> Iterator[tuple]:  # type: ignore[type-arg]
    for path in sorted(folder.glob(pattern)):
        data = path.read_bytes()
        yield from form.iter_unpack(data[: len(data) // form.size * form.size])
