"""Recordings over HTTP: in parts, as players ask for them, and noted in the audit log. For the pages and the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from itertools import chain

import structlog
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AuditEvent, User
from accounts.permissions import Permission
from accounts.services import audit
from accounts.throttle import address_of
from conversations.models import Conversation, Recording
from conversations.ranges import NotSatisfiable, byte_range, may_be_partial
from conversations.recording_files import recording_read, wav_read, wav_size
from conversations.stored import StorageError, StoredFileMissing
from engines.speech.encoding import CODECS
from tenants.keys import SealError

NOTED_EVERY = timedelta(hours=1)
PLAY = "recording.play"
DOWNLOAD = "recording.download"

log = structlog.get_logger(__name__)


def recording_for(user: User, conversation: Conversation) -> Recording:
    """Load the recording of a conversation that this person may read. `Http404` where there is none to play."""
    recording = None
    if user.may(Permission.RECORDING_PLAY):
        recording = Recording.objects.filter(conversation=conversation).first()
    if recording is None:
        raise Http404("no recording")
    return recording


def recording_note(*, user: User, recording: Recording, address: str | None) -> None:
    """Note in the audit log that somebody listened to a recording."""
    listening_note(user=user, action=PLAY, thing=recording, address=address)


def listening_note(*, user: User, action: str, thing: Model, address: str | None) -> None:
    """Note in the audit log that somebody listened to `thing`: once a person, thing and hour, however many parts."""
    noted = AuditEvent.objects.filter(
        object_type=thing._meta.label_lower,
        object_id=str(thing.pk),
        actor=user,
        action=action,
        occurred_at__gt=timezone.now() - NOTED_EVERY,
    )
    if noted.exists():
        return
    with transaction.atomic():
        # Players ask for several parts at once: one of these requests notes it, the others wait and see that.
        type(thing)._default_manager.select_for_update(no_key=True).values_list("pk").get(pk=thing.pk)
        if not noted.exists():
            audit(actor=user, action=action, thing=thing, address=address)


def download_response(
    request: HttpRequest, user: User, recording: Recording, *, form: str = ""
) -> HttpResponseBase:
    """Give a recording to take away, as it is kept or as `form`; each download is noted in the audit log."""
    response = recording_response(request, recording, form=form, attachment=True)
    given = request.method == "GET" and response.status_code in {200, 206}
    # One that goes on after a break is the same download.
    if given and response.headers.get("Content-Range", "bytes 0-").startswith("bytes 0-"):
        audit(
            actor=user,
            action=DOWNLOAD,
            thing=recording,
            changes={"codec": form or recording.codec},
            address=address_of(request) or None,
        )
    return response


async def in_thread(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Hand out blocks one by one; opening each reads a file and must not hold up the event loop."""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


def recording_response(
    request: HttpRequest, recording: Recording, *, form: str = "", attachment: bool = False
) -> HttpResponseBase:
    """Answer GET or HEAD for a recording: 200, 206 for a part, 416 for one beyond the end.

    `form` "wav": decoded, and whole, as its parts would have to be decoded from the beginning anyway. Where storage
    does not give the file: 404 if it is gone, 503 if it may come back.
    """
    kind = CODECS[recording.codec]
    extension, content_type = (form, "audio/wav") if form else (kind.extension, kind.content_type)

    def blocks(start: int, end: int) -> Iterator[bytes]:
        return wav_read(recording) if form else recording_read(recording=recording, start=start, end=end)

    return sound_response(
        request,
        blocks,
        size=wav_size(recording) if form else recording.size_bytes,
        etag=f'"{recording.sha256}{form}"',
        content_type=content_type,
        name=f"{recording.conversation_id}.{extension}",
        about=recording,
        whole=bool(form),
        attachment=attachment,
    )


def sound_response(
    request: HttpRequest,
    blocks: Callable[[int, int], Iterator[bytes]],
    *,
    size: int,
    etag: str,
    content_type: str,
    name: str,
    about: Recording,
    whole: bool = False,
    attachment: bool = False,
) -> HttpResponseBase:
    """Answer GET or HEAD for sound of a recording (`about`), of which `blocks(start, end)` gives the bytes in between.

    As `recording_response`; `whole`: no parts of it are given. The first block must need the stored file.
    """
    shown = "attachment" if attachment else "inline"
    shared = {
        "Accept-Ranges": "none" if whole else "bytes",
        "ETag": etag,
        # Desks are shared: the next person at this browser must not hear it from a cache.
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'{shown}; filename="{name}"',
        # An address that opens something must not be told to others.
        "Referrer-Policy": "no-referrer",
    }
    start, end, status = 0, size, 200
    if not whole and may_be_partial(request.headers.get("If-Range", ""), etag):
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
        return HttpResponse(status=status, headers=shared, content_type=content_type)
    given = blocks(start, end)
    try:
        # The first block tells whether there is anything to give, while a clear answer can still be given.
        given = chain([next(given, b"")], given)
    except (StorageError, SealError) as error:
        return _trouble(about, error)
    streamed = in_thread(given) if isinstance(request, ASGIRequest) else given
    return StreamingHttpResponse(streamed, status=status, headers=shared, content_type=content_type)


def _trouble(recording: Recording, error: Exception) -> HttpResponse:
    log.error("recording.unreadable", recording=str(recording.pk), error=type(error).__name__)
    headers = {"Cache-Control": "private, no-store"}
    if isinstance(error, StoredFileMissing):
        return HttpResponse(_("The recording's file is missing in storage."), status=404, headers=headers)
    if isinstance(error, StorageError):
        words = _("The storage of recordings does not answer. Please try again in a while.")
        return HttpResponse(words, status=503, headers={**headers, "Retry-After": "30"})
    return HttpResponse(_("The recording's file does not open."), status=500, headers=headers)
