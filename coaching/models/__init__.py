"""Policies and experiments, what agents were shown, what rules did, alerts, next-step models, clips, coaching plans."""

from coaching.models.alerts import CHECK, HAND, Alert, ShiftMark, TeamAlerts, Whisper
from coaching.models.backtests import Backtest, BacktestHit, RuleLabel
from coaching.models.clips import Clip, ClipComment, ClipSeen, ClipShare
from coaching.models.effects import BehaviourOutcome, RuleEffect
from coaching.models.experiments import Better, Experiment, ExperimentArm
from coaching.models.guidance import OUTCOME, Guidance, GuidanceMute, GuidanceSettings
from coaching.models.next_steps import NextStepFile, NextStepTraining, NextStepVersion
from coaching.models.plans import (
    SKILL_LENGTH,
    AgendaItem,
    CoachingPlan,
    CoachingSession,
    NextStep,
    PlanFocus,
    Target,
)
from coaching.models.policies import (
    SCOPED,
    Combine,
    Policy,
    PolicyRevision,
    RuleFault,
    Severity,
    empty_document,
)
from coaching.models.replies import SuggestedReply

__all__ = [
    "CHECK",
    "HAND",
    "OUTCOME",
    "SCOPED",
    "SKILL_LENGTH",
    "AgendaItem",
    "Alert",
    "Backtest",
    "BacktestHit",
    "BehaviourOutcome",
    "Better",
    "Clip",
    "ClipComment",
    "ClipSeen",
    "ClipShare",
    "CoachingPlan",
    "CoachingSession",
    "Combine",
    "Experiment",
    "ExperimentArm",
    "Guidance",
    "GuidanceMute",
    "GuidanceSettings",
    "NextStep",
    "NextStepFile",
    "NextStepTraining",
    "NextStepVersion",
    "PlanFocus",
    "Policy",
    "PolicyRevision",
    "RuleEffect",
    "RuleFault",
    "RuleLabel",
    "Severity",
    "ShiftMark",
    "SuggestedReply",
    "Target",
    "TeamAlerts",
    "Whisper",
    "empty_document",
]
