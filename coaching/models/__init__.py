"""Policies and their revisions, what agents were shown, what rules did, and alerts for supervisors."""

from coaching.models.alerts import Alert
from coaching.models.effects import BehaviourOutcome, RuleEffect
from coaching.models.guidance import OUTCOME, Guidance, GuidanceMute, GuidanceSettings
from coaching.models.policies import (
    SCOPED,
    Combine,
    Policy,
    PolicyRevision,
    RuleFault,
    Severity,
    empty_document,
)

__all__ = [
    "OUTCOME",
    "SCOPED",
    "Alert",
    "BehaviourOutcome",
    "Combine",
    "Guidance",
    "GuidanceMute",
    "GuidanceSettings",
    "Policy",
    "PolicyRevision",
    "RuleEffect",
    "RuleFault",
    "Severity",
    "empty_document",
]
