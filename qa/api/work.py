"""API of the work on quality: assignments, disputes, and what sampling plans draw."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.access import conversation_for
from conversations.events import person, stamp
from qa.evaluating import dispute_resolve
from qa.models import Assignment, Dispute, Evaluation, SamplingPlan, ScorecardTemplate
from qa.work import (
    PLAN_FIELDS,
    assignment_create,
    assignment_drop,
    assignment_give,
    plan_draw,
    plan_save,
)
from qa.work_access import assignment_for, assignments_visible, dispute_for, disputes_visible

Serializer = serializers.Serializer[Any]


class AssignmentSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    scorecard = serializers.UUIDField()
    agent = PersonSerializer(allow_null=True)
    assignee = PersonSerializer(allow_null=True, help_text="null: whoever takes it.")
    kind = serializers.ChoiceField(Evaluation.Kind.choices)
    why = serializers.CharField()
    evaluation = serializers.UUIDField(allow_null=True, help_text="What was begun of it.")
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)


class NewAssignmentSerializer(Serializer):
    conversation = serializers.UUIDField()
    scorecard = serializers.UUIDField()
    assignee = serializers.UUIDField(required=False, allow_null=True)
    agent = serializers.UUIDField(required=False)
    due_at = serializers.DateTimeField(required=False, allow_null=True)
    why = serializers.CharField(max_length=120, default="", allow_blank=True)


class GiveSerializer(Serializer):
    assignee = serializers.UUIDField(allow_null=True, help_text="null: back to the list.")


class AssignmentViewSet(ItemListMixin, CompanyViewSet):
    """What is to be evaluated by you, or by whoever takes it, the oldest first."""

    permission = Permission.EVALUATION_OVERRIDE
    permissions_by_action = dict.fromkeys(("create", "give"), Permission.EVALUATION_MANAGE)
    serializer_class = AssignmentSerializer
    queryset = Assignment.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return (
            Assignment.objects.none()
            if self.is_schema
            else assignments_visible(self.user).order_by("created_at", "pk")
        )

    def render(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            "conversation": row.conversation_id,
            "scorecard": row.template_id,
            "agent": person(row.agent),
            "assignee": person(row.assignee),
            "kind": row.kind,
            "why": row.why,
            "evaluation": row.evaluation_id,
            "created_at": stamp(row.created_at),
            "due_at": stamp(row.due_at),
        }

    @extend_schema(request=NewAssignmentSerializer, responses={201: AssignmentSerializer})
    def create(self, request: Request) -> Response:
        """Have somebody evaluate a conversation."""
        given = NewAssignmentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        row = assignment_create(
            conversation=conversation_for(self.user, asked["conversation"]),
            template=get_object_or_404(ScorecardTemplate, pk=asked["scorecard"]),
            actor=self.user,
            assignee=_person(asked.get("assignee")),
            agent_id=asked.get("agent"),
            due_at=asked.get("due_at"),
            why=asked["why"],
        )
        return Response(self.get_serializer(self.render(row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=GiveSerializer, responses=AssignmentSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def give(self, request: Request, pk: UUID) -> Response:
        """Hand it to somebody, or back to the list."""
        given = GiveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = assignment_for(self.user, pk)
        assignment_give(assignment=row, assignee=_person(given.validated_data["assignee"]), actor=self.user)
        return self.shown(assignment_for(self.user, pk))

    @extend_schema(request=None, responses={204: None}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def drop(self, request: Request, pk: UUID) -> Response:
        """Take it off the list."""
        assignment_drop(assignment=assignment_for(self.user, pk), actor=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _person(pk: UUID | None) -> User | None:
    return None if pk is None else get_object_or_404(User, pk=pk, is_active=True)


class DisputeSerializer(Serializer):
    id = serializers.UUIDField()
    score = serializers.UUIDField()
    conversation = serializers.UUIDField()
    answer = serializers.UUIDField(allow_null=True, help_text="null: the score as a whole.")
    agent = PersonSerializer(allow_null=True)
    reason = serializers.CharField()
    raised_by = PersonSerializer(allow_null=True)
    raised_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    accepted = serializers.BooleanField(allow_null=True, help_text="null: not decided yet.")
    resolution = serializers.CharField()
    resolved_by = PersonSerializer(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)


class ResolveSerializer(Serializer):
    accept = serializers.BooleanField()
    reason = serializers.CharField(max_length=300, help_text="The agent reads it.")
    value = serializers.CharField(
        max_length=1000, required=False, help_text="The right answer, where one answer is disputed."
    )


class DisputeViewSet(ItemListMixin, CompanyViewSet):
    """What agents object to, the most urgent first; agents see their own."""

    permission = Permission.EVALUATION_READ
    permissions_by_action = {"resolve": Permission.EVALUATION_OVERRIDE}
    serializer_class = DisputeSerializer
    queryset = Dispute.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Dispute.objects.none() if self.is_schema else disputes_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            "score": row.evaluation_id,
            "conversation": row.evaluation.conversation_id,
            "answer": row.answer_id,
            "agent": person(row.evaluation.agent),
            "raised_by": person(row.raised_by),
            "resolved_by": person(row.resolved_by),
            **{name: getattr(row, name) for name in ("reason", "accepted", "resolution")},
            **{name: stamp(getattr(row, name)) for name in ("raised_at", "due_at", "resolved_at")},
        }

    @extend_schema(request=ResolveSerializer, responses=DisputeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Decide it, with a reason."""
        given = ResolveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        dispute_resolve(dispute=dispute_for(self.user, pk), user=self.user, **given.validated_data)
        return self.shown(dispute_for(self.user, pk))


class PlanWrittenSerializer(Serializer):
    """How conversations are drawn for people to evaluate. When it is changed, what is left out stays as it is."""

    name = serializers.CharField(max_length=80)
    scorecard = serializers.UUIDField(help_text="One that is in use.")
    active = serializers.BooleanField(required=False, help_text="false switches it off: it draws no more.")
    strata = serializers.ChoiceField(SamplingPlan.Strata.choices, required=False)
    moment = serializers.CharField(
        required=False, allow_null=True, max_length=80, help_text="Its key: only where it was heard."
    )
    period = serializers.ChoiceField(SamplingPlan.Period.choices, required=False)
    per_agent = serializers.IntegerField(
        required=False, min_value=1, max_value=100, help_text="At most of one agent in a period."
    )
    per_period = serializers.IntegerField(
        required=False, min_value=1, max_value=10_000, help_text="At most in a period."
    )
    shortest_seconds = serializers.IntegerField(
        required=False, min_value=0, max_value=32_767, help_text="Only calls from so many seconds on."
    )
    second_percent = serializers.IntegerField(
        required=False, min_value=0, max_value=100, help_text="Judged by a second person, too."
    )
    due_days = serializers.IntegerField(
        required=False, min_value=1, max_value=365, help_text="Days to evaluate it."
    )
    evaluators = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=500,
        help_text="Empty: whoever takes it from the list.",
    )


class PlanSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    active = serializers.BooleanField()
    scorecard = serializers.UUIDField()
    strata = serializers.ChoiceField(SamplingPlan.Strata.choices)
    moment = serializers.CharField(allow_null=True, help_text="Its key.")
    period = serializers.ChoiceField(SamplingPlan.Period.choices)
    per_agent = serializers.IntegerField()
    per_period = serializers.IntegerField()
    shortest_seconds = serializers.IntegerField()
    second_percent = serializers.IntegerField()
    due_days = serializers.IntegerField()
    evaluators = PersonSerializer(many=True)
    drawn_at = serializers.DateTimeField(allow_null=True)


class DrawnSerializer(Serializer):
    drawn = serializers.IntegerField(help_text="Evaluations that are on the list now because of it.")


class PlanViewSet(ItemListMixin, CompanyViewSet):
    """Sampling plans by name. Each draws once a day by itself."""

    permission = Permission.EVALUATION_MANAGE
    # Set up where the admin is.
    permissions_by_action = dict.fromkeys(("create", "partial_update"), Permission.ADMIN_CONFIGURE)
    serializer_class = PlanSerializer
    queryset = (
        SamplingPlan.objects.select_related("moment").prefetch_related("evaluators").order_by("name", "pk")
    )

    def get_queryset(self) -> QuerySet[Any]:
        return SamplingPlan.objects.none() if self.is_schema else super().get_queryset()

    def render(self, row: Any) -> dict[str, Any]:
        return {
            "id": row.pk,
            **{name: getattr(row, name) for name in PLAN_FIELDS},
            "scorecard": row.template_id,
            "moment": row.moment.key if row.moment else None,
            "evaluators": [person(one) for one in row.evaluators.all()],
            "drawn_at": stamp(row.drawn_at),
        }

    @extend_schema(responses=PlanSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of them."""
        return self.shown(self._row(pk))

    @extend_schema(request=PlanWrittenSerializer, responses={201: PlanSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """A new one; it draws from the next day on, or now by `draw`."""
        given = PlanWrittenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = self._save(None, given.validated_data)
        return Response(self.get_serializer(self.render(row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=PlanWrittenSerializer(partial=True), responses={200: PlanSerializer, 400: ErrorSerializer}
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change it, or switch it off (`active`: false). What it has drawn stays on the lists."""
        row = self._row(pk)
        given = PlanWrittenSerializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return self.shown(self._save(row, given.validated_data))

    def _row(self, pk: UUID) -> SamplingPlan:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def _save(self, plan: SamplingPlan | None, given: dict[str, Any]) -> SamplingPlan:
        address = address_of(self.request._request) or None
        return self._row(plan_save(plan=plan, given=given, actor=self.user, address=address).pk)

    @extend_schema(request=None, responses=DrawnSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def draw(self, request: Request, pk: UUID) -> Response:
        """Draw now what it still owes this period."""
        return Response({"drawn": len(plan_draw(plan=self._row(pk), actor=self.user))})
