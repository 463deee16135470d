"""Coaching: plans, sessions with their agenda and next steps, targets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from coaching.models import CoachingPlan, CoachingSession, Target
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
PAGE = {"nobody": 302}
# Led on to the plan, the session or the list.
LED = COACHES | {"nobody": 302, "supervisor": 302, "analyst": 302, "admin": 302}


def _plan(company: Company, state: str = "active") -> CoachingPlan:
    found = CoachingPlan.objects.filter(state=state).first()
    return found or plan_make(company, card_make(), active=state == "active")


def _session(company: Company, state: str = "held") -> CoachingSession:
    found = CoachingSession.objects.filter(state="held" if state == "held" else "planned").first()
    return found or session_make(company, state=state)


def plan(address: str, *, state: str = "active", page: bool = False) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"{'' if page else '/api/v1'}/coaching/plans/{_plan(company, state).pk}/{address}"

    path.__name__ = f"{'page' if page else ''} {state} plan {address}".strip()
    return path


def session(address: str, *, state: str = "held", page: bool = False) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"{'' if page else '/api/v1'}/coaching/sessions/{_session(company, state).pk}/{address}"

    path.__name__ = f"{'page' if page else ''} {state} session {address}".strip()
    return path


def item(company: Company) -> str:
    row = _session(company, "planned")
    return f"/api/v1/coaching/sessions/{row.pk}/items/{row.items.get().pk}/"


def step(company: Company) -> str:
    return f"/api/v1/coaching/next-steps/{_session(company).next_steps.get().pk}/"


def _target(company: Company) -> Target:
    card = card_make()
    return Target.objects.first() or target_set(
        skill=card.ref(card.solved),
        value=80,
        begins_on=timezone.localdate() - timedelta(days=1),
        agent=company.people["agent"],
        actor=company.people["supervisor"],
    )


def target(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        return f"/api/v1/coaching/targets/{_target(company).pk}/{address}"

    path.__name__ = f"target {address}"
    return path


def session_of_agent(company: Company) -> str:
    return f"/coaching/sessions/new/?agent={company.people['agent'].pk}"


def plan_of_agent(company: Company) -> str:
    return f"/coaching/plans/new/?agent={company.people['agent'].pk}"


WRONG = {"nobody": 401, "agent": 403, "supervisor": 400, "analyst": 400, "admin": 400}
LISTS = ("plans/", "plans/home/", "sessions/", "next-steps/", "targets/")

ROWS = [
    *(("GET", f"/api/v1/coaching/{address}", ANYBODY) for address in LISTS),
    ("POST", "/api/v1/coaching/plans/", WRONG, {}),
    ("GET", plan(""), READERS),
    ("GET", plan("progress/"), READERS),
    ("GET", plan("file/"), COACHES),
    ("PATCH", plan(""), COACHES, {"title": "Else"}),
    ("POST", plan("activate/", state="draft"), COACHES, {}),
    ("POST", plan("complete/"), COACHES, {"outcome": "Done."}),
    ("POST", plan("cancel/"), COACHES, {}),
    ("POST", "/api/v1/coaching/sessions/", WRONG, {}),
    ("GET", session(""), READERS),
    ("PATCH", session(""), COACHES, {"coach_notes": "Good."}),
    ("GET", session("suggestions/"), COACHES),
    ("POST", session("share/", state="planned"), COACHES, {}),
    ("POST", session("hold/", state="planned"), COACHES, {}),
    ("POST", session("cancel/", state="planned"), COACHES, {}),
    ("POST", session("items/", state="planned"), MADE, {"note": "Else"}),
    ("PATCH", item, COACHES, {"note": "Else"}),
    ("DELETE", item, GONE),
    ("POST", session("next-steps/"), MADE, {"text": "Else"}),
    ("PUT", session("agent-notes/"), OWN, {"notes": "Mine."}),
    ("POST", session("acknowledge/"), OWN, {"words": "I see."}),
    ("PATCH", step, READERS, {"done": True}),
    ("DELETE", step, GONE),
    ("POST", "/api/v1/coaching/targets/", WRONG, {}),
    ("POST", target("end/"), COACHES, {"ends_on": DAY}),
    ("DELETE", target(""), GONE),
    ("GET", "/coaching/", ANYBODY | {"nobody": 302, "agent": 302}),
    ("GET", plan_of_agent, COACHES | PAGE),
    ("GET", session_of_agent, COACHES | PAGE),
    ("GET", plan("", page=True), READERS | PAGE),
    ("GET", plan("edit/", page=True), COACHES | PAGE),
    ("GET", plan("progress.csv", page=True), COACHES | PAGE),
    ("POST", plan("do/", page=True), LED, {"do": "cancel"}),
    ("GET", session("", page=True), READERS | PAGE),
    (
        "POST",
        session("do/", page=True),
        LED | {"agent": 404, "teammate": 404},
        {"do": "notes", "coach_notes": "Good."},
    ),
    ("GET", "/coaching/targets/", ANYBODY | {"nobody": 302, "agent": 403}),
]
