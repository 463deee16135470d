"""The kind of a sound file, told from how it begins: without FFmpeg, which few processes need and all would load."""

from __future__ import annotations

HEAD_BYTES = 16


def container_of(head: bytes) -> str:
    """Tell the kind of sound file from its first 16 bytes: wav, flac, mp3, ogg, m4a, aac, or "" for none of them."""
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:3] == b"ID3":
        return "mp3"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "mp3"
    return ""
