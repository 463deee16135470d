"""Files sealed in blocks, so that a part can be opened without the rest: what a player asks for by Range.

AES-256-GCM per block of 256 KiB. The key belongs to one file alone, so the block's number serves as its nonce; the
file's binding, the number and whether it is the last are authenticated with it: blocks cannot be moved, dropped or
cut off at the end unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.keys import SealError

BLOCK_BYTES = 256 * 1024
TAG_BYTES = 16


def _bound(bound_to: str, number: int, last: bool) -> bytes:
    return f"{bound_to}:{number}:{'last' if last else 'more'}".encode()


def seal_blocks(key: bytes, data: bytes, *, bound_to: str) -> bytes:
    """Seal `data` under a key that seals nothing else."""
    cipher = AESGCM(key)
    count = max(1, -(-len(data) // BLOCK_BYTES))
    sealed = bytearray()
    for number in range(count):
        block = data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]
        sealed += cipher.encrypt(
            number.to_bytes(12, "big"), block, _bound(bound_to, number, number == count - 1)
        )
    return bytes(sealed)


def open_range(
    file: BinaryIO, key: bytes, *, size_bytes: int, start: int, end: int, bound_to: str
) -> Iterator[bytes]:
    """Yield the plain bytes [start, end) of a file whose plain size is `size_bytes`. Raises `SealError`."""
    cipher = AESGCM(key)
    count = max(1, -(-size_bytes // BLOCK_BYTES))
    for number in range(start // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
        file.seek(number * (BLOCK_BYTES + TAG_BYTES))
        sealed = file.read(BLOCK_BYTES + TAG_BYTES)
        try:
            block = cipher.decrypt(
                number.to_bytes(12, "big"), sealed, _bound(bound_to, number, number == count - 1)
            )
        except InvalidTag:
            raise SealError("a stored file does not open: wrong key, altered, or cut off") from None
        first = number * BLOCK_BYTES
        yield block[max(0, start - first) : end - first]
