"""API of re-scoring: history judged anew by a scorecard's newest revision, first as a preview."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from conversations.events import person, stamp
from qa.models import Rescore, ScorecardRevision
from qa.rescoring import MOST_DAYS, rescore_cancel, rescore_resume, rescore_start

Serializer = serializers.Serializer[Any]


class RescoreRequestSerializer(Serializer):
    revision = serializers.UUIDField(help_text="The newest revision of a scorecard in use.")
    days = serializers.IntegerField(
        min_value=1, max_value=MOST_DAYS, help_text="Calls of the last so many days."
    )
    preview = serializers.BooleanField(
        default=True, help_text="Reckon what would change, and change nothing."
    )
    with_model = serializers.BooleanField(
        default=False,
        help_text="Ask the language model, too; only after a preview that says what that takes.",
    )


class ModelCostSerializer(Serializer):
    """What a run that asks the language model would take, as estimated."""

    requests = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost = serializers.DecimalField(
        max_digits=20, decimal_places=6, help_text="In the currency of the server's prices."
    )


class RescoreSerializer(Serializer):
    id = serializers.UUIDField()
    scorecard = serializers.CharField()
    revision = serializers.IntegerField()
    preview = serializers.BooleanField()
    with_model = serializers.BooleanField(help_text="It asks the language model.")
    model = ModelCostSerializer(
        allow_null=True, help_text="Of a preview: what asking would take; null: no criterion, or no model."
    )
    state = serializers.ChoiceField(Rescore.State.choices)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="Whose total is, or would be, another than before.")
    kept = serializers.IntegerField(help_text="Left as they are, because people have touched them.")
    failed = serializers.IntegerField()
    mean_before = serializers.FloatField(allow_null=True)
    mean_after = serializers.FloatField(allow_null=True)
    up = serializers.IntegerField()
    down = serializers.IntegerField()
    unscored = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many get no score, by why."
    )
    started_by = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


def rescore_shown(row: Rescore) -> dict[str, Any]:
    """A run as pages and the API show it."""
    figures = {"before": [0.0, 0], "after": [0.0, 0], "up": 0, "down": 0, "unscored": {}, **row.figures}
    means = {
        name: round(total / n, 1) if n else None
        for name, (total, n) in (("mean_before", figures["before"]), ("mean_after", figures["after"]))
    }
    return {
        "id": str(row.pk),
        "scorecard": row.revision.spec["name"],
        "revision": row.revision.number,
        **{
            name: getattr(row, name)
            for name in ("preview", "with_model", "state", "total", "done", "changed", "kept", "failed")
        },
        **means,
        "model": cost_shown(row),
        **{name: figures[name] for name in ("up", "down", "unscored")},
        "since": stamp(row.since),
        "until": stamp(row.until),
        "started_by": person(row.started_by),
        "created_at": stamp(row.created_at),
        "ended_at": stamp(row.ended_at),
    }


def cost_shown(row: Rescore) -> dict[str, Any] | None:
    """What asking the language model would take."""
    told = row.figures.get("model")
    return None if told is None else {**told, "cost": Decimal(told["cost"]).quantize(Decimal("0.000001"))}


class RescoreViewSet(ItemListMixin, CompanyViewSet):
    """Re-scorings, newest first. One at a time."""

    permission = Permission.EVALUATION_MANAGE
    serializer_class = RescoreSerializer
    queryset = Rescore.objects.select_related("revision", "started_by").order_by("-created_at", "-pk")

    def get_queryset(self) -> QuerySet[Any]:
        return Rescore.objects.none() if self.is_schema else super().get_queryset()

    def render(self, row: Any) -> dict[str, Any]:
        return rescore_shown(row)

    @extend_schema(request=RescoreRequestSerializer, responses={201: RescoreSerializer})
    def create(self, request: Request) -> Response:
        """Begin one; a preview unless you say otherwise."""
        given = RescoreRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        revision = get_object_or_404(ScorecardRevision, pk=asked["revision"])
        run = rescore_start(
            revision=revision,
            days=asked["days"],
            preview=asked["preview"],
            with_model=asked["with_model"],
            actor=self.user,
        )
        return Response(RescoreSerializer(rescore_shown(run)).data, status=status.HTTP_201_CREATED)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """How far it is, and what it changes."""
        return self.shown(self._row(pk))

    @extend_schema(request=None, responses=RescoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it; what is written stays."""
        self._row(pk)
        rescore_cancel(run_id=pk, actor=self.user)
        return self.shown(self._row(pk))

    @extend_schema(request=None, responses=RescoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on where it stopped."""
        self._row(pk)
        rescore_resume(run_id=pk, actor=self.user)
        return self.shown(self._row(pk))

    def _row(self, pk: UUID) -> Rescore:
        return get_object_or_404(self.get_queryset(), pk=pk)
