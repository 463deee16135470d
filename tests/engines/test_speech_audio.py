"""Formats, mu-law, channels, resampling, peaks, beeps and files."""

from __future__ import annotations

import io
import struct
from itertools import pairwise

import numpy as np
import pytest

from engines.speech import audio
from engines.speech.audio import AudioFormat
from tests.engines.speech_sound import shared_audio


def sine(hertz: float, rate: int, count: int, level: float = 0.5) -> bytes:
    return (np.sin(2 * np.pi * hertz * np.arange(count) / rate) * level * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "frame", "per_ms"),
    [
        ("pcm16", 8000, 1, 2, 16),
        ("pcm16", 16000, 2, 4, 64),
        ("mulaw", 8000, 1, 1, 8),
        ("mulaw", 16000, 2, 2, 32),
    ],
)
def test_format_sizes(codec, rate, channels, frame, per_ms):
    fmt = AudioFormat(codec, rate, channels)
    assert (fmt.frame_bytes, fmt.bytes_per_ms) == (frame, per_ms)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (("opus", 8000, 1), "codec"),
        (("pcm16", 44100, 1), "sample rate"),
        (("pcm16", "8000", 1), "sample rate"),
        (("pcm16", 8000, 3), "channels"),
        (("pcm16", 8000, True), "channels"),
    ],
)
def test_format_refuses(values, word):
    with pytest.raises(ValueError, match=word):
        AudioFormat(*values)


def test_mulaw_decodes_known_values():
    # ITU-T G.711 table 2a, scaled from 14 to 16 bits: both ends, both zeros, one of the middle.
    known = {0x00: -32124, 0x80: 32124, 0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8, 0xF0: 120, 0x8F: 16764}
    assert struct.unpack(f"<{len(known)}h", audio.mulaw_decode(bytes(known))) == tuple(known.values())


def test_mulaw_round_trip():
    codes = bytes(code for code in range(256) if code != 0x7F)  # minus zero comes back as plus zero
    assert audio.mulaw_encode(audio.mulaw_decode(codes)) == codes
    every = np.arange(-32768, 32768).astype("<i2")
    back = np.frombuffer(audio.mulaw_decode(audio.mulaw_encode(every.tobytes())), "<i2").astype(int)
    error = np.abs(back - every)
    size = np.abs(every.astype(int))
    # Half a quantising step, which grows with the sample; what lies above the range is clipped to its end.
    assert (error <= (size + 132) / 32)[size <= 32635].all()
    assert error.max() == 32768 - 32124


def test_mulaw_agrees_with_libsndfile_on_a_real_call():
    path = shared_audio("calls/audiohook_stereo_mulaw.wav")
    rate, channels = audio.read_audio(path)
    assert (rate, len(channels)) == (8000, 2)
    raw = path.read_bytes()
    at = raw.index(b"data")
    size = struct.unpack_from("<I", raw, at + 4)[0]
    payload = raw[at + 8 : at + 8 + size]
    assert audio.split_channels(AudioFormat("mulaw", 8000, 2), payload) == channels


def test_split_and_join():
    left, right = sine(300, 8000, 400), sine(700, 8000, 400)
    both = audio.join_channels([left, right])
    assert audio.split_channels(AudioFormat("pcm16", 8000, 2), both) == [left, right]
    assert audio.split_channels(AudioFormat("pcm16", 8000, 1), left) == [left]
    with pytest.raises(ValueError, match="4-byte frames"):
        audio.split_channels(AudioFormat("pcm16", 8000, 2), both[:-2])
    with pytest.raises(ValueError, match="same length"):
        audio.join_channels([left, right[:-2]])


def test_upsampler_keeps_a_tone_and_ignores_how_it_is_cut():
    pcm = sine(1234, 8000, 4000)
    whole = audio.Upsampler()
    expected = whole.feed(pcm) + whole.flush()
    pieces = audio.Upsampler()
    cuts = [0, 2, 10, 330, 332, 2000, len(pcm)]
    got = b"".join(pieces.feed(pcm[a:b]) for a, b in pairwise(cuts)) + pieces.flush()
    assert got == expected
    assert len(expected) == 2 * len(pcm)
    ideal = np.frombuffer(sine(1234, 16000, 8000), "<i2").astype(int)
    inside = slice(100, -100)
    assert np.abs(np.frombuffer(expected, "<i2").astype(int) - ideal)[inside].max() < 40


def test_peaks():
    pcm = bytes(8000) + sine(1000, 8000, 4000, level=0.5) + bytes(2)
    drawn = audio.peaks(pcm, 8000, 10)
    assert len(drawn) == 11
    assert drawn[:5] == [0.0] * 5
    assert drawn[5:10] == pytest.approx([0.5] * 5, abs=0.01)
    assert audio.peaks(b"", 8000, 10) == []
    with pytest.raises(ValueError, match="per_second"):
        audio.peaks(pcm, 8000, 0)


def test_beep_leaves_nothing_beneath_and_nothing_else_changed():
    pcm = sine(440, 8000, 8000, level=0.9)
    out = audio.beep(pcm, 8000, [(500, 600), (550, 700), (990, 2000)])
    assert len(out) == len(pcm)
    assert out[: 4000 * 2] == pcm[: 4000 * 2]
    assert out[5600 * 2 : 7920 * 2] == pcm[5600 * 2 : 7920 * 2]
    covered = out[4000 * 2 : 5600 * 2]
    # The tone alone: the same over any sound, hence independent of it; quiet; no click at its ends.
    assert covered == audio.beep(bytes(16000), 8000, [(500, 700)])[4000 * 2 : 5600 * 2]
    values = np.frombuffer(covered, "<i2").astype(int)
    assert 0.05 < np.abs(values).max() / 32767 < 0.1
    assert abs(values[0]) < 200
    assert abs(values[-1]) < 200
    spectrum = np.abs(np.fft.rfft(values))
    assert spectrum.argmax() * 8000 / len(values) == pytest.approx(1000, abs=10)
    with pytest.raises(ValueError, match="before its start"):
        audio.beep(pcm, 8000, [(600, 500)])


@pytest.mark.parametrize("container", ["FLAC", "WAV"])
def test_files_are_lossless(container):
    channels = [sine(300, 8000, 1234), sine(500, 8000, 1234)]
    file = io.BytesIO()
    audio.write_audio(file, 8000, channels, container=container)
    file.seek(0)
    assert audio.read_audio(file) == (8000, channels)


def test_reading_no_sound_file():
    with pytest.raises(ValueError, match="not a readable sound file"):
        audio.read_audio(io.BytesIO(b"not sound at all"))
