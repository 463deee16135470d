"""API of experiments: whether a policy helps, tried on a share of the agents or conversations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.experiment_plan import experiment_outlook, outlook_words
from coaching.experiment_report import OutcomeFigures, Standing, experiment_result
from coaching.experiment_words import verdict, warnings
from coaching.experiments import (
    FIELDS,
    experiment_change,
    experiment_create,
    experiment_delete,
    experiment_start,
    experiment_stop,
)
from coaching.models import Better, Experiment, Policy
from conversations.events import person

Serializer = serializers.Serializer[Any]


def _keys(**more: Any) -> Any:
    return serializers.ListField(child=serializers.CharField(max_length=60), max_length=100, **more)


class ExperimentChangeSerializer(Serializer):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=80, required=False)
    unit = serializers.ChoiceField(Experiment.Unit.choices, required=False)
    holdout_percent = serializers.IntegerField(
        min_value=1,
        max_value=90,
        required=False,
        help_text="Share of agents or conversations without guidance.",
    )
    primary = serializers.ChoiceField(
        Experiment.Outcome.choices, required=False, help_text="The outcome that the verdict rests on."
    )
    worth = serializers.FloatField(
        min_value=0.01,
        max_value=100,
        required=False,
        help_text="Smallest effect worth having: percent (handle time), points (csat), of 100 conversations.",
    )
    only_touched = serializers.BooleanField(
        required=False, help_text="Count only conversations in which the policy had something to show."
    )
    csat_field = serializers.CharField(max_length=60, allow_blank=True, required=False)
    dispositions = _keys(required=False)
    dispositions_better = serializers.ChoiceField(Better.choices, required=False)
    conversion_dispositions = _keys(required=False)
    conversion_field = serializers.CharField(max_length=60, allow_blank=True, required=False)


class NewExperimentSerializer(ExperimentChangeSerializer):
    policy = serializers.UUIDField()
    name = serializers.CharField(max_length=80)


class ExperimentSerializer(Serializer):
    id = serializers.UUIDField()
    policy = serializers.UUIDField()
    state = serializers.ChoiceField(Experiment.State.choices)
    name = serializers.CharField()
    unit = serializers.ChoiceField(Experiment.Unit.choices)
    holdout_percent = serializers.IntegerField()
    primary = serializers.ChoiceField(Experiment.Outcome.choices)
    worth = serializers.FloatField()
    only_touched = serializers.BooleanField()
    csat_field = serializers.CharField()
    dispositions = _keys()
    dispositions_better = serializers.ChoiceField(Better.choices)
    conversion_dispositions = _keys()
    conversion_field = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    started_by = PersonSerializer(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class EstimateSerializer(Serializer):
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class SidesSerializer(Serializer):
    shown = serializers.IntegerField(help_text="With guidance.")
    held = serializers.IntegerField(help_text="Without.")


class OutcomeSerializer(Serializer):
    outcome = serializers.ChoiceField(Experiment.Outcome.choices)
    unit = serializers.CharField(help_text="s: seconds of a typical call; points; of 100: conversations.")
    primary = serializers.BooleanField()
    fewer_is_better = serializers.BooleanField()
    standing = serializers.ChoiceField([str(one) for one in Standing])
    shown = EstimateSerializer(allow_null=True)
    held = EstimateSerializer(allow_null=True)
    difference = EstimateSerializer(
        allow_null=True, help_text="With guidance less without; the interval holds however often one looks."
    )
    known = SidesSerializer()
    missing = SidesSerializer(help_text="Ended conversations of which the outcome is not known.")
    more = serializers.IntegerField(allow_null=True, help_text="Conversations still missing for this effect.")
    more_agents = serializers.IntegerField(
        allow_null=True, help_text="Agents, where conversations will not do."
    )


class OutlookSerializer(Serializer):
    agents = serializers.IntegerField(
        allow_null=True, help_text="In the policy's scope; null: calls are drawn."
    )
    held = serializers.IntegerField(allow_null=True, help_text="Of these, who would do without.")
    known = serializers.IntegerField(help_text="Calls of the last four weeks that this rests on.")
    calls = serializers.IntegerField(allow_null=True, help_text="What it takes; null: not known, or agents.")
    weeks = serializers.IntegerField(allow_null=True, help_text="At the pace of those weeks.")
    more_than_agents = serializers.IntegerField(
        allow_null=True, help_text="Where no number of calls of these agents will do."
    )
    words = serializers.ListField(child=serializers.CharField())


class ExperimentResultSerializer(Serializer):
    standing = serializers.ChoiceField([str(one) for one in Standing])
    verdict = serializers.CharField()
    act = serializers.CharField(help_text="Whether it is sure enough to act on; may be empty.")
    warnings = serializers.ListField(child=serializers.CharField())
    drawn = SidesSerializer()
    counted = SidesSerializer(help_text="Of those drawn, the conversations that are looked at.")
    open = SidesSerializer(help_text="Of those, still under way.")
    agents = SidesSerializer(help_text="0 where conversations are drawn.")
    revisions = serializers.ListField(child=serializers.IntegerField())
    mismatch = serializers.FloatField(
        help_text="How likely sizes that lie so far from the drawing are, at whatever look."
    )
    outcomes = OutcomeSerializer(many=True)
    outlook = OutlookSerializer(allow_null=True, help_text="Of a draft: what it would take.")


class ExperimentFilter(filters.FilterSet):
    policy = filters.UUIDFilter(field_name="policy_id")
    state = filters.ChoiceFilter(choices=Experiment.State)

    class Meta:
        model = Experiment
        fields: list[str] = []


class ExperimentViewSet(ItemListMixin, CompanyViewSet):
    """Whether a policy helps: some agents or conversations do without its optional guidance, and both are compared."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = ExperimentSerializer
    filterset_class = ExperimentFilter
    queryset = Experiment.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Experiment.objects.none()
        return Experiment.objects.select_related("started_by").order_by("-created_at", "-pk")

    def render(self, row: Any) -> dict[str, Any]:
        names = ("state", *FIELDS, "created_at", "started_at", "ended_at")
        return {
            "id": row.pk,
            "policy": row.policy_id,
            "started_by": person(row.started_by),
            **{name: getattr(row, name) for name in names},
        }

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One experiment, without its result."""
        return self.shown(self._one(pk))

    @extend_schema(
        request=NewExperimentSerializer, responses={201: ExperimentSerializer, 400: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Put an experiment together; nothing happens before it is started."""
        given = NewExperimentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        policy = Policy.objects.filter(pk=wanted.pop("policy")).first()
        if policy is None:
            raise serializers.ValidationError({"policy": ["There is no such policy."]})
        row = experiment_create(policy=policy, actor=self.user, address=self._address, **wanted)
        return Response(self.render(row), status=status.HTTP_201_CREATED)

    @extend_schema(
        request=ExperimentChangeSerializer, responses={200: ExperimentSerializer, 400: ErrorSerializer}
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change a draft. What has been started stays as it was."""
        given = ExperimentChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = self._one(pk)
        experiment_change(experiment=row, actor=self.user, address=self._address, **given.validated_data)
        return self.shown(self._one(pk))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Throw a draft away."""
        experiment_delete(experiment=self._one(pk), actor=self.user, address=self._address)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=ExperimentSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def start(self, request: Request, pk: UUID) -> Response:
        """Draw from the next conversation on."""
        experiment_start(experiment=self._one(pk), actor=self.user, address=self._address)
        return self.shown(self._one(pk))

    @extend_schema(request=None, responses=ExperimentSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def stop(self, request: Request, pk: UUID) -> Response:
        """End it: from the next conversation on everybody has the guidance."""
        experiment_stop(experiment=self._one(pk), actor=self.user, address=self._address)
        return self.shown(self._one(pk))

    @extend_schema(responses=ExperimentResultSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def result(self, request: Request, pk: UUID) -> Response:
        """What it has come to so far. May be asked as often as one likes: the intervals allow for it."""
        row = self.get_queryset().select_related("policy").defer("policy__draft").filter(pk=pk).first()
        if row is None:
            raise Http404("no such experiment")
        return Response(ExperimentResultSerializer(result_data(row)).data)

    @property
    def _address(self) -> str | None:
        return address_of(self.request._request) or None

    def _one(self, pk: UUID) -> Experiment:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such experiment")
        return row  # type: ignore[no-any-return]


def result_data(row: Experiment) -> dict[str, Any]:
    """A result as JSON."""
    result = experiment_result(row)
    said, act = verdict(row, result)

    shown = set(OutcomeSerializer().fields)

    def figures(one: OutcomeFigures) -> dict[str, Any]:
        data = asdict(one)
        return {name: value for name, value in data.items() if name in shown}

    names = ("standing", "drawn", "counted", "open", "agents", "revisions", "mismatch")
    return {
        "verdict": said,
        "act": act,
        "warnings": warnings(row, result),
        "outcomes": [figures(one) for one in result.outcomes],
        "outlook": _outlook(row) if row.state == Experiment.State.DRAFT else None,
        **{name: getattr(result, name) for name in names},
    }


def _outlook(row: Experiment) -> dict[str, Any]:
    found = experiment_outlook(row)
    return {
        "agents": found.agents,
        "held": found.held,
        "known": found.known,
        "calls": found.takes.calls if found.takes else None,
        "weeks": found.weeks,
        "more_than_agents": found.takes.agents if found.takes else None,
        "words": outlook_words(row, found),
    }
