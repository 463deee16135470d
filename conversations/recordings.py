"""Recordings: sealed from the segments of the live way when a call has ended, and read back in parts."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, cast
from uuid import UUID

import numpy as np
import redis.asyncio as redis
import soundfile
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from conversations.live.buffer import AudioBuffer
from conversations.live.recorder import segment_path
from conversations.models import CallOwner, Recording
from conversations.sealed_files import open_range, seal_blocks
from engines.speech.audio import peaks
from tenants import keys, names
from tenants.scope import current_schema

PEAKS_PER_SECOND = 10


def recording_seal(conversation_id: UUID) -> None:
    """Join a call's segments into one sealed FLAC file, then destroy the call's key, segments and buffered audio.

    The outbox's handler: it may run again at any point, and then goes on. A call without audio gets no recording.
    """
    owner = CallOwner.objects.get(pk=conversation_id)
    schema = current_schema()
    segments = owner.engine_state.get("recording", {}).get("segments", [])
    if owner.wrapped_key is None:
        return
    if segments and not Recording.objects.filter(conversation_id=conversation_id).exists():
        _write(owner, schema, segments)
    _destroy(owner, schema, segments)


class Waveform:
    """Peaks of one channel, 0 to 100 and 10 a second, whatever pieces the sound comes in."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._window_bytes = rate // PEAKS_PER_SECOND * 2
        self._pending = bytearray()
        self._peaks: list[int] = []

    def add(self, pcm: bytes) -> None:
        self._pending += pcm
        whole = len(self._pending) // self._window_bytes * self._window_bytes
        self._take(whole)

    def finish(self) -> list[int]:
        self._take(len(self._pending))
        return self._peaks

    def _take(self, size: int) -> None:
        if size:
            found = peaks(bytes(self._pending[:size]), self._rate, PEAKS_PER_SECOND)
            self._peaks += [round(100 * value) for value in found]
            del self._pending[:size]


def _write(owner: CallOwner, schema: str, segments: list[list[int]]) -> None:
    call_key = keys.unwrap(
        schema, bytes(owner.wrapped_key or b""), owner.key_version, bound_to=f"call:{owner.pk}"
    )
    rate, channels = owner.audio_format["sample_rate"], owner.audio_format["channels"]
    flac, waves, frames = io.BytesIO(), [Waveform(rate) for _ in range(channels)], 0
    with soundfile.SoundFile(
        flac, mode="w", samplerate=rate, channels=channels, format="FLAC", subtype="PCM_16"
    ) as file:
        for start_ms, _end_ms, epoch in segments:
            path = segment_path(schema, owner.pk, start_ms, epoch)
            with default_storage.open(path, "rb") as stored:
                pcm = keys.unseal(call_key, stored.read(), bound_to=path)
            samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
            file.write(samples)
            frames += len(samples)
            for wave, column in zip(waves, samples.T, strict=True):
                wave.add(column.tobytes())
    data = flac.getvalue()
    recording = Recording(
        conversation_id=owner.pk,
        sample_rate=rate,
        channels=channels,
        duration_ms=frames * 1000 // rate,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        redacted_intervals=owner.engine_state["recording"].get("beeps", []),
        peaks=[wave.finish() for wave in waves],
    )
    key = keys.new_key()
    recording.wrapped_key, recording.key_version = keys.wrap(
        schema, key, bound_to=f"recording:{recording.pk}"
    )
    path = names.storage_path(schema, "recordings", f"{recording.pk}.flac.sealed")
    recording.storage_key = default_storage.save(
        path, ContentFile(seal_blocks(key, data, bound_to=str(recording.pk)))
    )
    recording.save()


def _destroy(owner: CallOwner, schema: str, segments: list[list[int]]) -> None:
    for start_ms, _end_ms, epoch in segments:
        default_storage.delete(segment_path(schema, owner.pk, start_ms, epoch))
    asyncio.run(_buffer_destroy(schema, owner.pk))
    with transaction.atomic():
        # Last, so that a run that was cut off before can still open what it has to join.
        CallOwner.objects.filter(pk=owner.pk).update(wrapped_key=None)


async def _buffer_destroy(schema: str, conversation_id: UUID) -> None:
    async with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        await AudioBuffer(client).destroy(schema, conversation_id)


def recording_read(*, recording: Recording, start: int, end: int) -> Iterator[bytes]:
    """Yield the plain FLAC bytes [start, end) of a recording, block by block. Raises `keys.SealError`."""
    schema = current_schema()
    key = keys.unwrap(
        schema, bytes(recording.wrapped_key), recording.key_version, bound_to=f"recording:{recording.pk}"
    )

    def blocks() -> Iterator[bytes]:
        with default_storage.open(recording.storage_key, "rb") as file:
            yield from open_range(
                cast("BinaryIO", file),
                key,
                size_bytes=recording.size_bytes,
                start=start,
                end=end,
                bound_to=str(recording.pk),
            )

    return blocks()
