"""The one write for what happens to a call: its phase, its agent, a transfer with its hand-over brief.

Vendors tell these apart from the audio, late, twice and out of order. Each is noted once; what cannot follow what was
before is noted as refused. The live worker hears of it by a mark in the call's buffer, and a worker that takes over
reads it from here.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import redis.asyncio as redis
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import TelephonyIdentity, User
from conversations import outbox
from conversations.live.buffer import CHUNK_MS, AudioBuffer, Mark
from conversations.live.identifiers import known_as
from conversations.live.timeline import TALK
from conversations.models import (
    CallOwner,
    CallPhase,
    Conversation,
    Handover,
    Participant,
    Speaker,
    VoiceSettings,
)
from conversations.phases import LifecycleEvent, Phase, Transfer, may_follow
from conversations.publish import tell_agent
from conversations.services import conversation_lock, event_append
from conversations.summary_writing import brief_drafted
from tenants import keys, names
from tenants.scope import current_schema

log = structlog.get_logger(__name__)

# An agent who is named in these phases has the call; in a consultation the first one keeps it.
_HAS_CALL = frozenset({Phase.CONNECTED, Phase.CONFERENCE, Phase.HOLD})
BRIEF_LINES = 8
# How a call is now is told by some vendors' clock, and by ours where they do not say when: this far apart at most.
CLOCKS_DIFFER = timedelta(seconds=10)
# What the pages of an agent are told who passed a call on.
HANDED_OVER = "handed_over"
# Outbox event: the worker of a call could not be told what happened to it.
UNTOLD = "marks.untold"


def heard_phases() -> frozenset[str]:
    """The phases whose sound the current company has transcribed: the talk, and what it asked for besides."""
    wanted = VoiceSettings.objects.first()
    heard = set(TALK)
    if wanted is not None and wanted.transcribe_ivr:
        heard |= {Phase.RINGING, Phase.IVR, Phase.QUEUE}
    if wanted is not None and wanted.transcribe_hold:
        heard.add(Phase.HOLD)
    return frozenset(heard)


def marks_of(conversation_id: UUID) -> list[Mark]:
    """The phases that a call has been through, as marks: what a worker that claims it begins with."""
    rows = CallPhase.objects.filter(conversation_id=conversation_id, refused=False).order_by("at", "pk")
    return [
        {"kind": "phase", "phase": phase, "at_ms": from_ms}
        for phase, from_ms in rows.values_list("phase", "from_ms")
    ]


def agent_of(provider: str, agent_id: str) -> User | None:
    """Who the provider's agent id belongs to here, if they may work."""
    identity = (
        TelephonyIdentity.objects.select_related("user")
        .filter(provider=provider, agent_id=agent_id, user__is_active=True)
        .first()
    )
    return identity.user if identity else None


def lifecycle_apply(*, conversation_id: UUID, event: LifecycleEvent) -> CallPhase | None:
    """Note what a vendor says of a call, and act on it. None when it said nothing new.

    An event older than the call's newest is kept as history and changes nothing.
    """
    event = replace(event, reference=known_as(event.reference))
    at_ms = position_ms(conversation_id, event.at)
    with transaction.atomic():
        conversation = conversation_lock(conversation_id)
        agent = agent_of(conversation.provider, event.agent) if event.agent else None
        last = _last_phase(conversation)
        if event.is_state and last is not None and timedelta() < last.at - event.at <= CLOCKS_DIFFER:
            event, at_ms = replace(event, at=last.at), max(at_ms, last.from_ms)
        row, is_newest = _phase_note(conversation, event, agent, at_ms, last)
        if row is not None and row.refused:
            return row
        marks: list[Mark] = []
        if row is not None and is_newest:
            marks.append({"kind": "phase", "phase": row.phase, "at_ms": row.from_ms})
        if row is not None:
            event_append(conversation_id=conversation_id, kind="conversation", row=conversation)
        if event.agent and is_newest:
            marks += _agent_take(conversation, event, agent, at_ms)
        if marks and conversation.is_live:
            transaction.on_commit(lambda: marks_tell(conversation_id, marks))
        return row


def _last_phase(conversation: Conversation) -> CallPhase | None:
    return CallPhase.objects.filter(conversation=conversation, refused=False).order_by("-at", "-pk").first()


def _phase_note(
    conversation: Conversation,
    event: LifecycleEvent,
    agent: User | None,
    at_ms: int,
    last: CallPhase | None,
) -> tuple[CallPhase | None, bool]:
    """The row of the event's phase (None: no phase, or known already), and whether nothing newer is known."""
    is_newest = last is None or event.at >= last.at
    if event.phase is None:
        return None, is_newest
    if last is not None and is_newest:
        # Where audio stands still (lines are paused on hold), a later phase must not come before an earlier one.
        at_ms = max(at_ms, last.from_ms)
    before = Phase(last.phase) if last is not None else None
    if event.is_state and last is not None and (before, last.provider_agent_id) == (event.phase, event.agent):
        return None, is_newest
    key = event.reference or f"{event.phase}:{event.agent}:{event.at.isoformat()}"
    row, created = CallPhase.objects.get_or_create(
        conversation=conversation,
        key=key[:160],
        defaults={
            "phase": event.phase.value,
            "agent": agent,
            "provider_agent_id": event.agent,
            "at": event.at,
            "from_ms": at_ms,
            "refused": is_newest and not may_follow(before, event.phase),
        },
    )
    if not created:
        return None, False
    if row.refused:
        log.warning("lifecycle.refused", conversation=str(conversation.pk), before=before, after=event.phase)
    return row, is_newest


def _agent_take(
    conversation: Conversation, event: LifecycleEvent, agent: User | None, at_ms: int
) -> list[Mark]:
    """Give the call to the agent whom the event names, or add them to a conference. Returns the marks of it."""
    known = conversation.provider_agent_id == event.agent and conversation.agent == agent
    if known or (event.phase is not None and event.phase not in _HAS_CALL):
        return []
    now, before = timezone.now(), conversation.agent
    if event.phase is Phase.CONFERENCE and before is not None:
        if agent is not None:
            Participant.objects.get_or_create(
                conversation=conversation,
                user=agent,
                role=Speaker.AGENT,
                left_at=None,
                defaults={"display_name": agent.name, "joined_at": now},
            )
            event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
        return []
    # An id that was not entered with anybody until now, or an agent who was attached by hand, is nobody else.
    same = conversation.provider_agent_id == event.agent or (agent is not None and agent == before)
    had_agent = not same and (bool(conversation.provider_agent_id) or before is not None)
    agent_hand(
        conversation=conversation,
        agent=agent,
        agent_id=event.agent,
        kind=event.transfer,
        at=event.at,
        at_ms=at_ms,
        handed=had_agent,
    )
    return [
        {
            "kind": "agent",
            "agent_id": str(agent.pk) if agent else None,
            "team_id": str(agent.team_id) if agent and agent.team_id else None,
            "at_ms": at_ms,
        }
    ]


def agent_hand(
    *,
    conversation: Conversation,
    agent: User | None,
    agent_id: str,
    kind: str,
    at: datetime,
    at_ms: int,
    handed: bool,
) -> None:
    """Give a conversation, locked by the caller's transaction, to an agent (None: known by `agent_id` alone).

    `handed`: somebody had it before, so that a hand-over is written with what was said so far.
    """
    schema, now, before = current_schema(), timezone.now(), conversation.agent
    conversation.agent, conversation.provider_agent_id = agent, agent_id
    conversation.save(update_fields=["agent", "provider_agent_id"])
    _participants_change(conversation, now, replaced=handed)
    event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
    if handed:
        handover = Handover.objects.create(
            conversation=conversation,
            from_agent=before,
            to_agent=agent,
            kind=kind,
            at=at,
            at_ms=at_ms,
            brief=brief_drafted(conversation, most=BRIEF_LINES),
        )
        event_append(conversation_id=conversation.pk, kind="handover", row=handover)
    for person, state in ((before, HANDED_OVER), (agent, conversation.state)):
        if person is not None:
            transaction.on_commit(partial(tell_agent, schema, person.pk, conversation.pk, state))


def _participants_change(conversation: Conversation, now: datetime, *, replaced: bool) -> None:
    """The agent's side has somebody new on it; the one before has left, with their name on what they said."""
    agent = conversation.agent
    name = agent.name if agent else ""
    current = Participant.objects.filter(
        conversation=conversation, role=Speaker.AGENT, left_at__isnull=True, channel_index__isnull=False
    )
    if not replaced:
        current.update(user=agent, display_name=name)
        return
    channels = list(current.values_list("channel_index", flat=True))
    Participant.objects.filter(conversation=conversation, role=Speaker.AGENT, left_at__isnull=True).exclude(
        user__isnull=False, user=agent
    ).update(left_at=now)
    Participant.objects.filter(conversation=conversation, user=agent, left_at__isnull=True).delete()
    Participant.objects.bulk_create(
        Participant(
            conversation=conversation,
            role=Speaker.AGENT,
            user=agent,
            display_name=name,
            channel_index=channel,
            joined_at=now,
        )
        for channel in channels
    )


# --- The live worker --------------------------------------------------------------------------------------


def position_ms(conversation_id: UUID, at: datetime) -> int:
    """Where in the call's audio the moment `at` lies: the end of what has come, less the time since.

    A chat has no audio: it is measured from its beginning.
    """
    conversation = Conversation.objects.get(pk=conversation_id)
    if conversation.channel == Conversation.Channel.CHAT:
        began = conversation.started_at or conversation.announced_at
        return max(0, int((at - began).total_seconds() * 1000))
    since = max(timedelta(), timezone.now() - at)
    end_ms = 0
    if conversation.is_live:
        try:
            number, _ended = asyncio.run(_audio_end(current_schema(), conversation_id))
            end_ms = number * CHUNK_MS
        except (redis.RedisError, OSError) as error:
            log.warning("lifecycle.buffer_away", error=type(error).__name__)
            end_ms = int((timezone.now() - conversation.announced_at).total_seconds() * 1000)
    return max(0, end_ms - int(since.total_seconds() * 1000))


async def _audio_end(schema: str, conversation_id: UUID) -> tuple[int, bool]:
    async with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
        return await AudioBuffer(client).audio_end(schema, conversation_id)


def marks_tell(conversation_id: UUID, marks: list[Mark]) -> None:
    """Tell the worker that follows the call. One that cannot be told now is told again by a job."""
    try:
        marks_append(conversation_id, marks)
    except (redis.RedisError, OSError) as error:
        log.warning("lifecycle.mark_not_told", conversation=str(conversation_id), error=type(error).__name__)
        outbox.jobs_announce(event=UNTOLD, conversation_id=conversation_id, because=str(new_id()))


def marks_append(conversation_id: UUID, marks: list[Mark]) -> None:
    """Put marks behind the audio of a call that goes on. Raises redis errors and `OSError`."""
    schema = current_schema()
    owners = CallOwner.objects.filter(pk=conversation_id, wrapped_key__isnull=False)
    owner = owners.select_related("conversation").first()
    if owner is None:
        return
    key = keys.unwrap(
        schema, bytes(owner.wrapped_key or b""), owner.key_version, bound_to=f"call:{conversation_id}"
    )
    is_chat = owner.conversation.channel == Conversation.Channel.CHAT

    async def tell() -> None:
        async with redis.Redis.from_url(settings.REDIS_STREAMS_URL) as client:
            buffer = AudioBuffer(client)
            for mark in marks:
                await buffer.append_mark(schema, conversation_id, mark, key)
            if is_chat:  # whose worker does not look ten times a second
                await client.publish(names.CHATS_WAKE, names.chat_wake(schema, conversation_id))

    asyncio.run(tell())


def lifecycle_event(fields: dict[str, Any]) -> LifecycleEvent:
    """Read an event back from `event_fields`. Raises `ValueError`, `KeyError`."""
    return LifecycleEvent(
        identifiers=fields["identifiers"],
        at=datetime.fromisoformat(fields["at"]),
        phase=Phase(fields["phase"]) if fields["phase"] else None,
        agent=fields["agent"],
        transfer=Transfer(fields["transfer"]),
        fields=fields.get("fields", {}),
        reference=fields["reference"],
        is_state=fields.get("is_state", False),
    )


def event_fields(event: LifecycleEvent) -> dict[str, Any]:
    """An event as JSON, without its fields, which are kept redacted elsewhere."""
    return {
        "identifiers": dict(event.identifiers),
        "at": event.at.isoformat(),
        "phase": event.phase.value if event.phase else "",
        "agent": event.agent,
        "transfer": event.transfer.value,
        "reference": event.reference,
        "is_state": event.is_state,
    }
