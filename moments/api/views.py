"""API of moments: where each was heard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import django_filters as filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin
from accounts.permissions import Permission
from conversations import events
from conversations.access import conversations_visible
from moments.meaning import meaning_learn, meaning_try
from moments.models import MomentOccurrence
from moments.services import EXAMPLE_LENGTH, EXAMPLES_MAX


class MomentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    utterance = serializers.UUIDField(allow_null=True)
    start = serializers.IntegerField(
        allow_null=True, help_text="Characters in the utterance's text, half-open."
    )
    end = serializers.IntegerField(allow_null=True)
    searched = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Of something missing: from and to, in ms of the call.",
    )
    at_ms = serializers.IntegerField()
    score = serializers.FloatField(
        allow_null=True, help_text="Of an intent: how sure the classifier was, 0 to 1."
    )
    names = serializers.ListField(
        child=serializers.CharField(), help_text="Of a product or competitor: which, as the list has it."
    )


class MeaningExamplesSerializer(serializers.Serializer[Any]):
    examples = serializers.ListField(
        child=serializers.CharField(max_length=EXAMPLE_LENGTH), max_length=EXAMPLES_MAX, allow_empty=True
    )
    near_misses = serializers.ListField(
        child=serializers.CharField(max_length=EXAMPLE_LENGTH), max_length=EXAMPLES_MAX, required=False
    )
    text = serializers.CharField(max_length=2_000)


class MeaningTriedSerializer(serializers.Serializer[Any]):
    heard = serializers.BooleanField()
    score = serializers.FloatField(help_text="0 to 1; it is heard above 0.5.")
    nearest = serializers.CharField(help_text="The example that is most like it.")
    likeness = serializers.FloatField(help_text="How like that one is, 0 to 1.")
    figures = serializers.DictField(
        help_text="How many of the examples are heard, and of ordinary sentences, each judged by the others."
    )


class MomentFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    key = filters.CharFilter(field_name="definition__key")

    class Meta:
        model = MomentOccurrence
        fields: list[str] = []


class MomentViewSet(ItemListMixin, CompanyViewSet):
    """Where moments were heard, in conversations that you may read, newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = {"try_it": Permission.ADMIN_CONFIGURE}
    serializer_class = MomentSerializer
    filterset_class = MomentFilter
    queryset = MomentOccurrence.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return MomentOccurrence.objects.none()
        return events.rows("moment").filter(conversation__in=conversations_visible(self.user).values("pk"))

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("moment", row), "conversation": row.conversation_id}

    @extend_schema(
        request=MeaningExamplesSerializer,
        responses={200: MeaningTriedSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="try", pagination_class=None)
    def try_it(self, request: Request) -> Response:
        """Whether a moment with these examples would hear a text. Nothing of it is kept."""
        given = MeaningExamplesSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        try:
            learned = meaning_learn(said["examples"], said.get("near_misses", ()))
        except ValidationError as error:
            raise Refused(error.message_dict) from None
        tried = asdict(meaning_try(learned=learned, text=said["text"]))
        return Response(tried | {"figures": learned.figures}, headers={"Cache-Control": "no-store"})
