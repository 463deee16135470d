"""A place for bytes on their way that never lie on a disk in the clear: request bodies and uploaded files.

What fits into one block stays in memory. The rest goes to an unnamed temporary file in blocks of AES-256-GCM, under a
key that exists in this object alone: nobody can open the file once the process has let go of it.
"""

from __future__ import annotations

import io
import os
import tempfile
from typing import Any, BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.keys import SealError, new_key

BLOCK_BYTES = 256 * 1024
TAG_BYTES = 16


class SpoolFull(Exception):
    """More was written than the spool may hold."""


class SealedSpool(io.RawIOBase):
    """A file to be written once from its beginning to its end, and read anywhere as often as wanted.

    `limit`: how many bytes it takes at most; a write beyond raises `SpoolFull`, 0 for no limit. Not for several
    threads at once. Writing always goes on at the end, wherever was read before.
    """

    def __init__(self, *, limit: int = 0) -> None:
        super().__init__()
        self._limit = limit
        self._cipher = AESGCM(new_key())
        self._file: BinaryIO | None = None
        self._blocks = 0
        self._tail = bytearray()
        self._at = 0
        self._opened: tuple[int, bytes] = (-1, b"")

    def __repr__(self) -> str:
        return f"<SealedSpool of {self.size} bytes>"

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._blocks * BLOCK_BYTES + len(self._tail)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Append all of `data`."""
        self._check()
        given = memoryview(data).cast("B")
        if self._limit and self.size + len(given) > self._limit:
            raise SpoolFull
        self._tail += given
        while len(self._tail) >= BLOCK_BYTES:
            self._put(bytes(self._tail[:BLOCK_BYTES]))
            del self._tail[:BLOCK_BYTES]
        self._at = self.size
        return len(given)

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as there is anything: a short answer means the end."""
        self._check()
        wanted = memoryview(buffer).cast("B")
        done = 0
        while done < len(wanted) and self._at < self.size:
            number, offset = divmod(self._at, BLOCK_BYTES)
            part = self._block(number)[offset : offset + len(wanted) - done]
            wanted[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._check()
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("negative seek position")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        self._check()
        return self._at

    def close(self) -> None:
        """Forget everything."""
        if not self.closed:
            if self._file is not None:
                self._file.close()
            self._tail.clear()
            self._opened = (-1, b"")
        super().close()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")

    def _put(self, block: bytes) -> None:
        if self._file is None:
            self._file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 closed by close()
        self._file.seek(self._blocks * (BLOCK_BYTES + TAG_BYTES))
        sealed = memoryview(self._cipher.encrypt(_nonce(self._blocks), block, None))
        while sealed:
            sealed = sealed[self._file.write(sealed) :]
        self._blocks += 1

    def _block(self, number: int) -> bytes | bytearray:
        if number == self._blocks:
            return self._tail
        if self._opened[0] != number:
            assert self._file is not None
            self._file.seek(number * (BLOCK_BYTES + TAG_BYTES))
            sealed = b""
            while len(sealed) < BLOCK_BYTES + TAG_BYTES and (
                more := self._file.read(BLOCK_BYTES + TAG_BYTES - len(sealed))
            ):
                sealed += more
            try:
                self._opened = (number, self._cipher.decrypt(_nonce(number), sealed, None))
            except InvalidTag:
                raise SealError("a spooled file was altered") from None
        return self._opened[1]


def _nonce(number: int) -> bytes:
    # Each key seals one file, each number one block of it, once.
    return number.to_bytes(12, "big")
