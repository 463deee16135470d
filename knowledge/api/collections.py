"""API for those who look after knowledge: collections, and a document's passages and versions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.models import Queue, Team, User
from accounts.permissions import MATRIX, Permission
from accounts.throttle import address_of
from knowledge.care.selectors import Use, document_use
from knowledge.documents.access import collection_for, document_for, version_for
from knowledge.documents.caring import collections_listed, versions_listed
from knowledge.documents.forms import languages_read
from knowledge.documents.room import room_used
from knowledge.documents.services import collection_save, document_restore, document_withdraw, version_decide
from knowledge.models import Channel, Chunk, Collection, Document, DocumentVersion
from knowledge.search.progress import vectors_progress
from knowledge.text.private import counted


class KnowledgeCollectionSerializer(serializers.ModelSerializer[Collection]):
    documents = serializers.IntegerField(source="documents_held", read_only=True)
    held = serializers.IntegerField(
        source="waiting",
        read_only=True,
        help_text="Versions that wait for somebody: they hold personal data.",
    )
    teams = serializers.PrimaryKeyRelatedField(many=True, required=False, queryset=Team.objects.all())
    queues = serializers.SlugRelatedField("key", many=True, required=False, queryset=Queue.objects.all())
    owner = serializers.PrimaryKeyRelatedField(required=False, allow_null=True, queryset=User.objects.all())
    channels = serializers.ListField(child=serializers.ChoiceField(choices=Channel.choices), required=False)
    languages = serializers.ListField(child=serializers.CharField(max_length=12), required=False)

    class Meta:
        model = Collection
        fields = (
            *("id", "name", "language", "teams", "queues", "channels", "languages", "valid_from", "valid_to"),
            *("on_private", "cards", "owner", "review_on", "documents", "held"),
        )

    def validate_languages(self, value: list[str]) -> list[str]:
        try:
            return languages_read(",".join(value))
        except Wrong as error:
            raise serializers.ValidationError(error.messages) from None

    def validate_owner(self, value: User | None) -> User | None:
        if value is not None and value.role not in MATRIX[Permission.KNOWLEDGE_MANAGE]:
            raise serializers.ValidationError("This person does not look after knowledge.")
        return value


class CollectionViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Collections of documents: for whom they are, when they hold, who looks after them."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = KnowledgeCollectionSerializer
    filterset_fields = ("name", "owner")
    queryset = Collection.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Collection.objects.none() if self.is_schema else collections_listed()

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One collection."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses={201: KnowledgeCollectionSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Make a collection."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = collection_save(actor=self.user, address=_address(request), **given.validated_data)
        return Response(self._shown(row.pk), status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: KnowledgeCollectionSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a collection; what is not given stays."""
        row = collection_for(self.user, pk)
        given = self.get_serializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        collection_save(collection=row, actor=self.user, address=_address(request), **given.validated_data)
        return Response(self._shown(pk))

    def _shown(self, pk: UUID) -> Any:
        return self.get_serializer(collections_listed().get(pk=pk)).data


class DocumentVersionSerializer(serializers.ModelSerializer[DocumentVersion]):
    private = serializers.SerializerMethodField(help_text="How much reads as personal data, by type.")
    made_by = serializers.CharField(source="made_by.name", allow_null=True, default=None)
    decided_by = serializers.CharField(source="decided_by.name", allow_null=True, default=None)

    class Meta:
        model = DocumentVersion
        fields = ("number", "title", "state", "private", "steering", "made_by", "decided_by", "created_at")

    def get_private(self, row: DocumentVersion) -> dict[str, int]:
        return counted(row.private)


class ChunkSerializer(serializers.ModelSerializer[Chunk]):
    path = serializers.CharField(source="heading_path", help_text="The headings above it.")
    version = serializers.IntegerField(source="document_version")

    class Meta:
        model = Chunk
        fields = ("id", "position", "path", "text", "start", "end", "version")


class DocumentDecisionSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1)
    publish = serializers.BooleanField(help_text="False: discard it.")


class MeaningSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["off", "filling", "ready", "failing"])
    server = serializers.CharField()
    model = serializers.CharField()
    done = serializers.IntegerField(help_text="Passages that have a vector.")
    total = serializers.IntegerField()
    fault = serializers.CharField(
        help_text="Why there is no more just now: a server's fault, `dimensions`, `no_pgvector` or `old_pgvector`."
    )
    words = serializers.CharField(help_text="The same for people.")


class RoomSerializer(serializers.Serializer[Any]):
    documents = serializers.IntegerField(help_text="That are not withdrawn.")
    documents_most = serializers.IntegerField()
    bytes = serializers.IntegerField(help_text="Of all texts with their versions.")
    bytes_most = serializers.IntegerField()


class UseCountsSerializer(serializers.Serializer[Any]):
    shown = serializers.IntegerField()
    opened = serializers.IntegerField()
    used = serializers.IntegerField()
    helpful = serializers.IntegerField()
    wrong = serializers.IntegerField()


class PassageUsedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    path = serializers.CharField()
    use = UseCountsSerializer()


class DocumentUseSerializer(serializers.Serializer[Any]):
    whole = UseCountsSerializer()
    earlier = UseCountsSerializer(help_text="Of passages that are cut otherwise now.")
    passages = PassageUsedSerializer(many=True)


class CaringMixin:
    """What managers do with a document, as parts of its own view set."""

    permissions_by_action = dict.fromkeys(
        ("passages", "versions", "use", "decide", "withdraw", "restore", "meaning", "room"),
        Permission.KNOWLEDGE_MANAGE,
    )

    @extend_schema(responses=MeaningSerializer, filters=False)
    @action(detail=False, filter_backends=[], pagination_class=None)
    def meaning(self, request: Request) -> Response:
        """How far the vectors of the company's passages are."""
        return Response(MeaningSerializer(vectors_progress()).data)

    @extend_schema(responses=RoomSerializer, filters=False)
    @action(detail=False, filter_backends=[], pagination_class=None)
    def room(self, request: Request) -> Response:
        """What the company keeps, and what it may."""
        return Response(RoomSerializer(room_used()).data)

    def _document(self, pk: UUID) -> Document:
        return document_for(self.user, pk)  # type: ignore[attr-defined]

    @extend_schema(responses=ChunkSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def passages(self, request: Request, pk: UUID) -> Response:
        """The passages that search finds, in order."""
        rows = self._document(pk).chunks.defer("search").order_by("position")
        return Response(ChunkSerializer(rows, many=True).data)

    @extend_schema(responses=DocumentUseSerializer, filters=False)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def use(self, request: Request, pk: UUID) -> Response:
        """How often it was shown, opened, used, helpful, wrong: all of it, and passage by passage."""
        document = self._document(pk)
        chunks = list(document.chunks.only("pk", "document_id", "start", "end", "text", "heading_path"))
        found = document_use(document, chunks)
        shown = {
            "whole": found.whole,
            "earlier": found.earlier,
            "passages": [
                {"id": one.pk, "path": one.heading_path, "use": found.passages.get(one.pk, Use())}
                for one in chunks
            ],
        }
        return Response(DocumentUseSerializer(shown).data)

    @extend_schema(responses=DocumentVersionSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def versions(self, request: Request, pk: UUID) -> Response:
        """The last hundred versions, newest first, without their text (`?version=` of the document has it)."""
        return Response(DocumentVersionSerializer(versions_listed(self._document(pk)), many=True).data)

    @extend_schema(
        request=DocumentDecisionSerializer, responses={200: DocumentVersionSerializer, 409: ErrorSerializer}
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Publish a version that was held back, or discard it."""
        document = self._document(pk)
        given = DocumentDecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = self.user  # type: ignore[attr-defined]
        row = version_decide(
            version=version_for(user, document, given.validated_data["version"]),
            publish=given.validated_data["publish"],
            actor=user,
            address=_address(request),
        )
        return Response(DocumentVersionSerializer(row).data)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], pagination_class=None)
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Have it found no more; its versions stay, for what was cited."""
        document_withdraw(document=self._document(pk), actor=self.user, address=_address(request))  # type: ignore[attr-defined]
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], pagination_class=None)
    def restore(self, request: Request, pk: UUID) -> Response:
        """Have it found again, as it was published last."""
        document_restore(document=self._document(pk), actor=self.user, address=_address(request))  # type: ignore[attr-defined]
        return Response(status=status.HTTP_204_NO_CONTENT)


def _address(request: Request) -> str | None:
    return address_of(request._request) or None
