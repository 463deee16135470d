"""API of editing: a draft tried on a dialogue or a past call, and played over the last conversations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.backtest import MOST, backtest_cancel, backtest_resume, backtest_start
from coaching.backtest_report import backtest_examples, backtest_report, report_data, rule_label
from coaching.dialogues import TEXT_MAX
from coaching.models import Backtest, Policy
from coaching.trying import Trial, draft_try
from conversations.events import person

Serializer = serializers.Serializer[Any]


class TrialRequestSerializer(Serializer):
    policy = serializers.UUIDField(required=False, help_text="Its draft is tried, unless a document is sent.")
    document = serializers.DictField(required=False, help_text="The policy language; see docs/guidance.md.")
    dialogue = serializers.CharField(
        required=False,
        max_length=TEXT_MAX,
        help_text="Lines that begin with agent: or customer:; (25 s) is a pause, (hold 90 s) a time on hold.",
    )
    conversation = serializers.UUIDField(required=False, help_text="A past call instead of a dialogue.")
    fields_known = serializers.DictField(
        required=False,
        help_text="What is known of a typed call: queue, channel, customer.segment, metadata.NAME …",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "policy" not in attrs and "document" not in attrs:
            raise serializers.ValidationError({"policy": ["Name a policy, or send a document."]})
        if ("dialogue" in attrs) == ("conversation" in attrs):
            raise serializers.ValidationError({"dialogue": ["Send a dialogue, or name a conversation."]})
        return attrs


class TrialEventSerializer(Serializer):
    kind = serializers.ChoiceField(["moment", "fired", "held", "withdrawn"])
    label = serializers.CharField()  # type: ignore[assignment]
    title = serializers.CharField()
    why = serializers.CharField()
    rule = serializers.CharField(help_text="Its name.")
    rule_id = serializers.CharField()


class TrialStepSerializer(Serializer):
    speaker = serializers.CharField(allow_null=True, help_text="null: time passed.")
    start_ms = serializers.IntegerField(allow_null=True)
    at_ms = serializers.IntegerField()
    text = serializers.CharField(allow_null=True)
    measures = serializers.DictField(child=serializers.CharField())
    events = TrialEventSerializer(many=True)


class TrialSerializer(Serializer):
    steps = TrialStepSerializer(many=True)
    fired = serializers.DictField(child=serializers.IntegerField(), help_text="How often, by name.")
    silent = serializers.ListField(child=serializers.CharField())
    hints = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())


class TrialViewSet(CompanyViewSet):
    """A draft played through a dialogue, or through a past call that you may read. Nothing is stored."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = TrialSerializer
    queryset = Policy.objects.none()
    pagination_class = None

    @extend_schema(request=TrialRequestSerializer, responses={200: TrialSerializer, 400: ErrorSerializer})
    def create(self, request: Request) -> Response:
        """Try it: what is heard, what acts and what is held back, step by step."""
        sent = TrialRequestSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = sent.validated_data
        policy = _policy(given["policy"]) if "policy" in given else None
        conversation = given.get("conversation")
        trial = draft_try(
            document=given.get("document", policy.draft if policy else None),
            user=self.user,
            policy=policy,
            dialogue=given.get("dialogue", ""),
            conversation_id=str(conversation) if conversation else None,
            fields=given.get("fields_known"),
        )
        return Response(TrialSerializer(trial_data(trial)).data)


def trial_data(trial: Trial) -> dict[str, Any]:
    """A trial as JSON."""
    return {
        "steps": [
            {
                "speaker": step.turn.speaker if step.turn else None,
                "start_ms": step.turn.start_ms if step.turn else None,
                "at_ms": step.at_ms,
                "text": step.turn.text if step.turn else None,
                "measures": dict(step.measures),
                "events": [asdict(event) for event in step.events],
            }
            for step in trial.steps
        ],
        "fired": dict(trial.fired),
        "silent": list(trial.silent),
        "hints": trial.hints,
        "notes": list(trial.notes),
    }


class BacktestRequestSerializer(Serializer):
    policy = serializers.UUIDField()
    last = serializers.IntegerField(
        min_value=1, max_value=MOST, default=1000, help_text="How many conversations."
    )
    document = serializers.DictField(required=False, help_text="Played instead of the policy's draft.")


class NoiseSerializer(Serializer):
    p50 = serializers.IntegerField()
    p95 = serializers.IntegerField()
    most = serializers.IntegerField()
    mean = serializers.FloatField()


class BacktestRuleSerializer(Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    part = serializers.CharField()
    fires = serializers.IntegerField()
    calls = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the calls within the policy's scope.")
    before = serializers.IntegerField(help_text="How often it acts by what is published.")
    before_calls = serializers.IntegerField()
    new = serializers.IntegerField(help_text="Calls in which only the draft acts.")
    gone = serializers.IntegerField(help_text="Calls in which only what is published acts.")
    right = serializers.IntegerField()
    wrong = serializers.IntegerField()
    labelled = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)
    in_draft = serializers.BooleanField()
    not_tried = serializers.ListField(
        child=serializers.CharField(),
        help_text="Moments of the rule that are asked of a model: a backtest asks none, so that they did not come up.",
    )


class BacktestSerializer(Serializer):
    id = serializers.UUIDField()
    policy = serializers.UUIDField()
    against = serializers.IntegerField(allow_null=True, help_text="The revision it is compared with.")
    state = serializers.ChoiceField(Backtest.State.choices)
    last = serializers.IntegerField()
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    calls = serializers.IntegerField(help_text="Within the policy's scope.")
    failed = serializers.IntegerField()
    seconds = serializers.FloatField()
    started_by = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class BacktestWholeSerializer(BacktestSerializer):
    noise = NoiseSerializer(help_text="Things shown per call.")
    noise_published = NoiseSerializer(allow_null=True)
    new_calls = serializers.IntegerField()
    gone_calls = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)
    labelled = serializers.IntegerField()
    rules = BacktestRuleSerializer(many=True)


class BacktestExampleSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    at = serializers.CharField()
    speaker = serializers.CharField()
    text = serializers.CharField()
    right = serializers.BooleanField(allow_null=True)
    only = serializers.CharField(help_text="new, gone, or empty where both act in this call.")


class BacktestExamplesSerializer(Serializer):
    name = serializers.CharField()
    total = serializers.IntegerField()
    examples = BacktestExampleSerializer(many=True)


class BacktestLabelSerializer(Serializer):
    rule = serializers.CharField(max_length=80)
    example = serializers.UUIDField()
    right = serializers.BooleanField(allow_null=True, help_text="null takes it back.")


class BacktestFilter(filters.FilterSet):
    policy = filters.UUIDFilter(field_name="policy_id")
    state = filters.ChoiceFilter(choices=Backtest.State)

    class Meta:
        model = Backtest
        fields: list[str] = []


class BacktestViewSet(ItemListMixin, CompanyViewSet):
    """Drafts played over past conversations: how often each rule would act, where, and how often it is right."""

    permission = Permission.ADMIN_CONFIGURE
    serializer_class = BacktestSerializer
    filterset_class = BacktestFilter
    queryset = Backtest.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Backtest.objects.none()
        return Backtest.objects.select_related("started_by", "against").order_by("-created_at", "-pk")

    def render(self, row: Any) -> dict[str, Any]:
        names = ("state", "last", "total", "done", "calls", "failed", "seconds", "created_at", "ended_at")
        return {
            "id": row.pk,
            "policy": row.policy_id,
            "against": row.against.number if row.against else None,
            "started_by": person(row.started_by),
            **{name: getattr(row, name) for name in names},
        }

    @extend_schema(responses=BacktestWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One backtest with its figures so far."""
        return self._whole(pk)

    @extend_schema(
        request=BacktestRequestSerializer, responses={201: BacktestWholeSerializer, 400: ErrorSerializer}
    )
    def create(self, request: Request) -> Response:
        """Play a draft over the last conversations in its policy's scope. One at a time."""
        given = BacktestRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        run = backtest_start(
            policy=_policy(wanted["policy"]),
            last=wanted["last"],
            document=wanted.get("document"),
            actor=self.user,
            address=self._address,
        )
        return self._whole(run.pk, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=BacktestWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop it; what it found stays."""
        run = backtest_cancel(run_id=self._one(pk).pk, actor=self.user, address=self._address)
        return self._whole(run.pk)

    @extend_schema(request=None, responses=BacktestWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on where it was."""
        run = backtest_resume(run_id=self._one(pk).pk, actor=self.user, address=self._address)
        return self._whole(run.pk)

    @extend_schema(
        parameters=[
            OpenApiParameter("rule", str, required=True, description="The rule's id."),
            OpenApiParameter(
                "only", str, enum=["new", "gone"], description="Where only one of the two acts."
            ),
        ],
        responses=BacktestExamplesSerializer,
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def examples(self, request: Request, pk: UUID) -> Response:
        """Where one rule would act, in calls that you may read, the newest first; at most 50."""
        asked = request.query_params
        found = backtest_examples(self._one(pk), asked.get("rule", "")[:80], self.user, asked.get("only", ""))
        shown = [
            {
                "id": one.id,
                "conversation": one.conversation_id,
                **{name: getattr(one, name) for name in ("at", "speaker", "text", "right", "only")},
            }
            for one in found["examples"]
        ]
        whole = {"name": found["name"], "total": found["total"], "examples": shown}
        return Response(BacktestExamplesSerializer(whole).data)

    @extend_schema(request=BacktestLabelSerializer, responses=BacktestWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def label(self, request: Request, pk: UUID) -> Response:
        """Say whether a rule is right at an example."""
        run = self._one(pk)
        given = BacktestLabelSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        rule_label(
            run=run,
            rule_key=wanted["rule"],
            hit_id=str(wanted["example"]),
            right=wanted["right"],
            actor=self.user,
        )
        return self._whole(run.pk)

    @property
    def _address(self) -> str | None:
        return address_of(self.request._request) or None

    def _one(self, pk: UUID) -> Backtest:
        row = self.get_queryset().select_related("policy").filter(pk=pk).first()
        if row is None:
            raise Http404("no such backtest")
        return row  # type: ignore[no-any-return]

    def _whole(self, pk: UUID, code: int = status.HTTP_200_OK) -> Response:
        run = self._one(pk)
        shown = {**self.render(run), **report_data(backtest_report(run))}
        return Response(BacktestWholeSerializer(shown).data, status=code)


def _policy(policy_id: UUID) -> Policy:
    policy = Policy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise serializers.ValidationError({"policy": ["There is no such policy."]})
    return policy
