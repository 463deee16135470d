"""Policies and their rules, what agents were shown, alerts for supervisors, and models of the next step."""

from coaching.models.alerts import Alert
from coaching.models.guidance import Guidance
from coaching.models.next_steps import NextStepFile, NextStepVersion
from coaching.models.policies import Policy, PolicyRevision, Rule

__all__ = ["Alert", "Guidance", "NextStepFile", "NextStepVersion", "Policy", "PolicyRevision", "Rule"]
