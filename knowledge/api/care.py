"""API of the knowledge's care: reviews and their findings, gaps, and what is covered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from knowledge.api.collections import UseCountsSerializer
from knowledge.care.gaps import gap_answer, gap_decide
from knowledge.care.reviews import finding_decide, review_start
from knowledge.care.selectors import coverage, gaps_shown
from knowledge.documents.access import collection_for, document_for
from knowledge.models import Finding, Gap, KnowledgeReview


class KnowledgeReviewSerializer(serializers.ModelSerializer[KnowledgeReview]):
    class Meta:
        model = KnowledgeReview
        fields = ("id", "state", "progress", "counts", "created_at", "done_at")
        read_only_fields = fields


class KnowledgeReviewViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """Looks through all documents and questions: each night, and when somebody asks."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = KnowledgeReviewSerializer
    filterset_fields = ("state",)
    queryset = KnowledgeReview.objects.all()

    @extend_schema(request=None, responses={202: KnowledgeReviewSerializer})
    def create(self, request: Request) -> Response:
        """Have it looked through soon; a review that waits already is given back."""
        row = review_start(actor=self.user)
        return Response(self.get_serializer(row).data, status=status.HTTP_202_ACCEPTED)


class KnowledgeFindingSerializer(serializers.ModelSerializer[Finding]):
    class Meta:
        model = Finding
        fields = (
            *("id", "kind", "collection", "document", "other", "weight", "facts", "state", "decision"),
            *("found_at", "decided_at"),
        )
        read_only_fields = fields


class KnowledgeFindingDecisionSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(
        choices=["", "keep", "not_one", "withdrew"],
        help_text="keep: both are right; not_one: it is none; withdrew: take `withdraw` out of search; "
        "empty: open it again.",
    )
    withdraw = serializers.UUIDField(required=False, help_text="One of its two documents.")


class FindingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """What stands twice, contradicts or is stale. `facts` has the passages with what differs."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = KnowledgeFindingSerializer
    filterset_fields = ("kind", "state", "collection")
    queryset = Finding.objects.all()

    @extend_schema(
        request=KnowledgeFindingDecisionSerializer,
        responses={200: KnowledgeFindingSerializer, 409: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Say what is to become of it."""
        finding = get_object_or_404(Finding, pk=pk)
        given = KnowledgeFindingDecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = finding_decide(
            finding=finding, actor=self.user, address=address_of(request), **given.validated_data
        )
        return Response(self.get_serializer(row).data)


class TeamAskedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    asked = serializers.IntegerField()


class KnowledgeGapSerializer(serializers.ModelSerializer[Gap]):
    examples = serializers.SerializerMethodField(help_text="As it was asked, redacted.")
    weeks = serializers.SerializerMethodField(help_text="How often a week, the last eight, the oldest first.")
    teams = serializers.SerializerMethodField(help_text="Which asked most.")

    class Meta:
        model = Gap
        fields = (
            *("id", "label", "language", "state", "count", "first_at", "last_at", "document", "decided_at"),
            *("examples", "weeks", "teams"),
        )
        read_only_fields = fields

    @extend_schema(responses=serializers.ListField(child=serializers.CharField()))
    def get_examples(self, row: Gap) -> list[str]:
        return list(self.context["shown"][row.pk].examples)

    @extend_schema(responses=serializers.ListField(child=serializers.IntegerField()))
    def get_weeks(self, row: Gap) -> list[int]:
        return list(self.context["shown"][row.pk].weeks)

    @extend_schema(responses=TeamAskedSerializer(many=True))
    def get_teams(self, row: Gap) -> list[dict[str, Any]]:
        return [{"name": name, "asked": n} for name, n in self.context["shown"][row.pk].teams]


class KnowledgeGapDecisionSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Gap.State.choices)
    document = serializers.UUIDField(
        required=False, help_text="Where it is settled: what answers it. Its question becomes a test."
    )
    answer = serializers.CharField(
        required=False,
        max_length=10_000,
        help_text="Where it is settled: the answer, kept as a new document.",
    )
    collection = serializers.UUIDField(required=False, help_text="Where that document belongs.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("answer" in attrs) != ("collection" in attrs):
            raise serializers.ValidationError("An answer and its collection go together.")
        if "answer" in attrs and attrs["state"] != Gap.State.SETTLED:
            raise serializers.ValidationError("Only a gap that is settled has an answer.")
        return attrs


class GapViewSet(CompanyViewSet):
    """Questions of one matter that nothing answered, what was asked most first."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = KnowledgeGapSerializer
    filterset_fields = ("state", "language")
    queryset = Gap.objects.all()

    def get_queryset(self) -> QuerySet[Gap]:
        return Gap.objects.order_by("-count", "-last_at")

    def list(self, request: Request) -> Response:
        """All gaps, what was asked most first."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._shown(rows))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One gap."""
        return Response(self._shown([get_object_or_404(Gap, pk=pk)])[0])

    @extend_schema(
        request=KnowledgeGapDecisionSerializer,
        responses={200: KnowledgeGapSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Say which document answers it, leave it as it is, or open it again."""
        gap = get_object_or_404(Gap, pk=pk)
        given = KnowledgeGapDecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        answer = given.validated_data.get("answer")
        if answer is not None:
            gap_answer(
                gap=gap,
                collection=collection_for(self.user, given.validated_data["collection"]),
                text=answer,
                actor=self.user,
                address=address_of(request),
            )
            return Response(self._shown([get_object_or_404(Gap, pk=pk)])[0])
        wanted = given.validated_data.get("document")
        row = gap_decide(
            gap=gap,
            state=given.validated_data["state"],
            document=document_for(self.user, wanted) if wanted else None,
            actor=self.user,
            address=address_of(request),
        )
        return Response(self._shown([row])[0])

    def _shown(self, rows: Any) -> Any:
        shown = {one.row.pk: one for one in gaps_shown(rows)}
        return KnowledgeGapSerializer(rows, many=True, context={"shown": shown}).data


class CoverageAskedSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    asked = serializers.IntegerField()
    answered = serializers.IntegerField()


class CoverageDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    asked = serializers.IntegerField()
    answered = serializers.IntegerField()


class CoverageCollectionSerializer(serializers.Serializer[Any]):
    collection = serializers.UUIDField(source="collection.pk")
    name = serializers.CharField(source="collection.name")
    documents = serializers.IntegerField()
    found = serializers.IntegerField(help_text="Documents of which anybody was shown a passage.")
    use = UseCountsSerializer()


class CoverageDocumentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    title = serializers.CharField()
    collection = serializers.CharField(source="collection.name")


class CoverageSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    all = CoverageAskedSerializer()
    queues = CoverageAskedSerializer(many=True)
    sources = CoverageAskedSerializer(many=True)
    languages = CoverageAskedSerializer(many=True)
    by_day = CoverageDaySerializer(many=True)
    collections = CoverageCollectionSerializer(many=True)
    never = CoverageDocumentSerializer(many=True, help_text="Shown to nobody; the first 200.")
    never_total = serializers.IntegerField()


class CoverageAskSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=366, default=30)


class CoverageViewSet(CompanyViewSet):
    """What was asked, what found an answer, and which documents nobody was shown."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = CoverageSerializer
    filter_backends: list[Any] = []
    pagination_class = None
    queryset = Gap.objects.none()

    @extend_schema(parameters=[CoverageAskSerializer], responses=CoverageSerializer)
    def list(self, request: Request) -> Response:
        """The last days, 30 unless asked otherwise."""
        asked = CoverageAskSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(CoverageSerializer(coverage(asked.validated_data["days"])).data)
