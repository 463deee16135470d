"""API of language models: how tasks stand, what they took, routes, budgets, prompts and their evaluation sets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from engines.language.registry import TASKS
from providers.evaluating_start import evaluation_start
from providers.language_figures import PERIODS, budgets_standing, figures, standings
from providers.language_services import (
    budget_save,
    case_save,
    language_remove,
    revision_create,
    revision_publish,
    revision_roll_back,
    revision_save,
    route_save,
)
from providers.models import EvaluationCase, LanguageRoute, ModelBudget, PromptEvaluation, PromptRevision

DAYS = list(PERIODS)


class TaskField(serializers.ChoiceField):
    """The name of a task."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=kwargs.pop("choices", list(TASKS)), **kwargs)


class LanguageTaskSerializer(serializers.Serializer[Any]):
    """`way` is `model`, or the name of the task's own way; `why` says why no model does it."""

    name = serializers.CharField(source="task.name")
    label = serializers.CharField(source="task.label")  # type: ignore[assignment]
    way = serializers.CharField()
    why = serializers.ChoiceField(choices=["", "no_model", "over_budget"])
    without = serializers.CharField(source="task.without")
    models = serializers.ListField(child=serializers.CharField())
    variables = serializers.ListField(child=serializers.CharField(), source="task.prompt.names")
    inside = serializers.BooleanField(source="task.inside")
    revisions = serializers.SerializerMethodField()

    @extend_schema(responses=None)
    def get_revisions(self, standing: Any) -> list[dict[str, int]]:
        return [{"revision": one.number, "share": one.share} for one in standing.revisions]


class ModelFigureSerializer(serializers.Serializer[Any]):
    """Times in milliseconds, of answers that a server gave."""

    task = serializers.CharField()
    model = serializers.CharField()
    revision = serializers.IntegerField(help_text="0: the words that the installation brings.")
    calls = serializers.IntegerField()
    answered = serializers.IntegerField()
    repaired = serializers.IntegerField()
    remembered = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=20, decimal_places=8)
    p50_ms = serializers.IntegerField(allow_null=True)
    p95_ms = serializers.IntegerField(allow_null=True)
    first_p50_ms = serializers.IntegerField(allow_null=True)
    last = serializers.DateTimeField()


class LanguageTaskViewSet(CompanyViewSet):
    """What language models do for the company."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = LanguageTaskSerializer
    pagination_class = None
    filter_backends: list[Any] = []

    @extend_schema(responses=LanguageTaskSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Every task, with who does it now."""
        return Response(LanguageTaskSerializer(standings(), many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("days", int, enum=DAYS, default=30)],
        responses={200: ModelFigureSerializer(many=True), 400: ErrorSerializer},
    )
    @action(detail=False, methods=["get"])
    def figures(self, request: Request) -> Response:
        """Calls, tokens, cost and times of the last days, by task, model and revision of the prompt."""
        days = serializers.ChoiceField(choices=DAYS).run_validation(request.query_params.get("days", "30"))
        return Response(ModelFigureSerializer(figures(days=days), many=True).data)


# --- Routes, budgets, cases -----------------------------------------------------------------------------


class LanguageRouteSerializer(serializers.ModelSerializer[LanguageRoute]):
    task = TaskField()
    parameters = serializers.DictField(required=False)

    class Meta:
        model = LanguageRoute
        fields = (
            *("id", "task", "position", "server", "model", "parameters", "deadline_ms"),
            *("price_in", "price_out", "active"),
        )
        # The service says which position is taken.
        validators: list[Any] = []


class ModelBudgetSerializer(serializers.ModelSerializer[ModelBudget]):
    task = TaskField(choices=["", *TASKS], required=False)
    spent_share = serializers.SerializerMethodField(help_text="Of this month's, 1.0 being all of it.")

    class Meta:
        model = ModelBudget
        fields = (
            *("id", "task", "monthly_cost", "monthly_tokens", "alert_percent", "alert_to", "active"),
            "spent_share",
        )
        validators: list[Any] = []

    def get_spent_share(self, budget: ModelBudget) -> float | None:
        kept: dict[str, Any] = self.context  # type: ignore[assignment]
        if "shares" not in kept:
            kept["shares"] = {one.budget.pk: one.share for one in budgets_standing()}
        share = kept["shares"].get(budget.pk)
        return None if share is None else round(share, 4)


class EvaluationCaseSerializer(serializers.ModelSerializer[EvaluationCase]):
    task = TaskField()
    variables = serializers.DictField()
    expectation = serializers.DictField()

    class Meta:
        model = EvaluationCase
        fields = ("id", "task", "variables", "expectation", "note", "source", "active", "created_at")
        read_only_fields = ("source", "created_at")


class _RowsViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
    CompanyViewSet,
):
    """Rows that are written by a service each: made, changed in part, taken away."""

    permission = Permission.ADMIN_CONFIGURE

    def save(self, row: Any) -> Any:
        raise NotImplementedError

    def perform_create(self, serializer: Any) -> None:
        model = serializer.Meta.model
        serializer.instance = self.save(model(**serializer.validated_data))

    @extend_schema(responses={400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change one; what is not given stays."""
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        for name, value in serializer.validated_data.items():
            setattr(row, name, value)
        return Response(self.get_serializer(self.save(row)).data)

    def perform_destroy(self, instance: Any) -> None:
        language_remove(thing=instance, actor=self.user)


class LanguageRouteViewSet(_RowsViewSet):
    """Who does which task, in order of preference."""

    serializer_class = LanguageRouteSerializer
    queryset = LanguageRoute.objects.order_by("task", "position")
    filterset_fields = ("task", "active")

    def save(self, row: LanguageRoute) -> LanguageRoute:
        return route_save(route=row, actor=self.user)


class ModelBudgetViewSet(_RowsViewSet):
    """What models may cost in a month."""

    serializer_class = ModelBudgetSerializer
    queryset = ModelBudget.objects.order_by("task")

    def save(self, row: ModelBudget) -> ModelBudget:
        return budget_save(budget=row, actor=self.user)


class EvaluationCaseViewSet(_RowsViewSet):
    """The evaluation sets of tasks. What a case holds is redacted when it is saved."""

    serializer_class = EvaluationCaseSerializer
    queryset = EvaluationCase.objects.order_by("task", "created_at")
    filterset_fields = ("task", "source", "active")

    def save(self, row: EvaluationCase) -> EvaluationCase:
        return case_save(case=row, actor=self.user)


# --- Prompts --------------------------------------------------------------------------------------------


class PromptEvaluationSerializer(serializers.ModelSerializer[PromptEvaluation]):
    class Meta:
        model = PromptEvaluation
        fields = ("model", "cases", "failed", "score", "p50_ms", "tokens", "cost", "at")


class PromptRevisionSerializer(serializers.ModelSerializer[PromptRevision]):
    task = TaskField()
    evaluation = serializers.SerializerMethodField(help_text="Its last figures.")

    class Meta:
        model = PromptRevision
        fields = (
            *("id", "task", "number", "system", "user", "note", "state", "share", "created_at"),
            *("published_at", "evaluation"),
        )
        read_only_fields = ("number", "state", "share", "created_at", "published_at")

    @extend_schema(responses=PromptEvaluationSerializer)
    def get_evaluation(self, row: PromptRevision) -> Any:
        last = next(iter(row.evaluations.all()), None)
        return None if last is None else PromptEvaluationSerializer(last).data


class PromptShareSerializer(serializers.Serializer[Any]):
    share = serializers.IntegerField(min_value=1, max_value=100, default=100)


class PromptRevisionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, CompanyViewSet):
    """The company's own words for tasks: drafts, those that were tried, and what calls go by."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = PromptRevisionSerializer
    queryset = PromptRevision.objects.prefetch_related("evaluations").order_by("task", "-number")
    filterset_fields = ("task", "state")

    @extend_schema(responses={201: PromptRevisionSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Write a draft."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = revision_create(**given.validated_data, actor=self.user)
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: PromptRevisionSerializer, 400: ErrorSerializer})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a draft. What was published does not change any more."""
        row = self.get_object()
        given = self.get_serializer(row, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        for name, value in given.validated_data.items():
            if name != "task":
                setattr(row, name, value)
        return self._shown(revision_save(revision=row, actor=self.user))

    @extend_schema(request=None, responses={202: PromptRevisionSerializer, 400: ErrorSerializer})
    @action(detail=True, methods=["post"])
    def evaluate(self, request: Request, pk: UUID) -> Response:
        """Have it tried on the evaluation set. Its figures are there when that is done."""
        row = self.get_object()
        evaluation_start(revision=row, actor=self.user)
        return Response(self.get_serializer(row).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        request=PromptShareSerializer, responses={200: PromptRevisionSerializer, 400: ErrorSerializer}
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: UUID) -> Response:
        """Have calls go by it, all or a share of them. Refused where it did worse than what holds now."""
        given = PromptShareSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = revision_publish(
            revision=self.get_object(), share=given.validated_data["share"], actor=self.user
        )
        return self._shown(row)

    @extend_schema(request=None, responses={200: PromptRevisionSerializer, 400: ErrorSerializer})
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, pk: UUID) -> Response:
        """Take it back: what it replaced holds again."""
        row = self.get_object()
        revision_roll_back(revision=row, actor=self.user)
        return self._shown(row)

    def _shown(self, row: PromptRevision) -> Response:
        again: QuerySet[PromptRevision] = self.get_queryset()
        return Response(self.get_serializer(get_object_or_404(again, pk=row.pk)).data)
