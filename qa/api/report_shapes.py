"""What the API of quality's reports is asked for, and what its answers look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import PersonSerializer
from qa.api.scorecards import CriterionAgreementSerializer
from qa.api.scores import EvidenceSerializer
from qa.models import Evaluation
from qa.reporting.asked import BAR_DEFAULT, DAYS_DEFAULT, DAYS_MAX, STEPS
from qa.reporting.figures import GROUPED
from qa.reporting.tables import FORMS, REPORTS

Serializer = serializers.Serializer[Any]


class AskedSerializer(Serializer):
    """A period, and which scores of it."""

    days = serializers.IntegerField(
        min_value=1, max_value=DAYS_MAX, default=DAYS_DEFAULT, help_text="Today included; or since and until."
    )
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False, help_text="Included. Today, if left out.")
    team = serializers.CharField(required=False, help_text="Its id, or none: of the time of the call.")
    agent = serializers.UUIDField(required=False)
    queue = serializers.CharField(required=False, help_text="Its key, or none.")
    scorecard = serializers.UUIDField(required=False, help_text="All revisions of it.")
    source = serializers.ChoiceField(  # type: ignore[assignment]
        ["automatic", "person"], required=False, help_text="By whom what counts was judged."
    )
    bar = serializers.IntegerField(
        min_value=1, max_value=100, default=BAR_DEFAULT, help_text="Scores under it are counted as such."
    )


class TrendAskedSerializer(AskedSerializer):
    step = serializers.ChoiceField(
        STEPS, required=False, help_text="By the length of the period, if left out."
    )


class GroupsAskedSerializer(AskedSerializer):
    by = serializers.ChoiceField(GROUPED, default="agent")


class NarrowedSerializer(Serializer):
    criterion = serializers.CharField(
        required=False, help_text="A criterion's key: those with an answer to it that is worth something."
    )
    lost = serializers.BooleanField(required=False, help_text="Those that lost points on it.")
    bin = serializers.IntegerField(
        required=False, min_value=0, max_value=9, help_text="A part of the distribution: 9 is 90 to 100."
    )
    failed = serializers.BooleanField(required=False, help_text="Those that failed outright.")


class EvaluationsAskedSerializer(AskedSerializer, NarrowedSerializer):
    pass


class FileAskedSerializer(EvaluationsAskedSerializer):
    report = serializers.ChoiceField(REPORTS)
    form = serializers.ChoiceField(FORMS, help_text="A workbook of evaluations has at most 20,000 rows.")


class PeriodSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField(help_text="Included.")


class ScoreFiguresSerializer(Serializer):
    """Figures are null where there is nothing to take them of."""

    n = serializers.IntegerField(help_text="Scores.")
    mean = serializers.FloatField(allow_null=True, help_text="0-100.")
    median = serializers.FloatField(allow_null=True)
    under = serializers.IntegerField(help_text="Scores under the bar.")
    under_share = serializers.FloatField(allow_null=True, help_text="0-1.")
    auto_failed = serializers.IntegerField()
    by_people = serializers.IntegerField(help_text="Those that a person judged.")
    few = serializers.BooleanField(help_text="Of so few that a figure says little.")


class ScoreSummarySerializer(PeriodSerializer):
    figures = ScoreFiguresSerializer()


class BinSerializer(Serializer):
    low = serializers.IntegerField()
    high = serializers.IntegerField(help_text="Not included, but for 100.")
    n = serializers.IntegerField()


class DistributionSerializer(PeriodSerializer):
    n = serializers.IntegerField()
    bins = BinSerializer(many=True)


class PointSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    figures = ScoreFiguresSerializer()


class TrendSerializer(PeriodSerializer):
    step = serializers.ChoiceField(STEPS)
    points = PointSerializer(many=True)


class GroupSerializer(Serializer):
    key = serializers.CharField(help_text="An id, of queues the key; none: without one.")
    name = serializers.CharField(allow_blank=True)
    figures = ScoreFiguresSerializer()
    team_key = serializers.CharField(allow_blank=True, help_text="Of agents: their team then.")
    team = serializers.CharField(allow_blank=True)
    team_mean = serializers.FloatField(allow_null=True, help_text="Null of teams that are not yours.")
    team_n = serializers.IntegerField()
    against_team = serializers.FloatField(allow_null=True, help_text="Points above the team's mean.")


class GroupedSerializer(PeriodSerializer):
    by = serializers.ChoiceField(GROUPED)
    groups = GroupSerializer(many=True)


class CriterionFiguresSerializer(Serializer):
    key = serializers.CharField()
    question = serializers.CharField()
    section = serializers.CharField(allow_blank=True)
    scorecard_key = serializers.CharField()
    scorecard = serializers.CharField()
    auto_fail = serializers.BooleanField()
    weight = serializers.IntegerField(help_text="In the newest of the revisions that were judged by.")
    n = serializers.IntegerField(help_text="Answers that are worth something.")
    mean = serializers.FloatField(allow_null=True, help_text="0-100.")
    below = serializers.IntegerField(help_text="Answers that lost points.")
    zero = serializers.IntegerField(help_text="Answers that are worth nothing.")
    lost = serializers.FloatField(help_text="What was lost, in weight.")
    share = serializers.FloatField(allow_null=True, help_text="Of all that was lost, 0-1.")
    few = serializers.BooleanField()


class CriteriaSerializer(PeriodSerializer):
    criteria = CriterionFiguresSerializer(many=True)


class CellSerializer(Serializer):
    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    few = serializers.BooleanField()


class ColumnSerializer(Serializer):
    key = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    total = CellSerializer(help_text="Of their scores.")


class HeatRowSerializer(Serializer):
    criterion = CriterionFiguresSerializer()
    cells = serializers.ListField(
        child=CellSerializer(allow_null=True), help_text="By column; null where there is no answer."
    )


class HeatMapSerializer(PeriodSerializer):
    by = serializers.ChoiceField(["agent", "team"])
    columns = ColumnSerializer(many=True)
    rows = HeatRowSerializer(many=True)
    left_out = serializers.IntegerField(help_text="Columns beyond what can be shown.")


class EvaluatorSerializer(Serializer):
    key = serializers.UUIDField()
    name = serializers.CharField()
    n = serializers.IntegerField(help_text="Evaluations submitted.")
    second = serializers.IntegerField(help_text="Blind second reviews beside them.")
    median_seconds = serializers.FloatField(allow_null=True)
    unsure = serializers.IntegerField(help_text="Begun from automatic answers that were unsure.")
    unsure_share = serializers.FloatField(allow_null=True, help_text="0-1.")
    disputed = serializers.IntegerField()
    few = serializers.BooleanField()


class ThroughputSerializer(PeriodSerializer):
    n = serializers.IntegerField(help_text="Evaluations and second reviews together.")
    evaluators = EvaluatorSerializer(many=True)
    waiting = serializers.IntegerField(help_text="Unsure evaluations at which nobody has looked yet.")
    taken = serializers.IntegerField()
    taken_share = serializers.FloatField(allow_null=True, help_text="0-1.")


class RatersOfSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    bar = serializers.FloatField(help_text="The least kappa.")
    criteria = CriterionAgreementSerializer(many=True)


class RatersSerializer(PeriodSerializer):
    scorecards = RatersOfSerializer(many=True)


class AgentCardSerializer(PeriodSerializer):
    agent = PersonSerializer()
    step = serializers.ChoiceField(STEPS)
    figures = ScoreFiguresSerializer()
    before = ScoreFiguresSerializer(help_text="Of the same length of time just before.")
    change = serializers.FloatField(allow_null=True, help_text="Points against it.")
    trend = PointSerializer(many=True)
    teams = GroupSerializer(many=True, help_text="By the team that they were in then.")
    criteria = CriterionFiguresSerializer(many=True, help_text="Where most was lost, first.")


class TeamNamedSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class AnswerBehindSerializer(Serializer):
    id = serializers.UUIDField()
    label = serializers.CharField(help_text="The answer in words.")  # type: ignore[assignment]
    score = serializers.FloatField(allow_null=True)
    evidence = EvidenceSerializer(many=True)
    comment = serializers.CharField(allow_blank=True)


class BehindSerializer(Serializer):
    """An evaluation behind a figure."""

    id = serializers.UUIDField()
    conversation = serializers.UUIDField()
    at = serializers.DateTimeField(help_text="When the conversation was announced.")
    agent = PersonSerializer(allow_null=True)
    team = TeamNamedSerializer(allow_null=True, help_text="Theirs then.")
    scorecard = serializers.CharField()
    kind = serializers.ChoiceField(Evaluation.Kind.choices)
    evaluator = PersonSerializer(allow_null=True)
    total = serializers.FloatField()
    auto_failed = serializers.BooleanField()
    answer = AnswerBehindSerializer(allow_null=True, help_text="To the criterion that is asked about.")
