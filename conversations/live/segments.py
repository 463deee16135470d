"""Where the segments of live calls lie: sealed under the call's key, one file each, until the recording is joined.

Each file is put in one step, so that there is never half a segment, and written anew under its name when something
in it is to be hidden later.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np

from conversations.live.ownership import Claim
from conversations.live.recorder import Segment, Stretch
from conversations.models import CallOwner, HiddenStretch
from conversations.stored import stored_names, stored_put, stored_read
from engines.speech.encoding import silenced
from tenants import keys, names
from tenants.scope import TenantThreads


class Segments:
    """The segments of one live call, for the worker that follows it."""

    def __init__(self, claim: Claim, threads: TenantThreads) -> None:
        self._claim = claim
        self._threads = threads

    async def store(self, segment: Segment) -> None:
        """Seal and store the next segment. Raises `StorageError`."""
        claim, call = self._claim, self._claim.context
        await self._threads.run(
            call.schema,
            segment_store,
            schema=call.schema,
            conversation_id=call.conversation_id,
            epoch=claim.epoch,
            key=claim.key,
            segment=segment,
        )

    async def hide(self, hidden: list[Stretch]) -> None:
        """Beep stretches of what is stored already. Raises `StorageError`."""
        claim, call = self._claim, self._claim.context
        await self._threads.run(
            call.schema,
            segments_hide,
            schema=call.schema,
            conversation_id=call.conversation_id,
            key=claim.key,
            sample_rate=claim.audio_format["sample_rate"],
            channels=claim.audio_format["channels"],
            hidden=hidden,
        )


def segment_folder(schema: str, conversation_id: UUID) -> str:
    return names.storage_path(schema, "segments", conversation_id)


def segment_path(schema: str, conversation_id: UUID, start_ms: int, epoch: int) -> str:
    return names.storage_path(schema, "segments", conversation_id, f"{start_ms}-{epoch}.pcm")


def segment_store(*, schema: str, conversation_id: UUID, epoch: int, key: bytes, segment: Segment) -> None:
    """Seal and store a segment; storing it again replaces it. No transaction is open meanwhile.

    What people have hidden in this call so far is beeped in it. Raises `StorageError`.
    """
    asked = HiddenStretch.objects.filter(
        conversation=conversation_id, start_ms__lt=segment.end_ms, end_ms__gt=segment.start_ms
    )
    hidden = list(asked.values_list("channel", "start_ms", "end_ms"))
    pcm = _hidden_in(segment.pcm, segment.start_ms, segment.sample_rate, segment.channels, hidden)
    path = segment_path(schema, conversation_id, segment.start_ms, epoch)
    stored_put(path, io.BytesIO(keys.seal(key, pcm, bound_to=path)))


def segments_hide(
    *,
    schema: str,
    conversation_id: UUID,
    key: bytes,
    sample_rate: int,
    channels: int,
    hidden: Sequence[Stretch],
) -> int:
    """Beep stretches in the segments of a call that are stored already. Returns how many were written anew.

    Each is replaced in one step under its own name, so that whoever counts on it finds it; doing it twice changes
    nothing. Raises `StorageError`.
    """
    folder, written = segment_folder(schema, conversation_id), 0
    for file in stored_names(folder)[1]:
        start_ms = int(file.partition("-")[0])
        if not any(start_ms < end for _channel, _start, end in hidden):
            continue
        path = f"{folder}/{file}"
        before = keys.unseal(key, stored_read(path), bound_to=path)
        after = _hidden_in(before, start_ms, sample_rate, channels, hidden)
        if after != before:
            stored_put(path, io.BytesIO(keys.seal(key, after, bound_to=path)))
            written += 1
    return written


def call_key(owner: CallOwner, schema: str) -> bytes:
    """Open the content key of a call whose audio is not joined yet. Raises `keys.SealError`."""
    return keys.unwrap(
        schema, bytes(owner.wrapped_key or b""), owner.key_version, bound_to=f"call:{owner.pk}"
    )


def _hidden_in(pcm: bytes, start_ms: int, rate: int, channels: int, hidden: Iterable[Stretch]) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)
    (after,) = silenced([samples], rate, list(hidden), start_ms=start_ms)
    return after.astype("<i2").tobytes()
