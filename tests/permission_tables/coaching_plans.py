"""Coaching: plans, sessions with their agenda and next steps, targets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from coaching.models import CoachingPlan, CoachingSession, NextStep, Target
from coaching.plans.services import target_set
from tests.coaching.planned import card_make, plan_make, session_make
from tests.conftest import Company

# Who coaches the agent; the agent themselves may read what is shared, and nothing else.
READERS = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 200,
    "admin": 200,
}
COACHES = READERS | {"agent": 403, "teammate": 403}
OWN = {"nobody": 401, "agent": 200, "teammate": 404, "supervisor": 404, "analyst": 404, "admin": 404}
ANYBODY = {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
MADE = COACHES | {"supervisor": 201, "analyst": 201, "admin": 201}
GONE = COACHES | {"supervisor": 204, "analyst": 204, "admin": 204}
DAY = "2030-06-01"
