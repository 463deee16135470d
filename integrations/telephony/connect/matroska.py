"""What Kinesis Video Streams' GetMedia gives for an Amazon Connect call: fragments of PCM with their tags. No I/O.

Each fragment is a Matroska document of about a second. What it says of its sound is misleading on purpose (an AAC
codec id, no sampling rate): the true format is in the tag `MimeType`. Whose voice a track holds is said by the
track's name alone; the order of tracks changes, and the tags named like the tracks hold constants.
Tags come before and after the sound, so that a fragment's contact is known at its end only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from integrations.telephony.connect import ebml
from integrations.telephony.connect.ebml import EbmlError, Element, ElementReader

FROM_CUSTOMER, TO_CUSTOMER = "AUDIO_FROM_CUSTOMER", "AUDIO_TO_CUSTOMER"
# What Connect called the customer's track before it sent both directions.
_LEGACY_FROM_CUSTOMER = "Track_audio/L16"

_TIMECODE_SCALE, _TRACK_NUMBER, _TRACK_NAME = 0x2AD7B1, 0xD7, 0x536E
_TAG_NAME, _TAG_STRING = 0x45A3, 0x4487
_TIMECODE, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_KEPT = frozenset(
    {_TIMECODE_SCALE, _TRACK_NUMBER, _TRACK_NAME, _TAG_NAME, _TAG_STRING, _TIMECODE, _SIMPLE_BLOCK, _BLOCK}
)
_PREFIX = "AWS_KINESISVIDEO_"
# The service's last word on a fragment.
_LAST_TAG = f"{_PREFIX}CONTINUATION_TOKEN"
_PCM = re.compile(r"audio/L16\s*;\s*rate=(\d+)\s*;\s*channels=1\s*;?\s*", re.IGNORECASE)

DEFAULT_SCALE = 1_000_000
# A fragment lasts ten seconds at most by the service's rules; two tracks of that are 320 kB.
FRAGMENT_BYTES = 4 * 1024 * 1024
FRAGMENT_TAGS = 256
FRAGMENT_TRACKS = 16
_LACING = 0x06


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of one track's sound. `at_ns`: when it begins, in nanoseconds since 1970; `pcm`: as it was sent."""

    track: int
    at_ns: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment, or what of it came before it was cut off (`whole` is False then).

    `tracks`: names by number; `tags`: the last value of each name. One fragment may be given in several parts, which
    share its tags so far; there is no block in two of them.
    """

    tracks: dict[int, str]
    tags: dict[str, str]
    blocks: tuple[Block, ...]
    whole: bool = True

    @property
    def contact_id(self) -> str:
        """The contact that was heard; "" where the fragment does not say."""
        return self.tags.get("ContactId", "")

    @property
    def number(self) -> str:
        """The service's number of the fragment, by which a reader goes on after it; "" if it was not told."""
        return self.tags.get(f"{_PREFIX}FRAGMENT_NUMBER", "")

    @property
    def behind_ms(self) -> int | None:
        """How far this fragment lay behind the newest one when it was sent."""
        value = self.tags.get(f"{_PREFIX}MILLIS_BEHIND_NOW", "")
        return int(value) if value.isascii() and value.isdigit() else None

    @property
    def error(self) -> str:
        """The service's code for why it cannot go on; "" if it can."""
        return self.tags.get(f"{_PREFIX}ERROR_CODE", "")

    @property
    def sample_rate(self) -> int | None:
        """Samples a second of every block: PCM, signed 16 bits, little-endian. None where the fragment does not say.

        Raises `EbmlError` for sound of another kind.
        """
        mime_type = self.tags.get("MimeType")
        if mime_type is None:
            return None
        match = _PCM.fullmatch(mime_type)
        if match is None:
            raise EbmlError("sound of an unknown type")
        return int(match[1])

    def side(self, track: int) -> str:
        """`FROM_CUSTOMER` or `TO_CUSTOMER` by the track's name; "" for any other track."""
        name = self.tracks.get(track, "")
        if name == _LEGACY_FROM_CUSTOMER:
            return FROM_CUSTOMER
        return name if name in (FROM_CUSTOMER, TO_CUSTOMER) else ""


@dataclass
class _Draft:
    tracks: dict[int, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    held: int = 0
    scale: int = DEFAULT_SCALE
    timecode: int = 0


class FragmentReader:
    """Feed GetMedia's payload in, in pieces of any size, and get fragments out as soon as they are complete."""

    def __init__(self) -> None:
        self._elements = ElementReader(_KEPT)
        self._draft: _Draft | None = None
        self._number: int | None = None
        self._name = ""
        self._tag: list[tuple[str, str]] = []  # name and value of the simple tags that are open

    def feed(self, data: bytes) -> Iterator[Fragment]:
        """Read on. To be exhausted before the next feed. Raises `EbmlError`, after which nothing more is read."""
        for element in self._elements.feed(data):
            fragment = self._take(element)
            if fragment is not None:
                yield fragment

    def finish(self) -> Fragment | None:
        """The stream has ended. What has come of the last fragment, if it holds anything that was not given yet."""
        # Only a fragment whose masters of known size all ended is whole; the segment itself never says that it ended.
        whole = self._elements.at_rest
        for element in self._elements.finish():
            self._take(element, ended=True)
        return self._part(whole=whole)

    # --- Elements -----------------------------------------------------------------------------------------

    def _take(self, element: Element, *, ended: bool = False) -> Fragment | None:
        if element.kind == "leaf":
            self._leaf(element.id, element.payload)
            return None
        if element.kind == "end":
            return self._closed(element.id, ended)
        if element.id == ebml.TRACK_ENTRY:
            self._number, self._name = None, ""
        elif element.id == ebml.SIMPLE_TAG:
            self._tag.append(("", ""))
        elif element.id == ebml.SEGMENT:
            part = self._part()
            self._draft = _Draft()
            return part
        elif element.id == ebml.EBML:
            part = self._part()
            self._draft = None
            return part
        return None

    def _closed(self, ident: int, ended: bool) -> Fragment | None:
        draft = self._draft
        if draft is None:
            return None
        if ident == ebml.TRACK_ENTRY and self._number is not None:
            if len(draft.tracks) >= FRAGMENT_TRACKS:
                raise EbmlError("a fragment has too many tracks")
            draft.tracks[self._number] = self._name
        elif ident == ebml.SIMPLE_TAG:
            name, value = self._tag.pop()
            if name and not ended:
                if len(draft.tags) >= FRAGMENT_TAGS and name not in draft.tags:
                    raise EbmlError("a fragment has too many tags")
                draft.tags[name] = value
        elif ident == ebml.TAGS and draft.blocks and _LAST_TAG in draft.tags and not ended:
            return self._part()
        return None

    def _leaf(self, ident: int, payload: bytes) -> None:
        draft = self._draft
        if draft is None or ident not in _KEPT:
            return
        if ident == _TIMECODE_SCALE:
            draft.scale = int.from_bytes(payload, "big") or DEFAULT_SCALE
        elif ident == _TIMECODE:
            draft.timecode = int.from_bytes(payload, "big")
        elif ident == _TRACK_NUMBER:
            self._number = int.from_bytes(payload, "big")
        elif ident == _TRACK_NAME:
            self._name = _text(payload)
        elif ident in (_TAG_NAME, _TAG_STRING):
            if self._tag:
                name, value = self._tag[-1]
                self._tag[-1] = (_text(payload), value) if ident == _TAG_NAME else (name, _text(payload))
        else:
            self._block(draft, payload)

    def _block(self, draft: _Draft, payload: bytes) -> None:
        """Matroska, section 10: track number, time within the cluster, flags, sound."""
        length = 9 - payload[0].bit_length() if payload else 9
        if length > 8 or len(payload) < length + 3:
            raise EbmlError("a block is too short")
        track = int.from_bytes(payload[:length], "big") & ((1 << (7 * length)) - 1)
        within = int.from_bytes(payload[length : length + 2], "big", signed=True)
        if payload[length + 2] & _LACING:
            raise EbmlError("a block holds several frames")
        pcm = payload[length + 3 :]
        draft.held += len(pcm)
        if draft.held > FRAGMENT_BYTES or len(draft.blocks) > FRAGMENT_BYTES // 64:
            raise EbmlError("a fragment is too long")
        draft.blocks.append(Block(track, (draft.timecode + within) * draft.scale, pcm))

    def _part(self, *, whole: bool = True) -> Fragment | None:
        """What was collected and not given yet. Tags alone are news only where they tell an error."""
        draft = self._draft
        if draft is None or not (draft.blocks or f"{_PREFIX}ERROR_CODE" in draft.tags):
            return None
        fragment = Fragment(dict(draft.tracks), dict(draft.tags), tuple(draft.blocks), whole)
        draft.blocks, draft.held = [], 0
        draft.tags.pop(f"{_PREFIX}ERROR_CODE", None)
        return fragment


def _text(payload: bytes) -> str:
    return payload.rstrip(b"\0").decode("utf-8", "replace")
