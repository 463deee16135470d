"""Policies by the API: whoever configures the company, nobody else."""

from __future__ import annotations

from collections.abc import Callable

from accounts.ids import new_id
from coaching.services import policy_create, policy_publish, policy_submit
from tests.conftest import Company
from tests.understanding import hint_action, policy_document, rule

ADMINS = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
PAGE = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
DOCUMENT = policy_document(rule({"phrases": ["hello there"]}, hint_action("Say hello")))


def policy(address: str, *, revisions: int = 1, submitted: bool = False) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        row = policy_create(name=f"Greeting {new_id()}", actor=None, document=DOCUMENT)
        for _number in range(revisions):
            policy_publish(policy=row, actor=None)
        if submitted:
            policy_submit(policy=row, actor=None)
        return f"/api/v1/policies/{row.pk}/{address}"

    path.__name__ = f"policy {address}"
    return path


ROWS = [
    ("GET", "/api/v1/policies/", ADMINS),
    ("POST", "/api/v1/policies/", ADMINS | {"admin": 201}, {"name": "New", "draft": DOCUMENT}),
    ("POST", "/api/v1/policies/import/", ADMINS | {"admin": 201}, {"name": "New", **DOCUMENT}),
    ("GET", policy(""), ADMINS),
    ("PATCH", policy(""), ADMINS, {"name": "Renamed"}),
    ("POST", policy("check/"), ADMINS, {}),
    ("POST", policy("submit/"), ADMINS, {}),
    ("POST", policy("send-back/", submitted=True), ADMINS, {}),
    ("POST", policy("publish/"), ADMINS, {}),
    ("POST", policy("retire/"), ADMINS, {}),
    ("POST", policy("roll-back/"), ADMINS, {"number": 1}),
    ("GET", policy("revisions/"), ADMINS),
    ("GET", policy("diff/"), ADMINS),
    ("GET", policy("export/"), ADMINS),
    ("GET", "/admin/coaching/policy/import/", PAGE),
    ("POST", "/admin/coaching/policy/import/", PAGE | {"admin": 400}, {"text": ""}),
]
