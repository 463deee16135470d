"""API of prepared answers, for those who look after knowledge."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from knowledge.answers.drafting import drafts_propose
from knowledge.answers.prepared import (
    CITATIONS,
    prepared_decide,
    prepared_for,
    prepared_listed,
    prepared_save,
)
from knowledge.models import Collection, PreparedAnswer
from knowledge.models.answers import ANSWER_LENGTH, WORDING_LENGTH, WORDINGS_MOST
from knowledge.usage.noting import Passage


class PreparedCitationSerializer(serializers.Serializer[Any]):
    document = serializers.UUIDField(source="document_id")
    version = serializers.IntegerField(min_value=1)
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)
    quote = serializers.CharField(read_only=True)


class PreparedAnswerSerializer(serializers.ModelSerializer[PreparedAnswer]):
    questions = serializers.ListField(
        child=serializers.CharField(max_length=WORDING_LENGTH), min_length=1, max_length=WORDINGS_MOST
    )
    answer = serializers.CharField(max_length=ANSWER_LENGTH, allow_blank=True, default="")
    citations = PreparedCitationSerializer(many=True, required=False, max_length=CITATIONS)  # type: ignore[call-arg]
    collection = serializers.PrimaryKeyRelatedField(
        required=False, allow_null=True, queryset=Collection.objects.all()
    )
    edited_by = serializers.CharField(source="edited_by.name", read_only=True, default=None)
    decided_by = serializers.CharField(source="decided_by.name", read_only=True, default=None)

    class Meta:
        model = PreparedAnswer
        fields = (
            *("id", "questions", "answer", "language", "collection", "citations", "state", "locked"),
            *("vouched", "review", "edited_by", "decided_by", "made_at", "changed_at"),
        )
        read_only_fields = ("state", "locked", "vouched", "review")


class PreparedDecisionSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=PreparedAnswer.State.choices)


class PreparedFilter(filters.FilterSet):
    review = filters.BooleanFilter(field_name="review", method="waits", label="to be reviewed")

    class Meta:
        model = PreparedAnswer
        fields = ["state", "collection", "locked"]

    def waits(self, rows: QuerySet[PreparedAnswer], _name: str, value: bool) -> QuerySet[PreparedAnswer]:
        return rows.exclude(review="") if value else rows.filter(review="")


class PreparedAnswerViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Answers that were prepared for questions that are asked often."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = PreparedAnswerSerializer
    filterset_class = PreparedFilter
    queryset = PreparedAnswer.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return PreparedAnswer.objects.none() if self.is_schema else prepared_listed()

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of them."""
        return Response(self.get_serializer(prepared_for(self.user, pk)).data)

    @extend_schema(responses={201: PreparedAnswerSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Write one. It is a draft until somebody approves it."""
        row = self._saved(request, None)
        return Response(self._shown(row), status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: PreparedAnswerSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change one; what is not given stays. It is locked then: nothing that is generated takes its place."""
        return Response(self._shown(self._saved(request, prepared_for(self.user, pk))))

    @extend_schema(
        request=PreparedDecisionSerializer, responses={200: PreparedAnswerSerializer, 400: ErrorSerializer}
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Approve it, retire it, or make it a draft again."""
        prepared = prepared_for(self.user, pk)
        given = PreparedDecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = prepared_decide(
            prepared=prepared,
            state=given.validated_data["state"],
            actor=self.user,
            address=address_of(request._request) or None,
        )
        return Response(self._shown(row))

    @extend_schema(request=None, responses=PreparedAnswerSerializer(many=True), filters=False)
    @action(detail=False, methods=["post"], pagination_class=None, filter_backends=[])
    def propose(self, request: Request) -> Response:
        """Draft answers for questions that were asked often and had none; the new drafts."""
        made = {row.pk for row in drafts_propose()}
        return Response(self.get_serializer(prepared_listed().filter(pk__in=made), many=True).data)

    def _saved(self, request: Request, row: PreparedAnswer | None) -> PreparedAnswer:
        given = self.get_serializer(row, data=request.data, partial=row is not None)
        given.is_valid(raise_exception=True)
        now = given.validated_data
        cited = now.get(
            "citations", list(row.citations.values("document_id", "version", "start", "end")) if row else []
        )
        return prepared_save(
            questions=now["questions"] if row is None else now.get("questions", row.questions),
            answer=now.get("answer", row.answer if row else ""),
            citations=[Passage(**one) for one in cited],
            language=now.get("language", row.language if row else "en"),
            collection=now.get("collection", row.collection if row else None),
            prepared=row,
            actor=self.user,
            address=address_of(request._request) or None,
        )

    def _shown(self, row: PreparedAnswer) -> Any:
        return self.get_serializer(prepared_listed().get(pk=row.pk)).data
