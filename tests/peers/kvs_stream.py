"""Makes Matroska as Kinesis Video Streams sends it for an Amazon Connect call, for tests and the KVS server of ours."""

from __future__ import annotations

from dataclasses import dataclass, field

CONTACT = "00000000-0000-4000-8000-0000000000a1"
OTHER_CONTACT = "00000000-0000-4000-8000-0000000000b2"
FROM, TO = "AUDIO_FROM_CUSTOMER", "AUDIO_TO_CUSTOMER"
UNKNOWN = b"\x01" + b"\xff" * 7


def size_of(length: int) -> bytes:
    """An EBML size in the fewest bytes."""
    width = 1
    while length >= (1 << (7 * width)) - 1:
        width += 1
    return (length | 1 << (7 * width)).to_bytes(width, "big")


def element(ident: int, payload: bytes, *, unknown: bool = False) -> bytes:
    name = ident.to_bytes((ident.bit_length() + 7) // 8, "big")
    return name + (UNKNOWN if unknown else size_of(len(payload))) + payload


def number(ident: int, value: int) -> bytes:
    return element(ident, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def tags(values: dict[str, str]) -> bytes:
    simple = b"".join(
        element(0x67C8, element(0x45A3, name.encode()) + element(0x4487, value.encode()))
        for name, value in values.items()
    )
    return element(0x1254C367, element(0x7373, element(0x63C0, b"") + simple))


def block(track: int, within: int, pcm: bytes) -> bytes:
    return element(0xA3, bytes([0x80 | track]) + within.to_bytes(2, "big", signed=True) + b"\x80" + pcm)


@dataclass
class Piece:
    """One fragment to be made. `blocks`: (track name, milliseconds within the fragment, PCM)."""

    number: str
    at_ms: int
    blocks: list[tuple[str, int, bytes]]
    contact: str | None = CONTACT
    names: tuple[str, ...] = (FROM, TO)
    mime: str = "audio/L16;rate=8000;channels=1;"
    early_tags: bool = True
    known_size: bool = False
    scale: int = 1_000_000
    last_tags: bool = True
    more: dict[str, str] = field(default_factory=dict)

    def mkv(self) -> bytes:
        """The fragment as GetMedia gives it."""
        header = element(0x1A45DFA3, element(0x4282, b"matroska"))
        info = element(0x1549A966, number(0x2AD7B1, self.scale) + element(0x4D80, b"test"))
        tracks = element(
            0x1654AE6B,
            b"".join(
                element(
                    0xAE,
                    number(0xD7, index)
                    + number(0x83, 2)
                    + element(0x86, b"A_AAC")
                    + element(0x63A2, b"\x11\x90")
                    + element(0x536E, name.encode()),
                )
                for index, name in enumerate(self.names, 1)
            ),
        )
        contact: dict[str, str] = {}
        if self.contact is not None:
            contact = {"ContactId": self.contact, "MimeType": self.mime, FROM: "1", TO: "2"}
        service = {
            "AWS_KINESISVIDEO_FRAGMENT_NUMBER": self.number,
            "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP": f"{self.at_ms / 1000:.3f}",
        }
        per_ms = 1_000_000 // self.scale
        sound = number(0xE7, self.at_ms * per_ms) + b"".join(
            block(self.names.index(name) + 1, within * per_ms, pcm) for name, within, pcm in self.blocks
        )
        parts = [header, element(0x18538067, b"", unknown=True), info, tracks]
        parts += [tags(contact)] if self.early_tags and contact else []
        parts += [tags(service), element(0x1F43B675, sound, unknown=not self.known_size)]
        parts += [tags(contact)] if contact else []
        if self.last_tags:
            parts.append(
                tags(
                    {
                        "AWS_KINESISVIDEO_MILLIS_BEHIND_NOW": "0",
                        "AWS_KINESISVIDEO_CONTINUATION_TOKEN": "x" * 64,
                    }
                    | self.more
                )
            )
        return b"".join(parts)


def pieces_of(
    customer: bytes,
    agent: bytes,
    *,
    at_ms: int = 1_700_000_000_000,
    contact: str = CONTACT,
    seconds: float = 1.024,
    first: int = 1,
    block_ms: int = 64,
    swap_every: int = 3,
) -> list[Piece]:
    """A call's two sides (PCM16 at 8 kHz, equally long) as the fragments that Connect would send of them."""
    per_ms, fragment_ms = 16, round(seconds * 1000)
    pieces = []
    for index, start in enumerate(range(0, len(customer) // per_ms, fragment_ms)):
        blocks = []
        for within in range(0, fragment_ms, block_ms):
            for name, sound in ((FROM, customer), (TO, agent)):
                pcm = sound[
                    (start + within) * per_ms : (start + min(within + block_ms, fragment_ms)) * per_ms
                ]
                if pcm:
                    blocks.append((name, within, pcm))
        names = (TO, FROM) if index % swap_every == swap_every - 1 else (FROM, TO)
        pieces.append(Piece(f"{first + index:047d}", at_ms + start, blocks, contact=contact, names=names))
    return pieces
