"""What lies in an uploaded zip: read without unpacking it anywhere, and without believing what it says of itself.

Names in it are labels, never paths. How many files it may hold, how large each and all may be and how far each may
have been squeezed is bounded before anything is read, and again while it is.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, BinaryIO

ZIP_HEAD = b"PK\x03\x04"
# A table of contents takes about 100 bytes a file; this is the most that is read into memory.
DIRECTORY_BYTES = 4 * 1024 * 1024
# Sound is squeezed to a half, long silence in WAV to a fiftieth. Small files of it may be squeezed further.
RATIO = 200
RATIO_FROM_BYTES = 1024 * 1024
# Deflate alone: the other methods may ask for gigabytes of memory to unpack.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_END = b"PK\x05\x06"
_END_BYTES = 22
_ARCHIVES = (ZIP_HEAD, b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ")


class ArchiveError(ValueError):
    """The zip cannot be taken. The message says why in plain words."""


@dataclass(frozen=True)
class Limits:
    """`files`: how many; `bytes_each` and `bytes_all`: unpacked."""

    files: int
    bytes_each: int
    bytes_all: int


@dataclass(frozen=True)
class Member:
    """One file of a zip: its last name, and its unpacked size as the zip says it."""

    name: str
    size: int
    info: zipfile.ZipInfo


def is_zip(head: bytes) -> bool:
    """Whether a file begins like a zip; an empty one does not."""
    return head[:4] == ZIP_HEAD


def is_archive(head: bytes) -> bool:
    """Whether a file begins like one that others are packed into."""
    return any(head.startswith(magic) for magic in _ARCHIVES) or head[257:262] == b"ustar"


class Archive:
    """An open zip. `members`: its files, without folders and what operating systems put in of their own."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        """Read the table of contents. Raises `ArchiveError`."""
        self._limits = limits
        _directory_check(source, limits)
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
            # No zip; made for a newer version than Python's; a name that is not the UTF-8 it says it is.
            raise ArchiveError("The zip is damaged: its table of contents cannot be read.") from None
        if not all(info.filename for info in self._zip.infolist()):
            raise ArchiveError("The zip is damaged: a file in it has no name.")
        found = [info for info in self._zip.infolist() if not info.is_dir() and not _is_litter(info.filename)]
        if not found:
            raise ArchiveError("The zip is empty.")
        if len(found) > limits.files:
            raise ArchiveError(f"The zip holds {len(found)} files; {limits.files} are allowed.")
        if sum(info.file_size for info in found) > limits.bytes_all:
            raise ArchiveError(f"The zip is larger than {_megabytes(limits.bytes_all)} unpacked.")
        for info in found:
            if info.flag_bits & 0x1:
                raise ArchiveError(
                    "The zip is encrypted. Upload it without a password: we seal it ourselves."
                )
            if info.compress_type not in _METHODS:
                raise ArchiveError("The zip is packed by a method other than Deflate.")
            if info.file_size > RATIO_FROM_BYTES and info.file_size > RATIO * max(1, info.compress_size):
                raise ArchiveError("The zip unpacks to far more than such files ever do; it is refused.")
        self.members = [Member(label(info.filename), info.file_size, info) for info in found]

    @contextmanager
    def open(self, member: Member) -> Iterator[Bounded]:
        """Open one file for reading on. Reading raises `ArchiveError` for what is damaged or larger than it said."""
        try:
            if member.info.header_offset < 0:
                raise zipfile.BadZipFile("it begins before the zip does")
            file = self._zip.open(member.info)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
            # Its own header is none, says another name than the table, or asks for what Python does not read.
            raise ArchiveError("This file of the zip is damaged.") from None
        # What goes wrong in whoever reads it is not the zip's doing; reading itself is looked after by `Bounded`.
        with file:
            yield Bounded(file, min(member.size, self._limits.bytes_each))


class Bounded(io.RawIOBase):
    """A file that is read to its end and not beyond a number of bytes."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        super().__init__()
        self._file = file
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._file.read(len(view))
        except (zipfile.BadZipFile, zlib.error, EOFError):
            # Its checksum is wrong, it does not unpack, or it ends too early.
            raise ArchiveError("This file of the zip is damaged.") from None
        if len(data) > self._left:
            raise ArchiveError("This file of the zip is larger than it says.")
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)


def _directory_check(source: BinaryIO, limits: Limits) -> None:
    """Look at the record at the zip's end before its table is read whole, as `zipfile` does."""
    size = source.seek(0, io.SEEK_END)
    start = max(0, size - _END_BYTES - 0xFFFF)
    source.seek(start)
    tail = source.read(size - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise ArchiveError("The zip is damaged: its end is missing.")
    count = int.from_bytes(tail[at + 10 : at + 12], "little")
    directory = int.from_bytes(tail[at + 12 : at + 16], "little")
    # Folders and litter are counted here, too; 65,535 stands for "see the record for huge zips".
    if count == 0xFFFF or count > 10 * limits.files + 100:
        raise ArchiveError(f"The zip holds too many files; {limits.files} are allowed.")
    if directory > DIRECTORY_BYTES:
        raise ArchiveError("The zip's table of contents is too large.")
    source.seek(0)


def _is_litter(path: str) -> bool:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return "__MACOSX" in parts or any(part.startswith(".") and part != ".." for part in parts[-1:])


def label(path: str) -> str:
    """The last part of a name, to be shown and to be looked up in a manifest; never a path."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _megabytes(size: int) -> str:
    return f"{size // (1024 * 1024)} MB"
