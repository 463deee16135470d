"""API of coaching plans and targets, and of what a coach has before them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters as filters
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ItemListMixin
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.api import plan_shapes as shapes
from coaching.api.skill_shapes import effect_shown
from coaching.models import CoachingPlan, Target
from coaching.plans.access import (
    agent_coached,
    plan_for,
    plan_led,
    plans_visible,
    target_led,
    targets_visible,
    team_coached,
)
from coaching.plans.files import plan_file
from coaching.plans.progress import FocusProgress, Progress, plan_progress
from coaching.plans.selectors import coach_home, own_coaching
from coaching.plans.services import (
    plan_activate,
    plan_cancel,
    plan_complete,
    plan_save,
    target_end,
    target_remove,
    target_set,
)
from coaching.plans.shown import plan_shown, session_listed, step_listed, target_shown
from conversations.events import person, stamp
from qa.api.files import FILE_RESPONSES
from qa.reporting.responses import file_response


class PlanFilter(filters.FilterSet):
    agent = filters.UUIDFilter(field_name="agent_id")
    state = filters.ChoiceFilter(choices=CoachingPlan.State.choices)

    class Meta:
        model = CoachingPlan
        fields: list[str] = []


class CoachingPlanViewSet(ItemListMixin, CompanyViewSet):
    """Coaching plans of the agents whom you coach; agents see their own, once they run."""

    permission = Permission.COACHING_READ
    permissions_by_action = dict.fromkeys(
        ("create", "partial_update", "activate", "complete", "cancel", "file"), Permission.COACHING_MANAGE
    )
    serializer_class = shapes.CoachingPlanSerializer
    filterset_class = PlanFilter
    queryset = CoachingPlan.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return CoachingPlan.objects.none() if self.is_schema else plans_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return plan_shown(row, self.user)

    def _again(self, row: CoachingPlan, code: int = status.HTTP_200_OK) -> Response:
        shown = plan_shown(plan_for(self.user, row.pk), self.user)
        return Response(self.get_serializer(shown).data, status=code)

    @extend_schema(responses=shapes.CoachingPlanSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One of them."""
        return self.shown(plan_for(self.user, pk))

    @extend_schema(request=shapes.NewCoachingPlanSerializer, responses={201: shapes.CoachingPlanSerializer})
    def create(self, request: Request) -> Response:
        """Draft one. Its agent sees it when it is activated."""
        given = _taken(shapes.NewCoachingPlanSerializer, request)
        agent = agent_coached(self.user, given.pop("agent"))
        row = plan_save(plan=None, given=_with_coach(given), actor=self.user, agent=agent)
        return self._again(row, status.HTTP_201_CREATED)

    @extend_schema(
        request=shapes.CoachingPlanWrittenSerializer(partial=True), responses=shapes.CoachingPlanSerializer
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change what is given; of a running plan the first day stays."""
        row = plan_led(self.user, pk)
        given = _taken(shapes.CoachingPlanWrittenSerializer, request, partial=True)
        return self._again(plan_save(plan=row, given=_with_coach(given), actor=self.user))

    @extend_schema(request=None, responses=shapes.CoachingPlanSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def activate(self, request: Request, pk: UUID) -> Response:
        """Let it run: its agent sees it from now on."""
        return self._again(plan_activate(plan=plan_led(self.user, pk), actor=self.user))

    @extend_schema(
        request=shapes.PlanOutcomeSerializer, responses=shapes.CoachingPlanSerializer, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def complete(self, request: Request, pk: UUID) -> Response:
        """End it, and say what came of it."""
        row, given = plan_led(self.user, pk), _taken(shapes.PlanOutcomeSerializer, request)
        return self._again(plan_complete(plan=row, outcome=given["outcome"], actor=self.user))

    @extend_schema(
        request=shapes.PlanOutcomeSerializer, responses=shapes.CoachingPlanSerializer, filters=False
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Call it off; its sessions stay."""
        row, given = plan_led(self.user, pk), _taken(shapes.PlanOutcomeSerializer, request)
        return self._again(plan_cancel(plan=row, outcome=given["outcome"], actor=self.user))

    @extend_schema(responses=shapes.ProgressSerializer, filters=False)
    @action(detail=True, pagination_class=None)
    def progress(self, request: Request, pk: UUID) -> Response:
        """How far each skill of it has come, beside the team's best, and what changed by more than for everybody."""
        plan = plan_for(self.user, pk)
        shown = progress_shown(plan_progress(plan, self.user), plan.agent)
        return Response(shapes.ProgressSerializer(shown).data)

    @extend_schema(
        parameters=[shapes.PlanFileAskedSerializer],
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def file(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The progress as a CSV file or a workbook. Noted in the audit log."""
        given = shapes.PlanFileAskedSerializer(data={"form": request.query_params.get("form", "csv")})
        given.is_valid(raise_exception=True)
        form, plan = given.validated_data["form"], plan_led(self.user, pk)
        address = address_of(request._request) or None
        file, name = plan_file(user=self.user, plan=plan, form=form, address=address)
        return file_response(request._request, file, name, form)

    @extend_schema(responses=shapes.CoachHomeSerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def home(self, request: Request) -> Response:
        """What lies before you: agents, sessions to prepare, to hold and not acknowledged, plans, overdue steps.

        Agents: what was shared with them, what to acknowledge first.
        """
        shown = home_shown(self.user)
        return Response(shapes.CoachHomeSerializer(shown).data)


def _taken(shape: type[serializers.Serializer[Any]], request: Request, *, partial: bool = False) -> Any:
    given = shape(data=request.data, partial=partial)
    given.is_valid(raise_exception=True)
    return given.validated_data


def _with_coach(given: dict[str, Any]) -> dict[str, Any]:
    if "coach" in given:
        given["coach"] = get_object_or_404(User, pk=given["coach"], is_active=True)
    return given


def progress_shown(progress: Progress, agent: User) -> dict[str, Any]:
    return {
        "since": progress.since,
        "until": progress.until,
        "focuses": [_focus_shown(one, agent) for one in progress.focuses],
    }


def _focus_shown(one: FocusProgress, agent: User) -> dict[str, Any]:
    known = one.effect is not None and one.skill is not None
    return {
        **{name: getattr(one.focus, name) for name in ("skill", "name", "target")},
        "baseline": one.before,
        "baseline_n": one.before_n,
        "group": one.skill.group if one.skill else "",
        "now": one.now,
        "top": one.top,
        "reached": one.reached,
        "effect": effect_shown(one.effect, one.skill, agent) if known else None,  # type: ignore[arg-type]
        "weeks": [asdict(week) for week in one.weeks],
    }


def home_shown(user: User) -> dict[str, Any]:
    """Both sides of it: as a coach, and as an agent."""
    home, own = coach_home(user), own_coaching(user)
    return {
        "agents": [
            {
                "agent": person(one.agent),
                "plans": [str(pk) for pk in one.plans],
                "held_last": stamp(one.held_last),
                "planned_next": stamp(one.planned_next),
                "unacknowledged": one.unacknowledged,
                "overdue": one.overdue,
            }
            for one in home.agents
        ],
        **{
            name: [session_listed(row) for row in getattr(home, name)]
            for name in ("prepare", "hold", "unacknowledged")
        },
        "plans": [plan_shown(row, user) for row in home.plans],
        "overdue": [step_listed(row) for row in home.overdue],
        "own": {
            **{
                name: [session_listed(row) for row in getattr(own, name)]
                for name in ("acknowledge", "planned", "earlier")
            },
            "plans": [plan_shown(row, user) for row in own.plans],
            "steps": [step_listed(row) for row in own.steps],
        },
    }


# --- Targets --------------------------------------------------------------------------------------------


class TargetFilter(filters.FilterSet):
    agent = filters.UUIDFilter(field_name="agent_id")
    team = filters.UUIDFilter(field_name="team_id")
    skill = filters.CharFilter(field_name="skill")

    class Meta:
        model = Target
        fields: list[str] = []


class TargetViewSet(ItemListMixin, CompanyViewSet):
    """What teams and agents are to reach in a skill; agents see their own and their team's."""

    permission = Permission.COACHING_READ
    permissions_by_action = dict.fromkeys(("create", "end", "destroy"), Permission.COACHING_MANAGE)
    serializer_class = shapes.TargetSerializer
    filterset_class = TargetFilter
    queryset = Target.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        return Target.objects.none() if self.is_schema else targets_visible(self.user)

    def render(self, row: Any) -> dict[str, Any]:
        return target_shown(row)

    @extend_schema(request=shapes.NewTargetSerializer, responses={201: shapes.TargetSerializer})
    def create(self, request: Request) -> Response:
        """Set one. What held until then ends the day before."""
        given = _taken(shapes.NewTargetSerializer, request)
        team = team_coached(self.user, given.pop("team")) if "team" in given else None
        agent = agent_coached(self.user, given.pop("agent")) if "agent" in given else None
        row = target_set(team=team, agent=agent, actor=self.user, **given)
        return Response(self.get_serializer(target_shown(row)).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=shapes.TargetEndSerializer, responses=shapes.TargetSerializer, filters=False)
    @action(detail=True, methods=["post"], pagination_class=None)
    def end(self, request: Request, pk: UUID) -> Response:
        """Let it hold until a day."""
        row, given = target_led(self.user, pk), _taken(shapes.TargetEndSerializer, request)
        target_end(target=row, ends_on=given["ends_on"], actor=self.user)
        return self.shown(target_led(self.user, pk))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take it back, as if it had never been set."""
        target_remove(target=target_led(self.user, pk), actor=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
