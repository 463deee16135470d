"""API of skills: how good agents are at what is expected of them, what to work on next, and what changed."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from coaching.api.skill_shapes import (
    EffectAskedSerializer,
    EffectSerializer,
    FocusListsSerializer,
    GapMapSerializer,
    MineSerializer,
    MyDaysSerializer,
    SkillFileAskedSerializer,
    SkillsAskedSerializer,
    SkillSerializer,
    effect_shown,
    focus_shown,
    gaps_shown,
    mine_shown,
)
from coaching.models import BehaviourOutcome
from coaching.skills.asked import effect_asked, kinds_from
from coaching.skills.effects import effect_of
from coaching.skills.files import skills_file
from coaching.skills.focus import focus_context, focus_for
from coaching.skills.gaps import gap_map, team_asked
from coaching.skills.mine import MY_DAYS, my_page
from coaching.skills.skills import skills_of
from qa.api.files import FILE_RESPONSES
from qa.reporting.asked import Asked, asked_from
from qa.reporting.responses import file_response


class CoachingSkillViewSet(CompanyViewSet):
    """Skills are criteria of scorecards, over all their revisions, and behaviours of policies.

    Of agents whom you look after, compared within the team that they were in at the time of the call; agents read
    their own, of what was released to them. What counts is what counts in quality reports.
    """

    permission = Permission.COACHING_MANAGE
    permissions_by_action = {"me": Permission.COACHING_READ, "focus": Permission.COACHING_READ}
    serializer_class = SkillSerializer
    queryset = BehaviourOutcome.objects.none()
    filter_backends: list[Any] = []

    def _asked(self, request: Request) -> Asked:
        asked = asked_from(self.user, request.query_params)
        self._refuse(asked.wrong)
        return asked

    def _refuse(self, wrong: dict[str, str]) -> None:
        if wrong:
            raise serializers.ValidationError({name: [words] for name, words in wrong.items()})

    @extend_schema(responses={200: SkillSerializer(many=True)}, filters=False)
    @action(detail=False, pagination_class=None)
    def skills(self, request: Request) -> Response:
        """What may be coached: all that scorecards and policies ask for now."""
        return Response(SkillSerializer(skills_of(self.user), many=True).data)

    @extend_schema(
        parameters=[SkillsAskedSerializer],
        responses={200: GapMapSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False, pagination_class=None, url_path="skill-gaps")
    def skill_gaps(self, request: Request) -> Response:
        """Skills by agents of one team, each with the distance to the team's top quarter."""
        asked = team_asked(self.user, self._asked(request))
        found = gap_map(self.user, asked, kinds_from(request.query_params))
        return Response(GapMapSerializer(gaps_shown(found, asked)).data)

    @extend_schema(
        parameters=[SkillsAskedSerializer],
        responses={200: FocusListsSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def focus(self, request: Request) -> Response:
        """What agents may work on next, the most important first, with the reason; agents read their own."""
        asked = self._asked(request)
        if self.user.may(Permission.COACHING_MANAGE):
            found = focus_context(self.user, asked)
            lists = [(one["agent"], one["list"]) for one in found["focus"]]
            asked, left_out = found["focus_asked"], found["focus_left_out"]
        else:
            lists = [(self.user, focus_for(self.user, [self.user], asked)[self.user.pk])]
            left_out = 0
        return Response(FocusListsSerializer(focus_shown(lists, asked, left_out)).data)

    @extend_schema(
        parameters=[EffectAskedSerializer],
        responses={200: EffectSerializer, 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def effects(self, request: Request) -> Response:
        """What changed for an agent at a skill from before a day to after it, beside the rest of their team."""
        asked = effect_asked(self.user, request.query_params)
        wrong = dict(asked.wrong)
        for name in ("agent", "skill"):
            if getattr(asked, name) is None:
                wrong.setdefault(name, "This is required.")
        self._refuse(wrong)
        assert asked.skill is not None and asked.agent is not None
        found = effect_of(asked.skill, asked.agent, asked.since, asked.turn, asked.until, reader=self.user)
        return Response(EffectSerializer(effect_shown(found, asked.skill, asked.agent)).data)

    @extend_schema(
        parameters=[MyDaysSerializer], responses={200: MineSerializer, 400: ErrorSerializer}, filters=False
    )
    @action(detail=False, pagination_class=None)
    def me(self, request: Request) -> Response:
        """Your own scores, wins, focus and skills, of what was released to you."""
        given = {name: request.query_params.get(name, "") for name in ("days", "since", "until")}
        if not any(given.values()):
            given["days"] = str(MY_DAYS)
        asked = asked_from(self.user, given)
        self._refuse(asked.wrong)
        return Response(MineSerializer(mine_shown(my_page(self.user, asked))).data)

    @extend_schema(
        parameters=[SkillFileAskedSerializer],
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def file(self, request: Request) -> HttpResponseBase:
        """The skill gaps or the suggestions as a CSV file or a workbook. Noted in the audit log."""
        given = SkillFileAskedSerializer(
            data={name: request.query_params.get(name, "") for name in ("report", "form")}
        )
        given.is_valid(raise_exception=True)
        form = given.validated_data["form"]
        file, name = skills_file(
            user=self.user,
            name=given.validated_data["report"],
            form=form,
            asked=team_asked(self.user, self._asked(request)),
            kinds=kinds_from(request.query_params),
            address=address_of(request._request) or None,
        )
        return file_response(request._request, file, name, form)
