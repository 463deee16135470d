"""Chats: a conversation in writing, opened, fed and ended by a chat system, and by people who write here.

A message is redacted and stored within the request that brings it: what was acknowledged is in the database, redacted,
and nowhere is it kept otherwise. Moments and guidance follow in the live worker (`live/chat.py`), which reads what is
stored.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import Conflict
from accounts.ids import new_id
from accounts.models import Queue, User
from accounts.permissions import Permission
from conversations import chat_lines, consent, correlation
from conversations.customers import customer_clean, customer_update
from conversations.lifecycle import agent_hand, agent_of
from conversations.live import metadata
from conversations.live.identifiers import known_as
from conversations.live.stages import Batch
from conversations.live.transcript import utterance_add
from conversations.live.wire import CustomerDetails
from conversations.models import (
    CallOwner,
    Chat,
    ChatMessage,
    Conversation,
    Participant,
    Purpose,
    Speaker,
    Utterance,
)
from conversations.publish import tell_agent
from conversations.redaction.policy import config_for_speech
from conversations.redaction.resumed import redactor_resumed
from conversations.services import conversation_lock, event_append
from engines.redaction.text import RawText
from engines.speech.types import Hypothesis
from tenants import keys
from tenants.scope import current_schema

PROVIDER = "chat"
TEXT_LENGTH = 4_000
MESSAGES_MOST = 5_000
# How far a chat may have begun before we were told, and how much one message may be older than the one before it:
# clocks of two servers differ, and a message that overtook another belongs behind it.
BEGAN_BEFORE = timedelta(hours=24)
OVERTAKEN = timedelta(seconds=10)
AHEAD = timedelta(seconds=60)
# What becomes of questions for a number goes by turns in a chat, not by the clock: people take minutes to answer.
TURN_MS = 1_000

OVER = "stop"
IDLE = "idle"

_ID = re.compile(r"[!-~]{1,120}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SIDES = {Speaker.AGENT: 0, Speaker.CUSTOMER: 1, Speaker.SUPERVISOR: 2}
ROLES = (Speaker.CUSTOMER.value, Speaker.AGENT.value)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a chat system says of a chat when it begins. `agent`: an e-mail address, or the id in the chat system."""

    external_id: str
    customer: CustomerDetails | None = None
    agent: str = ""
    queue: str = ""
    language: str = "en"
    fields: dict[str, Any] | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as it is stored. `is_new` False: it had been taken before, and nothing has changed."""

    message: ChatMessage
    utterance: Utterance
    is_new: bool


# --- Beginning and end ----------------------------------------------------------------------------------


def chat_open(*, opening: Opening) -> tuple[Conversation, bool]:
    """Make a chat's conversation, with participants, key and first event, and have a live worker follow it.

    Returns it and whether it is new: an external id that is known finds its chat, as it is. Raises `ValidationError`.
    """
    external_id = known_as(_ident(opening.external_id))
    known = Conversation.objects.filter(provider=PROVIDER, provider_call_id=external_id).first()
    if known is not None:
        return known, False
    now, schema = timezone.now(), current_schema()
    started_at = opening.started_at or now
    if not now - BEGAN_BEFORE <= started_at <= now + AHEAD:
        raise ValidationError(_("A chat has begun at most 24 hours ago, and not in the future."))
    began_at = min(started_at, now)
    agent, agent_id = _agent_found(opening.agent)
    # Redaction takes a while on long metadata; it needs no transaction.
    details = customer_clean(opening.customer) if opening.customer else None
    extra = metadata.redacted(opening.fields or {})
    try:
        with transaction.atomic():
            queue = Queue.objects.filter(key=opening.queue).first() if opening.queue else None
            if opening.queue and queue is None:
                extra["queue"] = metadata.text_redacted(opening.queue)
            conversation = Conversation.objects.create(
                channel=Conversation.Channel.CHAT,
                queue=queue,
                agent=agent,
                customer=customer_update(details) if details else None,
                language=opening.language,
                provider=PROVIDER,
                provider_call_id=external_id,
                provider_agent_id=agent_id,
                announced_at=now,
                started_at=began_at,
                metadata=extra,
            )
            _sides_create(conversation, now)
            wrapped, version = keys.wrap(schema, keys.new_key(), bound_to=f"call:{conversation.pk}")
            CallOwner.objects.create(conversation=conversation, wrapped_key=wrapped, key_version=version)
            Chat.objects.create(conversation=conversation, last_at=began_at)
            event_append(conversation_id=conversation.pk, kind="conversation", row=conversation)
            correlation.identifiers_add(
                conversation_id=conversation.pk, provider=PROVIDER, identifiers={"call": external_id}
            )
            transaction.on_commit(lambda: chat_lines.announce(schema, conversation.pk))
            if agent is not None:
                agent_pk = agent.pk
                transaction.on_commit(
                    lambda: tell_agent(schema, agent_pk, conversation.pk, conversation.state)
                )
    except IntegrityError:
        # Another request has opened it meanwhile.
        known = Conversation.objects.filter(provider=PROVIDER, provider_call_id=external_id).first()
        if known is None:
            raise
        return known, False
    if consent.CONSENT_KEY in extra:
        consent.consent_from_metadata(conversation_id=conversation.pk, fields=extra, source=PROVIDER)
    return conversation, True


def chat_end(*, conversation_id: UUID, reason: str = OVER) -> bool:
    """Say that a chat is over: it takes no more messages, and its live worker writes the end. False: it was already."""
    with transaction.atomic():
        chat, conversation = chat_locked(conversation_id)
        if chat.over_at is not None or not conversation.is_live:
            return False
        chat.over_at, chat.over_reason = timezone.now(), reason
        chat.save(update_fields=["over_at", "over_reason"])
        _wake_later(conversation_id)
    return True


def chats_idle_end(*, older_than: timedelta) -> int:
    """End chats in which nobody has written for so long: nobody else will. Returns how many."""
    quiet = Chat.objects.filter(over_at__isnull=True, last_at__lt=timezone.now() - older_than)
    stale = list(quiet.filter(conversation__state__in=_LIVE).values_list("pk", flat=True)[:200])
    return sum(chat_end(conversation_id=one, reason=IDLE) for one in stale)


def chat_transfer(*, conversation_id: UUID, agent: str) -> Conversation:
    """Give a chat to another agent (by e-mail or id). Raises `ValidationError`, `Conflict` for one that is over."""
    user, agent_id = _agent_found(agent)
    with transaction.atomic():
        chat, conversation = chat_locked(conversation_id)
        chat_goes_on(chat, conversation)
        if user == conversation.agent and (user is not None or agent_id == conversation.provider_agent_id):
            return conversation
        agent_hand(
            conversation=conversation,
            agent=user,
            agent_id=agent_id,
            kind="",
            at=timezone.now(),
            at_ms=chat.last_ms,
            handed=bool(conversation.agent_id or conversation.provider_agent_id),
        )
        _wake_later(conversation_id)
    return conversation


# --- Messages -------------------------------------------------------------------------------------------


def message_take(
    *,
    conversation_id: UUID,
    role: str,
    text: RawText,
    message_id: str,
    sent_at: datetime | None = None,
    origin: str = ChatMessage.Origin.SYSTEM,
    author: User | None = None,
) -> Taken:
    """Redact a message and store it. The same id again is the same message, and changes nothing.

    Raises `ValidationError` for what cannot be taken as it is, `Conflict` for a chat that is over, one whose customer
    does not allow it, an id that was another side's and a message far older than the one before it.
    """
    roles = (*ROLES, Speaker.SUPERVISOR.value) if origin == ChatMessage.Origin.SUPERVISOR else ROLES
    if role not in roles:
        raise ValidationError({"role": _("The role is one of %s.") % ", ".join(ROLES)})
    words = message_words(text)
    message_id = known_as(_ident(message_id))
    with transaction.atomic():
        chat, conversation = chat_locked(conversation_id)
        known = (
            ChatMessage.objects.select_related("utterance", "author")
            .filter(conversation_id=conversation_id, message_id=message_id)
            .first()
        )
        if known is not None:
            # What was written here comes back from many chat systems as their agent's.
            ours = known.origin != ChatMessage.Origin.SYSTEM and role != Speaker.CUSTOMER
            if known.utterance.speaker != role and not ours:
                raise Conflict(_("This message id is that of another side's message."))
            if ours and origin == ChatMessage.Origin.SYSTEM and known.delivered_at is None:
                # Who brings it back has it.
                known.delivered_at, known.failed_at = timezone.now(), None
                known.save(update_fields=["delivered_at", "failed_at"])
                event_append(conversation_id=conversation_id, kind="message", row=known)
            return Taken(known, known.utterance, False)
        chat_goes_on(chat, conversation)
        if not consent.consent_now(conversation)[Purpose.ASSIST]:
            raise Conflict(_("The customer does not allow that what is written here is kept."))
        if chat.messages >= MESSAGES_MOST:
            raise Conflict(_("A chat has at most %(n)s messages.") % {"n": MESSAGES_MOST})
        now = timezone.now()
        sent_at = _sent(sent_at, chat, now)
        utterance, batch = _redacted(chat, conversation, role, words, sent_at)
        message = ChatMessage(
            id=new_id(),
            conversation=conversation,
            utterance=utterance,
            message_id=message_id,
            origin=origin,
            author=author,
            sent_at=sent_at,
            received_at=now,
        )
        _write(batch, message)
        event_append(conversation_id=conversation_id, kind="utterance", row=utterance)
        if origin != ChatMessage.Origin.SYSTEM:
            event_append(conversation_id=conversation_id, kind="message", row=message)
        _wake_later(conversation_id)
    return Taken(message, utterance, True)


def chat_key(owner: CallOwner) -> bytes:
    """The chat's own key, while it goes on. Raises `Conflict` once it is destroyed."""
    if owner.wrapped_key is None:
        raise Conflict(_("This chat is over."))
    return keys.unwrap(
        current_schema(), bytes(owner.wrapped_key), owner.key_version, bound_to=f"call:{owner.pk}"
    )


# --- Parts ----------------------------------------------------------------------------------------------

_LIVE = (Conversation.State.ANNOUNCED, Conversation.State.LIVE)


def _ident(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValidationError(_("An id has 1 to 120 letters, digits or signs, without spaces."))
    return value


def message_words(text: RawText) -> RawText:
    """The message without surrounding space and what cannot be stored. Raises `ValidationError`."""
    raw = _UNSTORABLE.sub("\ufffd", text.reveal()).strip()
    if not raw:
        raise ValidationError(_("The message is empty."))
    if len(raw) > TEXT_LENGTH:
        raise ValidationError(_("A message has at most %(n)s characters.") % {"n": TEXT_LENGTH})
    return RawText(raw)


def _agent_found(given: str) -> tuple[User | None, str]:
    """Who is named by an e-mail address or an id in the chat system, and that id. Raises `ValidationError`."""
    if "@" not in given:
        given = known_as(given)
        return (agent_of(PROVIDER, given) if given else None), given
    user = User.objects.filter(email__iexact=given, is_active=True).first()
    if user is None or not user.may(Permission.DESK_WORK):
        raise ValidationError({"agent": _("No agent here has this e-mail address.")})
    return user, ""


def _sides_create(conversation: Conversation, now: datetime) -> None:
    agent, customer = conversation.agent, conversation.customer
    Participant.objects.bulk_create(
        Participant(
            conversation=conversation,
            role=role,
            display_name=name,
            channel_index=_SIDES[role],
            user=agent if role == Speaker.AGENT else None,
            joined_at=now,
        )
        for role, name in (
            (Speaker.AGENT, agent.name if agent else ""),
            (Speaker.CUSTOMER, customer.name if customer else ""),
        )
    )


def chat_locked(conversation_id: UUID) -> tuple[Chat, Conversation]:
    """Take the chat within a transaction: one message is written after the other. Raises `Chat.DoesNotExist`."""
    conversation = conversation_lock(conversation_id)
    return Chat.objects.get(pk=conversation_id), conversation


def chat_goes_on(chat: Chat, conversation: Conversation) -> None:
    if chat.over_at is not None or not conversation.is_live:
        raise Conflict(_("This chat is over."))


def _sent(sent_at: datetime | None, chat: Chat, now: datetime) -> datetime:
    """When it was written, in order behind the message before it."""
    if sent_at is None:
        return max(now, chat.last_at)
    if sent_at > now + AHEAD:
        raise ValidationError({"sent_at": _("That is in the future.")})
    if sent_at < chat.last_at - OVERTAKEN:
        raise Conflict(
            _(
                "It was sent at %(sent)s, before the message before it (%(last)s). Send messages in their order."
            )
            % {"sent": sent_at.isoformat(), "last": chat.last_at.isoformat()}
        )
    return max(min(sent_at, now), chat.last_at)


def _redacted(
    chat: Chat, conversation: Conversation, role: str, text: RawText, sent_at: datetime
) -> tuple[Utterance, Batch]:
    """Redact the next message with what the ones before it tell, and move the chat on to it."""
    owner = CallOwner.objects.get(pk=conversation.pk)
    key, bound = chat_key(owner), f"chat-memory:{conversation.pk}"
    config = config_for_speech()
    redactor = redactor_resumed(chat.redaction, config, conversation.pk, turn_ms=TURN_MS)
    if chat.memory is not None:
        redactor.memory_take(json.loads(keys.unseal(key, bytes(chat.memory), bound_to=bound)))
    number = chat.messages + 1
    at_ms = number * TURN_MS
    redacted = redactor.redact_final(role, text, (), at_ms, at_ms)
    started_at = conversation.started_at or conversation.announced_at
    chat.messages, chat.last_at = number, sent_at
    chat.last_ms = max(chat.last_ms, round((sent_at - started_at).total_seconds() * 1000))
    chat.redaction = redactor.state()
    chat.memory = keys.seal(key, json.dumps(redactor.memory()).encode(), bound_to=bound)
    chat.save(update_fields=["messages", "last_at", "last_ms", "redaction", "memory"])
    batch, side = Batch(conversation.pk), _SIDES[Speaker(role)]
    heard = Hypothesis(side, True, chat.last_ms, chat.last_ms, RawText(""), (), 1.0, PROVIDER)
    row = utterance_add(batch, sequence=number, speaker=role, channel=side, heard=heard, redacted=redacted)
    row.words = []
    return row, batch


def _write(batch: Batch, message: ChatMessage) -> None:
    for row in batch.rows:
        row.save(force_insert=True)
    message.save(force_insert=True)
    for write in batch.writes:
        write()


def _wake_later(conversation_id: UUID) -> None:
    schema = current_schema()
    transaction.on_commit(lambda: chat_lines.wake(schema, conversation_id))
