"""API of alerts, of who is on shift for them, and of whispers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin, PersonSerializer
from accounts.models import User
from accounts.permissions import Permission
from coaching.access import alert_for, alerts_visible, whisper_for, whispers_visible
from coaching.alert_figures import DAYS, alert_figures
from coaching.alerts import alert_assign, alert_claim, alert_release, alert_resolve
from coaching.api.serializers import PlaceSerializer
from coaching.models import Alert, Severity, Whisper
from coaching.shifts import shift_mark, shifts_now
from coaching.whispers import ANSWERS, TEXT_LENGTH, whisper_answer, whisper_send
from conversations import events
from conversations.access import conversation_for

Serializer = serializers.Serializer[Any]


# --- Alerts ---------------------------------------------------------------------------------------------


class AlertSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    kind = serializers.ChoiceField(["rule", "hand", "check"], help_text="What raised it; `hand`: the agent.")
    title = serializers.CharField()
    reason = serializers.CharField(
        help_text="Empty where you may not read the conversation yet: take it first."
    )
    evidence = PlaceSerializer(many=True)
    severity = serializers.ChoiceField(Severity.choices)
    state = serializers.ChoiceField(Alert.State.choices)
    count = serializers.IntegerField(help_text="How often it happened in this call.")
    at_ms = serializers.IntegerField()
    last_at_ms = serializers.IntegerField()
    raised_at = serializers.DateTimeField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    assignee = PersonSerializer(allow_null=True)
    claimed_at = serializers.DateTimeField(allow_null=True)
    escalated_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = PersonSerializer(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class AssignSerializer(Serializer):
    user = serializers.UUIDField(allow_null=True, help_text="Who looks after it; null for nobody.")


class RuleFiguresSerializer(Serializer):
    key = serializers.CharField(help_text="The rule; `hand.raised` and `redaction.check` are no rules.")
    title = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    policy = serializers.CharField()
    raised = serializers.IntegerField()
    times = serializers.IntegerField(help_text="With repeats in the same call.")
    over = serializers.IntegerField(help_text="Of calls that have ended, or resolved.")
    acted = serializers.IntegerField(help_text="Of these, taken or resolved by somebody.")
    ignored = serializers.IntegerField()
    resolved = serializers.IntegerField()
    escalated = serializers.IntegerField()
    quiet = serializers.IntegerField(help_text="Raised where the team does not want it.")
    claim_seconds = serializers.FloatField(allow_null=True, help_text="Mean time until somebody took one.")
    last_raised_at = serializers.DateTimeField()
    could_go = serializers.BooleanField()
    advice = serializers.CharField()


class AlertFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    state = filters.ChoiceFilter(choices=Alert.State)
    severity = filters.ChoiceFilter(choices=Severity)
    assignee = filters.UUIDFilter(field_name="assignee_id")

    class Meta:
        model = Alert
        fields: list[str] = []


class AlertViewSet(ItemListMixin, CompanyViewSet):
    """Alerts of the conversations that you watch over, and those of others that nobody has taken; newest first."""

    permission = Permission.ALERT_RESOLVE
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    queryset = Alert.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Alert.objects.none() if self.is_schema else alerts_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        shown = {**events.render("alert", row), "conversation": row.conversation_id}
        # What was just taken or resolved is read without the mark, by somebody who has become part of the call.
        return shown if getattr(row, "readable", True) else {**shown, "reason": "", "evidence": []}

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One alert."""
        return self.shown(alert_for(self.user, pk))

    @extend_schema(request=None, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def claim(self, request: Request, pk: UUID) -> Response:
        """Take an alert; 409 where somebody else has it."""
        return self.shown(alert_claim(alert=alert_for(self.user, pk), user=self.user))

    @extend_schema(request=None, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def release(self, request: Request, pk: UUID) -> Response:
        """Give back what you have taken: it waits for somebody again."""
        return self.shown(alert_release(alert=alert_for(self.user, pk), user=self.user))

    @extend_schema(request=None, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Close an alert; one that is closed stays so."""
        return self.shown(alert_resolve(alert=alert_for(self.user, pk), user=self.user))

    @extend_schema(request=AssignSerializer, responses=AlertSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def assign(self, request: Request, pk: UUID) -> Response:
        """Say who looks after an open alert."""
        alert = alert_for(self.user, pk)
        given = AssignSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data["user"]
        assignee = None if wanted is None else User.objects.filter(pk=wanted).first()
        if wanted is not None and assignee is None:
            raise serializers.ValidationError({"user": ["There is no such person."]})
        return self.shown(alert_assign(alert=alert, assignee=assignee, actor=self.user))

    @extend_schema(responses=RuleFiguresSerializer(many=True), filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def rules(self, request: Request) -> Response:
        """How many alerts of each rule anybody acted on in the last 30 days; rules that could go first."""
        rows = [
            {**asdict(one), "ignored": one.ignored, "could_go": one.could_go, "advice": one.advice}
            for one in alert_figures(user=self.user, days=DAYS)
        ]
        return Response(RuleFiguresSerializer(rows, many=True).data)


# --- Shifts ---------------------------------------------------------------------------------------------


class ShiftSerializer(Serializer):
    person = PersonSerializer()
    on_shift = serializers.BooleanField(
        allow_null=True, help_text="Null where nobody can tell at the moment."
    )
    said = serializers.BooleanField(
        allow_null=True, help_text="What they said of it; null: it follows their open floor."
    )


class ShiftMarkSerializer(Serializer):
    on = serializers.BooleanField(allow_null=True, help_text="Null: as the open floor says.")


class ShiftViewSet(CompanyViewSet):
    """Who takes alerts now: the supervisors of your teams."""

    permission = Permission.ALERT_RESOLVE
    serializer_class = ShiftSerializer
    queryset = User.objects.none()
    pagination_class = None

    @extend_schema(responses=ShiftSerializer(many=True))
    def list(self, request: Request) -> Response:
        """You, and who supervises teams of yours; admins see all."""
        return Response(ShiftSerializer(shifts_now(self.user), many=True).data)

    @extend_schema(request=ShiftMarkSerializer, responses=ShiftSerializer(many=True))
    @action(detail=False, methods=["post"])
    def mark(self, request: Request) -> Response:
        """Say that you are on shift, or off, whatever pages are open. It counts for twelve hours."""
        given = ShiftMarkSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        shift_mark(user=self.user, on=given.validated_data["on"])
        return self.list(request)


# --- Whispers -------------------------------------------------------------------------------------------


class WhisperSerializer(Serializer):
    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    text = serializers.CharField(help_text="As it is kept: redacted.")
    author = PersonSerializer(allow_null=True)
    at_ms = serializers.IntegerField()
    sent_at = serializers.DateTimeField()
    shown_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.ChoiceField(Whisper.Answer.choices, allow_blank=True)
    answered_at = serializers.DateTimeField(allow_null=True)


class WhisperSendSerializer(Serializer):
    conversation = serializers.UUIDField()
    text = serializers.CharField(max_length=TEXT_LENGTH)


class WhisperAnswerSerializer(Serializer):
    answer = serializers.ChoiceField(ANSWERS)


class WhisperFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")

    class Meta:
        model = Whisper
        fields: list[str] = []


class WhisperViewSet(ItemListMixin, CompanyViewSet):
    """Lines from supervisors to agents, in conversations that you may read; newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = {"create": Permission.WHISPER_SEND, "answer": Permission.GUIDANCE_ANSWER}
    serializer_class = WhisperSerializer
    filterset_class = WhisperFilter
    queryset = Whisper.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Whisper.objects.none() if self.is_schema else whispers_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        shown = events.render("whisper", row)
        return {**shown, "author": shown.pop("from"), "conversation": row.conversation_id}

    @extend_schema(request=WhisperSendSerializer, responses={201: WhisperSerializer})
    def create(self, request: Request) -> Response:
        """Show the agent of a live call a line."""
        given = WhisperSendSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        call = conversation_for(self.user, given.validated_data["conversation"])
        row = whisper_send(conversation=call, user=self.user, text=given.validated_data["text"])
        response = self.shown(row)
        response.status_code = 201
        return response

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One whisper."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such whisper")
        return self.shown(row)

    @extend_schema(request=WhisperAnswerSerializer, responses=WhisperSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def answer(self, request: Request, pk: UUID) -> Response:
        """Answer a whisper in your own call: seen, thanks or ok."""
        row = whisper_for(self.user, pk)
        given = WhisperAnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(whisper_answer(whisper=row, user=self.user, **given.validated_data))
