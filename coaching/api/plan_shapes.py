"""What the API of coaching takes and gives: plans, sessions, next steps, targets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import PersonSerializer
from coaching.api.skill_shapes import EffectSerializer, FigureSerializer, TopSerializer
from coaching.models import SKILL_LENGTH, AgendaItem, CoachingPlan, CoachingSession, NextStep
from coaching.plans.services import FOCUSES_MAX
from qa.api.scores import EvidenceSerializer
from qa.reporting.tables import FORMS

Serializer = serializers.Serializer[Any]


class TeamThenSerializer(Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class PlanFocusSerializer(Serializer):
    skill = serializers.CharField()
    name = serializers.CharField()
    baseline = serializers.FloatField(allow_null=True, help_text="0-100, before it began; for who coaches.")
    baseline_n = serializers.IntegerField(help_text="Of so many answers or situations.")
    target = serializers.FloatField(allow_null=True)


class CoachingPlanSerializer(Serializer):
    id = serializers.UUIDField()
    agent = PersonSerializer()
    coach = PersonSerializer(allow_null=True)
    team = TeamThenSerializer(allow_null=True, help_text="The one that the agent was in then.")
    title = serializers.CharField()
    goal = serializers.CharField()
    state = serializers.ChoiceField(CoachingPlan.State.choices)
    outcome = serializers.CharField(help_text="What came of it, once it has ended.")
    begins_on = serializers.DateField()
    ends_on = serializers.DateField()
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True, help_text="Since when the agent sees it.")
    ended_at = serializers.DateTimeField(allow_null=True)
    focuses = PlanFocusSerializer(many=True)


class FocusWrittenSerializer(Serializer):
    skill = serializers.CharField(max_length=SKILL_LENGTH, help_text="Its reference.")
    target = serializers.FloatField(
        min_value=0,
        max_value=100,
        allow_null=True,
        required=False,
        help_text="Left out: the agent's or their team's, if one is set.",
    )


class CoachingPlanWrittenSerializer(Serializer):
    """A plan as it is drafted. When it is changed, what is left out stays as it is."""

    title = serializers.CharField(max_length=120)
    goal = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    begins_on = serializers.DateField()
    ends_on = serializers.DateField()
    coach = serializers.UUIDField(required=False, help_text="Without it you.")
    focuses = FocusWrittenSerializer(many=True, help_text=f"One to {FOCUSES_MAX} skills, in order.")


class NewCoachingPlanSerializer(CoachingPlanWrittenSerializer):
    agent = serializers.UUIDField()


class PlanOutcomeSerializer(Serializer):
    outcome = serializers.CharField(max_length=1000, allow_blank=True, default="")


class StretchSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    n = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)


class FocusProgressSerializer(PlanFocusSerializer):
    group = serializers.CharField(help_text="The scorecard or policy.")
    now = FigureSerializer(help_text="Since the plan began.")
    top = TopSerializer(allow_null=True, help_text="The team's best quarter in the same time.")
    reached = serializers.BooleanField(allow_null=True, help_text="Whether the target is; null without one.")
    effect = EffectSerializer(allow_null=True, help_text="null before its first day.")
    weeks = StretchSerializer(many=True, help_text="By week, the oldest first.")


class PlanFileAskedSerializer(Serializer):
    form = serializers.ChoiceField(FORMS, default="csv")


class ProgressSerializer(Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    focuses = FocusProgressSerializer(many=True)


# --- Sessions -------------------------------------------------------------------------------------------


class CoachingSessionSerializer(Serializer):
    id = serializers.UUIDField()
    plan = serializers.UUIDField(allow_null=True)
    agent = PersonSerializer()
    coach = PersonSerializer(allow_null=True)
    team = TeamThenSerializer(allow_null=True)
    state = serializers.ChoiceField(CoachingSession.State.choices)
    scheduled_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    shared_at = serializers.DateTimeField(allow_null=True, help_text="Since when the agent sees it.")
    held_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)


class CallShownSerializer(Serializer):
    conversation = serializers.UUIDField(allow_null=True)
    customer = serializers.CharField()
    announced_at = serializers.DateTimeField(allow_null=True)
    skill = serializers.CharField()
    skill_name = serializers.CharField()
    why = serializers.ChoiceField(AgendaItem.Why.choices)
    result = serializers.CharField(help_text="The answer, or how often it was done, in words.")
    score = serializers.FloatField(allow_null=True, help_text="0-100. Agents: once it was shown to them.")
    evidence = EvidenceSerializer(many=True)
    at_ms = serializers.IntegerField(allow_null=True, help_text="Where in the call the first of it is.")
    gone = serializers.ChoiceField(
        ["", "call", "clip", "words", "blind"],
        help_text="call, clip, words: no longer kept, or a clip not shown to you. blind: you judge it blind now.",
    )


class AgendaItemSerializer(CallShownSerializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(AgendaItem.Kind.choices)
    position = serializers.IntegerField()
    note = serializers.CharField()
    clip = serializers.UUIDField(allow_null=True)


class NextStepSerializer(Serializer):
    id = serializers.UUIDField()
    session = serializers.UUIDField()
    who = serializers.ChoiceField(NextStep.Who.choices, help_text="Who is to do it.")
    text = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = PersonSerializer(allow_null=True)


class NextStepListedSerializer(NextStepSerializer):
    agent = PersonSerializer()
    coach = PersonSerializer(allow_null=True)


class SessionWholeSerializer(CoachingSessionSerializer):
    coaches = serializers.BooleanField(help_text="Whether you may change it.")
    preparation = serializers.CharField(help_text="The coach's own; empty for the agent.")
    coach_notes = serializers.CharField()
    agent_notes = serializers.CharField()
    acknowledgement = serializers.CharField()
    items = AgendaItemSerializer(many=True)
    next_steps = NextStepSerializer(many=True)


class SessionWrittenSerializer(Serializer):
    """What is left out stays as it is."""

    scheduled_at = serializers.DateTimeField(required=False)
    plan = serializers.UUIDField(required=False, allow_null=True, help_text="An open one of the same agent.")
    preparation = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="The agent never sees it."
    )
    coach_notes = serializers.CharField(max_length=4000, required=False, allow_blank=True)


class NewSessionSerializer(Serializer):
    agent = serializers.UUIDField()
    scheduled_at = serializers.DateTimeField()
    plan = serializers.UUIDField(required=False, allow_null=True, help_text="An open one of this agent.")
    coach = serializers.UUIDField(required=False, help_text="Without it you.")
    preparation = serializers.CharField(max_length=2000, default="", allow_blank=True)


class SuggestedSerializer(Serializer):
    since = serializers.DateTimeField(help_text="The session before, or thirty days ago.")
    calls = CallShownSerializer(many=True)


class NewItemSerializer(Serializer):
    """A call (`conversation`, with or without a `skill`), a `clip`, or a topic in words (`note` alone)."""

    conversation = serializers.UUIDField(required=False)
    clip = serializers.UUIDField(required=False)
    skill = serializers.CharField(max_length=SKILL_LENGTH, required=False)
    why = serializers.ChoiceField(AgendaItem.Why.choices, default=AgendaItem.Why.CHOSEN)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)


class ItemWrittenSerializer(Serializer):
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    position = serializers.IntegerField(min_value=0, required=False, help_text="From 0 on.")


class NewStepSerializer(Serializer):
    text = serializers.CharField(max_length=300)
    who = serializers.ChoiceField(NextStep.Who.choices, default=NextStep.Who.AGENT)
    due_on = serializers.DateField(required=False, allow_null=True)


class StepWrittenSerializer(Serializer):
    done = serializers.BooleanField(required=False, help_text="Agents: their own, once it was held.")
    due_on = serializers.DateField(required=False, allow_null=True, help_text="Who coaches alone.")


class AgentNotesSerializer(Serializer):
    notes = serializers.CharField(max_length=4000, allow_blank=True)


class AcknowledgeSerializer(Serializer):
    words = serializers.CharField(max_length=1000, help_text="What you take from it, in your own words.")


# --- Targets --------------------------------------------------------------------------------------------


class TargetSerializer(Serializer):
    id = serializers.UUIDField()
    team = TeamThenSerializer(allow_null=True)
    agent = PersonSerializer(allow_null=True)
    skill = serializers.CharField()
    name = serializers.CharField()
    value = serializers.FloatField()
    begins_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True)
    set_by = PersonSerializer(allow_null=True)


class NewTargetSerializer(Serializer):
    """For a `team` or for an `agent`."""

    team = serializers.UUIDField(required=False)
    agent = serializers.UUIDField(required=False)
    skill = serializers.CharField(max_length=SKILL_LENGTH)
    value = serializers.FloatField(min_value=0, max_value=100)
    begins_on = serializers.DateField()
    ends_on = serializers.DateField(required=False, allow_null=True)


class TargetEndSerializer(Serializer):
    ends_on = serializers.DateField(help_text="Its last day.")


# --- A coach's home -------------------------------------------------------------------------------------


class CoachedAgentSerializer(Serializer):
    agent = PersonSerializer()
    plans = serializers.ListField(child=serializers.UUIDField())
    held_last = serializers.DateTimeField(allow_null=True)
    planned_next = serializers.DateTimeField(allow_null=True)
    unacknowledged = serializers.IntegerField()
    overdue = serializers.IntegerField()


class OwnCoachingSerializer(Serializer):
    acknowledge = CoachingSessionSerializer(many=True)
    planned = CoachingSessionSerializer(many=True)
    earlier = CoachingSessionSerializer(many=True)
    plans = CoachingPlanSerializer(many=True)
    steps = NextStepListedSerializer(many=True)


class CoachHomeSerializer(Serializer):
    agents = CoachedAgentSerializer(many=True)
    prepare = CoachingSessionSerializer(many=True)
    hold = CoachingSessionSerializer(many=True, help_text="Planned ones whose time has come.")
    unacknowledged = CoachingSessionSerializer(many=True)
    plans = CoachingPlanSerializer(many=True)
    overdue = NextStepListedSerializer(many=True)
    own = OwnCoachingSerializer(help_text="What was shared with you as an agent.")
