"""API of what became of passages: what was shown, opened and used, and what people think of it."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from knowledge.models import PassageUse
from knowledge.models.usage import COMMENT_LENGTH
from knowledge.usage.noting import Passage
from knowledge.usage.tickets import feedback_note


class UseSerializer(serializers.ModelSerializer[PassageUse]):
    document = serializers.UUIDField(source="document_id")
    question = serializers.UUIDField(source="question_id", allow_null=True)

    class Meta:
        model = PassageUse
        fields = (
            *("id", "kind", "document", "version", "start", "end", "question", "conversation_id"),
            *("at", "comment"),
        )


class FeedbackSerializer(serializers.Serializer[Any]):
    document = serializers.UUIDField()
    version = serializers.IntegerField(min_value=1)
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)
    kind = serializers.ChoiceField(
        [*PassageUse.Kind.choices, ("", "")],
        allow_blank=True,
        help_text="Empty takes back what the person thought of it.",
    )
    question = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="As a search named it; the person's own."
    )
    comment = serializers.CharField(
        max_length=COMMENT_LENGTH, allow_blank=True, default="", help_text="Kept redacted."
    )


class UseFilter(filters.FilterSet):
    document = filters.UUIDFilter(field_name="document_id")

    class Meta:
        model = PassageUse
        fields = ["kind"]


class FeedbackViewSet(mixins.ListModelMixin, CompanyViewSet):
    """What became of passages. Everybody who searches says what they think; those who look after knowledge read it."""

    permission = Permission.KNOWLEDGE_MANAGE
    permissions_by_action = {"create": Permission.KNOWLEDGE_SEARCH}
    serializer_class = UseSerializer
    filterset_class = UseFilter
    queryset = PassageUse.objects.all()

    @extend_schema(
        request=FeedbackSerializer, responses={204: None, 400: ErrorSerializer, 404: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Note that a passage was opened or used, or what the person thinks of it. The same again changes nothing."""
        given = FeedbackSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        feedback_note(
            user=self.user,
            kind=said["kind"],
            passage=Passage(said["document"], said["version"], said["start"], said["end"]),
            question_id=said["question"],
            comment=said["comment"],
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
