"""Recordings: joined from the segments of the live way when a call has ended, and written anew for a later finding.

Every step may run again after it was cut off anywhere. A new file is stored before the row names it, and the old one
is deleted after; the row remembers it until then. One at a time works on a call's recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import redis.asyncio as redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from conversations import outbox
from conversations.live.buffer import AudioBuffer
from conversations.live.recorder import Stretch
from conversations.live.segments import call_key, segment_folder, segment_path, segments_hide
from conversations.live.spill import spill_folder
from conversations.models import CallOwner, Conversation, HiddenStretch, Recording, Redaction
from conversations.recording_files import codec_now, file_write, recording_pieces
from conversations.recording_voice import Wanted, voices_followed
from conversations.stored import folder_delete, stored_delete, stored_names, stored_read
from engines.speech.encoding import Piece, silenced
from tenants import keys, names
from tenants.locks import held_alone
from tenants.scope import current_schema

# What people or a later pass want hidden in a recording.
HIDE = "recording.hide"
# A worker that lost its call may still be storing its last segment.
LOSERS_DONE = timedelta(minutes=10)


class RecordingBusy(Exception):
    """Another job is writing this recording; the outbox tries again."""


@contextmanager
def _alone(conversation_id: UUID) -> Iterator[None]:
    """Work on a call's recording while nobody else does."""
    with held_alone(f"recording:{conversation_id}") as mine:
        if not mine:
            raise RecordingBusy
        yield


# --- Joining --------------------------------------------------------------------------------------------


def recording_seal(conversation_id: UUID) -> None:
    """Join a call's segments into one sealed file, then destroy the call's key, segments and buffered audio.

    The outbox's handler: it may run again at any point, and then goes on. A call without audio gets no recording.
    """
    schema = current_schema()
    with _alone(conversation_id):
        owner = CallOwner.objects.get(pk=conversation_id)
        if owner.wrapped_key is None:
            return
        state: dict[str, Any] = owner.engine_state.get("recording", {})
        if state.get("segments") and not Recording.objects.filter(conversation_id=conversation_id).exists():
            _join(owner, schema, state)
        # What was asked for while it was joined is not in it yet.
        _apply(conversation_id)
        _destroy(owner, schema)


def _join(owner: CallOwner, schema: str, state: dict[str, Any]) -> None:
    recording = Recording(
        # The same each time this is tried, and so the file's name: a file that was cut off is replaced.
        id=uuid5(owner.pk, "recording"),
        conversation_id=owner.pk,
        codec=codec_now(),
        sample_rate=owner.audio_format["sample_rate"],
        channels=owner.audio_format["channels"],
    )
    asked = list(HiddenStretch.objects.filter(conversation_id=owner.pk, applied_at__isnull=True))
    hidden: list[Stretch] = [(channel, start, end) for channel, start, end in state.get("beeps", [])]
    # Segments may have been written anew for what was asked for: it is a tone there.
    toned = [*hidden, *((one.channel, one.start_ms, one.end_ms) for one in asked)]
    pieces = _segment_pieces(owner, schema, state["segments"])
    hidden += voices_followed(pieces, recording.sample_rate, _wanted(asked), toned=toned)
    pieces = _segment_pieces(owner, schema, state["segments"])
    # Beeped again: what was found late may lie in a segment whose worker died before it wrote that anew.
    file_write(recording, silenced(pieces, recording.sample_rate, hidden))
    recording.redacted_intervals = _merged(hidden)
    with transaction.atomic():
        recording.save()
        _applied(asked)


def _segment_pieces(owner: CallOwner, schema: str, segments: Sequence[Sequence[int]]) -> Iterator[Piece]:
    key, channels = call_key(owner, schema), owner.audio_format["channels"]
    for start_ms, _end_ms, epoch in segments:
        path = segment_path(schema, owner.pk, start_ms, epoch)
        pcm = keys.unseal(key, stored_read(path), bound_to=path)
        yield np.frombuffer(pcm, dtype="<i2").reshape(-1, channels)


def _destroy(owner: CallOwner, schema: str) -> None:
    # All that lies there, what superseded workers stored too.
    folder_delete(segment_folder(schema, owner.pk))
    # Redis names the spilled files, but may have lost what it knew.
    folder_delete(spill_folder(schema, owner.pk))
    asyncio.run(_buffer_destroy(schema, owner.pk))
    with transaction.atomic():
        # Last, so that a run that was cut off before can still open what it has to join.
        CallOwner.objects.filter(pk=owner.pk).update(wrapped_key=None)


def recording_remove(conversation_id: UUID) -> bool:
    """Delete a conversation's sound: its recording, or what was to become one. Returns whether there was any.

    Raises `RecordingBusy` where another job works on it, `StorageError` where storage does not do its part.
    """
    schema, found = current_schema(), False
    with _alone(conversation_id):
        recording = Recording.objects.filter(conversation_id=conversation_id).first()
        if recording is not None:
            _stale_delete(recording)
            # The file first: a row without its file is tried again, a file without its row is found by nobody.
            stored_delete(recording.storage_key)
            recording.delete()
            found = True
        owner = CallOwner.objects.filter(pk=conversation_id, wrapped_key__isnull=False).first()
        if owner is not None:
            _destroy(owner, schema)
            found = True
        HiddenStretch.objects.filter(conversation_id=conversation_id).delete()
    return found


async def _buffer_destroy(schema: str, conversation_id: UUID) -> None:
    async with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        await AudioBuffer(client).destroy(schema, conversation_id)


def segments_tidy() -> int:
    """Take away segments that nothing will read: stored by a superseded worker after its call was joined.

    Returns how many calls had some. Their key is gone, so they could not be opened.
    """
    folder = names.storage_path(current_schema(), "segments")
    found = 0
    for name in stored_names(folder)[0]:
        owner = CallOwner.objects.filter(pk=UUID(name)).first()
        over = owner is None or (
            owner.wrapped_key is None and owner.updated_at < timezone.now() - LOSERS_DONE
        )
        if over and folder_delete(f"{folder}/{name}"):
            found += 1
    return found


# --- Hiding what was found later ------------------------------------------------------------------------


def recording_rewrite(
    *,
    conversation_id: UUID,
    intervals: Sequence[Stretch],
    reach: Sequence[tuple[int, int]] = (),
    found_in: str = Redaction.Pass.MANUAL,
    actor: User | None = None,
    address: str | None = None,
) -> None:
    """Have stretches (channel, from and to in milliseconds) beeped in a call's sound, wherever that lies by now.

    `reach` has for each of them from where to where at most it may be widened where a voice goes on beside it; without
    it all are as they are told. Works for a call that is under way, one whose recording is not joined yet, and a
    finished recording. The rows and a job are written in the caller's transaction; what was asked for before is not
    done again.
    """
    conversation = Conversation.objects.get(pk=conversation_id)
    rows = [
        HiddenStretch(
            conversation=conversation,
            channel=channel,
            start_ms=max(0, start_ms),
            end_ms=end_ms,
            earliest_ms=max(0, earliest_ms) if reach else None,
            latest_ms=latest_ms if reach else None,
            found_in=found_in,
            asked_by=actor,
        )
        for (channel, start_ms, end_ms), (earliest_ms, latest_ms) in zip(
            intervals, reach or [one[1:] for one in intervals], strict=True
        )
        if end_ms > max(0, start_ms)
    ]
    if not rows:
        return
    with transaction.atomic():
        HiddenStretch.objects.bulk_create(rows, ignore_conflicts=True)
        audit(
            actor=actor,
            action=HIDE,
            thing=conversation,
            changes={"stretches": len(rows), "found_in": str(found_in)},
            address=address,
        )
        outbox.jobs_announce(event=HIDE, conversation_id=conversation_id, because=str(rows[0].pk))


def stretches_apply(conversation_id: UUID) -> None:
    """Beep what was asked for in the stored sound of a call. The outbox's handler; idempotent.

    Raises `RecordingBusy` where two jobs meet, `StorageError` where storage does not do its part.
    """
    with _alone(conversation_id):
        _apply(conversation_id)


def _apply(conversation_id: UUID) -> None:
    recording = Recording.objects.filter(conversation_id=conversation_id).first()
    if recording is None:
        # They stay to be applied: the recording that is joined of these segments obeys them, too.
        _hide_in_segments(conversation_id)
        return
    _stale_delete(recording)
    asked = list(HiddenStretch.objects.filter(conversation_id=conversation_id, applied_at__isnull=True))
    if not asked:
        return
    before = Recording.objects.get(pk=recording.pk)
    toned = [_stretch(one) for one in before.redacted_intervals]
    hidden = voices_followed(recording_pieces(before), recording.sample_rate, _wanted(asked), toned=toned)
    pieces = recording_pieces(before)
    recording.stale_key = recording.storage_key
    recording.revision += 1
    file_write(recording, silenced(pieces, recording.sample_rate, hidden))
    recording.redacted_intervals = _merged([*map(_stretch, recording.redacted_intervals), *hidden])
    with transaction.atomic():
        recording.save()
        _applied(asked)
        audit(
            actor=None,
            action="recording.rewrite",
            thing=recording,
            changes={"revision": [recording.revision - 1, recording.revision], "stretches": len(asked)},
        )
    _stale_delete(recording)


def _hide_in_segments(conversation_id: UUID) -> None:
    owner = CallOwner.objects.filter(pk=conversation_id, wrapped_key__isnull=False).first()
    asked = HiddenStretch.objects.filter(conversation_id=conversation_id, applied_at__isnull=True)
    hidden = list(asked.values_list("channel", "start_ms", "end_ms"))
    if owner is None or not hidden or not owner.audio_format:
        return
    schema = current_schema()
    segments_hide(
        schema=schema,
        conversation_id=conversation_id,
        key=call_key(owner, schema),
        sample_rate=owner.audio_format["sample_rate"],
        channels=owner.audio_format["channels"],
        hidden=hidden,
    )


def _stale_delete(recording: Recording) -> None:
    if recording.stale_key:
        stored_delete(recording.stale_key)
        Recording.objects.filter(pk=recording.pk, stale_key=recording.stale_key).update(stale_key="")
        recording.stale_key = ""


def _applied(asked: Sequence[HiddenStretch]) -> None:
    HiddenStretch.objects.filter(pk__in=[one.pk for one in asked]).update(applied_at=timezone.now())


def _wanted(asked: Sequence[HiddenStretch]) -> list[Wanted]:
    return [
        Wanted(
            one.channel,
            one.start_ms,
            one.end_ms,
            one.start_ms if one.earliest_ms is None else one.earliest_ms,
            one.end_ms if one.latest_ms is None else one.latest_ms,
        )
        for one in asked
    ]


def _stretch(one: Sequence[int]) -> Stretch:
    return (one[0], one[1], one[2])


def _merged(hidden: Sequence[Stretch]) -> list[list[int]]:
    """The stretches channel by channel, in order, apart from each other."""
    merged: list[list[int]] = []
    for channel, start, end in sorted(hidden):
        if merged and merged[-1][0] == channel and start <= merged[-1][2]:
            merged[-1][2] = max(merged[-1][2], end)
        else:
            merged.append([channel, start, end])
    return merged
