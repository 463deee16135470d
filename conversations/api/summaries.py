"""API of what summaries are made of, and of what became of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin
from accounts.models import Queue
from accounts.permissions import Permission
from conversations.api.serializers import SummaryLineSerializer, SummarySectionShownSerializer
from conversations.events import stamp
from conversations.models import Conversation, Summary, SummarySection, SummaryTemplate
from conversations.summary_figures import PERIODS, summary_figures
from conversations.summary_templates import (
    draft_sections,
    house_sections,
    template_complaints,
    template_publish,
    template_retire,
    template_spec,
    template_write,
)
from engines.language.summary.template import MOST_LINES, section_stored

Serializer = serializers.Serializer[Any]


class SummarySectionSerializer(Serializer):
    key = serializers.RegexField(
        r"^[a-z][a-z0-9_]*$", max_length=40, help_text="What other programs know it by."
    )
    title = serializers.CharField(max_length=80)
    instruction = serializers.CharField(max_length=400, allow_blank=True, default="")
    kind = serializers.ChoiceField(SummarySection.Kind.choices, default=SummarySection.Kind.LINES)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=30, default=list, help_text="choice: what of."
    )
    required = serializers.BooleanField(  # type: ignore[assignment]
        default=False, help_text="Filled from the transcript where a model leaves it empty."
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        SummarySection.Source.choices,
        allow_blank=True,
        default="",
        help_text="What fills it without a model; empty: only a model or the agent does.",
    )
    most = serializers.IntegerField(min_value=1, max_value=MOST_LINES, default=3, help_text="Lines at most.")


class SummaryTemplateWrittenSerializer(Serializer):
    """A template whole. The nearest holds: queue and channel, queue, channel, company."""

    name = serializers.CharField(max_length=80)
    queue = serializers.SlugRelatedField[Queue](
        slug_field="key", queryset=Queue.objects.all(), allow_null=True, default=None, help_text="Its key."
    )
    channel = serializers.ChoiceField(
        Conversation.Channel.choices, allow_blank=True, default="", help_text="Empty: calls and chats."
    )
    sections = SummarySectionSerializer(many=True)


class SummaryTemplateListedSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    queue = serializers.CharField(allow_null=True)
    channel = serializers.CharField()
    active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class SummaryTemplateSerializer(SummaryTemplateListedSerializer):
    sections = SummarySectionSerializer(many=True)
    revision = serializers.IntegerField(allow_null=True, help_text="The newest one published.")
    changed = serializers.BooleanField(help_text="The draft is another than the newest revision.")
    complaints = serializers.ListField(
        child=serializers.CharField(), help_text="What keeps it from being published."
    )


class HouseTemplateSerializer(Serializer):
    sections = SummarySectionSerializer(many=True)


class SummaryTemplateViewSet(ItemListMixin, CompanyViewSet):
    """What summaries are made of."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = SummaryTemplateListedSerializer
    queryset = SummaryTemplate.objects.select_related("queue").order_by("name", "pk")

    def get_queryset(self) -> QuerySet[Any]:
        return SummaryTemplate.objects.none() if self.is_schema else super().get_queryset()

    def render(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            "name": row.name,
            "queue": row.queue.key if row.queue else None,
            "channel": row.channel,
            "active": row.active,
            "updated_at": stamp(row.updated_at),
        }

    @extend_schema(responses=SummaryTemplateSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """The draft, and what keeps it from being published."""
        return self._whole(self._row(pk))

    @extend_schema(
        request=SummaryTemplateWrittenSerializer,
        responses={201: SummaryTemplateSerializer, 400: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """A new one, as a draft."""
        row = template_write(template=None, document=self._given(request), actor=self.user)
        return self._whole(row, status.HTTP_201_CREATED)

    @extend_schema(
        request=SummaryTemplateWrittenSerializer,
        responses={200: SummaryTemplateSerializer, 400: ErrorSerializer},
    )
    def update(self, request: Request, pk: UUID) -> Response:
        """The draft anew, whole. Publish it to write summaries by it."""
        return self._whole(
            template_write(template=self._row(pk), document=self._given(request), actor=self.user)
        )

    @extend_schema(
        request=None, responses={200: SummaryTemplateSerializer, 400: ErrorSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def publish(self, request: Request, pk: UUID) -> Response:
        """Write summaries from now on by the draft."""
        template_publish(template=self._row(pk), actor=self.user)
        return self._whole(self._row(pk))

    @extend_schema(request=None, responses=SummaryTemplateSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def retire(self, request: Request, pk: UUID) -> Response:
        """Write no further summaries by it."""
        row = self._row(pk)
        template_retire(template=row, actor=self.user)
        return self._whole(row)

    @extend_schema(responses=HouseTemplateSerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def house(self, request: Request) -> Response:
        """The sections of a company without templates."""
        return Response(HouseTemplateSerializer({"sections": house_sections()}).data)

    def _row(self, pk: UUID) -> SummaryTemplate:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def _given(self, request: Request) -> dict[str, Any]:
        given = SummaryTemplateWrittenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def _whole(self, row: SummaryTemplate, code: int = status.HTTP_200_OK) -> Response:
        newest = row.revisions.order_by("-number").first()
        shown = {
            **self.render(row),
            "sections": [section_stored(one) for one in draft_sections(row)],
            "revision": newest.number if newest else None,
            "changed": newest is None or newest.spec != template_spec(row),
            "complaints": template_complaints(row),
        }
        return Response(SummaryTemplateSerializer(shown).data, status=code)


class SummaryFiguresAskedSerializer(Serializer):
    days = serializers.ChoiceField([(one, str(one)) for one in PERIODS], default=30)


class SummaryFigureSerializer(Serializer):
    """Shares are 0 to 1, null where there is nothing to count."""

    template = serializers.CharField(help_text="Empty: the one of the house.")
    revision = serializers.IntegerField(allow_null=True)
    origin = serializers.ChoiceField(Summary.Origin.choices)
    model = serializers.CharField()
    prompt_revision = serializers.IntegerField()
    summaries = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    offered = serializers.IntegerField(help_text="Lines of confirmed summaries that were not the agent's.")
    accepted = serializers.IntegerField()
    edited = serializers.IntegerField()
    left_out = serializers.IntegerField()
    added = serializers.IntegerField()
    accepted_share = serializers.FloatField(allow_null=True)
    edit_distance = serializers.FloatField(
        allow_null=True,
        help_text="Mean over the lines offered: 0 as they were, 1 all other words, or left out.",
    )
    claimed = serializers.IntegerField(help_text="Lines that models wrote.")
    unsupported = serializers.IntegerField(help_text="Those that nothing bore out, and that were dropped.")
    unsupported_rate = serializers.FloatField(allow_null=True)
    moments = serializers.IntegerField(help_text="Utterances in which a moment was heard.")
    coverage = serializers.FloatField(allow_null=True, help_text="The share of them that a line rests on.")
    last = serializers.DateTimeField()


class SummaryFigureViewSet(CompanyViewSet):
    """What became of summaries, by template, way, model and revision of the prompt."""

    permission = Permission.REPORT_READ
    serializer_class = SummaryFigureSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = Summary.objects.none()

    @extend_schema(parameters=[SummaryFiguresAskedSerializer], responses=SummaryFigureSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Of conversations that you may read, written in the last days."""
        asked = SummaryFiguresAskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rows = summary_figures(user=self.user, days=int(asked.validated_data["days"]))
        return Response(SummaryFigureSerializer([asdict(one) for one in rows], many=True).data)


class LiveSummaryAskedSerializer(Serializer):
    by = serializers.ChoiceField(
        [("extract", "extract"), ("model", "model")],
        default="extract",
        help_text="model: ask the company's model, if it has one; takes up to six seconds.",
    )


class LiveSummaryLineSerializer(SummaryLineSerializer):
    id = None  # type: ignore[assignment]
    original = None  # type: ignore[assignment]
    removed = None  # type: ignore[assignment]
    way = None  # type: ignore[assignment]
    at_ms = serializers.IntegerField(allow_null=True)


class LiveSummarySerializer(Serializer):
    head = serializers.IntegerField(help_text="The event up to which it goes.")
    way = serializers.ChoiceField(Summary.Origin.choices)
    fault = serializers.CharField(help_text="Why no model wrote it, where one was asked for.")
    model = serializers.CharField()
    dropped = serializers.IntegerField(help_text="Lines of the model that nothing bore out.")
    sections = SummarySectionShownSerializer(many=True)
    lines = LiveSummaryLineSerializer(many=True)


class SummaryCaseSerializer(Serializer):
    case = serializers.UUIDField(help_text="The evaluation case.")
    active = serializers.BooleanField()
