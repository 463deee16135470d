"""Policies and their rules, what agents were shown, and alerts for supervisors."""

from coaching.models.alerts import Alert
from coaching.models.guidance import Guidance
from coaching.models.policies import Policy, PolicyRevision, Rule

__all__ = ["Alert", "Guidance", "Policy", "PolicyRevision", "Rule"]
