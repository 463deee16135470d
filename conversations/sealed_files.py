"""Files sealed in blocks, so that a part can be opened without the rest: what a player asks for by Range.

AES-256-GCM per block of 256 KiB. The key belongs to one file alone, so the block's number serves as its nonce; the
file's binding, the number and whether it is the last are authenticated with it: blocks cannot be moved, dropped or
cut off at the end unnoticed. Neither sealing nor opening holds more than two blocks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.keys import SealError

BLOCK_BYTES = 256 * 1024
TAG_BYTES = 16
STORED_BYTES = BLOCK_BYTES + TAG_BYTES

# Opens the sealed bytes [start, end) for reading from their beginning.
Source = Callable[[int, int], AbstractContextManager[BinaryIO]]


def _bound(bound_to: str, number: int, last: bool) -> bytes:
    return f"{bound_to}:{number}:{'last' if last else 'more'}".encode()


def _seal(cipher: AESGCM, block: bytes, bound_to: str, number: int, *, last: bool) -> bytes:
    return cipher.encrypt(number.to_bytes(12, "big"), block, _bound(bound_to, number, last))


def blocks_of(size_bytes: int) -> int:
    """How many blocks a file of this plain size has. An empty one has one."""
    return max(1, -(-size_bytes // BLOCK_BYTES))


def sealed_size(size_bytes: int) -> int:
    return size_bytes + blocks_of(size_bytes) * TAG_BYTES


def seal_blocks(key: bytes, data: bytes, *, bound_to: str) -> bytes:
    """Seal `data` under a key that seals nothing else."""
    target = io.BytesIO()
    with SealedWriter(target, key, bound_to=bound_to) as file:
        file.write(data)
    return target.getvalue()


class _Seekable(io.RawIOBase):
    """A place in a file of `size_bytes` plain bytes."""

    size_bytes = 0
    _at = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence] + offset
        return self._at


class SealedWriter(_Seekable):
    """A file to write into, that seals what it is given into `target` block by block. `size_bytes`: plain bytes.

    It grows at its end; the first block may be written again until the file is closed, as FLAC does with its header.
    It is sealed last, so that no block is ever sealed twice under one nonce. Closing completes the file; one that is
    left by an exception lacks its first block, and does not open. An encoder in C cannot pass an error of this file
    on: after one nothing more is written, and leaving the context raises it.
    """

    def __init__(self, target: BinaryIO, key: bytes, *, bound_to: str) -> None:
        self._target = target
        self._cipher = AESGCM(key)
        self._bound_to = bound_to
        self._first = bytearray()
        self._tail = bytearray()
        self._number = 1
        self._failure: BaseException | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if error is not None and self._failure is None:
            self._failure = error
        self.close()
        if self._failure is not None:
            raise self._failure

    def writable(self) -> bool:
        return True

    def write(self, given: object) -> int:
        data = bytes(memoryview(given).cast("B"))  # type: ignore[arg-type]
        if self._failure is None:
            try:
                self._write(data)
            except Exception as error:
                self._failure = error
        return len(data)

    def _write(self, data: bytes) -> None:
        end = self._at + len(data)
        if self._at < self.size_bytes:
            if end > min(self.size_bytes, BLOCK_BYTES):
                raise io.UnsupportedOperation("only what is in the first block may be written again")
            self._first[self._at : end] = data
        elif self._at > self.size_bytes:
            raise io.UnsupportedOperation("a sealed file has no holes")
        else:
            self._grow(data)
            self.size_bytes = end
        self._at = end

    def _grow(self, data: bytes) -> None:
        free = max(0, BLOCK_BYTES - self.size_bytes)
        self._first += data[:free]
        for start in range(free, len(data), BLOCK_BYTES):
            self._tail += data[start : start + BLOCK_BYTES]
            # A full block waits until more comes: only then it is certain not to be the last.
            if len(self._tail) > BLOCK_BYTES:
                self._put(bytes(self._tail[:BLOCK_BYTES]), last=False)
                del self._tail[:BLOCK_BYTES]

    def _put(self, block: bytes, *, last: bool) -> None:
        self._target.seek(self._number * STORED_BYTES)
        self._target.write(_seal(self._cipher, block, self._bound_to, self._number, last=last))
        self._number += 1

    def close(self) -> None:
        if not self.closed and self._failure is None:
            if self._tail:
                self._put(bytes(self._tail), last=True)
            self._target.seek(0)
            first = _seal(self._cipher, bytes(self._first), self._bound_to, 0, last=not self._tail)
            self._target.write(first)
            self._target.seek(0, io.SEEK_END)
        super().close()


def _opened(cipher: AESGCM, sealed: bytes, bound_to: str, number: int, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(number.to_bytes(12, "big"), sealed, _bound(bound_to, number, last))
    except InvalidTag:
        raise SealError("a stored file does not open: wrong key, altered, or cut off") from None


def open_range(
    source: Source, key: bytes, *, size_bytes: int, start: int, end: int, bound_to: str
) -> Iterator[bytes]:
    """Yield the plain bytes [start, end) of a file whose plain size is `size_bytes`, block by block.

    The source is asked once, for the blocks that hold them and no others. Raises `SealError`.
    """
    if start >= end:
        return
    cipher, count = AESGCM(key), blocks_of(size_bytes)
    numbers = range(start // BLOCK_BYTES, min(count, -(-end // BLOCK_BYTES)))
    upto = min(sealed_size(size_bytes), numbers.stop * STORED_BYTES)
    with source(numbers.start * STORED_BYTES, upto) as file:
        for number in numbers:
            sealed = _read_all(file, STORED_BYTES)
            block = _opened(cipher, sealed, bound_to, number, last=number == count - 1)
            first = number * BLOCK_BYTES
            yield block[max(0, start - first) : end - first]


def _read_all(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or up to the end: a network's stream may hand out less at a time."""
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class SealedReader(_Seekable):
    """The plain bytes of a sealed file as a file to read and to seek in: what a decoder needs. One block is held.

    A decoder in C cannot pass an error of this file on: after one the file seems to end, and leaving the context
    raises it.
    """

    def __init__(self, source: Source, key: bytes, *, size_bytes: int, bound_to: str) -> None:
        self._source = source
        self._cipher = AESGCM(key)
        self.size_bytes = size_bytes
        self._bound_to = bound_to
        self._number = -1
        self._block = b""
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._failure: BaseException | None = None

    def __exit__(self, *_error: object) -> None:
        self.close()
        if self._failure is not None:
            raise self._failure

    def readable(self) -> bool:
        return True

    def readinto(self, given: object) -> int:
        buffer = memoryview(given).cast("B")  # type: ignore[arg-type]
        if self._failure is not None or self._at >= self.size_bytes or not len(buffer):
            return 0
        number, inside = divmod(self._at, BLOCK_BYTES)
        if number != self._number:
            try:
                self._load(number)
            except Exception as error:
                self._failure = error
                return 0
        part = self._block[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _load(self, number: int) -> None:
        if self._file is None or number != self._number + 1:
            self._stack.close()
            start = number * STORED_BYTES
            self._file = self._stack.enter_context(self._source(start, sealed_size(self.size_bytes)))
        sealed = _read_all(self._file, STORED_BYTES)
        last = number == blocks_of(self.size_bytes) - 1
        self._block = _opened(self._cipher, sealed, self._bound_to, number, last=last)
        self._number = number

    def close(self) -> None:
        if not self.closed:
            self._stack.close()
        super().close()
