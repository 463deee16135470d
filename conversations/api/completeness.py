"""API of completeness: the same figures as the page, for a monitor to watch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.permissions import Permission
from conversations.completeness import PERIODS, completeness
from conversations.models import CallLedger

Serializer = serializers.Serializer[Any]


class AskedSerializer(Serializer):
    days = serializers.IntegerField(min_value=1, max_value=max(PERIODS), default=1)


class SourceSerializer(Serializer):
    source = serializers.CharField()  # type: ignore[assignment]
    announced = serializers.IntegerField()
    completed = serializers.IntegerField()
    incomplete = serializers.IntegerField()
    refused = serializers.IntegerField()
    open = serializers.IntegerField()


class ReasonSerializer(Serializer):
    state = serializers.CharField()
    reason = serializers.CharField()
    calls = serializers.IntegerField()


class GapSerializer(Serializer):
    cause = serializers.CharField()
    seconds = serializers.FloatField(help_text="Of one channel each.")
    calls = serializers.IntegerField()
    is_meant = serializers.BooleanField(
        help_text="Hold, menus and the like: nobody asked for it to be heard."
    )


class TroubleSerializer(Serializer):
    conversation_id = serializers.UUIDField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    state = serializers.CharField()
    reason = serializers.CharField()
    close_code = serializers.IntegerField(allow_null=True)
    announced_at = serializers.DateTimeField()
    missing_seconds = serializers.FloatField()
    causes = serializers.ListField(child=serializers.CharField())


class UnmetSerializer(Serializer):
    provider = serializers.CharField()
    keys = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    received_at = serializers.DateTimeField()
    what = serializers.ListField(child=serializers.CharField())


class CompletenessSerializer(Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    announced = serializers.IntegerField()
    completed = serializers.IntegerField()
    incomplete = serializers.IntegerField()
    refused = serializers.IntegerField()
    open = serializers.IntegerField()
    imported = serializers.IntegerField(
        help_text="Taken in as text, without audio; in none of the other figures."
    )
    still = serializers.IntegerField(help_text="Open calls that nobody has written to for a minute or more.")
    complete_share = serializers.FloatField(allow_null=True)
    received_seconds = serializers.FloatField(help_text="Of audio, all channels together.")
    transcribed_seconds = serializers.FloatField()
    recorded_seconds = serializers.FloatField()
    unexplained_seconds = serializers.FloatField(help_text="Missing, and nobody meant it to be.")
    unmet = serializers.IntegerField(help_text="Metadata that waits for its call.")
    sources = SourceSerializer(many=True)
    reasons = ReasonSerializer(many=True)
    gaps = GapSerializer(many=True)
    troubles = TroubleSerializer(many=True)
    waiting = UnmetSerializer(many=True)


class CompletenessViewSet(CompanyViewSet):
    """Whether anything was lost."""

    permission = Permission.REPORT_READ
    serializer_class = CompletenessSerializer
    pagination_class = None
    filter_backends: list[Any] = []
    queryset = CallLedger.objects.none()

    @extend_schema(parameters=[AskedSerializer], responses=CompletenessSerializer)
    def list(self, request: Request) -> Response:
        """The account of the last days: calls by how they ended, audio by what became of it, gaps by cause."""
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = completeness(days=asked.validated_data["days"])
        figures = asdict(found) | {
            "complete_share": found.complete_share,
            "unexplained_seconds": found.unexplained_seconds,
            "gaps": [asdict(gap) | {"is_meant": gap.is_meant} for gap in found.gaps],
        }
        return Response(CompletenessSerializer(figures).data)
