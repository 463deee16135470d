"""API of search: passages that answer, and a company's words of one meaning."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from engines.retrieval.sentences import LENGTH
from knowledge.documents.audience import audience_of
from knowledge.documents.selectors import documents_for, documents_within
from knowledge.models import KnowledgeQuestion, Synonyms
from knowledge.models.index import SYNONYMS_MOST
from knowledge.search.searching import passages_search
from knowledge.search.synonyms import synonyms_delete, synonyms_save
from knowledge.usage.calls import asked_within
from knowledge.usage.noting import question_note

CONTEXT_MOST = 20


class PassageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    document = serializers.UUIDField(source="document_id")
    title = serializers.CharField()
    collection = serializers.CharField()
    path = serializers.CharField(help_text="The headings above it.")
    text = serializers.CharField()
    html = serializers.CharField(
        help_text="The part that matches, escaped, with <mark> around what was found."
    )
    start = serializers.IntegerField(help_text="Characters in the document's text, half-open.")
    end = serializers.IntegerField()
    version = serializers.IntegerField()
    rank = serializers.FloatField(help_text="Compares within this answer only.")
    covers = serializers.FloatField(
        help_text="What share of the question's words, by how rare they are, the passage or its headings have."
    )
    confidence = serializers.FloatField(help_text="How likely it answers the question, 0 to 1.")
    meaning = serializers.CharField(
        help_text="What the search had of the company's search servers: empty (it has none), `used`, or why words "
        "alone answered: `slow`, `away`, `busy`, `refused`, `broken`, `unsupported`, `failed`."
    )
    similarity = serializers.FloatField(
        allow_null=True, help_text="How near its vector is to the question's, -1 to 1; null if not compared."
    )
    question = serializers.SerializerMethodField(
        help_text="The question as it was noted, for knowledge-feedback; null while somebody types."
    )

    def get_question(self, found: Any) -> UUID | None:
        noted: UUID | None = self.context.get("question")
        return noted


class SearchSerializer(serializers.Serializer[Any]):
    q = serializers.CharField(
        max_length=LENGTH,
        help_text="Words, a question or a whole situation. Of up to 200 characters: a phrase in quotes stands "
        "together, -word is left out.",
    )
    limit = serializers.IntegerField(min_value=1, max_value=20, default=5)
    collection = serializers.CharField(required=False, help_text="The name of the one to search.")
    conversation = serializers.UUIDField(
        required=False,
        help_text="The call or chat that it is for, if you may read it: noted with the question.",
    )
    typing = serializers.BooleanField(default=False, help_text="The last word may be the beginning of one.")


class AskedSerializer(SearchSerializer):
    context = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=LENGTH, allow_blank=True),
        max_length=CONTEXT_MOST,
        default=list,
        help_text="What was said before, the latest last: it says what the question is about.",
    )


class SearchMixin:
    """The search of `KnowledgeViewSet`."""

    user: User

    @extend_schema(
        methods=["GET"], parameters=[SearchSerializer], responses=PassageSerializer(many=True), filters=False
    )
    @extend_schema(
        methods=["POST"], request=AskedSerializer, responses=PassageSerializer(many=True), filters=False
    )
    @action(detail=False, methods=["get", "post"], pagination_class=None, filter_backends=[])
    def search(self, request: Request) -> Response:
        """Find the passages that answer best, best first. POST takes what is too long for an address."""
        asked: serializers.Serializer[Any] = (
            SearchSerializer(data=request.query_params)
            if request.method == "GET"
            else AskedSerializer(data=request.data)
        )
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        audience = audience_of(self.user)
        documents = documents_within(documents_for(audience), wanted.get("collection", ""))
        found = passages_search(
            query=wanted["q"],
            limit=wanted["limit"],
            context=wanted.get("context", []),
            documents=documents,
            typing=wanted["typing"],
        )
        noted = None
        if not wanted["typing"]:
            conversation_id, about = asked_within(self.user, wanted.get("conversation"))
            noted = question_note(
                text=wanted["q"],
                source=KnowledgeQuestion.Source.API,
                audience=about,
                found=found,
                person=self.user,
                conversation_id=conversation_id,
            )
        return Response(PassageSerializer(found, many=True, context={"question": noted}).data)


class SynonymsSerializer(serializers.ModelSerializer[Synonyms]):
    words = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=2, max_length=SYNONYMS_MOST
    )

    class Meta:
        model = Synonyms
        fields = ("id", "words")


class SynonymsViewSet(mixins.ListModelMixin, CompanyViewSet):
    """Words of one meaning: what is asked in one of them is asked in all."""

    permission = Permission.KNOWLEDGE_MANAGE
    serializer_class = SynonymsSerializer
    filter_backends: list[Any] = []
    queryset = Synonyms.objects.all()

    @extend_schema(responses={201: SynonymsSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Add a group."""
        row = synonyms_save(words=self._words(request), actor=self.user, address=address_of(request))
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: SynonymsSerializer, 400: ErrorSerializer, 404: ErrorSerializer})
    def update(self, request: Request, pk: UUID) -> Response:
        """Make it anew."""
        row = synonyms_save(
            words=self._words(request), synonyms=self._one(pk), actor=self.user, address=address_of(request)
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None, 404: ErrorSerializer})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it away."""
        synonyms_delete(synonyms=self._one(pk), actor=self.user, address=address_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _words(self, request: Request) -> list[str]:
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        words: list[str] = given.validated_data["words"]
        return words

    def _one(self, pk: UUID) -> Synonyms:
        row = Synonyms.objects.filter(pk=pk).first()
        if row is None:
            raise Http404("no such group of words")
        return row
