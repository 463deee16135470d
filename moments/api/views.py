"""API of moments: where each was heard."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from rest_framework import serializers

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.permissions import Permission
from conversations import events
from conversations.access import conversations_visible
from moments.models import MomentOccurrence


class MomentSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    key = serializers.CharField()
    name = serializers.CharField()
    utterance = serializers.UUIDField(allow_null=True)
    start = serializers.IntegerField(
        allow_null=True, help_text="Characters in the utterance's text, half-open."
    )
    end = serializers.IntegerField(allow_null=True)
    searched = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Of something missing: from and to, in ms of the call.",
    )
    at_ms = serializers.IntegerField()
    score = serializers.FloatField(
        allow_null=True, help_text="Of an intent: how sure the classifier was, 0 to 1."
    )


class MomentFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    key = filters.CharFilter(field_name="definition__key")

    class Meta:
        model = MomentOccurrence
        fields: list[str] = []


class MomentViewSet(ItemListMixin, CompanyViewSet):
    """Where moments were heard, in conversations that you may read, newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    serializer_class = MomentSerializer
    filterset_class = MomentFilter
    queryset = MomentOccurrence.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return MomentOccurrence.objects.none()
        return events.rows("moment").filter(conversation__in=conversations_visible(self.user).values("pk"))

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("moment", row), "conversation": row.conversation_id}
