"""API of coaching sessions: planned, prepared from evidence, shared, held, acknowledged; and their next steps."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.errors import Conflict
from accounts.models import User
from accounts.permissions import Permission
from coaching.api import plan_shapes as shapes
from coaching.models import CoachingSession, NextStep
from coaching.plans.access import (
    agent_coached,
    coaches,
    item_of,
    plan_led,
    session_for,
    session_led,
    session_own,
    sessions_visible,
    step_for,
    steps_visible,
)
from coaching.plans.agenda import calls_suggested
from coaching.plans.sessions import (
    agent_notes_write,
    item_add,
    item_change,
    item_remove,
    session_acknowledge,
    session_cancel,
    session_change,
    session_hold,
    session_plan,
    session_share,
    step_add,
    step_done,
    step_due,
    step_remove,
)
from coaching.plans.shown import call_shown, session_listed, session_shown, step_listed
from coaching.plans.taking import source_taken

MANAGED = (
    *("create", "partial_update", "share", "hold", "cancel", "suggestions"),
    *("items", "item", "next_steps"),
)


class SessionFilter(filters.FilterSet):
    agent = filters.UUIDFilter(field_name="agent_id")
    plan = filters.UUIDFilter(field_name="plan_id")
    state = filters.ChoiceFilter(choices=CoachingSession.State.choices)

    class Meta:
        model = CoachingSession
        fields: list[str] = []


class CoachingSessionViewSet(ItemListMixin, CompanyViewSet):
    """Coaching sessions of the agents whom you coach; agents see their own, once they are shared or held."""

    permission = Permission.COACHING_READ
    permissions_by_action = dict.fromkeys(MANAGED, Permission.COACHING_MANAGE)
    serializer_class = shapes.CoachingSessionSerializer
    filterset_class = SessionFilter
    queryset = CoachingSession.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return CoachingSession.objects.none() if self.is_schema else sessions_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return session_listed(row)

    def _whole(self, pk: UUID, code: int = status.HTTP_200_OK) -> Response:
        shown = session_shown(session_for(self.user, pk), self.user)
        return Response(shapes.SessionWholeSerializer(shown).data, status=code)

    @extend_schema(responses=shapes.SessionWholeSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of them with its agenda, notes and next steps."""
        return self._whole(pk)

    @extend_schema(request=shapes.NewSessionSerializer, responses={201: shapes.SessionWholeSerializer})
    def create(self, request: Request) -> Response:
        """Plan one. Its agent does not see it before it is shared or held."""
        given = _taken(shapes.NewSessionSerializer, request)
        coach = given.get("coach")
        row = session_plan(
            agent=agent_coached(self.user, given["agent"]),
            scheduled_at=given["scheduled_at"],
            plan=plan_led(self.user, given["plan"]) if given.get("plan") else None,
            coach=get_object_or_404(User, pk=coach, is_active=True) if coach else None,
            preparation=given["preparation"],
            actor=self.user,
        )
        return self._whole(row.pk, status.HTTP_201_CREATED)

    @extend_schema(request=shapes.SessionWrittenSerializer, responses=shapes.SessionWholeSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is given, until its agent has acknowledged it."""
        row, given = session_led(self.user, pk), _taken(shapes.SessionWrittenSerializer, request)
        if given.get("plan"):
            given["plan"] = plan_led(self.user, given["plan"])
        session_change(session=row, given=given, actor=self.user)
        return self._whole(pk)

    @extend_schema(responses=shapes.SuggestedSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def suggestions(self, request: Request, pk: UUID) -> Response:
        """Calls that show its skills at their worst, and the best one, since the session before."""
        found = calls_suggested(self.user, session_led(self.user, pk))
        shown = {"since": found.since, "calls": [call_shown(one) for one in found.calls]}
        return Response(shapes.SuggestedSerializer(shown).data)

    @extend_schema(request=None, responses=shapes.SessionWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def share(self, request: Request, pk: UUID) -> Response:
        """Let its agent see when it is and what is on its agenda."""
        session_share(session=session_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(request=None, responses=shapes.SessionWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def hold(self, request: Request, pk: UUID) -> Response:
        """It was held: its agent is asked to acknowledge it."""
        session_hold(session=session_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(request=None, responses=shapes.SessionWholeSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Call it off before it is held."""
        session_cancel(session=session_led(self.user, pk), actor=self.user)
        return self._whole(pk)

    @extend_schema(
        request=shapes.NewItemSerializer, responses={201: shapes.SessionWholeSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def items(self, request: Request, pk: UUID) -> Response:
        """Put a call, a clip or a topic on its agenda."""
        row, given = session_led(self.user, pk), _taken(shapes.NewItemSerializer, request)
        source = source_taken(
            self.user,
            row,
            conversation_id=given.get("conversation"),
            clip_id=given.get("clip"),
            skill=given.get("skill", ""),
        )
        item_add(session=row, source=source, why=given["why"], note=given["note"], actor=self.user)
        return self._whole(pk, status.HTTP_201_CREATED)

    @extend_schema(
        methods=["patch"],
        request=shapes.ItemWrittenSerializer,
        responses=shapes.SessionWholeSerializer,
        filters=False,
    )
    @extend_schema(methods=["delete"], responses={204: None}, filters=False)
    @action(detail=True, methods=["patch", "delete"], url_path="items/<uuid:item_id>", pagination_class=None)
    def item(self, request: Request, pk: UUID, item_id: UUID) -> Response:
        """Change the note or the place of an item, or take it off the agenda."""
        row = item_of(session_led(self.user, pk), item_id)
        if request.method == "DELETE":
            item_remove(item=row, actor=self.user)
            return Response(status=status.HTTP_204_NO_CONTENT)
        item_change(item=row, actor=self.user, **_taken(shapes.ItemWrittenSerializer, request))
        return self._whole(pk)

    @extend_schema(
        request=shapes.NewStepSerializer, responses={201: shapes.SessionWholeSerializer}, filters=False
    )
    @action(detail=True, methods=["post"], url_path="next-steps", pagination_class=None)
    def next_steps(self, request: Request, pk: UUID) -> Response:
        """Agree on what is to be done."""
        given = _taken(shapes.NewStepSerializer, request)
        step_add(session=session_led(self.user, pk), actor=self.user, **given)
        return self._whole(pk, status.HTTP_201_CREATED)

    @extend_schema(
        request=shapes.AgentNotesSerializer, responses=shapes.SessionWholeSerializer, filters=False
    )
    @action(detail=True, methods=["put"], url_path="agent-notes", pagination_class=None)
    def agent_notes(self, request: Request, pk: UUID) -> Response:
        """Your own notes on a session about you; your coach reads them, too."""
        row, given = session_own(self.user, pk), _taken(shapes.AgentNotesSerializer, request)
        agent_notes_write(session=row, notes=given["notes"], user=self.user)
        return self._whole(pk)

    @extend_schema(
        request=shapes.AcknowledgeSerializer, responses=shapes.SessionWholeSerializer, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def acknowledge(self, request: Request, pk: UUID) -> Response:
        """Say in your own words what you take from a session about you that was held."""
        row, given = session_own(self.user, pk), _taken(shapes.AcknowledgeSerializer, request)
        session_acknowledge(session=row, words=given["words"], user=self.user)
        return self._whole(pk)


def _taken(shape: type[serializers.Serializer[Any]], request: Request) -> Any:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return given.validated_data


class StepFilter(filters.FilterSet):
    agent = filters.UUIDFilter(field_name="session__agent_id")
    done = filters.BooleanFilter(method="by_done", help_text="Whether it is done.")
    overdue = filters.BooleanFilter(method="by_overdue", help_text="Not done, and its day is over.")

    class Meta:
        model = NextStep
        fields: list[str] = []

    def by_done(self, rows: QuerySet[NextStep], name: str, value: bool) -> QuerySet[NextStep]:
        return rows.filter(done_at__isnull=not value)

    def by_overdue(self, rows: QuerySet[NextStep], name: str, value: bool) -> QuerySet[NextStep]:
        late = {"done_at__isnull": True, "due_on__lt": timezone.localdate()}
        return rows.filter(**late) if value else rows.exclude(**late)


class CoachingStepViewSet(ItemListMixin, CompanyViewSet):
    """What was agreed on in sessions that were held, the newest first."""

    permission = Permission.COACHING_READ
    permissions_by_action = {"destroy": Permission.COACHING_MANAGE}
    serializer_class = shapes.NextStepListedSerializer
    filterset_class = StepFilter
    queryset = NextStep.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return NextStep.objects.none() if self.is_schema else steps_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return step_listed(row)

    @extend_schema(request=shapes.StepWrittenSerializer, responses=shapes.NextStepListedSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Tick it, take the tick back, or put it off."""
        row, given = step_for(self.user, pk), _taken(shapes.StepWrittenSerializer, request)
        if "due_on" in given:
            if not coaches(self.user, row.session):
                raise Conflict(_("Only who coaches puts a next step off."))
            step_due(step=row, due_on=given["due_on"], actor=self.user)
        if "done" in given:
            step_done(step=row, user=self.user, done=given["done"])
        return self.shown(step_for(self.user, pk))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it back, until its agent has acknowledged the session."""
        row = step_for(self.user, pk)
        if not coaches(self.user, row.session):
            raise Http404("no such step")
        step_remove(step=row, actor=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
