"""API of calibrations: planned, scored blind, discussed and closed; and how far raters agree with what was agreed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin, PersonSerializer
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.access import conversation_for
from qa.api.files import FILE_RESPONSES
from qa.api.scores import ChoiceSerializer, EvidenceSerializer, ScorecardRevisionSerializer
from qa.calibrating import (
    calibration_cancel,
    calibration_close,
    calibration_create,
    calibration_open,
    calibration_people,
    calibration_scoring_close,
    reference_agree,
)
from qa.calibration_access import calibration_for, calibration_led, calibrations_visible
from qa.calibration_files import results_file
from qa.calibration_room import RESULTS_PERIOD, calibration_listed, calibration_shown, results_shown
from qa.models import CalibrationReference, CalibrationSession, Criterion, ScorecardTemplate
from qa.reporting.responses import file_response
from qa.reporting.tables import FORMS

Serializer = serializers.Serializer[Any]


class CalibrationSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.ChoiceField(CalibrationSession.State.choices)
    scorecard = serializers.UUIDField()
    revision = ScorecardRevisionSerializer()
    leader = PersonSerializer(allow_null=True)
    reference_rater = PersonSerializer(
        allow_null=True, help_text="Whose answers are the measure unless another is agreed on."
    )
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True)
    scored_at = serializers.DateTimeField(allow_null=True, help_text="Since when scoring is over.")
    closed_at = serializers.DateTimeField(allow_null=True)


class ParticipantSerializer(PersonSerializer):
    submitted = serializers.IntegerField(help_text="Calls that they have scored.")
    of = serializers.IntegerField()


class AgreedFiguresSerializer(Serializer):
    n = serializers.IntegerField(help_text="Pairs of answers: a rater's and the reference.")
    percent = serializers.FloatField(allow_null=True)
    points = serializers.FloatField(allow_null=True, help_text="Off the reference on average, of 100.")
    kappa = serializers.FloatField(allow_null=True, help_text="Cohen's; null where it is not defined.")
    low = serializers.BooleanField(help_text="Under the bar, with enough pairs to say so.")
    few = serializers.BooleanField(help_text="Too few pairs for kappa to say anything.")


class RaterSerializer(Serializer):
    person = PersonSerializer(allow_null=True, help_text="null: the automatic judge.")
    automatic = serializers.BooleanField()


class RaterTotalSerializer(RaterSerializer):
    total = serializers.FloatField(allow_null=True)


class RaterAnswerSerializer(RaterSerializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    score = serializers.FloatField(allow_null=True)
    points_off = serializers.FloatField(allow_null=True, help_text="Off the reference, of 100.")
    agrees = serializers.BooleanField(allow_null=True, help_text="null: nothing to compare it with.")
    comment = serializers.CharField()
    evidence = EvidenceSerializer(many=True)


class ReferenceShownSerializer(Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    how = serializers.ChoiceField(CalibrationReference.How.choices)
    reason = serializers.CharField()
    by = serializers.CharField()


class ComparedCriterionSerializer(Serializer):
    number = serializers.IntegerField()
    key = serializers.CharField()
    section = serializers.CharField()
    question = serializers.CharField()
    kind = serializers.ChoiceField(Criterion.Kind.choices)
    choices = ChoiceSerializer(many=True)
    different = serializers.IntegerField(help_text="Different answers beyond one.")
    given = serializers.IntegerField(help_text="How many answered it; what does not apply is not asked.")
    answers = RaterAnswerSerializer(many=True)
    reference = ReferenceShownSerializer(allow_null=True)


class CalibrationCallSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    customer = serializers.CharField()
    announced_at = serializers.DateTimeField()
    agent = PersonSerializer(allow_null=True)
    assignment = serializers.UUIDField(
        allow_null=True, help_text="Yours, while you have it to score: begin it at /scores/."
    )
    readable = serializers.BooleanField(help_text="Whether you may read the conversation itself.")
    raters = RaterTotalSerializer(many=True, help_text="Empty until scoring is over.")
    criteria = ComparedCriterionSerializer(many=True, help_text="What differs most first.")


class CalibratedCriterionSerializer(Serializer):
    key = serializers.CharField()
    section = serializers.CharField()
    question = serializers.CharField()
    people = AgreedFiguresSerializer()
    automatic = AgreedFiguresSerializer(allow_null=True)
    alpha = serializers.FloatField(
        allow_null=True, help_text="Krippendorff's, of all raters; null with fewer than three."
    )
    raters = serializers.IntegerField()


class RaterFiguresSerializer(AgreedFiguresSerializer):
    person = PersonSerializer(allow_null=True, help_text="null: the automatic judge.")
    automatic = serializers.BooleanField()


class CalibrationFiguresSerializer(Serializer):
    bar = serializers.FloatField()
    criteria = CalibratedCriterionSerializer(many=True)
    raters = RaterFiguresSerializer(many=True)


class CalibrationWholeSerializer(CalibrationSerializer):
    leads = serializers.BooleanField(help_text="Whether you may lead it.")
    participants = ParticipantSerializer(many=True)
    calls = CalibrationCallSerializer(many=True)
    figures = CalibrationFiguresSerializer(allow_null=True, help_text="null until scoring is over.")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Questions without a reference yet."
    )


class CalibrationTrendSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    closed_at = serializers.DateTimeField()
    people = AgreedFiguresSerializer()
    automatic = AgreedFiguresSerializer(allow_null=True)


class CalibrationResultsSerializer(CalibrationFiguresSerializer):
    since = serializers.DateTimeField()
    sessions = serializers.IntegerField()
    trend = CalibrationTrendSerializer(many=True, help_text="The oldest first.")


class NewCallSerializer(Serializer):
    conversation = serializers.UUIDField()
    agent = serializers.UUIDField(required=False, help_text="Whose part; without it who had it last.")


class NewCalibrationSerializer(Serializer):
    name = serializers.CharField(max_length=80)
    scorecard = serializers.UUIDField()
    calls = NewCallSerializer(many=True)
    participants = serializers.ListField(child=serializers.UUIDField(), default=list)
    leader = serializers.UUIDField(required=False, help_text="Without it you.")
    reference_rater = serializers.UUIDField(required=False, allow_null=True)
    due_at = serializers.DateTimeField(required=False, allow_null=True)


class PeopleSerializer(Serializer):
    add = serializers.ListField(child=serializers.UUIDField(), default=list)
    remove = serializers.ListField(child=serializers.UUIDField(), default=list)


class ReferenceSerializer(Serializer):
    call = serializers.UUIDField()
    criterion = serializers.CharField(max_length=40)
    value = serializers.CharField(max_length=1000)
    reason = serializers.CharField(max_length=300)


class ResultsAskedSerializer(Serializer):
    scorecard = serializers.UUIDField()


class ResultsFileAskedSerializer(ResultsAskedSerializer):
    form = serializers.ChoiceField(FORMS, default="csv")


class CalibrationViewSet(ItemListMixin, CompanyViewSet):
    """Calibrations that you lead or take part in; who manages quality sees all. Newest first.

    What you have to score stands among your assignments, and is answered as any evaluation is (`/scores/`).
    """

    permission = Permission.EVALUATION_OVERRIDE
    permissions_by_action = dict.fromkeys(("create", "results", "results_file"), Permission.EVALUATION_MANAGE)
    serializer_class = CalibrationSerializer
    queryset = CalibrationSession.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return CalibrationSession.objects.none() if self.is_schema else calibrations_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return calibration_listed(row)

    def _whole(self, pk: UUID, code: int = status.HTTP_200_OK) -> Response:
        shown = calibration_shown(calibration_for(self.user, pk), self.user)
        return Response(CalibrationWholeSerializer(shown).data, status=code)

    @extend_schema(responses=CalibrationWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Who has submitted; once scoring is over all answers side by side, and how far they agree."""
        return self._whole(pk)

    @extend_schema(request=NewCalibrationSerializer, responses={201: CalibrationWholeSerializer})
    def create(self, request: Request) -> Response:
        """Plan one. Nobody scores before it is opened."""
        given = NewCalibrationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        reference = asked.get("reference_rater")
        row = calibration_create(
            name=asked["name"],
            template=get_object_or_404(ScorecardTemplate, pk=asked["scorecard"]),
            calls=[
                (conversation_for(self.user, one["conversation"]), one.get("agent")) for one in asked["calls"]
            ],
            participants=_people(asked["participants"]),
            leader=_people([asked["leader"]])[0] if "leader" in asked else self.user,
            reference_rater=_people([reference])[0] if reference else None,
            due_at=asked.get("due_at"),
            actor=self.user,
        )
        return self._whole(row.pk, status.HTTP_201_CREATED)

    @extend_schema(request=PeopleSerializer, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def participants(self, request: Request, pk: UUID) -> Response:
        """Have more or fewer people take part, until scoring is over."""
        session, given = calibration_led(self.user, pk), PeopleSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        calibration_people(
            session=session,
            add=_people(given.validated_data["add"]),
            remove=list(User.objects.filter(pk__in=given.validated_data["remove"])),
            actor=self.user,
        )
        return self._whole(pk)

    @extend_schema(request=None, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def open(self, request: Request, pk: UUID) -> Response:
        """Put the calls on everybody's list."""
        calibration_open(session=calibration_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(request=None, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], url_path="close-scoring", pagination_class=None)
    def close_scoring(self, request: Request, pk: UUID) -> Response:
        """End the scoring; what is not submitted counts as not given. It ends by itself when all have."""
        calibration_scoring_close(session=calibration_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(request=ReferenceSerializer, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def reference(self, request: Request, pk: UUID) -> Response:
        """Write down the right answer to a criterion in a call, and why."""
        session, given = calibration_led(self.user, pk), ReferenceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        reference_agree(
            session=session,
            call=get_object_or_404(session.calls, pk=asked["call"]),
            key=asked["criterion"],
            value=asked["value"],
            reason=asked["reason"],
            actor=self.user,
        )
        return self._whole(pk)

    @extend_schema(request=None, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def close(self, request: Request, pk: UUID) -> Response:
        """End the discussion: it counts in the figures of agreement from now on."""
        calibration_close(session=calibration_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(request=None, responses=CalibrationWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Call it off before scoring is over."""
        calibration_cancel(session=calibration_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(parameters=[ResultsAskedSerializer], responses=CalibrationResultsSerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def results(self, request: Request) -> Response:
        """How far raters agreed with the references of all calibrations closed in the last year."""
        given = ResultsAskedSerializer(data=request.query_params)
        given.is_valid(raise_exception=True)
        template = get_object_or_404(ScorecardTemplate, pk=given.validated_data["scorecard"])
        shown = results_shown(template, since=timezone.now() - RESULTS_PERIOD)
        return Response(CalibrationResultsSerializer(shown).data)

    @extend_schema(parameters=[ResultsFileAskedSerializer], responses=FILE_RESPONSES, filters=False)
    @action(detail=False, pagination_class=None, url_path="results/file")
    def results_file(self, request: Request) -> HttpResponseBase:
        """The same as a CSV file or a workbook. Noted in the audit log."""
        asked = {
            name: request.query_params[name] for name in ("scorecard", "form") if name in request.query_params
        }
        given = ResultsFileAskedSerializer(data=asked)
        given.is_valid(raise_exception=True)
        form = given.validated_data["form"]
        card = get_object_or_404(ScorecardTemplate, pk=given.validated_data["scorecard"])
        shown = results_shown(card, since=timezone.now() - RESULTS_PERIOD)
        address = address_of(request._request) or None
        file, name = results_file(user=self.user, card=card, shown=shown, form=form, address=address)
        return file_response(request._request, file, name, form)


def _people(ids: list[UUID]) -> list[User]:
    return [get_object_or_404(User, pk=pk, is_active=True) for pk in dict.fromkeys(ids)]
