"""API of scorecards: read and written whole, checked, published and retired, as in the admin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from conversations.events import stamp
from conversations.models import Conversation
from qa.agreement import AGREEMENT_PERIOD, agreement
from qa.decisions import criterion_decide
from qa.models import Criterion, CriterionDecision, ScorecardTemplate
from qa.scorecards import scorecard_complaints, scorecard_spec, scorecard_warnings
from qa.selectors import quality_settings
from qa.services import scorecard_publish, scorecard_retire
from qa.writing import scorecard_write

Serializer = serializers.Serializer[Any]


class OptionSerializer(Serializer):
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]
    score = serializers.FloatField(min_value=0, max_value=100, help_text="What it is worth.")


class CriterionSerializer(Serializer):
    """One criterion. Which fields count depends on kind and method."""

    key = serializers.UUIDField(required=False, help_text="Of one that is there; without it a new one.")
    section = serializers.CharField(max_length=60, allow_blank=True, default="")
    question = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(Criterion.Kind.choices, default=Criterion.Kind.YES_NO)
    options = OptionSerializer(many=True, default=list, help_text="choice: the answers.")
    low = serializers.FloatField(allow_null=True, default=None)
    high = serializers.FloatField(allow_null=True, default=None)
    allow_na = serializers.BooleanField(default=True)
    weight = serializers.IntegerField(min_value=0, max_value=1000, default=10)
    auto_fail = serializers.BooleanField(default=False)
    depends_on = serializers.CharField(
        allow_null=True,
        default=None,
        help_text="The question of an earlier or later criterion of this scorecard.",
    )
    depends_values = serializers.ListField(child=serializers.CharField(max_length=60), default=list)
    guideline = serializers.CharField(max_length=300, allow_blank=True, default="")
    good_example = serializers.CharField(max_length=500, allow_blank=True, default="")
    bad_example = serializers.CharField(max_length=500, allow_blank=True, default="")
    coaching_tip = serializers.CharField(max_length=300, allow_blank=True, default="")
    method = serializers.CharField(
        max_length=20, default="person", help_text="person, moment, behaviour, figure, intent, model …"
    )
    moment = serializers.SlugField(allow_null=True, default=None, help_text="moment: its key.")
    expect = serializers.ChoiceField(Criterion.Expect.choices, default=Criterion.Expect.PRESENT)
    applies_after = serializers.SlugField(allow_null=True, default=None, help_text="A moment's key.")
    said_by = serializers.ChoiceField(
        Criterion.SaidBy.choices,
        default=Criterion.SaidBy.AGENT,
        help_text="model: whose words must stand behind an answer that gives points.",
    )
    behaviour = serializers.CharField(max_length=80, allow_blank=True, default="")
    figure = serializers.ChoiceField(Criterion.Figure.choices, allow_blank=True, default="")
    figure_test = serializers.ChoiceField(Criterion.Test.choices, default=Criterion.Test.AT_MOST)
    limit = serializers.FloatField(allow_null=True, default=None)
    task = serializers.SlugField(max_length=60, allow_blank=True, default="")
    intent = serializers.CharField(max_length=80, allow_blank=True, default="")
    least_score = serializers.FloatField(allow_null=True, default=None, min_value=0, max_value=1)


class AudienceSerializer(Serializer):
    teams = serializers.ListField(child=serializers.UUIDField(), default=list)
    queues = serializers.ListField(child=serializers.SlugField(), default=list, help_text="Their keys.")
    channels = serializers.ListField(
        child=serializers.ChoiceField(Conversation.Channel.choices), default=list
    )


class ScorecardWrittenSerializer(Serializer):
    """A scorecard whole: criteria that are left out are switched off, or removed if they were never published."""

    name = serializers.CharField(max_length=80)
    audience = AudienceSerializer(required=False, help_text="What is empty is everybody.")
    criteria = CriterionSerializer(many=True)


class ScorecardSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    active = serializers.BooleanField()
    audience = AudienceSerializer()
    criteria = CriterionSerializer(many=True)
    revision = serializers.IntegerField(allow_null=True, help_text="The newest one published.")
    revision_id = serializers.UUIDField(allow_null=True)
    changed = serializers.BooleanField(help_text="The draft is another than the newest revision.")
    complaints = serializers.ListField(
        child=serializers.CharField(), help_text="What keeps it from being published."
    )
    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text="What will not be answered as it stands; it can be published.",
    )
    updated_at = serializers.DateTimeField()


class ScorecardListedSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class AgreedSerializer(Serializer):
    n = serializers.IntegerField(help_text="Pairs of answers.")
    percent = serializers.FloatField(allow_null=True)
    points = serializers.FloatField(allow_null=True, help_text="How far apart they are on average, of 100.")
    kappa = serializers.FloatField(allow_null=True, help_text="Cohen's; null where it is not defined.")
    low = serializers.BooleanField(help_text="Under the bar, with enough pairs to say so.")
    few = serializers.BooleanField(help_text="Too few pairs for kappa to say anything.")


class DecisionShownSerializer(Serializer):
    decision = serializers.ChoiceField(CriterionDecision.Decision.choices)
    reason = serializers.CharField()
    kappa = serializers.FloatField(allow_null=True, help_text="What it was decided on.")
    pairs = serializers.IntegerField()
    decided_by = PersonSerializer(allow_null=True)
    decided_at = serializers.DateTimeField()


class DecideSerializer(Serializer):
    criterion = serializers.CharField(max_length=40, help_text="Its key.")
    decision = serializers.ChoiceField(CriterionDecision.Decision.choices)
    reason = serializers.CharField(max_length=300)


class JudgeAgreementSerializer(Serializer):
    judge = serializers.CharField(
        help_text="A judge's revision; of a language model with model and prompt revision; empty: not known."
    )
    agreed = AgreedSerializer()


class CriterionAgreementSerializer(Serializer):
    key = serializers.CharField()
    section = serializers.CharField()
    question = serializers.CharField()
    automatic = AgreedSerializer(allow_null=True, help_text="Automatic against people; null: people only.")
    people = AgreedSerializer(help_text="First against second reviews.")
    judges = JudgeAgreementSerializer(many=True, help_text="Automatic, told apart by what had answered.")
    calibration = AgreedSerializer(
        allow_null=True, help_text="Automatic against the references of closed calibrations; null: none."
    )
    warned = serializers.BooleanField(help_text="Somebody should decide whether it stays automatic.")
    decision = DecisionShownSerializer(allow_null=True, help_text="What was decided last.")


class AgreementSerializer(Serializer):
    since = serializers.DateTimeField()
    bar = serializers.FloatField()
    criteria = CriterionAgreementSerializer(many=True)


class ScorecardViewSet(ItemListMixin, CompanyViewSet):
    """Scorecards by name."""

    permission = Permission.EVALUATION_OVERRIDE
    permissions_by_action = dict.fromkeys(
        ("create", "update", "publish", "retire"), Permission.ADMIN_CONFIGURE
    ) | dict.fromkeys(("agreement", "decide"), Permission.EVALUATION_MANAGE)
    serializer_class = ScorecardListedSerializer
    queryset = ScorecardTemplate.objects.order_by("name", "pk")

    def get_queryset(self) -> QuerySet[Any]:
        return ScorecardTemplate.objects.none() if self.is_schema else super().get_queryset()

    def render(self, row: Any) -> dict[str, Any]:
        return {"id": row.pk, "name": row.name, "active": row.active, "updated_at": stamp(row.updated_at)}

    @extend_schema(responses=ScorecardSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """The draft, and what keeps it from being published."""
        return self._whole(self._row(pk))

    @extend_schema(
        request=ScorecardWrittenSerializer, responses={201: ScorecardSerializer, 400: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """A new one, as a draft."""
        row = scorecard_write(template=None, document=self._given(request), actor=self.user)
        return self._whole(row, status.HTTP_201_CREATED)

    @extend_schema(
        request=ScorecardWrittenSerializer, responses={200: ScorecardSerializer, 400: ErrorSerializer}
    )
    def update(self, request: Request, pk: UUID) -> Response:
        """The draft anew, whole. Publish it to score by it."""
        row = scorecard_write(template=self._row(pk), document=self._given(request), actor=self.user)
        return self._whole(row)

    @extend_schema(request=None, responses={200: ScorecardSerializer, 400: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def publish(self, request: Request, pk: UUID) -> Response:
        """Score conversations that end from now on by the draft."""
        row = self._row(pk)
        scorecard_publish(template=row, actor=self.user)
        return self._whole(self._row(pk))

    @extend_schema(request=None, responses=ScorecardSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def retire(self, request: Request, pk: UUID) -> Response:
        """Score no further conversations by it."""
        row = self._row(pk)
        scorecard_retire(template=row, actor=self.user)
        return self._whole(row)

    @extend_schema(responses=AgreementSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def agreement(self, request: Request, pk: UUID) -> Response:
        """How far automatic answers agree with people, and people with one another, over the last 90 days."""
        since, bar = timezone.now() - AGREEMENT_PERIOD, quality_settings().kappa_percent / 100
        rows = agreement(self._row(pk), since=since, bar=bar)
        return Response(AgreementSerializer({"since": since, "bar": bar, "criteria": rows}).data)

    @extend_schema(request=DecideSerializer, responses=DecisionShownSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def decide(self, request: Request, pk: UUID) -> Response:
        """Decide whether a criterion stays automatic, with a reason. People only holds from the next revision on."""
        template, given = self._row(pk), DecideSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        row = criterion_decide(
            template=template,
            key=asked["criterion"],
            decision=asked["decision"],
            reason=asked["reason"],
            actor=self.user,
        )
        return Response(DecisionShownSerializer(row).data)

    def _row(self, pk: UUID) -> ScorecardTemplate:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def _given(self, request: Request) -> dict[str, Any]:
        given = ScorecardWrittenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def _whole(self, row: ScorecardTemplate, code: int = status.HTTP_200_OK) -> Response:
        spec = scorecard_spec(row)
        names = {one["key"]: one["question"] for one in spec["criteria"]}
        newest = row.revisions.order_by("-number").first()
        shown = {
            **self.render(row),
            "audience": spec["audience"],
            "criteria": [
                {**one, "depends_on": names.get(one["depends_on"] or "")} for one in spec["criteria"]
            ],
            "revision": newest.number if newest else None,
            "revision_id": newest.pk if newest else None,
            "changed": newest is None or newest.spec != spec,
            "complaints": scorecard_complaints(row),
            "warnings": scorecard_warnings(spec),
        }
        return Response(ScorecardSerializer(shown).data, status=code)
