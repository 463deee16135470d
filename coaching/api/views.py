"""API of guidance and alerts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.models import User
from accounts.permissions import Permission
from coaching.access import alert_for, alerts_visible, guidance_for, guidance_visible
from coaching.answers import alert_assign, alert_resolve, guidance_answer
from coaching.api.serializers import (
    AlertSerializer,
    AssignSerializer,
    GuidanceAnswerSerializer,
    GuidanceSerializer,
)
from coaching.models import Alert, Guidance, Severity
from conversations import events


class GuidanceFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    agent = filters.UUIDFilter(field_name="conversation__agent_id")
    kind = filters.ChoiceFilter(choices=Guidance.Kind)
    state = filters.ChoiceFilter(choices=Guidance.State)
    since = filters.IsoDateTimeFilter(field_name="decided_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="decided_at", lookup_expr="lt")

    class Meta:
        model = Guidance
        fields: list[str] = []


class GuidanceViewSet(ItemListMixin, CompanyViewSet):
    """What agents were shown in conversations that you may read, why, and what became of it; newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = {"answer": Permission.GUIDANCE_ANSWER}
    serializer_class = GuidanceSerializer
    filterset_class = GuidanceFilter
    queryset = Guidance.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Guidance.objects.none() if self.is_schema else guidance_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("guidance", row), "conversation": row.conversation_id}

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One piece of guidance."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such guidance")
        return self.shown(row)

    @extend_schema(request=GuidanceAnswerSerializer, responses=GuidanceSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def answer(self, request: Request, pk: UUID) -> Response:
        """Answer guidance in your own conversation: seen, accept, dismiss (with a reason) or undo."""
        row = guidance_for(self.user, pk)
        given = GuidanceAnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(guidance_answer(guidance=row, user=self.user, **given.validated_data))


class AlertFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    state = filters.ChoiceFilter(choices=Alert.State)
    severity = filters.ChoiceFilter(choices=Severity)
    assignee = filters.UUIDFilter(field_name="assignee_id")

    class Meta:
        model = Alert
        fields: list[str] = []


class AlertViewSet(ItemListMixin, CompanyViewSet):
    """Alerts of the conversations that you watch over, newest first."""

    permission = Permission.ALERT_RESOLVE
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    queryset = Alert.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Alert.objects.none() if self.is_schema else alerts_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("alert", row), "conversation": row.conversation_id}

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One alert."""
        return self.shown(alert_for(self.user, pk))

    @extend_schema(request=None, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Close an alert; one that is closed stays so."""
        return self.shown(alert_resolve(alert=alert_for(self.user, pk), user=self.user))

    @extend_schema(request=AssignSerializer, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def assign(self, request: Request, pk: UUID) -> Response:
        """Say who looks after an open alert."""
        alert = alert_for(self.user, pk)
        given = AssignSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data["user"]
        assignee = None if wanted is None else User.objects.filter(pk=wanted).first()
        if wanted is not None and assignee is None:
            raise serializers.ValidationError({"user": ["There is no such person."]})
        return self.shown(alert_assign(alert=alert, assignee=assignee, actor=self.user))
