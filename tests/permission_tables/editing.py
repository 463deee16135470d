"""Drafts tried and played over past calls, by the API. The pages: tests/editing/test_builder.py."""

from __future__ import annotations

from django.utils import timezone

from coaching.models import Backtest, BacktestHit, Policy
from tests.conftest import Company
from tests.editing.documents import CANCEL, document, rule
from tests.past_calls import past_call

DOCUMENT = document(rule("stay", CANCEL))
API = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}


def _policy() -> Policy:
    return Policy.objects.create(name=f"Save {Policy.objects.count()}", draft=DOCUMENT)


def _run(company: Company, **fields: object) -> Backtest:
    values = {"state": "cancelled", "is_open": False, "ended_at": timezone.now(), **fields}
    run = Backtest.objects.create(policy=_policy(), document=DOCUMENT, last=10, **values)
    call = past_call(agent=company.people["agent"], queue=company.queue).conversation
    BacktestHit.objects.create(
        backtest=run, conversation=call, side="draft", rule_key="stay", at_ms=8_000, sequence=2
    )
    return run


def backtest_api(company: Company) -> str:
    return f"/api/v1/backtests/{_run(company).pk}/"


def cancel_api(company: Company) -> str:
    return f"/api/v1/backtests/{_run(company).pk}/cancel/"


def resume_api(company: Company) -> str:
    return f"/api/v1/backtests/{_run(company).pk}/resume/"


def examples_api(company: Company) -> str:
    return f"/api/v1/backtests/{_run(company).pk}/examples/?rule=stay"


def label_api(company: Company) -> str:
    return f"/api/v1/backtests/{_run(company).pk}/label/"


ROWS = [
    ("POST", "/api/v1/policy-trials/", API, {"document": DOCUMENT, "dialogue": "agent: hi"}),
    ("GET", "/api/v1/backtests/", API),
    ("GET", backtest_api, API),
    ("POST", "/api/v1/backtests/", API | {"admin": 400}, {"policy": "01a1fe15-5359-751d-9ffc-9e76db5dd2e6"}),
    ("POST", cancel_api, API),
    ("POST", resume_api, API),
    ("GET", examples_api, API),
    ("POST", label_api, API | {"admin": 400}),
]
