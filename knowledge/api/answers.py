"""API of answers: composed from passages, each sentence cited."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.permissions import Permission
from engines.retrieval.sentences import LENGTH
from knowledge.answers.responses import answer_given, answer_streamed
from knowledge.api.search import CONTEXT_MOST
from knowledge.models import Document


class AnswerAskedSerializer(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=LENGTH, help_text="The question.")
    context = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=LENGTH, allow_blank=True),
        max_length=CONTEXT_MOST,
        default=list,
        help_text="What was said before, the latest last: it says what the question is about.",
    )
    conversation = serializers.UUIDField(
        required=False,
        help_text="The call or chat that it is for, if you may read it: noted with the question.",
    )
    collection = serializers.CharField(default="", help_text="The name of the one to answer from.")
    compose = serializers.BooleanField(
        default=True, help_text="False: from the passages themselves, without the chat model."
    )


class AnswerSentenceSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    citations = serializers.ListField(
        child=serializers.IntegerField(), help_text="Numbers of the passages that bear it out."
    )
    marks = serializers.ListField(help_text="Words of the question in it, [start, end).")


class AnswerPassageSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    id = serializers.UUIDField()
    document = serializers.UUIDField()
    title = serializers.CharField()
    path = serializers.CharField()
    collection = serializers.CharField()
    version = serializers.IntegerField()
    start = serializers.IntegerField(help_text="Characters in the document's text, half-open.")
    end = serializers.IntegerField()
    url = serializers.CharField(help_text="Where it opens, in this version.")
    confidence = serializers.FloatField()
    withheld = serializers.BooleanField(
        help_text="It speaks to a model and not to readers: nothing is answered from it."
    )


class KnowledgeAnswerSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Who answers: `prepared` (a prepared answer), `model` (the chat model), `passage` (the best "
        "passage's own sentences) or `none`."
    )
    answered = serializers.BooleanField()
    words = serializers.CharField(help_text="What to say where the documents do not.")
    confidence = serializers.FloatField(help_text="How likely the passages answer.")
    dropped = serializers.IntegerField(help_text="Sentences of the model that no passage bears out.")
    late = serializers.BooleanField(
        help_text="The model had not finished in time; what came later was dropped."
    )
    trouble = serializers.CharField(help_text="Why the model did not answer.")
    prepared = serializers.CharField(help_text="The prepared answer's id.")
    took_ms = serializers.IntegerField()
    sentences = AnswerSentenceSerializer(many=True)
    passages = AnswerPassageSerializer(many=True)


class KnowledgeAnswerViewSet(CompanyViewSet):
    """Questions answered from the company's documents."""

    permission = Permission.KNOWLEDGE_SEARCH
    serializer_class = KnowledgeAnswerSerializer
    queryset = Document.objects.none()

    @extend_schema(request=AnswerAskedSerializer, responses={200: KnowledgeAnswerSerializer})
    def create(self, request: Request) -> Response:
        """Answer a question, in one."""
        wanted = self._wanted(request)
        return Response(
            answer_given(
                self.user,
                wanted["q"],
                context=wanted["context"],
                compose=wanted["compose"],
                conversation_id=wanted.get("conversation"),
                collection=wanted["collection"],
            )
        )

    @extend_schema(
        request=AnswerAskedSerializer,
        responses={(200, "text/event-stream"): OpenApiResponse(OpenApiTypes.STR)},
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def stream(self, request: Request) -> HttpResponseBase:
        """Answer as it is written: events `passages`, one `sentence` each, and `done`, with JSON as data."""
        wanted = self._wanted(request)
        return answer_streamed(
            request._request,
            self.user,
            wanted["q"],
            context=wanted["context"],
            compose=wanted["compose"],
            conversation_id=wanted.get("conversation"),
            collection=wanted["collection"],
        )

    def _wanted(self, request: Request) -> dict[str, Any]:
        asked = AnswerAskedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)
