"""API of documents on their way in: bring files as a form, see how far each is, try again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.errors import Conflict
from accounts.permissions import Permission
from accounts.throttle import address_of
from integrations.documents.models import DocumentFile, DocumentUpload
from integrations.documents.selectors import upload_for, uploads_visible
from integrations.documents.services import documents_receive, file_retry
from integrations.uploads.api import Refused
from integrations.uploads.intake import UploadRefused
from integrations.uploads.views import given_files
from knowledge.documents.access import collection_for


class DocumentFileSerializer(serializers.ModelSerializer[DocumentFile]):
    may_retry = serializers.BooleanField()

    class Meta:
        model = DocumentFile
        fields = ("id", "name", "size_bytes", "state", "outcome", "error", "may_retry", "document")


class DocumentUploadSerializer(serializers.ModelSerializer[DocumentUpload]):
    by = serializers.CharField(source="user.name", allow_null=True, default=None)
    files = serializers.IntegerField(source="total")
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    going_on = serializers.IntegerField()

    class Meta:
        model = DocumentUpload
        fields = (
            "id",
            "collection",
            "name",
            "by",
            "source",
            "created_at",
            "files",
            "done",
            "failed",
            "going_on",
        )


class DocumentUploadDetailSerializer(DocumentUploadSerializer):
    parts = DocumentFileSerializer(many=True, source="read_files")

    class Meta(DocumentUploadSerializer.Meta):
        fields = (*DocumentUploadSerializer.Meta.fields, "parts")  # type: ignore[assignment]


class DocumentUploadCreateSerializer(serializers.Serializer[Any]):
    """A form."""

    collection = serializers.UUIDField()
    file = serializers.FileField(help_text="A document or a zip of them; may be repeated.")


class DocumentUploadViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Uploads of documents, newest first."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = DocumentUploadSerializer
    filterset_fields = ("collection",)
    parser_classes = [MultiPartParser, JSONParser]
    queryset = DocumentUpload.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return DocumentUpload.objects.none() if self.is_schema else uploads_visible(self.user).order_by("-id")

    @extend_schema(responses=DocumentUploadDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One upload with its files: how far each is, what came of it, what was wrong."""
        return Response(self._detail(pk))

    @extend_schema(
        request={"multipart/form-data": DocumentUploadCreateSerializer},
        responses={
            201: DocumentUploadDetailSerializer,
            **dict.fromkeys((400, 404, 413, 415, 429), ErrorSerializer),
        },
    )
    def create(self, request: Request) -> Response:
        """Bring documents. A file that is none fails by itself where it came with others; alone, it is refused."""
        kind = request.content_type or ""
        if not kind.startswith("multipart/form-data"):
            raise UnsupportedMediaType(kind)
        asked = serializers.UUIDField().run_validation(request._request.POST.get("collection") or None)
        try:
            upload = documents_receive(
                collection=collection_for(self.user, asked),
                user=self.user,
                source=DocumentUpload.Source.API,
                files=given_files(request),  # type: ignore[arg-type]
                address=address_of(request._request) or None,
            )
        except UploadRefused as refused:
            raise Refused(refused) from None
        return Response(self._detail(upload.pk), status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: DocumentUploadDetailSerializer, 409: ErrorSerializer})
    @action(detail=True, methods=["post"], pagination_class=None)
    def retry(self, request: Request, pk: UUID) -> Response:
        """Try again what failed."""
        upload = upload_for(self.user, pk)
        failed = [file for file in upload.files.defer("wrapped_key") if file.may_retry]
        if not failed:
            raise Conflict("Nothing of this upload can be tried again.")
        for file in failed:
            file_retry(file=file, user=self.user, address=address_of(request._request) or None)
        return Response(self._detail(pk))

    def _detail(self, pk: UUID) -> Any:
        upload: Any = upload_for(self.user, pk)
        upload.read_files = list(upload.files.defer("wrapped_key").order_by("id"))
        return DocumentUploadDetailSerializer(upload).data
