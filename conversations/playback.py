"""Recordings over HTTP: in parts, as players ask for them, and noted in the audit log. For the pages and the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.permissions import Permission
from accounts.services import audit
from conversations.models import Conversation, Recording
from conversations.ranges import NotSatisfiable, byte_range, may_be_partial
from conversations.recordings import recording_read

NOTED_EVERY = timedelta(hours=1)
PLAY = "recording.play"


def recording_for(user: User, conversation: Conversation) -> Recording:
    """Load the recording of a conversation that this person may read. `Http404` where there is none to play."""
    recording = None
    if user.may(Permission.RECORDING_PLAY):
        recording = Recording.objects.filter(conversation=conversation).first()
    if recording is None:
        raise Http404("no recording")
    return recording


def recording_note(*, user: User, recording: Recording, address: str | None) -> None:
    """Note in the audit log that somebody listened: once a person, recording and hour, however many parts."""
    noted = AuditEvent.objects.filter(
        object_type=recording._meta.label_lower,
        object_id=str(recording.pk),
        actor=user,
        action=PLAY,
        occurred_at__gt=timezone.now() - NOTED_EVERY,
    )
    if not noted.exists():
        audit(actor=user, action=PLAY, thing=recording, address=address)


async def _in_thread(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Hand out blocks one by one; opening each reads a file and must not hold up the event loop."""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


def recording_response(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    """Answer GET or HEAD for a recording: 200, 206 for a part, 416 for one beyond the end."""
    size, etag = recording.size_bytes, f'"{recording.sha256}"'
    shared = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        # Desks are shared: the next person at this browser must not hear it from a cache.
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'inline; filename="{recording.conversation_id}.flac"',
    }
    start, end, status = 0, size, 200
    if may_be_partial(request.headers.get("If-Range", ""), etag):
        try:
            asked = byte_range(request.headers.get("Range", ""), size)
        except NotSatisfiable:
            return HttpResponse(status=416, headers={**shared, "Content-Range": f"bytes */{size}"})
        if asked is not None:
            start, end = asked
            status = 206
            shared["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    shared["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=shared, content_type="audio/flac")
    blocks = recording_read(recording=recording, start=start, end=end)
    streamed = _in_thread(blocks) if isinstance(request, ASGIRequest) else blocks
    return StreamingHttpResponse(streamed, status=status, headers=shared, content_type="audio/flac")
