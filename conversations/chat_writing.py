"""What people here write to a customer in a chat: stored as every message, and sent until the chat system confirms it.

It waits in Redis, sealed with the chat's key, and goes out on the chat system's socket at once, again whenever a socket
connects, and by API to whoever asks: always under its own `message_id`, so that a chat system takes it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.errors import Conflict
from accounts.ids import new_id
from accounts.models import User
from accounts.permissions import Permission
from accounts.services import audit
from conversations import chat_lines
from conversations.chats import (
    Taken,
    chat_goes_on,
    chat_key,
    chat_locked,
    message_take,
    message_words,
)
from conversations.models import CallOwner, ChatMessage, Conversation, Speaker
from conversations.services import call_lock, event_append
from engines.redaction.text import RawText
from tenants.keys import SealError
from tenants.scope import current_schema

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that waits for its confirmation, with its words, for the chat system alone. `text` is not redacted."""

    message: UUID
    conversation: UUID
    external_id: str
    message_id: str
    role: str
    author: str
    text: str
    written_at: datetime


def message_write(*, conversation: Conversation, user: User, text: RawText, message_id: str = "") -> Taken:
    """A person here writes to the customer: the chat's own agent, or a supervisor, who is named as such.

    The message is stored as every other, once, and goes out on the chat system's socket. The caller has checked that
    this person may read the conversation. Raises `ValidationError`, and `Conflict` where no chat system takes it.
    """
    is_agent = _role_in(conversation, user) == Speaker.AGENT
    schema, words = current_schema(), message_words(text)
    if conversation.is_live and not chat_lines.is_connected(schema):
        raise Conflict(_("The chat system is not connected, so the message cannot be sent."))
    with transaction.atomic():
        taken = message_take(
            conversation_id=conversation.pk,
            role=Speaker.AGENT if is_agent else Speaker.SUPERVISOR,
            text=words,
            message_id=message_id or f"here-{new_id()}",
            origin=ChatMessage.Origin.DESK if is_agent else ChatMessage.Origin.SUPERVISOR,
            author=user,
        )
        if taken.is_new:
            if not is_agent:
                audit(
                    actor=user,
                    action="chat.join",
                    thing=taken.message,
                    changes={"conversation": str(conversation.pk)},
                )
            key = chat_key(CallOwner.objects.get(pk=conversation.pk))
            sealed = chat_lines.sealed_out(_out(taken.message), words, user.name, key)
            # Before the commit: what is stored can be sent. What is not stored is never asked for, and goes by itself.
            try:
                chat_lines.keep(schema, sealed)
            except (RedisError, OSError):
                raise Conflict(_("The message cannot be sent at the moment. Please try again.")) from None
            transaction.on_commit(lambda: chat_lines.send_out(schema, sealed))
    return taken


def message_again(*, conversation: Conversation, user: User, message_id: str) -> ChatMessage:
    """Send what this person wrote here once more, while the chat goes on and the chat system has not confirmed it.

    Raises `ValidationError` for a message that is not theirs, `Conflict` where it is confirmed or its words are gone.
    """
    _role_in(conversation, user)
    schema = current_schema()
    message = _ours(conversation.pk).filter(message_id=message_id, author=user).first()
    if message is None:
        raise ValidationError(_("You have written no such message in this chat."))
    try:
        sealed = chat_lines.kept(schema, [message.pk]).get(str(message.pk))
    except (RedisError, OSError):
        raise Conflict(_("The message cannot be sent at the moment. Please try again.")) from None
    if not chat_lines.is_connected(schema):
        raise Conflict(_("The chat system is not connected, so the message cannot be sent."))
    with transaction.atomic():
        chat, conversation = chat_locked(conversation.pk)
        chat_goes_on(chat, conversation)
        message = _ours(conversation.pk).get(pk=message.pk)
        if message.delivered_at is not None:
            raise Conflict(_("The chat system has this message."))
        if sealed is None:
            raise Conflict(_("The words of this message are no longer kept. Please write it anew."))
        if message.failed_at is not None:
            message.failed_at = None
            message.save(update_fields=["failed_at"])
            event_append(conversation_id=conversation.pk, kind="message", row=message)
        transaction.on_commit(lambda: chat_lines.send_out(schema, sealed | {"again": True}))
    return message


def message_delivered(*, conversation_id: UUID, message_id: str) -> bool:
    """The chat system has a message that was written here. Returns whether that is news."""
    schema = current_schema()
    row = _settled(conversation_id, message_id, delivered_at=timezone.now(), failed_at=None)
    if row is not None:
        chat_lines.forget(schema, row.pk)
    return row is not None


def message_failed(*, conversation_id: UUID, message_id: str) -> bool:
    """The chat system cannot bring a message to the customer: its author is told, and may send it again.

    Returns whether that is news; what was confirmed before stays so.
    """
    return _settled(conversation_id, message_id, only=True, failed_at=timezone.now()) is not None


def messages_unsent() -> list[Unsent]:
    """What waits to be confirmed in chats that go on, in the order in which it was written, 200 at most.

    For the chat system alone. Two queries. Raises redis errors.
    """
    since = timezone.now() - timedelta(seconds=chat_lines.KEPT_SECONDS)
    rows = list(
        ChatMessage.objects.exclude(origin=ChatMessage.Origin.SYSTEM)
        .filter(delivered_at__isnull=True, failed_at__isnull=True, received_at__gt=since)
        .filter(conversation__state__in=("announced", "live"), conversation__chat__over_at__isnull=True)
        .select_related("conversation")
        .order_by("received_at", "pk")[:AT_ONCE]
    )
    kept = chat_lines.kept(current_schema(), [row.pk for row in rows])
    owners = CallOwner.objects.in_bulk({row.conversation_id for row in rows})
    found = (_opened(kept.get(str(row.pk)), row, owners.get(row.conversation_id)) for row in rows)
    return [one for one in found if one is not None]


def message_told(sealed: dict[str, Any]) -> Unsent | None:
    """What a socket was told of, opened. None once it is confirmed or its chat is over. Two queries."""
    row = ChatMessage.objects.select_related("conversation").filter(pk=sealed["message"]).first()
    if row is None or row.delivered_at is not None:
        return None
    return _opened(sealed, row, CallOwner.objects.filter(pk=row.conversation_id).first())


def _opened(sealed: dict[str, Any] | None, row: ChatMessage | None, owner: CallOwner | None) -> Unsent | None:
    """A sealed message opened with its chat's key. None where it, its row or its key is gone."""
    if sealed is None or row is None or owner is None:
        return None
    try:
        text = chat_lines.opened(sealed, chat_key(owner))
    except (Conflict, SealError):
        return None
    return Unsent(
        message=row.pk,
        conversation=row.conversation_id,
        external_id=row.conversation.provider_call_id,
        message_id=row.message_id,
        role=sealed["role"],
        author=sealed["author"],
        text=text,
        written_at=row.sent_at,
    )


def _role_in(conversation: Conversation, user: User) -> Speaker:
    """As what this person writes here. Raises `ValidationError` for who does not, and where nobody does."""
    if conversation.agent_id == user.pk and user.may(Permission.GUIDANCE_ANSWER):
        role = Speaker.AGENT
    elif user.may(Permission.WHISPER_SEND):
        role = Speaker.SUPERVISOR
    else:
        raise ValidationError(_("Only the agent of this chat can write in it."))
    if conversation.channel != Conversation.Channel.CHAT:
        raise ValidationError(_("This is no chat."))
    return role


def _out(message: ChatMessage) -> chat_lines.Outgoing:
    role = Speaker.AGENT if message.origin == ChatMessage.Origin.DESK else Speaker.SUPERVISOR
    return chat_lines.Outgoing(message.conversation_id, message.pk, message.message_id, role.value)


def _ours(conversation_id: UUID) -> QuerySet[ChatMessage]:
    rows = ChatMessage.objects.filter(conversation_id=conversation_id)
    return rows.exclude(origin=ChatMessage.Origin.SYSTEM).select_related("author")


def _settled(
    conversation_id: UUID, message_id: str, *, only: bool = False, **fields: Any
) -> ChatMessage | None:
    """Write what became of a message that waits. `only`: not of one that has failed already. None: no such message."""
    with transaction.atomic():
        call_lock(conversation_id)
        waiting = _ours(conversation_id).filter(message_id=message_id, delivered_at__isnull=True)
        row = (waiting.filter(failed_at__isnull=True) if only else waiting).first()
        if row is None:
            return None
        for name, value in fields.items():
            setattr(row, name, value)
        row.save(update_fields=list(fields))
        event_append(conversation_id=conversation_id, kind="message", row=row)
    return row
