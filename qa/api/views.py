"""API of scores: read, and override an answer with a reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from conversations import events
from qa.access import answer_for, evaluation_for, evaluations_visible
from qa.models import Answer, Evaluation
from qa.services import answer_override

Serializer = serializers.Serializer[Any]


class EvidenceSerializer(Serializer):
    """Words in an utterance with their time; for something missing the stretch that was searched; for a field of the
    call the moment's name (`marked`)."""

    utterance = serializers.UUIDField(required=False)
    start = serializers.IntegerField(required=False, allow_null=True)
    end = serializers.IntegerField(required=False, allow_null=True)
    at_ms = serializers.IntegerField(required=False)
    searched = serializers.ListField(child=serializers.IntegerField(), required=False)
    marked = serializers.CharField(required=False)


class AnswerSerializer(Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    section = serializers.CharField()
    question = serializers.CharField()
    guideline = serializers.CharField()
    weight = serializers.IntegerField()
    auto_fail = serializers.BooleanField()
    value = serializers.ChoiceField(Answer.Value.choices)
    automatic = serializers.CharField(
        help_text="The automatic answer, also after a person has given another."
    )
    evidence = EvidenceSerializer(many=True)
    override_reason = serializers.CharField()
    overridden_by = PersonSerializer(allow_null=True)
    overridden_at = serializers.DateTimeField(allow_null=True)


class ScorecardRevisionSerializer(Serializer):
    name = serializers.CharField()
    number = serializers.IntegerField()


class ScoreSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    revision = ScorecardRevisionSerializer()
    total = serializers.FloatField(allow_null=True, help_text="0-100; null where nothing applies.")
    auto_failed = serializers.BooleanField()
    evaluator = PersonSerializer(allow_null=True, help_text="null: automatic.")
    answers = AnswerSerializer(many=True)


class OverrideSerializer(Serializer):
    answer = serializers.UUIDField()
    value = serializers.ChoiceField(Answer.Value.choices)
    reason = serializers.CharField(max_length=300, help_text="The agent reads it.")


class ScoreFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    agent = filters.UUIDFilter(field_name="conversation__agent_id")
    total_min = filters.NumberFilter(field_name="total", lookup_expr="gte")
    total_max = filters.NumberFilter(field_name="total", lookup_expr="lte")
    auto_failed = filters.BooleanFilter()

    class Meta:
        model = Evaluation
        fields: list[str] = []


class ScoreViewSet(ItemListMixin, CompanyViewSet):
    """Scores of conversations that you may read, newest first."""

    permission = Permission.EVALUATION_READ
    permissions_by_action = {"override": Permission.EVALUATION_OVERRIDE}
    serializer_class = ScoreSerializer
    filterset_class = ScoreFilter
    queryset = Evaluation.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Evaluation.objects.none() if self.is_schema else evaluations_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return {
            **events.render("score", row),
            "conversation": row.conversation_id,
            "created_at": events.stamp(row.created_at),
        }

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One score with its answers and their evidence."""
        return self.shown(evaluation_for(self.user, pk))

    @extend_schema(request=OverrideSerializer, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def override(self, request: Request, pk: UUID) -> Response:
        """Put your answer in place of the automatic one, which stays beside it."""
        evaluation_for(self.user, pk)
        given = OverrideSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        answer = answer_for(self.user, given.validated_data["answer"])
        if answer.evaluation_id != pk:
            raise Http404("no such answer in this score")
        evaluation = answer_override(
            answer=answer,
            user=self.user,
            value=given.validated_data["value"],
            reason=given.validated_data["reason"],
        )
        return self.shown(evaluation)
