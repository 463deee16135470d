"""The sound of a clip: its stretch of the recording and not a sample more, as WAV, in parts as players ask for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.clips.access import is_guest
from coaching.clips.stretch import Stretch, clip_read, hidden_in
from coaching.models import Clip
from conversations.models import Recording
from conversations.playback import listening_note, sound_response
from conversations.recording_files import WAV_HEADER_BYTES, recording_pieces
from engines.speech.encoding import PIECE_FRAMES, Piece, silenced, wav_header

PLAY = "clip.play"


def recording_of(user: User, clip: Clip) -> Recording | None:
    """The recording that a clip's sound is in, where this person may hear it and there is any of the stretch."""
    if clip.is_gone or not user.may(Permission.RECORDING_PLAY):
        return None
    found = Recording.objects.filter(conversation=clip.conversation_id).first()
    return found if found is not None and frames_of(found, clip)[1] else None


def frames_of(recording: Recording, clip: Clip) -> tuple[int, int]:
    """The first sample of the stretch, and how many it has in the recording."""
    rate = recording.sample_rate
    first = clip.start_ms * rate // 1000
    return first, max(0, min(clip.end_ms, recording.duration_ms) * rate // 1000 - first)


def clip_sound(request: HttpRequest, user: User, clip: Clip) -> HttpResponseBase:
    """Answer a request for the sound of a clip that this person may read. `Http404` where there is none.

    That they listened is noted in the audit log, as with recordings.
    """
    recording = recording_of(user, clip)
    if recording is None:
        raise Http404("no sound")
    shown = clip_read(clip, guest=is_guest(clip))
    hidden = hidden_in(shown, recording)
    first, frames = frames_of(recording, clip)
    size = WAV_HEADER_BYTES + frames * recording.channels * 2
    told = f"{recording.sha256} {recording.revision} {first} {frames} {hidden}"
    response = sound_response(
        request,
        lambda start, end: _bytes(recording, first, frames, hidden, start, end),
        size=size,
        etag=f'"{hashlib.sha256(told.encode()).hexdigest()}"',
        content_type="audio/wav",
        name=f"{clip.pk}.wav",
        about=recording,
    )
    if request.method == "GET" and response.status_code in {200, 206}:
        listening_note(user=user, action=PLAY, thing=clip, address=address_of(request) or None)
    return response


def _bytes(
    recording: Recording, first: int, frames: int, hidden: list[Stretch], start: int, end: int
) -> Iterator[bytes]:
    """Yield the bytes [start, end) of the stretch as a WAV file, which has its header and then these samples."""
    head = wav_header(sample_rate=recording.sample_rate, channels=recording.channels, frames=frames)
    width = recording.channels * 2
    # Whole pieces counted from the beginning of the stretch, whatever part is asked for: a tone is the same each time.
    skipped = max(0, start - len(head)) // width // PIECE_FRAMES * PIECE_FRAMES
    at = len(head) + skipped * width if start >= len(head) else 0
    begun = b"" if at else head
    begins_ms = (first + skipped) * 1000 // recording.sample_rate
    pieces = _cut(recording_pieces(recording, first=first + skipped), frames - skipped)
    for piece in silenced(pieces, recording.sample_rate, hidden, start_ms=begins_ms):
        block = begun + np.ascontiguousarray(piece, dtype="<i2").tobytes()
        begun = b""
        if at + len(block) > start:
            yield block[max(0, start - at) : end - at]
        at += len(block)
        if at >= end:
            return


def _cut(pieces: Iterator[Piece], frames: int) -> Iterator[Piece]:
    """The first `frames` samples of the pieces."""
    for piece in pieces:
        if frames <= 0:
            return
        yield piece[:frames]
        frames -= len(piece)
