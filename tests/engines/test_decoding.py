"""Uploaded sound: every kind is read, lies where it lay, in bounded pieces; what is no sound is refused in words."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pytest

from engines.speech.containers import container_of
from engines.speech.decoding import SoundFileError, chunks, probe
from tests.sound_files import BURSTS, bursts, onsets, sound_file

KINDS = [
    ("wav", "pcm_s16le", 44100, 2),
    ("wav", "pcm_s24le", 48000, 1),
    ("wav", "pcm_mulaw", 8000, 2),
    ("wav", "pcm_alaw", 8000, 1),
    ("wav", "pcm_s16le", 11025, 1),
    ("flac", "flac", 48000, 2),
    ("mp3", "libmp3lame", 44100, 1),
    ("mp3", "libmp3lame", 8000, 2),
    ("ogg", "libopus", 48000, 2),
    ("ipod", "aac", 44100, 2),
    ("ipod", "aac", 8000, 1),
    ("mov", "alac", 16000, 1),
    ("adts", "aac", 22050, 1),
    ("adts", "aac", 8000, 2),
]


def _read(data: bytes, *, max_seconds: int = 60):
    found = probe(io.BytesIO(data), max_seconds=max_seconds)
    return found, list(chunks(io.BytesIO(data), max_seconds=max_seconds))


@pytest.mark.parametrize(("container", "codec", "rate", "channels"), KINDS)
def test_every_kind_keeps_its_times(container, codec, rate, channels):
    signals = [bursts(rate), bursts(rate, at=(1.0, 2.0))][:channels]
    found, pieces = _read(sound_file(container, codec, rate, channels, signals))
    form = found.format
    assert (form.channels, form.sample_rate) == (channels, 8000 if rate == 8000 else 16000)
    size = form.bytes_per_ms * 100
    assert all(len(piece) == size for piece in pieces[:-1]) and 0 < len(pieces[-1]) <= size
    pcm = b"".join(pieces)
    assert len(pcm) / form.bytes_per_ms == pytest.approx(3000, abs=100)
    assert onsets(pcm, form.sample_rate, channels) == pytest.approx(BURSTS, abs=0.03)
    if channels == 2:
        assert onsets(pcm, form.sample_rate, 2, 1) == pytest.approx((1.0, 2.0), abs=0.03)
    assert found.duration_ms == pytest.approx(3000, abs=100) or container == "adts"


def test_what_is_missing_inside_a_file_becomes_silence():
    """Ogg pages taken out of the middle: what follows stays where it was."""
    data = sound_file("ogg", "libopus", 48000, 1, [bursts(48000, seconds=6, at=(0.5, 5.5))])
    pages = [b"OggS" + part for part in data.split(b"OggS")[1:]]
    assert len(pages) > 5
    middle = len(pages) // 2
    cut = b"".join(pages[: middle - 1] + pages[middle + 1 :])
    found, pieces = _read(cut)
    assert onsets(b"".join(pieces), found.format.sample_rate) == pytest.approx((0.5, 5.5), abs=0.1)


def test_damaged_packets_cost_only_themselves():
    data = bytearray(sound_file("mp3", "libmp3lame", 16000, 1))
    middle = len(data) // 3
    data[middle : middle + 60] = bytes(60)
    _found, pieces = _read(bytes(data))
    assert onsets(b"".join(pieces), 16000)[-1] == pytest.approx(2.5, abs=0.1)


def test_the_same_file_gives_the_same_pieces_again():
    data = sound_file("mp3", "libmp3lame", 44100, 2)
    assert _read(data)[1] == _read(data)[1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a sound file"),
        (b"%PDF-1.7 and more of it", "not a sound file"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "not a sound file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a sound file"),
        (b"RIFF\x24\0\0\0WAVEgarbage that is no chunk", "damaged"),
        (b"ID3\x04\0\0\0\0\0\0" + b"no frames at all " * 50, "damaged"),
        (b"fLaC" + bytes(200), "damaged"),
        (b"OggS" + bytes(200), "damaged"),
        (b"\0\0\0\x20ftypM4A " + bytes(100), "no sound|damaged"),
    ],
)
def test_what_is_no_sound_is_refused_in_words(data, words):
    with pytest.raises(SoundFileError, match=words):
        _read(data)


def test_too_many_channels_and_too_long_are_refused():
    with pytest.raises(SoundFileError, match="6 channels"):
        _read(sound_file("wav", "pcm_s16le", 16000, 6, [np.zeros(16000)] * 6))
    with pytest.raises(SoundFileError, match="longer than 0 minutes"):
        _read(sound_file("wav", "pcm_s16le", 8000, 1), max_seconds=1)
    # One whose head does not say how long it is.
    endless = chunks(io.BytesIO(sound_file("adts", "aac", 16000, 1)), max_seconds=1)
    with pytest.raises(SoundFileError, match="longer"):
        list(endless)


def test_a_video_gives_no_sound():
    import av

    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(SoundFileError, match="no sound"):
        _read(target.getvalue())


def test_memory_is_bounded():
    """Two minutes of two channels are 7.7 MB decoded; reading them holds far less."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 120 * 8000)
    data = sound_file("flac", "flac", 8000, 2, [noise, noise])
    tracemalloc.start()
    total = sum(len(piece) for piece in chunks(io.BytesIO(data), max_seconds=600))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 120 * 8000 * 4
    assert peak < 4_000_000 + len(data) // 10


def test_container_of_reads_short_heads():
    assert container_of(b"\xff") == ""
    assert container_of(b"\xff\xfb\x90") == "mp3"
    assert container_of(b"\xff\xf1\x50") == "aac"
