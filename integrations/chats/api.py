"""API of chats: opened, fed and ended by a chat system; written in by its agent and, as such, by a supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.models import ApiKey
from accounts.permissions import Permission, Scope
from coaching.replies import replies_now, reply_accept, reply_shown
from conversations import chat_lines, chats
from conversations.access import conversation_for, conversations_visible
from conversations.chat_writing import (
    Unsent,
    message_again,
    message_delivered,
    message_failed,
    message_write,
    messages_unsent,
)
from conversations.chats import Opening, Taken
from conversations.correlation import fields_read
from conversations.events import person, stamp
from conversations.live.identifiers import known_as
from conversations.models import Chat, Conversation
from engines.redaction.text import RawText
from tenants.scope import current_schema

Serializer = serializers.Serializer[Any]


class ChatOpenSerializer(Serializer):
    external_id = serializers.CharField(max_length=120, help_text="The chat's id in the chat system.")
    customer = serializers.DictField(
        required=False, help_text="reference, and optionally name, segment, fields."
    )
    agent = serializers.CharField(
        required=False,
        max_length=254,
        default="",
        allow_blank=True,
        help_text="E-mail address, or the agent's id in the chat system.",
    )
    queue = serializers.CharField(required=False, max_length=60, default="", allow_blank=True)
    language = serializers.RegexField(
        r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", required=False, max_length=12, default="en"
    )
    metadata = serializers.DictField(required=False, help_text="Values pass redaction before they are kept.")
    started_at = serializers.DateTimeField(required=False, help_text="Now, when it is left out.")


class ChatSerializer(Serializer):
    id = serializers.UUIDField()
    external_id = serializers.CharField()
    state = serializers.ChoiceField(Conversation.State.choices)
    over = serializers.BooleanField(help_text="Whether it takes no more messages.")
    agent = PersonSerializer(allow_null=True)
    unmatched = serializers.CharField(allow_null=True, help_text="The agent's id, while nobody here has it.")
    language = serializers.CharField()
    messages = serializers.IntegerField(help_text="How many are stored.")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class TransferSerializer(Serializer):
    agent = serializers.CharField(max_length=254, help_text="E-mail address, or the id in the chat system.")


class MessageSerializer(Serializer):
    role = serializers.ChoiceField(choices=chats.ROLES)
    text = serializers.CharField(help_text=f"At most {chats.TEXT_LENGTH} characters.")
    message_id = serializers.CharField(
        max_length=120, help_text="Its own id: the same one twice counts once."
    )
    sent_at = serializers.DateTimeField(required=False, help_text="Now, when it is left out.")
    reply = serializers.UUIDField(required=False, help_text="The suggestion that was taken for it.")


class WriteSerializer(Serializer):
    text = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text=f"At most {chats.TEXT_LENGTH} characters. Not needed with `again`.",
    )
    again = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Send your message of this `message_id` once more, as the chat system has not confirmed it.",
    )
    message_id = serializers.CharField(
        required=False, max_length=120, default="", help_text="For trying again: the same one counts once."
    )
    reply = serializers.UUIDField(required=False, help_text="The suggestion that was taken for it.")


class TakenSerializer(Serializer):
    id = serializers.UUIDField(help_text="The utterance it became.")
    message_id = serializers.CharField()
    n = serializers.IntegerField(help_text="Its number in the chat.")
    role = serializers.CharField()
    text = serializers.CharField(help_text="As it is kept: redacted.")
    sent_at = serializers.DateTimeField()
    new = serializers.BooleanField(help_text="False: it had been taken before.")


class UnsentSerializer(Serializer):
    chat = serializers.UUIDField()
    external_id = serializers.CharField()
    message_id = serializers.CharField(help_text="Take each once.")
    role = serializers.ChoiceField(choices=("agent", "supervisor"))
    text = serializers.CharField(help_text="For the customer: as it was written.")
    written_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "from": serializers.CharField(help_text="Who wrote it.")}


class WhatBecameSerializer(Serializer):
    message_id = serializers.CharField(max_length=120)


class NotedSerializer(Serializer):
    new = serializers.BooleanField(help_text="False: it was known, or no such message waits.")


class ReplySerializer(Serializer):
    id = serializers.UUIDField()
    after = serializers.IntegerField(help_text="The number of the customer's message that it answers.")
    position = serializers.IntegerField()
    text = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="guidance, knowledge, next_step or model"
    )
    source_label = serializers.CharField()
    made_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)


class ReplyTakenSerializer(Serializer):
    reply = serializers.UUIDField()


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = gettext_lazy("What waits to be sent cannot be read at the moment. Please try again.")


# What a person does, and no chat system.
_OF_PEOPLE = frozenset({"write", "join", "accept"})
_WRONG = {400: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer}


def taken_shown(taken: Taken) -> dict[str, Any]:
    """A stored message as the API and the socket acknowledge it."""
    return {
        "id": taken.utterance.pk,
        "message_id": taken.message.message_id,
        "n": taken.utterance.sequence,
        "role": taken.utterance.speaker,
        "text": taken.utterance.text,
        "sent_at": taken.message.sent_at,
        "new": taken.is_new,
    }


def unsent_shown(one: Unsent) -> dict[str, Any]:
    """A message that waits, as the API and the socket bring it to the chat system."""
    return {
        "chat": str(one.conversation),
        "external_id": one.external_id,
        "message_id": one.message_id,
        "role": one.role,
        "from": one.author,
        "text": one.text,
        "written_at": stamp(one.written_at),
    }


def opening_read(given: Any) -> Opening:
    """What a chat system says of a new chat, checked. Raises `serializers.ValidationError`."""
    asked = ChatOpenSerializer(data=given)
    asked.is_valid(raise_exception=True)
    known = asked.validated_data
    try:
        fields = fields_read({name: known[name] for name in ("customer", "metadata") if name in known})
    except ValueError as error:
        raise serializers.ValidationError(str(error)) from None
    return Opening(
        external_id=known["external_id"],
        customer=fields.customer,
        agent=known["agent"],
        queue=known["queue"],
        language=known["language"],
        fields=fields.metadata,
        started_at=known.get("started_at"),
    )


class ChatViewSet(ItemListMixin, CompanyViewSet):
    """Chats that you may read, newest first. `?external_id=` finds one by its id in the chat system."""

    permission = Permission.CALL_REPORT
    permissions_by_action = {
        "list": Permission.CONVERSATION_READ_OWN,
        "retrieve": Permission.CONVERSATION_READ_OWN,
        "replies": Permission.CONVERSATION_READ_OWN,
        "accept": Permission.GUIDANCE_ANSWER,
        "write": Permission.GUIDANCE_ANSWER,
        "join": Permission.WHISPER_SEND,
    }
    serializer_class = ChatSerializer
    filter_backends: list[Any] = []
    queryset = Conversation.objects.none()

    @property
    def scopes(self) -> frozenset[Scope]:
        """A key for feeding may also read the chats and what is suggested in them: it says all of it itself."""
        if self.action in _OF_PEOPLE:
            return frozenset({Scope.WRITE})
        return frozenset({Scope.INGEST, Scope.READ if self.request.method == "GET" else Scope.WRITE})

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Conversation.objects.none()
        rows = conversations_visible(self.user).filter(provider=chats.PROVIDER)
        asked = self.request.query_params.get("external_id")
        if asked is not None:
            rows = rows.filter(provider_call_id=known_as(asked))
        return rows.select_related("agent", "chat")

    def render(self, row: Conversation) -> dict[str, Any]:
        chat: Chat = row.chat
        return {
            "id": row.pk,
            "external_id": row.provider_call_id,
            "state": row.state,
            "over": chat.over_at is not None or not row.is_live,
            "agent": person(row.agent),
            "unmatched": row.provider_agent_id if row.is_unmatched else None,
            "language": row.language,
            "messages": chat.messages,
            "started_at": stamp(row.started_at),
            "ended_at": stamp(row.ended_at),
        }

    def _chat(self, pk: UUID) -> Conversation:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such chat")
        return row

    def _shown_now(self, pk: UUID, status_code: int = 200) -> Response:
        response = self.shown(self._chat(pk))
        response.status_code = status_code
        return response

    @extend_schema(request=ChatOpenSerializer, responses={200: ChatSerializer, 201: ChatSerializer, **_WRONG})
    def create(self, request: Request) -> Response:
        """Open a chat. 201: it is new; 200: this external id was opened before, and its chat is as it was."""
        conversation, is_new = chats.chat_open(opening=opening_read(request.data))
        return self._shown_now(conversation.pk, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(responses={200: ChatSerializer, 404: ErrorSerializer})
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One chat."""
        return self._shown_now(pk)

    @extend_schema(request=TransferSerializer, responses={200: ChatSerializer, **_WRONG})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Give the chat to another agent."""
        self._chat(pk)
        given = TransferSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        chats.chat_transfer(conversation_id=pk, agent=given.validated_data["agent"])
        return self._shown_now(pk)

    @extend_schema(
        request=MessageSerializer,
        responses={200: TakenSerializer, 201: TakenSerializer, **_WRONG},
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def messages(self, request: Request, pk: UUID) -> Response:
        """Bring a message. 201: it is stored, redacted; 200: it was already."""
        self._chat(pk)
        given = MessageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        known = given.validated_data
        taken = chats.message_take(
            conversation_id=pk,
            role=known["role"],
            text=RawText(known["text"]),
            message_id=known["message_id"],
            sent_at=known.get("sent_at"),
        )
        self._note_reply(pk, known.get("reply"))
        return self._taken(taken)

    @extend_schema(request=None, responses={200: ChatSerializer, 404: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def end(self, request: Request, pk: UUID) -> Response:
        """Say that the chat is over. Saying it again changes nothing."""
        self._chat(pk)
        chats.chat_end(conversation_id=pk)
        return self._shown_now(pk)

    @extend_schema(responses={200: UnsentSerializer(many=True), 403: ErrorSerializer}, filters=False)
    @action(detail=False, pagination_class=None)
    def outgoing(self, request: Request) -> Response:
        """What people here wrote to customers and nobody has confirmed, oldest first, 200 at most. For API keys alone.

        Who asks counts as connected for two minutes: then people can write.
        """
        if not isinstance(request.auth, ApiKey):
            raise PermissionDenied(_("This is for the chat system's API key alone: it is not redacted."))
        try:
            chat_lines.connected(current_schema(), f"api-{request.auth.pk}")
            found = messages_unsent()
        except (RedisError, OSError):
            raise Unavailable from None
        return Response([unsent_shown(one) for one in found])

    @extend_schema(request=WhatBecameSerializer, responses={200: NotedSerializer, **_WRONG}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def delivered(self, request: Request, pk: UUID) -> Response:
        """Confirm a message of `outgoing`: the customer has it, and it is not sent again."""
        return self._outcome(request, pk, message_delivered)

    @extend_schema(request=WhatBecameSerializer, responses={200: NotedSerializer, **_WRONG}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def failed(self, request: Request, pk: UUID) -> Response:
        """Say that a message of `outgoing` cannot be brought to the customer: its author sees it and can try again."""
        return self._outcome(request, pk, message_failed)

    @extend_schema(request=WriteSerializer, responses={201: TakenSerializer, **_WRONG}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def write(self, request: Request, pk: UUID) -> Response:
        """Write to the customer in your own chat. It goes out on the chat system's socket."""
        return self._write(request, pk, own=True)

    @extend_schema(request=WriteSerializer, responses={201: TakenSerializer, **_WRONG}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def join(self, request: Request, pk: UUID) -> Response:
        """Take part in a chat as a supervisor: the message goes to the customer, named as yours."""
        return self._write(request, pk, own=False)

    @extend_schema(responses={200: ReplySerializer(many=True), 404: ErrorSerializer}, filters=False)
    @action(detail=True, pagination_class=None)
    def replies(self, request: Request, pk: UUID) -> Response:
        """What is suggested to be written next: up to three, for the customer's last message."""
        self._chat(pk)
        shown = [reply_shown(row) for row in replies_now(pk)]
        return Response(ReplySerializer(shown, many=True).data)

    @extend_schema(request=ReplyTakenSerializer, responses={200: ReplySerializer, **_WRONG}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None, url_path="replies/accept")
    def accept(self, request: Request, pk: UUID) -> Response:
        """Note that you took a suggestion in your own chat."""
        conversation = conversation_for(self.user, pk)
        given = ReplyTakenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = None
        if conversation.agent_id == self.user.pk:
            reply = given.validated_data["reply"]
            row = reply_accept(conversation_id=pk, reply_id=reply, user=self.user)
        if row is None:
            raise Http404("no such suggestion")
        return Response(ReplySerializer(reply_shown(row)).data)

    def _write(self, request: Request, pk: UUID, *, own: bool) -> Response:
        conversation = self._chat(pk)
        if own != (conversation.agent_id == self.user.pk):
            raise serializers.ValidationError(_("Only the agent of this chat can write in it."))
        given = WriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        known = given.validated_data
        if known["again"]:
            row = message_again(conversation=conversation, user=self.user, message_id=known["message_id"])
            return self._taken(Taken(row, row.utterance, False))
        taken = message_write(
            conversation=conversation,
            user=self.user,
            text=RawText(known["text"]),
            message_id=known["message_id"],
        )
        self._note_reply(pk, known.get("reply"))
        return self._taken(taken)

    def _outcome(self, request: Request, pk: UUID, work: Callable[..., bool]) -> Response:
        self._chat(pk)
        given = WhatBecameSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"new": work(conversation_id=pk, message_id=given.validated_data["message_id"])})

    def _note_reply(self, pk: UUID, reply: UUID | None) -> None:
        if reply is not None:
            user = None if isinstance(self.request.auth, ApiKey) else self.user
            reply_accept(conversation_id=pk, reply_id=reply, user=user)

    def _taken(self, taken: Taken) -> Response:
        code = status.HTTP_201_CREATED if taken.is_new else status.HTTP_200_OK
        return Response(TakenSerializer(taken_shown(taken)).data, status=code)
