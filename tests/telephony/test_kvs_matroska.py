"""GetMedia's Matroska, read as it arrives: against golden traces, ebmlite and PyAV, and against what may go wrong."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import av
import ebmlite
import pytest

from integrations.telephony.connect.ebml import LEAF_BYTES, EbmlError, ElementReader
from integrations.telephony.connect.matroska import FROM_CUSTOMER, TO_CUSTOMER, Fragment, FragmentReader
from tests.peers.kvs_stream import CONTACT, FROM, TO, Piece, element, pieces_of, tags
from tests.services import SHARED_DATA

FIXTURES = SHARED_DATA / "kvs" / "fixtures"
NAMES = sorted(path.name.removesuffix(".ebml.hex") for path in FIXTURES.glob("*.hex")) or ["absent"]


@pytest.fixture
def kvs(shared_data: Path) -> Path:
    return shared_data / "kvs"


def stream(kvs: Path, name: str) -> bytes:
    text = (kvs / "fixtures" / f"{name}.ebml.hex").read_text()
    return bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))


def fragments(data: bytes, *, step: int = 1 << 20) -> list[Fragment]:
    reader = FragmentReader()
    found = [fragment for at in range(0, len(data), step) for fragment in reader.feed(data[at : at + step])]
    last = reader.finish()
    return found + ([last] if last else [])


def sound(found: list[Fragment], side: str) -> bytes:
    return b"".join(block.pcm for one in found for block in one.blocks if one.side(block.track) == side)


@pytest.mark.parametrize("step", [1, 7, 4096])
@pytest.mark.parametrize("name", NAMES)
def test_elements_are_those_of_the_golden_trace(kvs: Path, name: str, step: int) -> None:
    golden = []
    for line in (kvs / "golden" / f"{name}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["op"] == "leave":
            golden.append(("end", row["offset"]))
        elif row["op"] == "peek" and "id" in row:
            golden.append((row["kind"] == "master", row["offset"], int(row["id"], 16), row["size"]))
    data = stream(kvs, name)
    reader = ElementReader(frozenset({0xA3, 0xE7}))
    elements = [one for at in range(0, len(data), step) for one in reader.feed(data[at : at + step])]
    elements += reader.finish()
    assert golden == [
        ("end", one.offset) if one.kind == "end" else (one.kind == "master", one.offset, one.id, one.size)
        for one in elements
    ]


@pytest.mark.parametrize("step", [1, 13, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
def test_fragments_are_as_the_fixture_says(kvs: Path, name: str, step: int) -> None:
    says = json.loads((kvs / "fixtures" / "README.json").read_text())["fixtures"][name]
    found = fragments(stream(kvs, name), step=step)
    assert len(found) == says["fragments"]
    assert sum(len(one.blocks) for one in found) == says["simple_blocks"]
    assert {one.contact_id for one in found} - {""} == set(says["contact_ids"]) - {""}
    # A fragment without tags has a number of its own in the list, which the stream does not tell.
    told = [number if one.number else "" for one, number in zip(found, says["fragment_numbers"], strict=True)]
    assert [one.number for one in found] == told
    assert all(one.sample_rate in (8000, None) for one in found)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_are_those_that_ebmlite_finds(kvs: Path, name: str) -> None:
    data = stream(kvs, name)
    schema = ebmlite.loadSchema("matroska.xml")
    document = schema.load(io.BytesIO(data), headers=True)
    theirs: list[bytes] = []

    def walk(node: object) -> None:
        for child in node:  # type: ignore[attr-defined]
            if child.name == "SimpleBlock":
                theirs.append(bytes(child.value))
            elif isinstance(child, ebmlite.core.MasterElement) and child.name != "Void":
                walk(child)

    walk(document)
    ours = [block for one in fragments(data) for block in one.blocks]
    assert [raw[4:] for raw in theirs] == [block.pcm for block in ours]
    assert [raw[0] & 0x7F for raw in theirs] == [block.track for block in ours]


@pytest.mark.parametrize("name", NAMES)
def test_sound_and_names_are_those_that_pyav_demuxes(kvs: Path, name: str) -> None:
    data = stream(kvs, name)
    with av.open(io.BytesIO(data), format="matroska") as container:
        titles = [track.metadata.get("title", "") for track in container.streams]
        theirs: dict[int, bytes] = {}
        for packet in container.demux():
            theirs[packet.stream_index] = theirs.get(packet.stream_index, b"") + bytes(packet)
    found = fragments(data)
    assert titles == [found[0].tracks[number] for number in sorted(found[0].tracks)]
    for index, number in enumerate(sorted(found[0].tracks)):
        ours = b"".join(block.pcm for one in found for block in one.blocks if block.track == number)
        assert theirs.get(index, b"") == ours


def test_times_are_scaled_and_may_lie_before_the_cluster() -> None:
    piece = Piece("1", 800_000, [(FROM, -2, b"\1\2"), (FROM, 0, b"\3\4"), (TO, 2, b"\5\6")], scale=100_000)
    [fragment] = fragments(piece.mkv())
    assert [block.at_ns // 1_000_000 for block in fragment.blocks] == [799_998, 800_000, 800_002]


def test_sides_go_by_the_tracks_names() -> None:
    for names in ((FROM, TO), (TO, FROM)):
        [fragment] = fragments(Piece("1", 0, [(FROM, 0, b"ab"), (TO, 0, b"cd")], names=names).mkv())
        assert sound([fragment], FROM_CUSTOMER) == b"ab"
        assert sound([fragment], TO_CUSTOMER) == b"cd"
    [legacy] = fragments(Piece("1", 0, [("Track_audio/L16", 0, b"ab")], names=("Track_audio/L16",)).mkv())
    assert sound([legacy], FROM_CUSTOMER) == b"ab"
    [strange] = fragments(Piece("1", 0, [("VIDEO", 0, b"ab")], names=("VIDEO",)).mkv())
    assert strange.side(1) == "" and strange.side(9) == ""


def test_a_fragment_is_given_with_its_last_tags_and_not_before() -> None:
    piece = Piece("7", 5_000, [(FROM, 0, b"\0\1" * 100)], early_tags=False)
    data = piece.mkv()
    reader = FragmentReader()
    assert not list(reader.feed(data[:-1]))
    [fragment] = reader.feed(data[-1:])
    assert (fragment.contact_id, fragment.number, fragment.behind_ms) == (CONTACT, "7", 0)
    assert reader.finish() is None


def test_without_last_tags_a_fragment_ends_where_the_next_begins() -> None:
    pieces = pieces_of(b"\1\0" * 16_384, b"\2\0" * 16_384)
    for piece in pieces:
        piece.last_tags = False
    reader = FragmentReader()
    first, second = pieces[0].mkv(), pieces[1].mkv()
    assert not list(reader.feed(first))
    [fragment] = reader.feed(second)
    assert fragment.number == pieces[0].number and len(fragment.blocks) == 32
    last = reader.finish()
    assert last is not None and last.number == pieces[1].number


def test_a_fragment_that_was_cut_off_says_so() -> None:
    data = Piece("7", 5_000, [(FROM, 0, b"\0\1" * 100), (FROM, 12, b"\0\1" * 100)]).mkv()
    cut = data.index(b"\xa3", data.index(b"\x1f\x43\xb6\x75")) + 210
    [fragment] = fragments(data[:cut])
    assert not fragment.whole and len(fragment.blocks) == 1 and fragment.behind_ms is None


def test_half_a_tag_is_no_tag() -> None:
    data = Piece("7", 0, [(FROM, 0, b"ab")], early_tags=False, last_tags=False).mkv()
    cut = data.index(CONTACT.encode()) + len(CONTACT) - 3
    [fragment] = fragments(data[:cut])
    assert fragment.contact_id == "" and fragment.blocks and not fragment.whole


def test_errors_of_the_service_are_told() -> None:
    piece = Piece("7", 0, [(FROM, 0, b"ab")], more={"AWS_KINESISVIDEO_ERROR_CODE": "3002"})
    assert [one.error for one in fragments(piece.mkv())] == ["3002"]
    header = piece.mkv()[: piece.mkv().index(b"\x15\x49\xa9\x66")]
    bare = header + tags({"AWS_KINESISVIDEO_ERROR_CODE": "4000"})
    assert [(one.error, one.blocks) for one in fragments(bare)] == [("4000", ())]


@pytest.mark.parametrize("mime", ["audio/AAC", "audio/L16;rate=8000;channels=2", "audio/L16"])
def test_sound_of_another_type_is_refused(mime: str) -> None:
    [fragment] = fragments(Piece("1", 0, [(FROM, 0, b"ab")], mime=mime).mkv())
    with pytest.raises(EbmlError, match="unknown type"):
        _ = fragment.sample_rate


HEADER = element(0x1A45DFA3, b"")
SEGMENT = HEADER + element(0x18538067, b"", unknown=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00\x01\x02", "no element begins here"),
        (b"RIFF....WAVE", "no Matroska"),
        (b"\x1a\x45\xdf\xa3\x00", "size of an element"),
        (SEGMENT + element(0x1654AE6B, b"", unknown=True), "unknown size"),
        (SEGMENT + element(0x1F43B675, b"\xa3\xff" + b"\0" * 8), "beyond|unknown size"),
        (SEGMENT + element(0x1F43B675, b"\xa3\x90abc"), "beyond"),
        (SEGMENT + element(0x1F43B675, HEADER), "document begins within"),
        (SEGMENT + element(0x1F43B675, element(0xA3, b"\x81")), "too short"),
        (SEGMENT + element(0x1F43B675, element(0xA3, b"\x81\0\0\x06ab")), "several frames"),
        (SEGMENT + b"\xa3" + (LEAF_BYTES + 1 | 1 << 28).to_bytes(4, "big"), "too long"),
        (
            SEGMENT
            + b"\x1f\x43\xb6\x75\x01"
            + b"\xff" * 7
            + element(0xA3, b"\x81\0\0\0" + b"x" * 200_000) * 30,
            "too long",
        ),
        (SEGMENT + b"".join(tags({f"t{n}": ""}) for n in range(300)), "too many tags"),
        (
            SEGMENT
            + element(0x1654AE6B, b"".join(element(0xAE, element(0xD7, bytes([n]))) for n in range(20))),
            "too many tracks",
        ),
        (SEGMENT + b"\x12\x54\xc3\x67\xff", "unknown size"),
    ],
)
def test_what_is_no_such_stream_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(EbmlError, match=message):
        fragments(data)


def test_nested_tags_end_somewhere() -> None:
    nested = b""
    for _ in range(20):
        nested = element(0x67C8, nested)
    with pytest.raises(EbmlError, match="too deep"):
        fragments(SEGMENT + element(0x1254C367, element(0x7373, nested)))


def test_garbage_takes_no_memory_and_no_other_error() -> None:
    rng = random.Random(5)
    good = b"".join(piece.mkv() for piece in pieces_of(b"\1\0" * 16_384, b"\2\0" * 16_384))
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        reader = FragmentReader()
        try:
            for at in range(0, len(data), 997):
                list(reader.feed(bytes(data[at : at + 997])))
                assert len(reader._elements._buffer) <= LEAF_BYTES + 997
            reader.finish()
        except EbmlError:
            continue


def test_an_unknown_element_of_any_length_is_passed_over() -> None:
    piece = Piece("1", 0, [(FROM, 0, b"ab")]).mkv()
    cut = piece.index(b"\x1f\x43\xb6\x75")
    long = piece[:cut] + element(0x4FFE, b"\x1a\x45\xdf\xa3" * 500_000) + piece[cut:]
    reader = FragmentReader()
    found = []
    for at in range(0, len(long), 65_536):
        found += reader.feed(long[at : at + 65_536])
        assert len(reader._elements._buffer) <= 65_536
    assert [one.contact_id for one in found] == [CONTACT]
