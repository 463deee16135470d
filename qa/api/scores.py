"""API of scores: read, override an answer with a reason, show them to their agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin, PersonSerializer
from accounts.permissions import Permission
from conversations import events
from conversations.access import conversation_for
from qa.access import answer_for, evaluation_for, evaluations_visible
from qa.calibration_access import calibrated_visible
from qa.evaluating import (
    answer_save,
    evaluation_acknowledge,
    evaluation_discard,
    evaluation_dispute,
    evaluation_start,
    evaluation_submit,
)
from qa.events import evaluation_list
from qa.models import Criterion, Evaluation, ScorecardTemplate
from qa.services import answer_override, evaluation_release
from qa.work import assignment_take
from qa.work_access import assignment_for, draft_for

Serializer = serializers.Serializer[Any]


class EvidenceSerializer(Serializer):
    """Words in an utterance with their time; for something missing the stretch that was searched, and what for; for a
    field or a figure of the call its name (`marked`)."""

    utterance = serializers.UUIDField(required=False)
    start = serializers.IntegerField(required=False, allow_null=True)
    end = serializers.IntegerField(required=False, allow_null=True)
    at_ms = serializers.IntegerField(required=False)
    searched = serializers.ListField(child=serializers.IntegerField(), required=False)
    # A field called `for` cannot be declared as an attribute.
    locals()["for"] = serializers.CharField(required=False)
    marked = serializers.CharField(required=False)


class ChoiceSerializer(Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class AnswerSerializer(Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    section = serializers.CharField()
    question = serializers.CharField()
    guideline = serializers.CharField()
    coaching_tip = serializers.CharField()
    kind = serializers.ChoiceField(Criterion.Kind.choices)
    method = serializers.CharField(help_text="What answers it by itself; person: people only.")
    weight = serializers.IntegerField()
    auto_fail = serializers.BooleanField()
    value = serializers.CharField(
        help_text="yes, no, a choice's value, a number, words; na; empty: not answered."
    )
    label = serializers.CharField(help_text="The answer in words.")  # type: ignore[assignment]
    score = serializers.FloatField(
        allow_null=True, help_text="What it is worth, 0-100; null: nothing either way."
    )
    choices = ChoiceSerializer(many=True, help_text="What can be chosen; empty for numbers and words.")
    automatic_label = serializers.CharField()
    sureness = serializers.ChoiceField(
        ["", "sure", "less_sure", "check"], help_text="How sure the automatic answer is."
    )
    comment = serializers.CharField()
    automatic = serializers.CharField(
        help_text="The automatic answer, also after a person has given another."
    )
    evidence = EvidenceSerializer(many=True)
    reason = serializers.CharField(help_text="The automatic answer's own, in a sentence; may be empty.")
    judge = serializers.CharField(
        help_text="What gave the automatic answer; of a language model with model and prompt revision."
    )
    open_why = serializers.CharField(help_text="Why it is not answered, in a word; may be empty.")
    open_label = serializers.CharField(help_text="The same in words.")
    override_reason = serializers.CharField()
    overridden_by = PersonSerializer(allow_null=True)
    overridden_at = serializers.DateTimeField(allow_null=True)


class ScorecardRevisionSerializer(Serializer):
    name = serializers.CharField()
    number = serializers.IntegerField()


class ScoreSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    revision = ScorecardRevisionSerializer()
    agent = PersonSerializer(allow_null=True, help_text="Whose part of the conversation it judges.")
    kind = serializers.ChoiceField(Evaluation.Kind.choices)
    state = serializers.ChoiceField(Evaluation.State.choices)
    total = serializers.FloatField(allow_null=True, help_text="0-100; null where nothing applies.")
    unscored = serializers.CharField(help_text="Why there is no score: no_words, too_short, voicemail, gaps.")
    unscored_label = serializers.CharField(help_text="The same in words.")
    needs_person = serializers.BooleanField(help_text="Some answer is so unsure that somebody should look.")
    retry_at = serializers.DateTimeField(
        allow_null=True, help_text="When a language model that could not answer is asked again."
    )
    segments = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="The agent's stretches in ms; empty: all of it.",
    )
    comment = serializers.CharField()
    released_at = serializers.DateTimeField(allow_null=True, help_text="null: its agent does not see it yet.")
    auto_failed = serializers.BooleanField()
    evaluator = PersonSerializer(allow_null=True, help_text="null: automatic.")
    answers = AnswerSerializer(many=True)


class OverrideSerializer(Serializer):
    answer = serializers.UUIDField()
    value = serializers.CharField(max_length=1000)
    reason = serializers.CharField(max_length=300, help_text="The agent reads it.")


class StartSerializer(Serializer):
    """What was assigned, or a conversation by a scorecard."""

    assignment = serializers.UUIDField(required=False)
    conversation = serializers.UUIDField(required=False)
    scorecard = serializers.UUIDField(required=False)
    agent = serializers.UUIDField(required=False, help_text="Whose part; without it who had it last.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "assignment" not in attrs and not {"conversation", "scorecard"} <= set(attrs):
            raise serializers.ValidationError(
                {"assignment": [_("Name an assignment, or a conversation and a scorecard.")]}
            )
        return attrs


class MarkedWordsSerializer(Serializer):
    utterance = serializers.UUIDField()
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)


class AnswerGivenSerializer(Serializer):
    """What is left out stays as it is."""

    key = serializers.CharField(max_length=40, help_text="The criterion.")
    value = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    comment = serializers.CharField(max_length=500, required=False, allow_blank=True)
    evidence = MarkedWordsSerializer(many=True, required=False)
    spent_seconds = serializers.IntegerField(
        min_value=0, default=0, help_text="Time taken since the last answer."
    )


class SubmitSerializer(Serializer):
    comment = serializers.CharField(max_length=1000, default="", allow_blank=True)
    spent_seconds = serializers.IntegerField(min_value=0, default=0)


class DisputedSerializer(Serializer):
    reason = serializers.CharField(max_length=300)
    answer = serializers.UUIDField(required=False, help_text="Without it the score as a whole.")


class ScoreFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    agent = filters.UUIDFilter(field_name="agent_id")
    total_min = filters.NumberFilter(field_name="total", lookup_expr="gte")
    total_max = filters.NumberFilter(field_name="total", lookup_expr="lte")
    auto_failed = filters.BooleanFilter()
    kind = filters.ChoiceFilter(choices=Evaluation.Kind.choices)
    state = filters.ChoiceFilter(choices=Evaluation.State.choices)
    unscored = filters.ChoiceFilter(choices=Evaluation.Unscored.choices)
    needs_person = filters.BooleanFilter()
    released = filters.BooleanFilter(field_name="released_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Evaluation
        fields: list[str] = []


class ScoreViewSet(ItemListMixin, CompanyViewSet):
    """Scores of conversations that you may read, newest first.

    Those of calibrations count nowhere; with `kind=calibration` they are listed to whoever may see the calibration.
    """

    permission = Permission.EVALUATION_READ
    permissions_by_action = {
        "override": Permission.EVALUATION_OVERRIDE,
        "release": Permission.EVALUATION_OVERRIDE,
        **dict.fromkeys(("create", "draft", "answer", "submit", "discard"), Permission.EVALUATION_OVERRIDE),
        **dict.fromkeys(("acknowledge", "dispute"), Permission.EVALUATION_ANSWER),
    }
    serializer_class = ScoreSerializer
    filterset_class = ScoreFilter
    queryset = Evaluation.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if self.is_schema:
            return Evaluation.objects.none()
        # Asked for by their name alone, and once scoring is over: they are never among other scores.
        if self.action == "list" and self.request.query_params.get("kind") == Evaluation.Kind.CALIBRATION:
            return evaluation_list(calibrated_visible(self.user))
        rows = evaluations_visible(self.user)
        return evaluation_list(rows) if self.action == "list" else rows

    def render(self, row: Any) -> dict[str, Any]:
        return {
            **events.render("score", row),
            "conversation": row.conversation_id,
            "created_at": events.stamp(row.created_at),
        }

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One score with its answers and their evidence."""
        return self.shown(evaluation_for(self.user, pk))

    @extend_schema(request=OverrideSerializer, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def override(self, request: Request, pk: UUID) -> Response:
        """Put your answer in place of the automatic one, which stays beside it."""
        evaluation_for(self.user, pk)
        given = OverrideSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        answer = answer_for(self.user, given.validated_data["answer"])
        if answer.evaluation_id != pk:
            raise Http404("no such answer in this score")
        evaluation = answer_override(
            answer=answer,
            user=self.user,
            value=given.validated_data["value"],
            reason=given.validated_data["reason"],
        )
        return self.shown(evaluation)

    @extend_schema(request=None, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def release(self, request: Request, pk: UUID) -> Response:
        """Show it to its agent."""
        return self.shown(evaluation_release(evaluation=evaluation_for(self.user, pk), user=self.user))

    @extend_schema(request=StartSerializer, responses={201: ScoreSerializer})
    def create(self, request: Request) -> Response:
        """Begin to evaluate; who has begun already goes on with their draft."""
        given = StartSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if "assignment" in asked:
            taken = assignment_take(assignment=assignment_for(self.user, asked["assignment"]), user=self.user)
            row = evaluation_start(
                conversation=taken.conversation, template=taken.template, user=self.user, assignment=taken
            )
        else:
            row = evaluation_start(
                conversation=conversation_for(self.user, asked["conversation"]),
                template=get_object_or_404(ScorecardTemplate, pk=asked["scorecard"]),
                user=self.user,
                agent_id=asked.get("agent"),
            )
        return Response(self.get_serializer(self.render(row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses=ScoreSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def draft(self, request: Request, pk: UUID) -> Response:
        """What you evaluate or have evaluated yourself, blind ones among it."""
        return self.shown(draft_for(self.user, pk))

    @extend_schema(request=AnswerGivenSerializer, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def answer(self, request: Request, pk: UUID) -> Response:
        """Write down one answer of your draft."""
        given = AnswerGivenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(
            answer_save(evaluation=draft_for(self.user, pk), user=self.user, **given.validated_data)
        )

    @extend_schema(request=SubmitSerializer, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def submit(self, request: Request, pk: UUID) -> Response:
        """Hand in your draft: its agent sees it from now on."""
        given = SubmitSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(
            evaluation_submit(evaluation=draft_for(self.user, pk), user=self.user, **given.validated_data)
        )

    @extend_schema(request=None, responses={204: None}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def discard(self, request: Request, pk: UUID) -> Response:
        """Throw your draft away."""
        evaluation_discard(evaluation=draft_for(self.user, pk), user=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """You have read your score."""
        return self.shown(evaluation_acknowledge(evaluation=evaluation_for(self.user, pk), user=self.user))

    @extend_schema(request=DisputedSerializer, responses=ScoreSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def dispute(self, request: Request, pk: UUID) -> Response:
        """Object to your score, or to one answer of it."""
        given = DisputedSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        evaluation_dispute(
            evaluation=evaluation_for(self.user, pk),
            user=self.user,
            reason=given.validated_data["reason"],
            answer_id=given.validated_data.get("answer"),
        )
        return self.shown(evaluation_for(self.user, pk))
