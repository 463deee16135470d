"""API of how long data is kept: rules by kind and queue, what is due, what went each night, and legal holds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.errors import Conflict
from accounts.models import Queue
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.access import conversation_for
from conversations.keeping import (
    REASON_LENGTH,
    hold_lift,
    hold_place,
    retention_rule_remove,
    retention_rule_set,
)
from conversations.models import Customer, LegalHold, RetentionRule, RetentionRun
from conversations.nightly import RETENTION_AT, next_at
from conversations.retention import preview

Serializer = serializers.Serializer[Any]


class RetentionRuleSerializer(serializers.ModelSerializer[RetentionRule]):
    queue = serializers.SlugRelatedField(
        slug_field="key",
        queryset=Queue.objects.all(),
        allow_null=True,
        default=None,
        help_text="By its key. Without one: all queues that have no rule of their own.",
    )
    days = serializers.IntegerField(
        min_value=1, max_value=100_000, help_text="After the end of the conversation."
    )

    class Meta:
        model = RetentionRule
        fields = ("id", "kind", "queue", "days")
        # Setting what is set changes it: a rule is known by its kind and queue.
        validators: list[Any] = []


class RetentionRunSerializer(serializers.ModelSerializer[RetentionRun]):
    """Counts by kind of data."""

    class Meta:
        model = RetentionRun
        fields = ("id", "started_at", "finished_at", "removed", "held", "failed")


class DueSerializer(Serializer):
    kind = serializers.CharField()
    remove = serializers.IntegerField(
        help_text="Conversations whose data of this kind goes with the next run."
    )
    held = serializers.IntegerField(help_text="Those that a legal hold keeps.")


class RetentionDueSerializer(Serializer):
    next_run_at = serializers.DateTimeField()
    due = DueSerializer(many=True)


class LegalHoldSerializer(serializers.ModelSerializer[LegalHold]):
    customer = serializers.SlugRelatedField[Customer](
        slug_field="reference", read_only=True, help_text="By reference."
    )
    placed_by = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = LegalHold
        fields = ("id", "conversation", "customer", "reason", "placed_at", "placed_by", "lifted_at")
        read_only_fields = fields


class NewHoldSerializer(Serializer):
    """Of one of the two."""

    conversation = serializers.UUIDField(required=False)
    customer = serializers.CharField(required=False, max_length=120, help_text="By reference.")
    reason = serializers.CharField(max_length=REASON_LENGTH, help_text="Redacted before it is kept.")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("conversation" in given) == ("customer" in given):
            raise serializers.ValidationError(_("Name a conversation or a customer: one of them."))
        return given


class RetentionRuleViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """How many days each kind of data is kept. Without rules nothing goes."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = RetentionRuleSerializer
    queryset = RetentionRule.objects.select_related("queue").order_by("kind", "pk")
    filter_backends: list[Any] = []

    @extend_schema(
        responses={200: RetentionRuleSerializer, 201: RetentionRuleSerializer, 400: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Set the days of a kind, of one queue or of all others; the rule that is there already is changed (200)."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        rule, is_new = retention_rule_set(
            **given.validated_data, actor=self.user, address=address_of(request._request) or None
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(self.get_serializer(rule).data, status=code)

    @extend_schema(responses={204: None, 404: ErrorSerializer})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove a rule."""
        retention_rule_remove(
            rule=self.get_object(), actor=self.user, address=address_of(request._request) or None
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=RetentionDueSerializer)
    @action(detail=False, pagination_class=None)
    def due(self, request: Request) -> Response:
        """When the next run is, and what it would remove by now."""
        answer = {
            "next_run_at": next_at(RETENTION_AT, timezone.now()),
            "due": [{"kind": kind, **counts} for kind, counts in preview().items()],
        }
        return Response(RetentionDueSerializer(answer).data)


class RetentionRunViewSet(mixins.ListModelMixin, CompanyViewSet):
    """What went each night, newest first."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = RetentionRunSerializer
    queryset = RetentionRun.objects.order_by("-started_at", "pk")
    filter_backends: list[Any] = []


class LegalHoldViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """Nothing of a held conversation, or of a held customer, goes while the hold stands."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = LegalHoldSerializer
    queryset = LegalHold.objects.select_related("customer", "placed_by").order_by("-placed_at", "pk")
    filter_backends: list[Any] = []

    @extend_schema(
        request=NewHoldSerializer,
        responses={201: LegalHoldSerializer, 400: ErrorSerializer, 404: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """Place a hold."""
        given = NewHoldSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        conversation = customer = None
        if "conversation" in wanted:
            conversation = conversation_for(self.user, wanted["conversation"])
        else:
            customer = Customer.objects.filter(reference=wanted["customer"]).first()
            if customer is None:
                raise serializers.ValidationError({"customer": [_("No customer has this reference.")]})
        hold = hold_place(
            conversation=conversation,
            customer=customer,
            reason=wanted["reason"],
            actor=self.user,
            address=address_of(request._request) or None,
        )
        return Response(self.get_serializer(hold).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=None, responses={200: LegalHoldSerializer, 404: ErrorSerializer, 409: ErrorSerializer}
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def lift(self, request: Request, pk: UUID) -> Response:
        """Lift it; it stays as a record. 409 where it was lifted before."""
        hold = self.get_object()
        if not hold_lift(hold=hold, actor=self.user, address=address_of(request._request) or None):
            raise Conflict(_("This hold was lifted before."))
        return Response(self.get_serializer(hold).data)
