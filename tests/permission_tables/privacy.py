"""Findings to look at: of the conversations that one may read. The report: who reads reports. History: admins."""

from __future__ import annotations

from uuid import UUID

from conversations.models import LegalHold, Redaction, RedactionReview, RedactionRun, RetentionRule
from tests.conftest import Company
from tests.past_calls import past_call

PAGE = {"nobody": 302, "agent": 403, "supervisor": 200, "other_supervisor": 200, "analyst": 200, "admin": 200}
API = {**PAGE, "nobody": 401}
ONE = {**PAGE, "other_supervisor": 404}
ADMIN_PAGE = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
ADMIN = {**ADMIN_PAGE, "nobody": 401}
MOVED = {**ADMIN_PAGE, "admin": 302}


def finding(company: Company) -> UUID:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    spoken = past.said[3]
    found = Redaction.objects.create(
        utterance=spoken, type="CREDIT_CARD", start=11, end=24, score=0.5, detector="digits", reason="x"
    )
    row = RedactionReview.objects.create(
        redaction=found,
        utterance=spoken,
        conversation=past.conversation,
        type=found.type,
        score=found.score,
        detector=found.detector,
        found_in=found.found_in,
        because="uncertain",
    )
    return row.pk


def page(company: Company) -> str:
    return f"/privacy/review/{finding(company)}/"


def decide(company: Company) -> str:
    return page(company) + "decide"


def item(company: Company) -> str:
    return f"/api/v1/redaction-reviews/{finding(company)}/"


def decide_by_api(company: Company) -> str:
    return item(company) + "decide/"


def _run(company: Company) -> RedactionRun:
    from django.utils import timezone

    return RedactionRun.objects.create(until=timezone.now(), state="done", is_open=False)


def cancel(company: Company) -> str:
    return f"/privacy/again/{_run(company).pk}/cancel"


def run(company: Company) -> str:
    return f"/api/v1/redaction-runs/{_run(company).pk}/"


def cancel_by_api(company: Company) -> str:
    return run(company) + "cancel/"


def _cancelled(company: Company) -> UUID:
    run = _run(company)
    RedactionRun.objects.filter(pk=run.pk).update(state="cancelled")
    return run.pk


def resume(company: Company) -> str:
    return f"/privacy/again/{_cancelled(company)}/resume"


def resume_by_api(company: Company) -> str:
    return f"/api/v1/redaction-runs/{_cancelled(company)}/resume/"


def rule(company: Company) -> str:
    row, _made = RetentionRule.objects.get_or_create(kind="audio", queue=company.queue, defaults={"days": 30})
    return f"/api/v1/retention-rules/{row.pk}/"


def hold(company: Company) -> str:
    past = past_call(agent=company.people["agent"], queue=company.queue)
    row = LegalHold.objects.create(conversation=past.conversation, reason="a case")
    return f"/api/v1/legal-holds/{row.pk}/"


def lift(company: Company) -> str:
    return hold(company) + "lift/"


ROWS = [
    ("GET", "/privacy/", {**PAGE, "supervisor": 302, "other_supervisor": 302, "analyst": 302, "admin": 302}),
    ("GET", "/privacy/review/", PAGE),
    ("GET", page, ONE),
    (
        "POST",
        decide,
        {**ONE, "supervisor": 302, "analyst": 302, "admin": 302},
        {"decision": "confirm"},
    ),
    ("GET", "/privacy/report/", PAGE),
    ("GET", "/privacy/report.csv", PAGE),
    ("GET", "/privacy/again/", ADMIN_PAGE),
    ("POST", "/privacy/again/start", MOVED, {}),
    ("POST", cancel, MOVED, {}),
    ("POST", resume, MOVED, {}),
    ("GET", "/api/v1/redaction-reviews/", API),
    ("GET", item, {**API, "other_supervisor": 404}),
    ("POST", decide_by_api, {**API, "other_supervisor": 404}, {"decision": "false_alarm"}),
    ("GET", "/api/v1/redaction-report/", API),
    ("GET", "/api/v1/redaction-examples/", ADMIN),
    ("GET", "/api/v1/redaction-runs/", ADMIN),
    ("POST", "/api/v1/redaction-runs/", {**ADMIN, "admin": 201}, {}),
    ("GET", run, ADMIN),
    ("POST", cancel_by_api, ADMIN, {}),
    ("POST", resume_by_api, ADMIN, {}),
    ("GET", "/api/v1/redaction/", ADMIN),
    ("GET", "/api/v1/retention-rules/", ADMIN),
    ("POST", "/api/v1/retention-rules/", {**ADMIN, "admin": 201}, {"kind": "events", "days": 400}),
    ("GET", "/api/v1/retention-rules/due/", ADMIN),
    ("GET", rule, ADMIN),
    ("DELETE", rule, {**ADMIN, "admin": 204}),
    ("GET", "/api/v1/retention-runs/", ADMIN),
    ("GET", "/api/v1/legal-holds/", ADMIN),
    ("POST", "/api/v1/legal-holds/", {**ADMIN, "admin": 400}, {"customer": "nobody", "reason": "a case"}),
    ("GET", hold, ADMIN),
    ("POST", lift, ADMIN, {}),
]
