"""An uploaded call is heard: decoded, announced as a call like any other, and followed to its end by this process.

The job may die at any point and may be started twice. An advisory lock lets one run at a time; the conversation is
made in the transaction that links it to its file; and a run that finds it there goes on from its last commit, as a
live worker does that takes a call over.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import redis.asyncio as redis
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.errors import error_place
from conversations.live import ending
from conversations.live.anew import call_clear, call_remove
from conversations.live.buffer import AudioBuffer
from conversations.live.call import LiveCall, Means
from conversations.live.calls import CallRefused, call_announce, call_id_release
from conversations.live.commit import Committer
from conversations.live.ears import Ears
from conversations.live.ownership import Claim, Superseded, call_claim
from conversations.live.signals import Signals
from conversations.live.stages import Stage
from conversations.live.wire import CallAudio
from conversations.models import CallOwner, Conversation
from conversations.recordings import RecordingBusy
from conversations.stored import StorageError, StoredFileMissing
from engines.speech.decoding import CHUNK_MS, SoundFileError, chunks, probe
from engines.speech.types import SpeechError
from integrations.uploads.intake import agent_find
from integrations.uploads.models import UploadedCall
from integrations.uploads.sealing import details_of, file_open
from integrations.uploads.services import call_done, call_failed, call_note, call_wait
from integrations.uploads.source import FileAudio
from tenants.keys import SealError
from tenants.locks import held_alone
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

# A call fails for good when it failed so often without getting further.
ATTEMPTS = 5
BACKOFF_SECONDS = 5.0
# The database, Redis or storage is away: that says nothing about the call.
AWAY_SECONDS = 15.0
REPORT_SECONDS = 1.0
DATABASE_THREADS = 3


@dataclass(frozen=True)
class Equipment:
    """What hears and understands calls."""

    ears: Callable[[], Ears]
    stages: Callable[[], list[Stage]]


def equipment() -> Equipment:
    """What the settings name: which ears and stages there are is known further up only."""
    return Equipment(import_string(settings.UPLOAD_EARS), import_string(settings.UPLOAD_STAGES))


def uploaded_call_hear(*, call_id: UUID) -> None:
    """Bring an uploaded call as far as it goes: to its end, to a failure in words, or to another go later."""
    with held_alone(f"uploaded-call:{call_id}") as mine:
        row = UploadedCall.objects.filter(pk=call_id).first() if mine else None
        if row is None or row.is_over:
            return
        if row.attempts >= ATTEMPTS:
            _give_up(row, _("It could not be heard in %d attempts.") % ATTEMPTS, ending.FAILED)
            return
        # Counted before: a file that takes the whole process down must not do so for ever.
        UploadedCall.objects.filter(pk=call_id).update(attempts=F("attempts") + 1)
        try:
            _hear(row)
        except SoundFileError as error:
            _give_up(row, str(error), ending.FAILED)
        except (StoredFileMissing, SealError):
            _give_up(row, _("The uploaded file is no longer there, or does not open."), ending.AUDIO_LOST)
        except SpeechError as error:
            if not error.retryable or row.attempts + 1 >= ATTEMPTS:
                _give_up(row, _("Speech recognition did not work for this call."), ending.SPEECH_FAILED)
            else:
                call_wait(call_id=call_id, seconds=BACKOFF_SECONDS * 2**row.attempts)
        except CallRefused:
            _give_up(row, _("A call with this id is here already."), ending.FAILED)
        except RecordingBusy:
            call_wait(
                call_id=call_id, seconds=AWAY_SECONDS
            )  # of an earlier try, which is still being put away
        except Superseded:
            log.warning("upload.superseded", call=str(call_id))
        except (OperationalError, InterfaceError, RedisError, StorageError, OSError) as error:
            log.warning("upload.away", call=str(call_id), error=type(error).__name__)
            UploadedCall.objects.filter(pk=call_id, attempts__gt=0).update(attempts=F("attempts") - 1)
            call_wait(call_id=call_id, seconds=AWAY_SECONDS)
        except Exception as error:
            # Anything may fail in a call's way, and must fail for this call alone. The message may quote a row.
            log.error(
                "upload.failed", call=str(call_id), error=type(error).__name__, where=error_place(error)
            )
            call_wait(call_id=call_id, seconds=BACKOFF_SECONDS * 2**row.attempts)


def _give_up(row: UploadedCall, words: str, reason: str) -> None:
    """Say why, and end the conversation, if one was begun, with what is known of it."""
    row.refresh_from_db(fields=["conversation"])
    with transaction.atomic():
        if row.conversation_id is not None:
            ending.call_fail(conversation_id=row.conversation_id, reason=reason)
        call_failed(call_id=row.pk, error=words)


def _hear(row: UploadedCall) -> None:
    with ExitStack() as stack:
        file = stack.enter_context(file_open(row))
        if row.conversation_id is None:
            call_note(call_id=row.pk, state=UploadedCall.State.DECODING)
            # Once through to its end: a file that is broken somewhere never becomes half a conversation.
            sound, total, count = probe(file, max_seconds=settings.UPLOAD_MAX_SECONDS), 0, 0
            for count, piece in enumerate(chunks(file, max_seconds=settings.UPLOAD_MAX_SECONDS), 1):
                total += len(piece)
                if count % 6000 == 0:
                    call_note(call_id=row.pk)
            row.duration_ms = total // sound.format.bytes_per_ms
            _announce(row, CallAudio(sound.format, details_of(row).roles(sound.format.channels)))
        assert row.conversation_id is not None and row.duration_ms is not None
        claim = call_claim(conversation_id=row.conversation_id, worker=_worker())
        if claim is not None:
            call_note(call_id=row.pk, state=UploadedCall.State.TRANSCRIBING)
            source = FileAudio(
                file,
                total=-(-row.duration_ms // CHUNK_MS),
                max_seconds=settings.UPLOAD_MAX_SECONDS,
            )
            asyncio.run(_follow(row, claim, source))
    _conclude(row)


def _announce(row: UploadedCall, audio: CallAudio) -> None:
    """Make the conversation and link it to its file, in one step. Raises `CallRefused`."""
    details = details_of(row)
    start = details.start(str(row.pk))
    agent, source = agent_find(details.agent), Conversation.UPLOADED
    cleared = call_clear(source=source, call_id=start.id) if row.tries > 1 else None
    with transaction.atomic():
        if cleared is not None:
            call_remove(cleared)
        elif row.tries > 1:
            # Whoever asks for the call by its id means this try, not the one that came to nothing.
            renamed = f"{start.id[:110]}#{row.tries - 1}"
            call_id_release(source=source, call_id=start.id, renamed=renamed)
        announced = call_announce(
            source=source,
            start=start,
            audio=audio,
            conversation_id=cleared.conversation_id if cleared else None,
        )
        if cleared is not None:
            CallOwner.objects.filter(pk=announced.conversation_id).update(epoch=cleared.epoch)
        began = datetime.fromisoformat(details.started_at) if details.started_at else announced.announced_at
        conversation = Conversation.objects.get(pk=announced.conversation_id)
        conversation.announced_at = conversation.started_at = began
        conversation.save(update_fields=["announced_at", "started_at"])
        if agent is not None and conversation.agent_id is None:
            conversation.agent = agent
            conversation.save(update_fields=["agent"])
            conversation.participants.filter(role="agent").update(user=agent, display_name=agent.name)
        if speakers := details.speakers(len(audio.roles)):
            kept = audio.as_dict() | {"speakers": speakers}
            CallOwner.objects.filter(pk=conversation.pk).update(audio_format=kept)
        row.conversation = conversation
        call_note(call_id=row.pk, conversation=conversation, duration_ms=row.duration_ms)


def _conclude(row: UploadedCall) -> None:
    conversation = (
        Conversation.objects.filter(pk=row.conversation_id).first() if row.conversation_id else None
    )
    if conversation is None:
        call_failed(call_id=row.pk, error=_("The conversation was deleted."))
    elif conversation.state == Conversation.State.INCOMPLETE:
        call_failed(call_id=row.pk, error=_("The call was cut off before its end."))
    elif conversation.is_live:
        # Its audio key is gone although it has not ended: nothing can finish it.
        _give_up(row, _("The call's audio is gone."), ending.AUDIO_LOST)
    else:
        call_done(call_id=row.pk)


def _worker() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-upload-{uuid4().hex[:6]}"


async def _follow(row: UploadedCall, claim: Claim, source: FileAudio) -> None:
    """Follow the call to its end, as a live worker does, noting its progress."""
    kit = equipment()
    ears, threads = kit.ears(), TenantThreads(DATABASE_THREADS, "upload-db")
    streams = redis.Redis.from_url(settings.REDIS_STREAMS_URL)
    layer = redis.Redis.from_url(settings.REDIS_LAYER_URL)
    try:
        means = Means(
            buffer=AudioBuffer(streams),
            committer=Committer(threads),
            threads=threads,
            ears=ears,
            stages=kit.stages(),
            signals=Signals(layer, threads),
            stopping=asyncio.Event(),
        )
        call = LiveCall(claim, means, source)
        report = asyncio.create_task(_report(row, call, threads))
        try:
            await call.run()
        finally:
            report.cancel()
            with suppress(asyncio.CancelledError):
                await report
    finally:
        await ears.close()
        await streams.aclose()
        await layer.aclose()
        await asyncio.to_thread(threads.close)


async def _report(row: UploadedCall, call: LiveCall, threads: TenantThreads) -> None:
    """Note how far the call is, and that somebody is at it, until cancelled."""
    reached, duration_ms = row.progress, max(1, row.duration_ms or 0)
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        heard_ms = min(call.lanes[-1].heard_ms) if call.lanes else 0
        # Reading is half of the way: a recogniser of whole recordings says nothing until it has all.
        share = min(
            0.99, (min(call.arrivals.upto_ms, duration_ms) + min(heard_ms, duration_ms)) / 2 / duration_ms
        )
        fields: dict[str, Any] = {"progress": max(reached, share)}
        if share > reached + 0.01:
            reached = share
            fields["attempts"] = 0  # it gets on: what failed before does not count any more
        try:
            await threads.run(call.call.schema, _note, row.pk, fields)
        except (OperationalError, InterfaceError) as error:
            log.warning("upload.not_noted", call=str(row.pk), error=type(error).__name__)


def _note(call_id: UUID, fields: dict[str, Any]) -> None:
    call_note(call_id=call_id, **fields)
