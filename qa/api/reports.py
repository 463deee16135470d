"""API of quality's reports: the figures of the pages, by the same filters, and as files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import CompanyViewSet, ErrorSerializer
from accounts.permissions import Permission
from accounts.throttle import address_of
from conversations.events import person, stamp
from qa.access import agents_reported
from qa.api.files import FILE_RESPONSES
from qa.api.report_shapes import (
    AgentCardSerializer,
    AskedSerializer,
    BehindSerializer,
    CriteriaSerializer,
    DistributionSerializer,
    EvaluationsAskedSerializer,
    FileAskedSerializer,
    GroupedSerializer,
    GroupsAskedSerializer,
    HeatMapSerializer,
    RatersSerializer,
    ScoreSummarySerializer,
    ThroughputSerializer,
    TrendAskedSerializer,
    TrendSerializer,
)
from qa.models import Evaluation
from qa.reporting.asked import Asked, asked_from
from qa.reporting.cards import agent_card
from qa.reporting.criteria import criteria, heat_map
from qa.reporting.figures import distribution, groups, summary, trend
from qa.reporting.listed import Given, Narrowed, answers_given, evaluations_behind, narrowed_from
from qa.reporting.people import raters, throughput
from qa.reporting.responses import file_response
from qa.reporting.tables import report_file, reports_of


def reported(shape: Any, parameters: Any = AskedSerializer) -> Callable[..., Any]:
    """How a report is documented: what may be asked for, and what comes."""
    return extend_schema(parameters=[parameters], responses={200: shape, 400: ErrorSerializer}, filters=False)


class QualityReportViewSet(CompanyViewSet):
    """Figures of quality, of the scores that count, about agents whom you look after.

    A person's score counts instead of the automatic one; second reviews and calibration count in none. Days are those
    of the company's time zone; `team` is the one that the agent was in at the time of the call.
    """

    permission = Permission.REPORT_READ
    permissions_by_action = {
        "agreement": Permission.EVALUATION_MANAGE,
        "agents": Permission.EVALUATION_READ,
        "evaluations": Permission.EVALUATION_READ,
    }
    serializer_class = ScoreSummarySerializer
    queryset = Evaluation.objects.none()
    filter_backends: list[Any] = []

    def _asked(self, request: Request) -> Asked:
        asked = asked_from(self.user, request.query_params)
        if asked.wrong:
            raise serializers.ValidationError({name: [words] for name, words in asked.wrong.items()})
        return asked

    def _narrowed(self, request: Request) -> Narrowed:
        narrowed = narrowed_from(request.query_params)
        if narrowed.wrong:
            raise serializers.ValidationError({name: [words] for name, words in narrowed.wrong.items()})
        return narrowed

    def _told(self, asked: Asked, shape: Any, **found: Any) -> Response:
        return Response(shape({"since": asked.since, "until": asked.until, **found}).data)

    @reported(ScoreSummarySerializer)
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """All of it together."""
        asked = self._asked(request)
        return self._told(asked, ScoreSummarySerializer, figures=summary(asked.rows(self.user), asked))

    @reported(DistributionSerializer)
    @action(detail=False, pagination_class=None)
    def distribution(self, request: Request) -> Response:
        """How scores are spread, in tens."""
        asked = self._asked(request)
        bins = distribution(asked.rows(self.user))
        return self._told(asked, DistributionSerializer, n=sum(one.n for one in bins), bins=bins)

    @reported(TrendSerializer, TrendAskedSerializer)
    @action(detail=False, pagination_class=None)
    def trend(self, request: Request) -> Response:
        """Each day, week or month, the oldest first."""
        asked = self._asked(request)
        points = trend(asked.rows(self.user), asked)
        return self._told(asked, TrendSerializer, step=asked.step, points=points)

    @reported(GroupedSerializer, GroupsAskedSerializer)
    @action(detail=False, pagination_class=None)
    def groups(self, request: Request) -> Response:
        """Side by side: agents (each in the team of the time), teams, queues or scorecards."""
        given = GroupsAskedSerializer(data={"by": request.query_params.get("by", "agent")})
        given.is_valid(raise_exception=True)
        by, asked = given.validated_data["by"], self._asked(request)
        return self._told(asked, GroupedSerializer, by=by, groups=groups(self.user, asked, by))

    @reported(CriteriaSerializer)
    @action(detail=False, pagination_class=None)
    def criteria(self, request: Request) -> Response:
        """Criteria, the one on which most was lost first."""
        asked = self._asked(request)
        return self._told(asked, CriteriaSerializer, criteria=criteria(asked.rows(self.user)))

    @reported(HeatMapSerializer)
    @action(detail=False, pagination_class=None, url_path="heat-map")
    def heat_map(self, request: Request) -> Response:
        """Criteria by agents where a team is asked for, else by teams."""
        asked = self._asked(request)
        found = heat_map(asked.rows(self.user), asked)
        return self._told(
            asked,
            HeatMapSerializer,
            **{name: getattr(found, name) for name in ("by", "columns", "rows", "left_out")},
        )

    @reported(ThroughputSerializer)
    @action(detail=False, pagination_class=None)
    def evaluators(self, request: Request) -> Response:
        """What evaluators submitted; your own, unless you manage quality."""
        asked = self._asked(request)
        found = throughput(self.user, asked)
        return self._told(
            asked,
            ThroughputSerializer,
            **{name: getattr(found, name) for name in ("n", "evaluators", "waiting", "taken", "taken_share")},
        )

    @reported(RatersSerializer)
    @action(detail=False, pagination_class=None)
    def agreement(self, request: Request) -> Response:
        """How far automatic answers and people agree, by scorecard and criterion."""
        asked = self._asked(request)
        cards = [
            {"id": one.scorecard.pk, "name": one.scorecard.name, "bar": one.bar, "criteria": one.criteria}
            for one in raters(self.user, asked)
        ]
        return self._told(asked, RatersSerializer, scorecards=cards)

    @reported(AgentCardSerializer, TrendAskedSerializer)
    @action(detail=False, pagination_class=None, url_path="agents/<uuid:agent_id>")
    def agents(self, request: Request, agent_id: UUID) -> Response:
        """An agent's scorecard; agents read their own, of what was released to them."""
        agent = get_object_or_404(agents_reported(self.user), pk=agent_id)
        asked = self._asked(request)
        card = agent_card(self.user, agent, asked)
        return self._told(
            asked,
            AgentCardSerializer,
            agent=person(agent),
            step=asked.step,
            **{
                name: getattr(card, name)
                for name in ("figures", "before", "change", "trend", "teams", "criteria")
            },
        )

    @extend_schema(
        parameters=[EvaluationsAskedSerializer],
        responses={200: BehindSerializer(many=True), 400: ErrorSerializer},
        filters=False,
    )
    @action(detail=False)
    def evaluations(self, request: Request) -> Response:
        """The evaluations behind a figure, the newest first; with a criterion, what was answered and by which words."""
        asked, narrowed = self._asked(request), self._narrowed(request)
        page = self.paginate_queryset(evaluations_behind(self.user, asked, narrowed)) or []
        given = answers_given(page, narrowed.criterion)
        shown = [_behind(row, given.get(row.pk)) for row in page]
        return self.get_paginated_response(BehindSerializer(shown, many=True).data)

    @extend_schema(
        parameters=[FileAskedSerializer],
        responses=FILE_RESPONSES,
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def file(self, request: Request) -> HttpResponseBase:
        """A report as a CSV file or a workbook. Noted in the audit log."""
        given = FileAskedSerializer(
            data={name: request.query_params.get(name, "") for name in ("report", "form")}
        )
        given.is_valid(raise_exception=True)
        name, form = given.validated_data["report"], given.validated_data["form"]
        if name not in reports_of(self.user):
            raise serializers.ValidationError({"report": ["There is no such report of yours."]})
        file, file_name = report_file(
            user=self.user,
            name=name,
            form=form,
            asked=self._asked(request),
            narrowed=self._narrowed(request),
            address=address_of(request._request) or None,
        )
        return file_response(request._request, file, file_name, form)


def _behind(row: Evaluation, given: Given | None) -> dict[str, Any]:
    return {
        "id": row.pk,
        "conversation": row.conversation_id,
        "at": stamp(row.conversation.announced_at),
        "agent": person(row.agent),
        "team": None if row.team is None else {"id": row.team.pk, "name": row.team.name},
        "scorecard": row.revision.spec["name"],
        "kind": row.kind,
        "evaluator": person(row.evaluator),
        "total": float(row.total or 0),
        "auto_failed": row.auto_failed,
        "answer": given
        and {
            "id": given.id,
            "label": given.label,
            "score": given.score,
            "evidence": given.evidence,
            "comment": given.comment,
        },
    }
