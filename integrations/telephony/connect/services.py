"""Writes for Amazon Connect calls: a contact is announced, its stream is taken by a reader, read, and done with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from conversations.correlation import CallFields, fields_read, identifiers_add, metadata_arrived
from conversations.live import metadata
from conversations.live.calls import CallRefused, call_announce
from conversations.live.wire import CallAudio, CallStart, CloseCode
from conversations.models import Conversation
from engines.speech.audio import AudioFormat
from integrations import mapping
from integrations.models import TelephonyConnection
from integrations.selectors import mapping_rules
from integrations.telephony.connect.account import SOURCE, access_of, quiet_is_end
from integrations.telephony.connect.contact import ContactEvent
from integrations.telephony.connect.contacts import LEGS
from integrations.telephony.connect.kvs import KvsAccess
from integrations.telephony.connect.models import KvsStream
from integrations.telephony.sides import RATE
from tenants import names
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

AUDIO = CallAudio(AudioFormat("pcm16", RATE, 2), ("customer", "agent"))
_OPEN = [KvsStream.State.WAITING, KvsStream.State.READING]
_LIVE = [Conversation.State.ANNOUNCED, Conversation.State.LIVE]


@dataclass(frozen=True, slots=True)
class Leg:
    """Where one contact's audio is."""

    contact: str
    stream_arn: str
    start_fragment: str
    started_ms: int | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "contact": self.contact,
            "stream_arn": self.stream_arn,
            "start_fragment": self.start_fragment,
            "started_ms": self.started_ms,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stream has been read: `fragment` of leg `leg` and all before it is in the buffer.

    `origin_ns`: the producer's time of the call's first sample (None: nothing was read). `ends`: where the sides'
    sound ends behind that fragment, in samples.
    """

    leg: int = 0
    fragment: str = ""
    origin_ns: int | None = None
    ends: tuple[int, int] = (0, 0)

    def as_dict(self) -> dict[str, Any]:
        return {
            "leg": self.leg,
            "fragment": self.fragment,
            "origin_ns": self.origin_ns,
            "ends": list(self.ends),
        }


@dataclass(frozen=True, slots=True)
class Orders:
    """What may change while a stream is read."""

    contacts: frozenset[str]
    legs: tuple[Leg, ...]
    ended_at: datetime | None
    stop_fragment: str


@dataclass(frozen=True, slots=True)
class Job:
    """A stream as a reader takes it."""

    stream_id: UUID
    conversation_id: UUID
    call_id: str
    epoch: int
    access: KvsAccess
    quiet_is_end: bool
    progress: Progress
    orders: Orders


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a contact event. `conversation_id` is None for one whose audio is not known yet."""

    status: str
    conversation_id: UUID | None


def contact_take(*, connection: TelephonyConnection, event: ContactEvent) -> Noted:
    """Announce a contact's call, or let a transfer go on in the one that it belongs to. The same event twice is once.

    Raises `CallRefused` for a contact whose call is over.
    """
    if event.channel != "VOICE":
        return Noted("not_voice", None)
    call = _call_of(connection, event)
    if not event.stream_arn:
        found = metadata_arrived(provider=SOURCE, identifiers=event.identifiers, fields=_fields(call))
        return Noted("no_media", found.pk if found else None)
    try:
        return _announce(connection, event, call)
    except CallRefused as refused:
        if refused.code is not CloseCode.CALL_IN_USE:
            raise
        # The same event, at the same time: the other one has announced it.
        return _announce(connection, event, call)


def _announce(connection: TelephonyConnection, event: ContactEvent, call: CallStart) -> Noted:
    with transaction.atomic():
        stream = (
            KvsStream.objects.select_for_update()
            .filter(
                connection=connection, contacts__overlap=list(event.identifiers.values()), state__in=_OPEN
            )
            .order_by("pk")
            .first()
        )
        if stream is not None:
            return _goes_on(stream, event, call)
        announced = call_announce(source=SOURCE, start=call, audio=AUDIO)
        stream = KvsStream.objects.create(
            connection=connection,
            conversation_id=announced.conversation_id,
            contacts=[event.contact_id],
            legs=[_leg(event).as_dict()],
        )
        ident, schema = stream.pk, current_schema()
        transaction.on_commit(lambda: stream_tell(schema, ident))
    return Noted("announced", announced.conversation_id)


def _goes_on(stream: KvsStream, event: ContactEvent, call: CallStart) -> Noted:
    """The same contact again, its end, or the next one after a transfer."""
    if event.contact_id not in stream.contacts and len(stream.contacts) < LEGS:
        stream.contacts = [*stream.contacts, event.contact_id]
    leg = _leg(event)
    known = [(each["stream_arn"], each["contact"]) for each in stream.legs]
    if (leg.stream_arn, leg.contact) not in known and len(stream.legs) < LEGS:
        stream.legs = [*stream.legs, leg.as_dict()]
    is_last = stream.legs[-1]["contact"] == event.contact_id
    if event.stop_fragment and is_last:
        stream.stop_fragment = event.stop_fragment
        stream.ended_at = stream.ended_at or timezone.now()
    elif stream.ended_at is not None and is_last and (leg.stream_arn, leg.contact) not in known:
        # It was passed on after all.
        stream.ended_at, stream.stop_fragment = None, ""
    stream.save(update_fields=["contacts", "legs", "stop_fragment", "ended_at", "updated_at"])
    ident = stream.conversation_id
    identifiers_add(conversation_id=ident, provider=SOURCE, identifiers=event.identifiers)
    fields = _fields(call)
    transaction.on_commit(
        lambda: _note_fields(event.identifiers, fields),
    )
    return Noted("known", ident)


def _note_fields(identifiers: Mapping[str, str], fields: CallFields) -> None:
    metadata_arrived(provider=SOURCE, identifiers=identifiers, fields=fields)


def _call_of(connection: TelephonyConnection, event: ContactEvent) -> CallStart:
    """The call with the company's mapping applied, and as much of the attributes as may be kept."""
    rules = (*mapping_rules(connection), *mapping.plain_rules("attributes"))
    call = event.call_start(language=connection.setting("language"))
    wanted = {rule.source.partition(".")[2] for rule in rules}
    folders = ("attributes", "parameters")
    bounded = mapping.bounded({name: value for name, value in call.metadata.items() if name not in folders})
    for folder in folders:
        values = call.metadata.get(folder, {})
        # What a field is made of comes first: attributes may be more than is kept of a call.
        for name in sorted(values, key=lambda each: each not in wanted):
            trial = {**bounded, folder: {**bounded.get(folder, {}), name: values[name][: metadata.MAX_TEXT]}}
            try:
                metadata.check(trial)
            except ValueError:
                continue
            bounded = trial
    return mapping.apply(rules, call.model_copy(update={"metadata": bounded}))


def _fields(call: CallStart) -> CallFields:
    said = call.model_dump(exclude={"id", "identifiers"}, exclude_unset=True)
    return fields_read({name: value for name, value in said.items() if value})


def _leg(event: ContactEvent) -> Leg:
    started = round(event.started_at.timestamp() * 1000) if event.started_at else None
    return Leg(event.contact_id, event.stream_arn, event.start_fragment, started)


# --- Readers ----------------------------------------------------------------------------------------------


def stream_tell(schema: str, stream_id: UUID) -> None:
    """Tell the readers that there is a stream to read."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_STREAMS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
        ) as client:
            client.xadd(names.KVS_NEW, {"schema": schema, "stream": str(stream_id)})
    except redis.RedisError as error:
        # The row is there; the readers look for rows that nobody reads.
        log.warning("kvs.not_told", stream=str(stream_id), error=type(error).__name__)


def stream_claim(*, stream_id: UUID, reader: str) -> Job | None:
    """Take a stream, whoever had it before. None: it is done with."""
    with transaction.atomic():
        stream = (
            KvsStream.objects.select_for_update(of=("self",))
            .select_related("connection", "conversation")
            .filter(pk=stream_id, state__in=_OPEN)
            .first()
        )
        if stream is None:
            return None
        if stream.conversation.state not in _LIVE:
            stream.state, stream.reason = KvsStream.State.FAILED, "call_ended"
            stream.save(update_fields=["state", "reason", "updated_at"])
            return None
        stream.epoch += 1
        stream.reader = reader
        stream.state = KvsStream.State.READING
        stream.save(update_fields=["epoch", "reader", "state", "updated_at"])
    said = stream.progress
    progress = Progress(
        leg=said.get("leg", 0),
        fragment=said.get("fragment", ""),
        origin_ns=said.get("origin_ns"),
        ends=(said["ends"][0], said["ends"][1]) if "ends" in said else (0, 0),
    )
    return Job(
        stream_id=stream.pk,
        conversation_id=stream.conversation_id,
        call_id=stream.conversation.provider_call_id,
        epoch=stream.epoch,
        access=access_of(stream.connection),
        quiet_is_end=quiet_is_end(stream.connection),
        progress=progress,
        orders=_orders(stream),
    )


def stream_save(
    *, stream_id: UUID, epoch: int, progress: Progress | None, behind_ms: int | None
) -> Orders | None:
    """Keep how far a stream was read (None: no further). Returns what holds now; None: another reader has it."""
    changes: dict[str, Any] = {"updated_at": timezone.now()}
    if progress is not None:
        changes["progress"] = progress.as_dict()
    if behind_ms is not None:
        changes["behind_ms"] = behind_ms
    mine = KvsStream.objects.filter(pk=stream_id, epoch=epoch, state=KvsStream.State.READING)
    if not mine.update(**changes):
        return None
    return _orders(KvsStream.objects.get(pk=stream_id))


def stream_done(*, stream_id: UUID, epoch: int, reason: str = "", behind_ms: int | None = None) -> bool:
    """A stream was read to its end, or could not be (`reason`). False when another reader has it."""
    state = KvsStream.State.FAILED if reason else KvsStream.State.DONE
    mine = KvsStream.objects.filter(pk=stream_id, epoch=epoch, state=KvsStream.State.READING)
    changes: dict[str, Any] = {"state": state, "reason": reason, "updated_at": timezone.now()}
    if behind_ms is not None:
        changes["behind_ms"] = behind_ms
    return mine.update(**changes) == 1


def streams_stray(*, quiet: timedelta) -> list[UUID]:
    """Streams of the current company that nobody has read for a while although they are not done with."""
    rows = KvsStream.objects.filter(state__in=_OPEN, updated_at__lt=timezone.now() - quiet)
    return list(rows.order_by(F("updated_at")).values_list("pk", flat=True)[:200])


def _orders(stream: KvsStream) -> Orders:
    return Orders(
        contacts=frozenset(stream.contacts),
        legs=tuple(Leg(**each) for each in stream.legs),
        ended_at=stream.ended_at,
        stop_fragment=stream.stop_fragment,
    )
