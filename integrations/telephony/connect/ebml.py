"""Reads EBML (RFC 8794) as it arrives, in pieces of any size: elements by their headers, never by looking for bytes.

Only what Matroska as Kinesis Video Streams sends it needs: masters of known size, the two that may have an unknown
size (Segment, Cluster), and leaves, of which only those asked for are kept. No library does this: ebmlite wants a
whole document that it can seek in, PyAV merges the segments of a stream and hides the tags of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
INFO, TRACKS, TAGS = 0x1549A966, 0x1654AE6B, 0x1254C367
TRACK_ENTRY, TAG, SIMPLE_TAG, BLOCK_GROUP = 0xAE, 0x7373, 0x67C8, 0xA0
TARGETS, _AUDIO = 0x63C0, 0xE1
_SEEK_HEAD, _CUES, _CHAPTERS, _ATTACHMENTS = 0x114D9B74, 0x1C53BB6B, 0x1043A770, 0x1941A469
_VOID, _CRC32 = 0xEC, 0xBF

MASTERS = frozenset(
    {EBML, SEGMENT, CLUSTER, INFO, TRACKS, TAGS, TRACK_ENTRY, TAG, SIMPLE_TAG, BLOCK_GROUP, TARGETS, _AUDIO}
)
_DOCUMENT = frozenset({EBML, SEGMENT})
_LEVEL_ONE = frozenset({INFO, TRACKS, TAGS, CLUSTER, _SEEK_HEAD, _CUES, _CHAPTERS, _ATTACHMENTS})
# An element of unknown size ends where something begins that cannot be its child (RFC 8794, 6.2).
_ENDS = {SEGMENT: _DOCUMENT, CLUSTER: _DOCUMENT | _LEVEL_ONE}

# The longest leaf that is kept. A block holds 64 ms (1 kB) in practice; a tag some hundred bytes.
LEAF_BYTES = 256 * 1024
DEPTH = 12


class EbmlError(ValueError):
    """What came is not EBML, or not as Matroska arranges it. Quotes nothing of it."""


class Element(NamedTuple):
    """One step through the document. `size` is -1 for an unknown one; `payload` only for leaves that are kept.

    `offset` counts bytes from the start of the stream: of the element's header, for "end" of what follows it.
    """

    kind: Literal["master", "leaf", "end"]
    id: int
    offset: int
    size: int
    payload: bytes = b""


class ElementReader:
    """Feed bytes in, get elements out. `kept`: the ids of leaves whose payload is wanted; others are passed over.

    Memory is bounded by `LEAF_BYTES` and the size of one feed, whatever is fed.
    """

    def __init__(self, kept: frozenset[int]) -> None:
        self._kept = kept
        self._buffer = bytearray()
        self._at = 0  # of the buffer's first byte in the stream
        self._skip = 0  # bytes of a leaf not kept that are still to come
        self._open: list[tuple[int, int | None]] = []  # masters: id and end offset

    @property
    def at_rest(self) -> bool:
        """Whether the stream may end here: nothing is half read, and no element of known size is open."""
        return not self._buffer and not self._skip and all(end is None for _ident, end in self._open)

    def feed(self, data: bytes) -> Iterator[Element]:
        """Read on. To be exhausted before the next feed. Raises `EbmlError`, after which nothing more is read."""
        self._buffer += data
        while True:
            if self._skip:
                passed = min(self._skip, len(self._buffer))
                self._drop(passed)
                self._skip -= passed
                if self._skip:
                    return
            if self._open and self._open[-1][1] == self._at:
                yield self._end()
                continue
            header = self._header()
            if header is None:
                return
            ident, size, length = header
            if self._open and self._open[-1][1] is None and ident in _ENDS[self._open[-1][0]]:
                yield self._end()
                continue
            self._check(ident, size, length)
            if ident in MASTERS:
                end = None if size < 0 else self._at + length + size
                offset = self._at
                self._drop(length)
                self._open.append((ident, end))
                yield Element("master", ident, offset, size)
            elif ident not in self._kept:
                offset = self._at
                self._skip = length + size
                yield Element("leaf", ident, offset, size)
            else:
                if len(self._buffer) < length + size:
                    return
                payload = bytes(self._buffer[length : length + size])
                offset = self._at
                self._drop(length + size)
                yield Element("leaf", ident, offset, size, payload)

    def finish(self) -> Iterator[Element]:
        """The stream has ended, here or in the middle of an element: whatever is open ends with it."""
        while self._open:
            yield self._end()
        self._buffer.clear()

    # --- One element's header -----------------------------------------------------------------------------

    def _header(self) -> tuple[int, int, int] | None:
        """Id, size (-1: unknown) and length of the header that comes next; None until it is there whole."""
        buffer = self._buffer
        if not buffer:
            return None
        id_length = 9 - buffer[0].bit_length()
        if id_length > 4:
            raise EbmlError("no element begins here")
        if len(buffer) <= id_length:
            return None
        size_length = 9 - buffer[id_length].bit_length()
        if size_length > 8:
            raise EbmlError("the size of an element cannot be read")
        length = id_length + size_length
        if len(buffer) < length:
            return None
        ident = int.from_bytes(buffer[:id_length], "big")
        ones = (1 << (7 * size_length)) - 1
        size = int.from_bytes(buffer[id_length:length], "big") & ones
        return ident, -1 if size == ones else size, length

    def _check(self, ident: int, size: int, length: int) -> None:
        if not self._open and ident not in _DOCUMENT and ident not in (_VOID, _CRC32):
            raise EbmlError("this is no Matroska stream")
        if self._open and ident in _DOCUMENT:
            raise EbmlError("a document begins within an element that has not ended")
        if size < 0 and ident not in _ENDS:
            raise EbmlError("an element of unknown size that may not have one")
        if ident in MASTERS and len(self._open) >= DEPTH:
            raise EbmlError("elements are nested too deep")
        if ident in self._kept and size > LEAF_BYTES:
            raise EbmlError("an element is too long")
        ends = [end for _ident, end in self._open if end is not None]
        if ends and (size < 0 or self._at + length + size > min(ends)):
            raise EbmlError("an element reaches beyond the one that holds it")

    def _end(self) -> Element:
        ident, _end = self._open.pop()
        return Element("end", ident, self._at, 0)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._at += count
