"""Files sealed in blocks, and the codecs of recordings: whole, in parts, tampered with."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from conversations.sealed_files import (
    BLOCK_BYTES,
    STORED_BYTES,
    SealedReader,
    SealedWriter,
    open_range,
    seal_blocks,
)
from engines.speech.encoding import CODECS, Encoder, decoded, silenced
from tenants import keys
from tests.live_calls import RATE
from tests.recorded_calls import SECRET, loudness_of, sine, stretch

# --- Sealed files ------------------------------------------------------------------------------------------


def source_of(sealed: bytes, asked: list[tuple[int, int]] | None = None) -> Any:
    @contextmanager
    def source(start: int, end: int) -> Any:
        if asked is not None:
            asked.append((start, end))
        yield io.BytesIO(sealed[start:end])

    return source


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 5])
def test_sealed_blocks_open_whole_and_in_parts(size: int) -> None:
    key, data = keys.new_key(), np.random.default_rng(2).bytes(size)
    sealed = seal_blocks(key, data, bound_to="a")
    opened = open_range(source_of(sealed), key, size_bytes=size, start=0, end=size, bound_to="a")
    assert b"".join(opened) == data
    with SealedReader(source_of(sealed), key, size_bytes=size, bound_to="a") as file:
        assert file.read() == data
        file.seek(max(0, size - 7))
        assert file.read() == data[max(0, size - 7) :]


def test_only_the_blocks_that_are_asked_for_are_fetched() -> None:
    key, size = keys.new_key(), 10 * BLOCK_BYTES
    sealed, asked = seal_blocks(key, bytes(size), bound_to="a"), []
    start = 4 * BLOCK_BYTES - 10
    parts = open_range(
        source_of(sealed, asked), key, size_bytes=size, start=start, end=start + 20, bound_to="a"
    )
    assert b"".join(parts) == bytes(20)
    assert asked == [(3 * STORED_BYTES, 5 * STORED_BYTES)]


@pytest.mark.parametrize("change", ["flip", "cut", "swap", "other file", "other key"])
def test_a_sealed_file_that_was_tampered_with_does_not_open(change: str) -> None:
    key, size = keys.new_key(), 2 * BLOCK_BYTES + 9
    sealed = bytearray(seal_blocks(key, np.random.default_rng(3).bytes(size), bound_to="a"))
    bound_to = "b" if change == "other file" else "a"
    if change == "flip":
        sealed[STORED_BYTES + 5] ^= 1
    elif change == "cut":
        size = 2 * BLOCK_BYTES
        del sealed[2 * STORED_BYTES :]
    elif change == "swap":
        sealed[:STORED_BYTES], sealed[STORED_BYTES : 2 * STORED_BYTES] = (
            sealed[STORED_BYTES : 2 * STORED_BYTES],
            sealed[:STORED_BYTES],
        )
    opener = keys.new_key() if change == "other key" else key
    with pytest.raises(keys.SealError):
        list(
            open_range(
                source_of(bytes(sealed)), opener, size_bytes=size, start=0, end=size, bound_to=bound_to
            )
        )
    with (
        pytest.raises(keys.SealError),
        SealedReader(source_of(bytes(sealed)), opener, size_bytes=size, bound_to=bound_to) as file,
    ):
        file.read()


def test_the_beginning_of_a_sealed_file_may_be_written_again_and_nothing_else() -> None:
    key, target = keys.new_key(), io.BytesIO()
    data = bytearray(np.random.default_rng(4).bytes(BLOCK_BYTES + 100))
    with SealedWriter(target, key, bound_to="a") as file:
        file.write(data)
        file.seek(10)
        file.write(b"header")
    data[10:16] = b"header"
    parts = open_range(
        source_of(target.getvalue()), key, size_bytes=len(data), start=0, end=len(data), bound_to="a"
    )
    assert b"".join(parts) == data
    with pytest.raises(io.UnsupportedOperation), SealedWriter(io.BytesIO(), key, bound_to="a") as file:
        file.write(data)
        file.seek(BLOCK_BYTES)
        file.write(b"x")


# --- Codecs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (8000, 2), (16000, 2)])
def test_both_codecs_keep_length_and_sound(codec: str, rate: int, channels: int) -> None:
    given, target = np.column_stack([sine(3.3, rate=rate)] * channels), io.BytesIO()
    with Encoder(target, codec=codec, sample_rate=rate, channels=channels) as encoder:
        for start in range(0, len(given), 7_777):
            encoder.write(given[start : start + 7_777])
    target.seek(0)
    back = np.concatenate(list(decoded(target)))
    assert back.shape == given.shape
    assert loudness_of(back[:, -1], SECRET, rate) == pytest.approx(12_000 / 32768, rel=0.1)
    if codec == "flac":
        assert np.array_equal(back, given)


def test_a_stretch_is_silenced_whatever_pieces_the_sound_comes_in() -> None:
    sound = np.column_stack([sine(4), sine(4)])
    for size in (999, 8_000, 100_000):
        pieces = [sound[start : start + size] for start in range(0, len(sound), size)]
        out = np.concatenate(list(silenced(pieces, RATE, [(1, 1_003, 2_507)])))
        assert out.shape == sound.shape and np.array_equal(out[:, 0], sound[:, 0])
        assert loudness_of(stretch(out, 1, 1_003, 2_507), SECRET) < 0.002
        assert np.array_equal(stretch(out, 1, 0, 1_000), stretch(sound, 1, 0, 1_000))
        assert np.array_equal(stretch(out, 1, 2_511, 4_000), stretch(sound, 1, 2_511, 4_000))
