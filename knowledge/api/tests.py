"""API of test sets: questions with the documents that should be found, and runs over them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from knowledge.care.tests_running import search_tests_start
from knowledge.care.tests_selectors import results_listed, tests_listed
from knowledge.care.tests_services import search_test_delete, search_test_save, search_tests_import
from knowledge.documents.access import collection_for
from knowledge.models import Collection, Document, SearchTest, SearchTestResult, SearchTestRun


class SearchTestSerializer(serializers.ModelSerializer[SearchTest]):
    collection = serializers.PrimaryKeyRelatedField(queryset=Collection.objects.all())
    documents = serializers.PrimaryKeyRelatedField(many=True, queryset=Document.objects.defer("body"))
    rank = serializers.IntegerField(
        read_only=True, allow_null=True, default=None, help_text="In the last run; null: not among ten."
    )

    class Meta:
        model = SearchTest
        fields = ("id", "collection", "question", "documents", "passage", "rank", "created_at")


class SearchTestCsvSerializer(serializers.Serializer[Any]):
    collection = serializers.UUIDField()
    csv = serializers.CharField(
        max_length=5_000_000,
        help_text="With a first line that names the columns: question, document (its title), passage.",
    )


class SearchTestComplaintSerializer(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    sentence = serializers.CharField()


class SearchTestImportedSerializer(serializers.Serializer[Any]):
    new = serializers.IntegerField()
    changed = serializers.IntegerField()
    complaints = SearchTestComplaintSerializer(many=True)


class SearchTestViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """Questions with the documents that search should find for them."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = SearchTestSerializer
    filterset_fields = ("collection",)
    queryset = SearchTest.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return SearchTest.objects.none() if self.is_schema else tests_listed()

    @extend_schema(responses={201: SearchTestSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Add a question; one that the collection has already gets the documents in addition."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = search_test_save(actor=self.user, address=address_of(request), **given.validated_data)
        return Response(self.get_serializer(tests_listed().get(pk=row.pk)).data, status=201)

    @extend_schema(responses={200: SearchTestSerializer, 400: ErrorSerializer, 404: ErrorSerializer})
    def update(self, request: Request, pk: UUID) -> Response:
        """Make it anew."""
        row = self._one(pk)
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = {**given.validated_data, "collection": row.collection}
        search_test_save(test=row, actor=self.user, address=address_of(request), **wanted)
        return Response(self.get_serializer(tests_listed().get(pk=pk)).data)

    @extend_schema(responses={204: None, 404: ErrorSerializer})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it away, with its results."""
        search_test_delete(test=self._one(pk), actor=self.user, address=address_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=SearchTestCsvSerializer,
        responses={200: SearchTestImportedSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    @action(detail=False, methods=["post"], url_path="import", pagination_class=None)
    def take(self, request: Request) -> Response:
        """Add the questions of a CSV. Lines that cannot be used are told and left out."""
        given = SearchTestCsvSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        done = search_tests_import(
            collection=collection_for(self.user, given.validated_data["collection"]),
            data=given.validated_data["csv"].encode(),
            actor=self.user,
            address=address_of(request),
        )
        complaints = [{"line": line, "sentence": sentence} for line, sentence in done.complaints]
        return Response({"new": done.new, "changed": done.changed, "complaints": complaints})

    def _one(self, pk: UUID) -> SearchTest:
        row = SearchTest.objects.select_related("collection").filter(pk=pk).first()
        if row is None:
            raise Http404("no such test")
        return row


class SearchTestRunSerializer(serializers.ModelSerializer[SearchTestRun]):
    collection = serializers.PrimaryKeyRelatedField(queryset=Collection.objects.all())

    class Meta:
        model = SearchTestRun
        fields = (
            *("id", "collection", "state", "cause", "total", "progress", "recall_at_5", "recall_at_10"),
            *("hit_at_10", "mrr", "worse", "better", "problem", "created_at", "done_at"),
        )
        read_only_fields = tuple(name for name in fields if name != "collection")


class FoundInsteadSerializer(serializers.Serializer[Any]):
    document = serializers.UUIDField()
    title = serializers.CharField()
    path = serializers.CharField()


class SearchTestResultSerializer(serializers.ModelSerializer[SearchTestResult]):
    question = serializers.CharField(source="test.question")
    found = serializers.SerializerMethodField(help_text="The first five that came.")

    class Meta:
        model = SearchTestResult
        fields = (
            *("test", "question", "rank", "passage_rank", "before", "change", "recall_at_5", "recall_at_10"),
            "found",
        )

    @extend_schema(responses=FoundInsteadSerializer(many=True))
    def get_found(self, row: SearchTestResult) -> list[dict[str, str]]:
        return [dict(zip(("document", "title", "path"), one, strict=True)) for one in row.found]


class SearchTestRunViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Runs over a collection's questions: how well search found what it should, and what got worse."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = SearchTestRunSerializer
    filterset_fields = ("collection", "state")
    queryset = SearchTestRun.objects.all()

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One run."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        request=SearchTestRunSerializer, responses={202: SearchTestRunSerializer, 400: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Have a collection's tests run; a run that waits already is given back."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        run = search_tests_start(collection=given.validated_data["collection"], actor=self.user)
        return Response(self.get_serializer(run).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=SearchTestResultSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def results(self, request: Request, pk: UUID) -> Response:
        """Question by question, what got worse first."""
        return Response(SearchTestResultSerializer(results_listed(self.get_object()), many=True).data)
