"""API of sources: websites and services whose documents a collection follows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from integrations.documents.models import KnowledgeSource, SourcePage
from integrations.documents.source_services import source_delete, source_fetch, source_save


class KnowledgeSourceSerializer(serializers.ModelSerializer[KnowledgeSource]):
    secret = serializers.CharField(
        write_only=True, required=False, allow_blank=True, help_text="Sealed; nothing shows it again."
    )
    has_secret = serializers.SerializerMethodField()
    fetched_next = serializers.DateTimeField(source="due_at", read_only=True, allow_null=True)
    settings = serializers.DictField(
        help_text="website: url, mode (crawl, sitemap), hosts, paths, max_pages; zendesk: url, locale, client_id; "
        "salesforce: url, locale, client_id, fields, version; feed: url, names."
    )

    class Meta:
        model = KnowledgeSource
        fields = (
            *(
                "id",
                "collection",
                "name",
                "kind",
                "settings",
                "secret",
                "has_secret",
                "every_hours",
                "active",
            ),
            *("state", "error", "counts", "progress", "synced_at", "fetched_next"),
        )
        read_only_fields = ("state", "error", "counts", "progress", "synced_at")

    def get_has_secret(self, row: KnowledgeSource) -> bool:
        return row.secret_version > 0 or row.secret_sealed is not None


class KnowledgeSourcePageSerializer(serializers.ModelSerializer[SourcePage]):
    class Meta:
        model = SourcePage
        fields = ("id", "url", "outcome", "error", "document", "fetched_at")


class SourceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """Websites and services that collections follow. Those who look after knowledge see them; admins change them."""

    permission = Permission.ADMIN_CONFIGURE
    permissions_by_action = dict.fromkeys(("list", "retrieve", "pages"), Permission.KNOWLEDGE_MANAGE)
    serializer_class = KnowledgeSourceSerializer
    filterset_fields = ("collection", "kind", "state")
    queryset = KnowledgeSource.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return KnowledgeSource.objects.none() if self.is_schema else KnowledgeSource.objects.all()

    @extend_schema(responses={201: KnowledgeSourceSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Follow a website or a service. It is fetched soon."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = source_save(actor=self.user, address=_address(request), **given.validated_data)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: KnowledgeSourceSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a source; what is not given stays."""
        row = self.get_object()
        given = self.get_serializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = source_save(source=row, actor=self.user, address=_address(request), **given.validated_data)
        return Response(self.get_serializer(changed).data)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Follow it no more. Its documents are withdrawn; their versions stay."""
        source_delete(source=self.get_object(), actor=self.user, address=_address(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: KnowledgeSourceSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"], pagination_class=None)
    def fetch(self, request: Request, pk: UUID) -> Response:
        """Fetch it now."""
        row = self.get_object()
        source_fetch(source=row, actor=self.user, address=_address(request))
        row.refresh_from_db()
        return Response(self.get_serializer(row).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=KnowledgeSourcePageSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def pages(self, request: Request, pk: UUID) -> Response:
        """Its pages and what came of each, the first 1,000; those with errors first."""
        rows = self.get_object().pages.defer("links").order_by("-error", "url")[:1000]
        return Response(KnowledgeSourcePageSerializer(rows, many=True).data)


def _address(request: Request) -> str | None:
    return address_of(request._request) or None
