"""API of reports: the figures of the reports page."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet
from accounts.models import Team
from accounts.permissions import Permission
from analytics.periods import PERIODS, teams_offered
from analytics.selectors import report_agents, report_behaviours, report_daily

Serializer = serializers.Serializer[Any]


class AskedSerializer(Serializer):
    days = serializers.IntegerField(min_value=1, max_value=max(PERIODS), default=7)
    team = serializers.UUIDField(required=False)


class FiguresSerializer(Serializer):
    """Means are null where there is nothing to take them of."""

    conversations = serializers.IntegerField()
    handle_seconds = serializers.FloatField(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    scored = serializers.IntegerField()
    sentiment = serializers.FloatField(allow_null=True)
    hints_shown = serializers.IntegerField()
    hints_accepted = serializers.IntegerField()
    alerts = serializers.IntegerField()
    accepted_share = serializers.FloatField(
        allow_null=True, help_text="Of the hints shown, those accepted or whose words were said."
    )
    behaviours = serializers.FloatField(
        allow_null=True, help_text="0 to 100: what policies expected and was done, by its weights."
    )
    situations = serializers.IntegerField(help_text="How often something was expected.")


class DaySerializer(Serializer):
    day = serializers.DateField()
    figures = FiguresSerializer()


class AgentSerializer(Serializer):
    agent_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    team = serializers.CharField()
    figures = FiguresSerializer()


class BehaviourFiguresSerializer(Serializer):
    policy = serializers.CharField()
    policy_id = serializers.UUIDField()
    key = serializers.CharField(help_text="The behaviour's id in the policy.")
    name = serializers.CharField()
    situations = serializers.IntegerField()
    done = serializers.IntegerField()
    missed = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the situations those in which it was done, 0 to 1.")
    conversations = serializers.IntegerField()
    agents = serializers.IntegerField(help_text="How many agents were in such a situation.")


class ReportViewSet(CompanyViewSet):
    """Figures over the conversations that you may read."""

    permission = Permission.REPORT_READ
    serializer_class = DaySerializer
    pagination_class = None
    filter_backends: list[Any] = []

    def _asked(self, request: Request) -> tuple[int, Team | None]:
        asked = AskedSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data.get("team")
        team = None
        if wanted is not None:
            team = teams_offered(self.user).filter(pk=wanted).first()
            if team is None:
                raise serializers.ValidationError({"team": ["There is no such team of yours."]})
        return asked.validated_data["days"], team

    @extend_schema(parameters=[AskedSerializer], responses=DaySerializer(many=True))
    @action(detail=False)
    def daily(self, request: Request) -> Response:
        """Each of the last days, the oldest first."""
        return Response(DaySerializer(report_daily(self.user, *self._asked(request)), many=True).data)

    @extend_schema(parameters=[AskedSerializer], responses=AgentSerializer(many=True))
    @action(detail=False)
    def agents(self, request: Request) -> Response:
        """Each agent with a conversation in the last days, by name."""
        return Response(AgentSerializer(report_agents(self.user, *self._asked(request)), many=True).data)

    @extend_schema(parameters=[AskedSerializer], responses=BehaviourFiguresSerializer(many=True))
    @action(detail=False)
    def behaviours(self, request: Request) -> Response:
        """Each behaviour that policies expected in the last days, what was missed most often first."""
        found = report_behaviours(self.user, *self._asked(request))
        return Response(BehaviourFiguresSerializer(found, many=True).data)
