"""Policies and their rules, what agents were shown, and alerts for supervisors."""

from coaching.models.alerts import CHECK, HAND, Alert, ShiftMark, TeamAlerts, Whisper
from coaching.models.guidance import Guidance, GuidanceMute, GuidanceSettings
from coaching.models.policies import Policy, PolicyRevision, Rule

__all__ = [
    "CHECK",
    "HAND",
    "Alert",
    "Guidance",
    "GuidanceMute",
    "GuidanceSettings",
    "Policy",
    "PolicyRevision",
    "Rule",
    "ShiftMark",
    "TeamAlerts",
    "Whisper",
]
