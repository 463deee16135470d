"""API of knowledge: search over passages, and the documents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.permissions import Permission
from knowledge.api.collections import CaringMixin
from knowledge.api.search import SearchMixin
from knowledge.documents.access import document_for, version_for
from knowledge.models import Document


class DocumentSerializer(serializers.ModelSerializer[Document]):
    collection = serializers.CharField(source="collection.name")

    class Meta:
        model = Document
        fields = (
            *("id", "collection", "title", "version", "valid_from", "valid_to", "origin_url", "withdrawn_at"),
            "updated_at",
        )


class DocumentTextSerializer(DocumentSerializer):
    class Meta:
        model = Document
        fields = (*DocumentSerializer.Meta.fields, "body")


class DocumentFilter(filters.FilterSet):
    collection = filters.CharFilter(field_name="collection__name")

    class Meta:
        model = Document
        fields: list[str] = []


class TextSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(
        required=False, min_value=1, help_text="As it was then; without it, as it is published now."
    )


class KnowledgeViewSet(SearchMixin, CaringMixin, CompanyViewSet):
    """Documents of the company, and search over their passages."""

    permission = Permission.KNOWLEDGE_SEARCH
    serializer_class = DocumentSerializer
    filterset_class = DocumentFilter
    queryset = Document.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        rows = Document.objects.select_related("collection").defer("body")
        if self.is_schema or self.user.may(Permission.KNOWLEDGE_MANAGE):
            return rows
        return rows.filter(version__gt=0, withdrawn_at__isnull=True)

    def list(self, request: Request) -> Response:
        """All documents, newest first, without their text."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    @extend_schema(parameters=[TextSerializer], responses=DocumentTextSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One document with its text: as it is published, or as it was in a version that was cited."""
        document = document_for(self.user, pk)
        asked = TextSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        number = asked.validated_data.get("version")
        if number is not None and number != document.version:
            version = version_for(self.user, document, number)
            document.title, document.body, document.version = version.title, version.body, version.number
        return Response(DocumentTextSerializer(document).data)
