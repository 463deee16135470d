"""`/ws/chats/`: a chat system's one socket, by its API key: it brings messages, and is told what people here write.

What the API does with a chat this does, in the same words; beside it go guidance, suggested replies, lines of
supervisors to the agent, and the messages that the agent at the desk or a supervisor writes to the customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from redis.exceptions import RedisError
from rest_framework import serializers

from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission, Scope
from accounts.services import api_key_find
from accounts.socket_auth import SIGNED_OUT
from accounts.socket_auth import Scope as Connection
from coaching.replies import replies_now, reply_accept, reply_shown
from conversations import chat_lines, chat_writing, chats, events
from conversations.access import conversations_visible
from conversations.live.identifiers import known_as
from conversations.models import Conversation
from conversations.publish import conversation_group, event_of
from desk.consumers import Socket
from engines.redaction.text import RawText
from integrations.chats.api import (
    MessageSerializer,
    TransferSerializer,
    opening_read,
    taken_shown,
    unsent_shown,
)
from tenants.scope import TenantThreads

log = structlog.get_logger(__name__)

PATH = "/ws/chats/"
MESSAGE_MAX = 64 * 1024
# What goes to the chat system of all that happens in a chat it follows, and under which name.
TOLD = {"guidance": "guidance", "whisper": "whisper", "conversation": "state"}


def user_of_key(secret: str) -> User | None:
    """Whose key this is, if it may feed calls and is still good."""
    key = api_key_find(secret=secret)
    allowed = key is not None and {Scope.INGEST.value, Scope.WRITE.value} & set(key.scopes)
    return key.owner if key is not None and allowed and key.owner.is_active else None


class ChatSystemDoor:
    """ASGI middleware: `/ws/chats/` opens to `Authorization: Bearer crk_…` alone, all other sockets go on inside.

    A browser sends that header to nobody by itself, so that no page can come in here by a cookie.
    """

    def __init__(self, inner: Callable[..., Awaitable[None]], threads: TenantThreads) -> None:
        self.inner = inner
        self.threads = threads
        self.chats = ChatSystemConsumer.as_asgi()

    async def __call__(self, scope: Connection, receive: Callable[..., Any], send: Callable[..., Any]) -> Any:
        if scope["path"] != PATH:
            return await self.inner(scope, receive, send)
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _space, secret = given.decode("latin-1").partition(" ")
        reader = partial(user_of_key, secret.strip() if scheme.lower() == "bearer" else "")
        user = await self.threads.run(scope["schema"], reader)
        if user is None:
            await receive()
            await send({"type": "websocket.accept"})
            return await send({"type": "websocket.close", "code": SIGNED_OUT, "reason": "no usable API key"})
        return await self.chats({**scope, "user": user, "reader": reader, "by_token": False}, receive, send)


class ChatSystemConsumer(Socket):
    """Each message of the chat system has a `type`, and may have a `ref`, which its answer repeats."""

    permission = Permission.CALL_REPORT
    message_max = MESSAGE_MAX
    line = ""

    async def opened(self) -> None:
        self.line = uuid4().hex
        # The chats that it follows, and what it calls them.
        self.known: dict[str, str] = {}
        await self.join(chat_lines.chats_group(self.scope["schema"]))
        # What of that which waits this socket has been sent.
        self.sent: set[UUID] = set()
        await self._present()
        self.renewal = asyncio.create_task(self._renew())
        await self.send_json({"type": "hello"})
        await self._bring()

    async def disconnect(self, code: int) -> None:
        if self.line:
            self.renewal.cancel()

    async def _renew(self) -> None:
        """Say now and then that it is there, and see that its key is still good."""
        while True:
            await asyncio.sleep(chat_lines.RENEW_SECONDS)
            await self._present()
            if await self.database(self.reader) is None:
                return await self.refuse(SIGNED_OUT)
            await self._bring()

    async def _present(self) -> None:
        try:
            await self.database(chat_lines.connected, self.scope["schema"], self.line)
        except (RedisError, OSError) as error:
            log.warning("chat.presence_away", error=type(error).__name__)

    async def _bring(self) -> None:
        """Send what waits and this socket has not had: what was written while none was there, what nobody confirmed."""
        before = set(self.sent)
        try:
            waiting = await self.database(chat_writing.messages_unsent)
        except (RedisError, OSError) as error:
            log.warning("chat.unsent_away", error=type(error).__name__)
            return
        # What was told meanwhile need not be in that reading.
        self.sent -= before - {one.message for one in waiting}
        for one in waiting:
            if one.message not in self.sent:
                self.sent.add(one.message)
                await self.send_json({"type": "message", **unsent_shown(one), "again": True})

    # --- From the chat system -----------------------------------------------------------------------------

    async def told(self, content: dict[str, Any]) -> None:
        work = _COMMANDS.get(content["type"])
        ref = {"ref": content["ref"]} if isinstance(content.get("ref"), str | int) else {}
        if work is None:
            return await self.complain(_("This socket takes no such message."), code="unknown_type", **ref)
        try:
            answer = await self.database(self._do, self.reader, work, content)
        except Conflict as error:
            return await self.complain(str(error), code="conflict", **ref)
        except ValidationError as error:
            return await self.complain(" ".join(error.messages), code="invalid", **ref)
        except serializers.ValidationError as error:
            fields = ", ".join(error.detail) if isinstance(error.detail, dict) else ""
            return await self.complain(_("Not as it should be: %s") % fields, code="invalid", **ref)
        except Http404:
            return await self.complain(_("There is no such chat here."), code="not_found", **ref)
        if (chat := answer.get("chat")) is not None and content["type"] in {"open", "follow"}:
            await self._follow(chat["id"], chat["external_id"])
        return await self.send_json({**answer, **ref})

    @staticmethod
    def _do(
        reader: Any, work: Callable[[User, dict[str, Any]], dict[str, Any]], content: Any
    ) -> dict[str, Any]:
        user = reader()
        if user is None or not user.may(Permission.CALL_REPORT):
            raise Http404("this key is no longer good")
        return work(user, content)

    async def _follow(self, ident: str, external_id: str) -> None:
        if ident not in self.known:
            self.known[ident] = external_id
            await self.join(conversation_group(self.scope["schema"], ident))

    # --- To the chat system -------------------------------------------------------------------------------

    async def conversation_event(self, message: dict[str, Any]) -> None:
        event, ident = event_of(message), message["conversation"]
        about = {"chat": ident, "external_id": self.known.get(ident, "")}
        if event["kind"] == "reply":
            replies = await self.database(_replies, UUID(ident))
            await self.send_json({"type": "replies", **about, "replies": replies})
        elif event["kind"] in TOLD:
            await self.send_json({"type": TOLD[event["kind"]], **about, "data": event["data"]})

    async def conversation_partial(self, message: dict[str, Any]) -> None:
        """Nothing is half said in a chat."""

    async def conversation_heartbeat(self, message: dict[str, Any]) -> None:
        """What was missed is asked for by `follow`."""

    async def chat_out(self, message: dict[str, Any]) -> None:
        """What somebody here has written to a customer. Every socket of the company is told, whatever it follows."""
        ident, again = UUID(message["message"]), message.get("again", False)
        if ident in self.sent and not again:
            return
        self.sent.add(ident)
        found = await self.database(chat_writing.message_told, message)
        if found is not None:
            await self.send_json({"type": "message", **unsent_shown(found), "again": again})


# --- What it may ask for ----------------------------------------------------------------------------------


def _chat(user: User, content: dict[str, Any]) -> Conversation:
    """The chat that `chat` names, by our id or by the chat system's. Raises `Http404`."""
    named = content.get("chat")
    rows = conversations_visible(user).filter(provider=chats.PROVIDER).select_related("chat")
    row = None
    if isinstance(named, str) and named:
        with suppress(ValueError):
            row = rows.filter(pk=UUID(named)).first()
        row = row or rows.filter(provider_call_id=known_as(named)).first()
    if row is None:
        raise Http404("no such chat")
    return row


def _shown(row: Conversation) -> dict[str, Any]:
    over = row.chat.over_at is not None or not row.is_live
    return {
        "id": str(row.pk),
        "external_id": row.provider_call_id,
        "over": over,
        "messages": row.chat.messages,
    }


def _now(row: Conversation) -> dict[str, Any]:
    """What is open in it, for whoever comes back."""
    guidance = events.rows("guidance").filter(conversation=row, state="open")
    return {
        "guidance": [events.render("guidance", one) for one in guidance],
        "replies": _replies(row.pk),
    }


def _open(user: User, content: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in content.items() if name not in {"type", "ref"}}
    conversation, is_new = chats.chat_open(opening=opening_read(given))
    row = Conversation.objects.select_related("chat").get(pk=conversation.pk)
    return {"type": "chat", "new": is_new, "chat": _shown(row), **_now(row)}


def _follow(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row = _chat(user, content)
    return {"type": "chat", "new": False, "chat": _shown(row), **_now(row)}


def _message(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row = _chat(user, content)
    given = MessageSerializer(data=content)
    given.is_valid(raise_exception=True)
    known = given.validated_data
    taken = chats.message_take(
        conversation_id=row.pk,
        role=known["role"],
        text=RawText(known["text"]),
        message_id=known["message_id"],
        sent_at=known.get("sent_at"),
    )
    if known.get("reply"):
        reply_accept(conversation_id=row.pk, reply_id=known["reply"], user=None)
    shown = taken_shown(taken)
    shown |= {"id": str(shown["id"]), "sent_at": events.stamp(shown["sent_at"])}
    return {"type": "taken", "external_id": row.provider_call_id, "message": shown}


def _transfer(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row = _chat(user, content)
    given = TransferSerializer(data=content)
    given.is_valid(raise_exception=True)
    chats.chat_transfer(conversation_id=row.pk, agent=given.validated_data["agent"])
    return {"type": "chat", "chat": _shown(row)}


def _end(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row = _chat(user, content)
    chats.chat_end(conversation_id=row.pk)
    return {"type": "chat", "chat": {**_shown(row), "over": True}}


def _delivered(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row, message_id = _chat(user, content), content.get("message_id")
    new = chat_writing.message_delivered(conversation_id=row.pk, message_id=str(message_id or ""))
    return {"type": "noted", "new": new}


def _failed(user: User, content: dict[str, Any]) -> dict[str, Any]:
    row, message_id = _chat(user, content), content.get("message_id")
    new = chat_writing.message_failed(conversation_id=row.pk, message_id=str(message_id or ""))
    return {"type": "noted", "new": new}


_COMMANDS: dict[str, Callable[[User, dict[str, Any]], dict[str, Any]]] = {
    "open": _open,
    "follow": _follow,
    "message": _message,
    "transfer": _transfer,
    "end": _end,
    "delivered": _delivered,
    "failed": _failed,
}


def _replies(conversation_id: UUID) -> list[dict[str, Any]]:
    return [reply_shown(row) for row in replies_now(conversation_id)]
