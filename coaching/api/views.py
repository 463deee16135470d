"""API of guidance."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.permissions import Permission
from coaching.access import guidance_for, guidance_visible
from coaching.answers import guidance_answer
from coaching.api.serializers import (
    GuidanceAnswerSerializer,
    GuidanceMoveSerializer,
    GuidanceMuteSerializer,
    GuidanceSerializer,
    MuteSerializer,
    PlaybookBeginSerializer,
    PlaybookSerializer,
)
from coaching.models import Guidance
from coaching.mutes import mute_set, mutes_end_of, mutes_shown
from coaching.playbooks import playbook_begin, playbooks_offered
from coaching.tidings import playbook_move
from conversations import events
from conversations.access import conversation_for


class GuidanceFilter(filters.FilterSet):
    conversation = filters.UUIDFilter(field_name="conversation_id")
    agent = filters.UUIDFilter(field_name="conversation__agent_id")
    kind = filters.ChoiceFilter(choices=Guidance.Kind)
    state = filters.ChoiceFilter(choices=Guidance.State)
    wrong = filters.BooleanFilter(field_name="wrong_at", lookup_expr="isnull", exclude=True)
    since = filters.IsoDateTimeFilter(field_name="decided_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="decided_at", lookup_expr="lt")

    class Meta:
        model = Guidance
        fields: list[str] = []


class GuidanceViewSet(ItemListMixin, CompanyViewSet):
    """What agents were shown in conversations that you may read, why, and what became of it; newest first."""

    permission = Permission.CONVERSATION_READ_OWN
    permissions_by_action = dict.fromkeys(
        ("answer", "move", "begin", "mute", "unmute"), Permission.GUIDANCE_ANSWER
    )
    serializer_class = GuidanceSerializer
    filterset_class = GuidanceFilter
    queryset = Guidance.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Guidance.objects.none() if self.is_schema else guidance_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return {**events.render("guidance", row), "conversation": row.conversation_id}

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One piece of guidance."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise Http404("no such guidance")
        return self.shown(row)

    @extend_schema(request=GuidanceAnswerSerializer, responses=GuidanceSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def answer(self, request: Request, pk: UUID) -> Response:
        """Answer guidance in your own conversation: seen, accept, dismiss (with a reason), wrong or undo."""
        row = guidance_for(self.user, pk)
        given = GuidanceAnswerSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return self.shown(guidance_answer(guidance=row, user=self.user, **given.validated_data))

    @extend_schema(request=GuidanceMoveSerializer, responses={202: GuidanceSerializer}, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def move(self, request: Request, pk: UUID) -> Response:
        """Go on at another step of the playbook that this step belongs to, in your own call that is under way.

        The call makes the change at once; it comes as events, and not with the answer.
        """
        row = guidance_for(self.user, pk)
        given = GuidanceMoveSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        playbook_move(step=row, to=given.validated_data["step"])
        answer = self.shown(row)
        answer.status_code = 202
        return answer

    @extend_schema(
        responses=PlaybookSerializer(many=True),
        filters=False,
        parameters=[OpenApiParameter("conversation", OpenApiTypes.UUID, required=True)],
    )
    @action(detail=False, pagination_class=None)
    def playbooks(self, request: Request) -> Response:
        """The playbooks of the policies in force in a conversation that is under way."""
        conversation = conversation_for(self.user, request.query_params.get("conversation", ""))
        return Response([one.shown() for one in playbooks_offered(conversation)])

    @extend_schema(request=PlaybookBeginSerializer, responses={202: PlaybookBeginSerializer}, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None)
    def begin(self, request: Request) -> Response:
        """Begin one of them by hand, in your own conversation. Its first step comes as an event."""
        given = PlaybookBeginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        conversation = conversation_for(self.user, wanted["conversation"])
        if conversation.agent_id != self.user.pk:
            raise Http404("not this person's conversation")
        playbook_begin(
            conversation=conversation, revision=str(wanted["revision"]), playbook=wanted["playbook"]
        )
        return Response(given.data, status=202)

    @extend_schema(request=GuidanceMuteSerializer, responses=MuteSerializer(many=True), filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def mute(self, request: Request, pk: UUID) -> Response:
        """Show you no more of this rule, or of this kind, until your shift is over. Answers with all that you mute."""
        row = guidance_for(self.user, pk)
        given = GuidanceMuteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        mute_set(user=self.user, guidance=row, whole_kind=given.validated_data["whole_kind"])
        return Response(mutes_shown(self.user))

    @extend_schema(request=None, responses=MuteSerializer(many=True), filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def unmute(self, request: Request, pk: UUID) -> Response:
        """Show you again what you muted at this guidance: its rule, and its kind. Answers with what you still mute."""
        row = guidance_for(self.user, pk)
        mutes_end_of(user=self.user, guidance=row)
        return Response(mutes_shown(self.user))
