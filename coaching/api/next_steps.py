"""API of the next step: what an agent may do next, and which version of the model says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer, ItemListMixin
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.models import NextStepVersion
from coaching.next_step_files import MAX_DIALOGUE_BYTES, MAX_PLAYBOOK_BYTES, given_read
from coaching.next_step_training import next_steps_begin, next_steps_cancel, next_steps_resume
from coaching.next_steps import (
    NoneLive,
    next_steps_promote,
    next_steps_retire,
    next_steps_roll_back,
    next_steps_suggest,
)
from engines.next_step.dialogue import ROLES, Event

EVENTS_MAX = 400
TEXT_MAX = 2_000


class VersionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=NextStepVersion.State.choices)
    progress = serializers.IntegerField(help_text="Of training, 0 to 100.")
    problem = serializers.CharField(help_text="Why training failed; empty else.")
    note = serializers.CharField()
    dialogues = serializers.IntegerField()
    threshold = serializers.FloatField(help_text="The probability from which a suggestion is sure.")
    figures = serializers.DictField(help_text="Of cross-validation.")
    created_at = serializers.DateTimeField()
    live_from = serializers.DateTimeField(allow_null=True)


class NextStepTrainSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="Labelled dialogues, one JSON object a line.")
    playbooks = serializers.FileField(
        required=False,
        help_text="One JSON object by task, or a zip of one JSON file a task. Without it, those of the live version.",
    )
    with_labels = serializers.BooleanField(
        required=False, default=False, help_text="Learn from what agents made of suggestions in calls, too."
    )
    note = serializers.CharField(required=False, max_length=200, default="", allow_blank=True)


class StepEventSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=ROLES)
    text = serializers.CharField(required=False, allow_blank=True, default="", max_length=TEXT_MAX)
    action = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        max_length=80,
        help_text="What the agent did, by its name.",
    )
    facts = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=TEXT_MAX),
        required=False,
        help_text="What a look-up asked with (agent, action `query`) or answered (system).",
    )


class SituationSerializer(serializers.Serializer[Any]):
    task = serializers.CharField(max_length=80, help_text="The playbook's name.")
    events = serializers.ListField(
        child=StepEventSerializer(),
        max_length=EVENTS_MAX,
        allow_empty=True,
        help_text="The conversation so far.",
    )
    most = serializers.IntegerField(required=False, default=3, min_value=1, max_value=10)


class SuggestionSerializer(serializers.Serializer[Any]):
    action = serializers.CharField()
    words = serializers.CharField(help_text="What the agent can say; empty for a look-up.")
    probability = serializers.FloatField()
    reason = serializers.CharField()


class AdviceSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    sure = serializers.BooleanField(help_text="Whether the first suggestion is worth showing unasked.")
    suggestions = SuggestionSerializer(many=True)


class NextStepViewSet(ItemListMixin, CompanyViewSet):
    """Versions of the next-step model, the newest first."""

    permission = Permission.ADMIN_CONFIGURE
    permissions_by_action = {"suggest": Permission.CONVERSATION_READ_OWN}
    serializer_class = VersionSerializer
    parser_classes = [MultiPartParser, JSONParser]
    queryset = NextStepVersion.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        rows = NextStepVersion.objects.order_by("-version").defer("playbooks")
        return rows.none() if self.is_schema else rows

    def render(self, row: NextStepVersion) -> dict[str, Any]:
        return {
            "id": row.pk,
            "version": row.version,
            "state": row.state,
            "progress": row.progress,
            "problem": row.problem,
            "note": row.note,
            "dialogues": row.dialogues,
            "threshold": row.threshold,
            "figures": row.figures,
            "created_at": row.created_at,
            "live_from": row.live_from,
        }

    @extend_schema(responses=VersionSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One version, with how far its training is."""
        return self.shown(get_object_or_404(self.get_queryset(), pk=pk))

    @extend_schema(
        request={"multipart/form-data": NextStepTrainSerializer},
        responses={201: VersionSerializer, 400: ErrorSerializer, 409: ErrorSerializer},
    )
    def create(self, request: Request) -> Response:
        """Begin to learn a new version from labelled dialogues. It becomes a candidate; promote it to use it."""
        form = NextStepTrainSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        file, books = form.validated_data["file"], form.validated_data.get("playbooks")
        try:
            given = given_read(
                dialogues=file.read(MAX_DIALOGUE_BYTES + 1),
                name=file.name or "",
                playbooks=books.read(MAX_PLAYBOOK_BYTES + 1) if books else None,
            )
            version = next_steps_begin(
                dialogues=given.dialogues,
                playbooks=given.playbooks,
                source=file.name or "",
                sha256=given.sha256,
                note=form.validated_data["note"],
                with_labels=form.validated_data["with_labels"],
                actor=self.user,
                address=address_of(request),
            )
        except ValidationError as error:
            raise Refused(getattr(error, "message_dict", None) or {"file": error.messages}) from None
        answer = self.shown(version)
        answer.status_code = 201
        return answer

    @extend_schema(request=None, responses=VersionSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop a training. What is done of it stays, and it can be gone on with."""
        version = get_object_or_404(self.get_queryset(), pk=pk)
        return self.shown(
            next_steps_cancel(version_id=version.pk, actor=self.user, address=address_of(request))
        )

    @extend_schema(request=None, responses={200: VersionSerializer, 409: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def resume(self, request: Request, pk: UUID) -> Response:
        """Go on with a training that was cancelled or has failed."""
        version = get_object_or_404(self.get_queryset(), pk=pk)
        return self.shown(
            next_steps_resume(version_id=version.pk, actor=self.user, address=address_of(request))
        )

    @extend_schema(
        request=SituationSerializer,
        responses={200: AdviceSerializer, 404: ErrorSerializer, 409: ErrorSerializer},
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def suggest(self, request: Request) -> Response:
        """What an agent may do next after these events. Nothing of them is kept."""
        given = SituationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        events = [
            Event(one["role"], one["text"], one["action"] or None, tuple(one.get("facts", {}).items()))
            for one in given.validated_data["events"]
        ]
        try:
            advice = next_steps_suggest(
                task=given.validated_data["task"], events=events, most=given.validated_data["most"]
            )
        except NoneLive as error:
            raise Http404(str(error)) from error
        return Response(AdviceSerializer(advice).data)

    @extend_schema(request=None, responses={200: VersionSerializer, 409: ErrorSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def promote(self, request: Request, pk: UUID) -> Response:
        """Make this version the live one; the one that was is retired and can be put back."""
        version = get_object_or_404(self.get_queryset(), pk=pk)
        return self.shown(
            next_steps_promote(version_id=version.pk, actor=self.user, address=address_of(request))
        )

    @extend_schema(request=None, responses={200: VersionSerializer, 409: ErrorSerializer}, filters=False)
    @action(detail=False, methods=["post"], url_path="roll-back", pagination_class=None)
    def roll_back(self, request: Request) -> Response:
        """Put back the version that was live before the one that is. Answers with that one."""
        return self.shown(next_steps_roll_back(actor=self.user, address=address_of(request)))

    @extend_schema(request=None, responses=VersionSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def retire(self, request: Request, pk: UUID) -> Response:
        """Take this version out of use."""
        version = get_object_or_404(self.get_queryset(), pk=pk)
        return self.shown(
            next_steps_retire(version_id=version.pk, actor=self.user, address=address_of(request))
        )
