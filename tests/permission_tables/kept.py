"""What is kept of hidden words, where the company's policy names supervisors and admins: never agents, nor analysts."""

from __future__ import annotations

from tests.conftest import Company
from tests.kept_words import call_said, policy_keep

SEEING = {
    "nobody": 401,
    "agent": 403,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 403,
    "admin": 200,
}


def kept(company: Company) -> str:
    policy_keep("NAME", sees=("supervisor", "admin"))
    call = call_said(company, [("customer", "my name is siobhan macgregor")])
    return f"/api/v1/conversations/{call.pk}/kept/"


ROWS = [
    ("GET", kept, SEEING),
    ("POST", kept, SEEING, {"ids": ["01a1fb5b-0000-7000-8000-000000000000"]}),
]
