"""API of webhooks: endpoints, and the log of what they were sent."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from conversations.news import KINDS
from integrations.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from integrations.webhooks.services import (
    delivery_replay,
    endpoint_create,
    endpoint_delete,
    endpoint_replay,
    endpoint_rotate,
    endpoint_test,
    endpoint_update,
)


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    events: serializers.Field[Any, Any, Any, Any] = serializers.ListField(
        child=serializers.ChoiceField(KINDS), min_length=1, help_text="What it is told of."
    )
    disabled_reason = serializers.CharField(
        read_only=True, help_text="gone (it answered 410), failed (it took nothing for days), or empty."
    )

    class Meta:
        model = WebhookEndpoint
        fields = (
            "id",
            "url",
            "events",
            "description",
            "active",
            "disabled_reason",
            "disabled_at",
            "failing_since",
            "last_delivered_at",
            "former_until",
            "created_at",
        )
        read_only_fields = (
            "disabled_at",
            "failing_since",
            "last_delivered_at",
            "former_until",
            "created_at",
        )


class MadeEndpointSerializer(EndpointSerializer):
    """A new endpoint, with its secret, which nothing shows again."""

    secret = serializers.CharField(read_only=True)

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class EndpointSecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="whsec_…, shown this once.")
    former_until = serializers.DateTimeField(help_text="Until then messages are signed with the former, too.")


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    webhook_id = serializers.CharField(source="message.webhook_id", help_text="As receivers know it.")
    kind = serializers.CharField(source="message.kind")
    conversation = serializers.UUIDField(source="message.conversation_id", allow_null=True)
    happened_at = serializers.DateTimeField(source="message.created_at")
    due_at = serializers.SerializerMethodField(help_text="When it is tried next; null when it is not.")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "webhook_id",
            "endpoint",
            "kind",
            "conversation",
            "state",
            "attempts",
            "status_code",
            "error",
            "happened_at",
            "due_at",
            "delivered_at",
        )

    def get_due_at(self, row: WebhookDelivery) -> str | None:
        waits = row.state == WebhookDelivery.State.WAITING
        return serializers.DateTimeField().to_representation(row.due_at) if waits else None  # type: ignore[return-value]


class AttemptSerializer(serializers.ModelSerializer[WebhookAttempt]):
    class Meta:
        model = WebhookAttempt
        fields = ("number", "at", "duration_ms", "status_code", "error")


class DeliveryWholeSerializer(DeliverySerializer):
    log = AttemptSerializer(many=True)

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "log")  # type: ignore[assignment]


class SinceSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(help_text="Messages of what happened since then.")


class ReplayedSerializer(serializers.Serializer[Any]):
    messages = serializers.IntegerField(help_text="How many are sent again.")


class EndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """Addresses that are told what happens, by webhooks after the Standard Webhooks specification."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = EndpointSerializer
    filterset_fields = ("active",)
    queryset = WebhookEndpoint.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return WebhookEndpoint.objects.none() if self.is_schema else WebhookEndpoint.objects.all()

    @extend_schema(responses={201: MadeEndpointSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Make an endpoint. The answer holds its secret, which nothing shows again."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row, secret = endpoint_create(**given.validated_data, actor=self.user)
        return Response({**self.get_serializer(row).data, "secret": secret}, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: Any = None) -> Response:
        """Change an endpoint. Switching it on again forgets why it was switched off."""
        row = self.get_object()
        given = self.get_serializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changed = endpoint_update(endpoint=row, actor=self.user, **given.validated_data)
        return Response(self.get_serializer(changed).data)

    def destroy(self, request: Request, pk: Any = None) -> Response:
        """Remove an endpoint, with the log of what it was sent."""
        endpoint_delete(endpoint=self.get_object(), actor=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: DeliverySerializer, 400: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def test(self, request: Request, pk: Any = None) -> Response:
        """Send it a `webhook.test`. What came of it is in the log soon."""
        row = endpoint_test(endpoint=self.get_object(), actor=self.user)
        return Response(DeliverySerializer(row).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=EndpointSecretSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def rotate(self, request: Request, pk: Any = None) -> Response:
        """Give it a new secret; for three days messages are signed with both."""
        row = self.get_object()
        secret = endpoint_rotate(endpoint=row, actor=self.user)
        shown = EndpointSecretSerializer({"secret": secret, "former_until": row.former_until})
        return Response(shown.data)

    @extend_schema(
        request=SinceSerializer, responses={200: ReplayedSerializer, 400: ErrorSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def replay(self, request: Request, pk: Any = None) -> Response:
        """Send it again everything that failed since a time, under the same ids."""
        given = SinceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        count = endpoint_replay(
            endpoint=self.get_object(), since=given.validated_data["since"], actor=self.user
        )
        return Response({"messages": count})


class DeliveryFilter(filters.FilterSet):
    endpoint = filters.UUIDFilter(field_name="endpoint_id")
    state = filters.ChoiceFilter(choices=WebhookDelivery.State.choices)
    kind = filters.CharFilter(field_name="message__kind")
    conversation = filters.UUIDFilter(field_name="message__conversation_id")
    since = filters.IsoDateTimeFilter(field_name="message__created_at", lookup_expr="gte")

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []


class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """What endpoints were sent, or will be, newest first."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    queryset = WebhookDelivery.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return WebhookDelivery.objects.none()
        return WebhookDelivery.objects.select_related("message", "endpoint")

    @extend_schema(responses=DeliveryWholeSerializer)
    def retrieve(self, request: Request, pk: Any = None) -> Response:
        """One, with every attempt."""
        return Response(DeliveryWholeSerializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: DeliverySerializer, 400: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def replay(self, request: Request, pk: Any = None) -> Response:
        """Send it again under the same id, whatever became of it before."""
        row = delivery_replay(delivery=self.get_object(), actor=self.user)
        return Response(DeliverySerializer(row).data, status=status.HTTP_202_ACCEPTED)
