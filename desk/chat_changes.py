"""What people write in a chat from their pages, by request: the agent from the desk, a supervisor from the floor."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import Permission
from coaching.replies import reply_accept
from conversations.access import conversation_for
from conversations.chat_writing import message_again, message_write
from conversations.chats import TEXT_LENGTH
from conversations.models import Conversation
from desk.answering import answers_json, body, words
from desk.views import _user
from engines.redaction.text import RawText

ID_MAX = 120


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def message(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"text", "message_id", "reply"?}`: write to the customer of your own chat. Again by the same id is once.

    `{"message_id", "again": true}`: have what was not confirmed sent once more.
    """
    user = _user(request)
    return _write(user, _own(user, conversation_id), body(request))


@answers_json(Permission.GUIDANCE_ANSWER, "POST")
def reply(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"reply": id}`: this suggestion was taken."""
    user = _user(request)
    conversation = _own(user, conversation_id)
    row = reply_accept(conversation_id=conversation.pk, reply_id=_id(body(request)), user=user)
    if row is None:
        raise Http404("no such suggestion")
    return JsonResponse({"id": str(row.pk)})


@answers_json(Permission.WHISPER_SEND, "POST")
def join(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """`{"text", "message_id"}`: take part in a chat as a supervisor; `{"message_id", "again": true}` as the agent's."""
    user = _user(request)
    return _write(user, conversation_for(user, conversation_id), body(request))


def _own(user: User, conversation_id: UUID) -> Conversation:
    conversation = conversation_for(user, conversation_id)
    if conversation.agent_id != user.pk:
        raise Http404("not this person's chat")
    return conversation


def _id(content: dict[str, Any]) -> UUID:
    try:
        return UUID(str(content.get("reply")))
    except ValueError:
        raise ValidationError(_("“reply” names no suggestion.")) from None


def _write(user: User, conversation: Conversation, content: dict[str, Any]) -> HttpResponse:
    """Answers with the message as it is kept, which is redacted."""
    if content.get("again") is True:
        message_id = words(content, "message_id", maximum=ID_MAX)
        row = message_again(conversation=conversation, user=user, message_id=message_id)
        return JsonResponse({"id": str(row.utterance_id)})
    text = RawText(words(content, "text", maximum=TEXT_LENGTH))
    taken = message_write(
        conversation=conversation,
        user=user,
        text=text,
        message_id=words(content, "message_id", maximum=ID_MAX),
    )
    if content.get("reply") and conversation.agent_id == user.pk:
        reply_accept(conversation_id=conversation.pk, reply_id=_id(content), user=user)
    return JsonResponse({"id": str(taken.utterance.pk), "text": taken.utterance.text})
