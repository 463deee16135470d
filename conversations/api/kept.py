"""API of what the policy keeps of hidden words: where there is something, and the words, for the roles it names."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.models import ApiKey
from accounts.throttle import address_of
from conversations.access import conversation_for
from conversations.models import Conversation
from conversations.redaction.kept import kept_places, kept_show

AT_ONCE = 100
_UNSTORED = {"Cache-Control": "private, no-store"}


class KeptPlaceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Ask for the words with this.")
    utterance = serializers.UUIDField()
    type = serializers.CharField()
    start = serializers.IntegerField(help_text="Of the placeholder in the utterance's text, in characters.")
    end = serializers.IntegerField()


class KeptPlacesSerializer(serializers.Serializer[Any]):
    kept = KeptPlaceSerializer(many=True)


class KeptAskedSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=AT_ONCE)


class KeptWordsSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    utterance = serializers.UUIDField()
    type = serializers.CharField()
    text = serializers.CharField()


class KeptListSerializer(serializers.Serializer[Any]):
    kept = KeptWordsSerializer(many=True, help_text="What is kept no more is left out.")


class KeptViewSet(CompanyViewSet):
    """What the view set of conversations does for people who may see what is kept. Never for API keys."""

    @extend_schema(responses={200: KeptPlacesSerializer, 403: ErrorSerializer}, filters=False)
    @action(detail=True, pagination_class=None)
    def kept(self, request: Request, pk: UUID) -> Response:
        """Where hidden words are kept that your role may see, without them. Not for API keys."""
        places = kept_places(conversation=self._for_a_person(request, pk), user=self.user)
        shown: Any = KeptPlacesSerializer({"kept": places})
        return Response(shown.data, headers=_UNSTORED)

    @extend_schema(
        request=KeptAskedSerializer,
        responses={200: KeptListSerializer, 400: ErrorSerializer, 403: ErrorSerializer},
        filters=False,
    )
    @kept.mapping.post
    def kept_show(self, request: Request, pk: UUID) -> Response:
        """The words in these places. Noted in the audit log each time, without them. Not for API keys."""
        conversation = self._for_a_person(request, pk)
        given = KeptAskedSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        found = kept_show(
            conversation=conversation,
            user=self.user,
            redactions=given.validated_data["ids"],
            address=address_of(request._request) or None,
        )
        rows = [
            {"id": one.id, "utterance": one.utterance, "type": one.type, "text": one.words.reveal()}
            for one in found
        ]
        shown: Any = KeptListSerializer({"kept": rows})
        return Response(shown.data, headers=_UNSTORED)

    def _for_a_person(self, request: Request, pk: UUID) -> Conversation:
        conversation = conversation_for(self.user, pk)
        # A key lies in some other system, and nobody would know who has read.
        if isinstance(request.auth, ApiKey):
            raise PermissionDenied
        return conversation
