"""Experiments by the API: whoever configures the company. The pages: tests/coaching/test_experiment_pages.py."""

from __future__ import annotations

from collections.abc import Callable

from accounts.ids import new_id
from coaching.experiments import experiment_create, experiment_start
from coaching.services import policy_create, policy_publish
from tests.conftest import Company
from tests.permission_tables.policies import ADMINS, DOCUMENT


def experiment(address: str, *, started: bool = False) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        policy = policy_create(name=f"Tried {new_id()}", actor=None, document=DOCUMENT)
        policy_publish(policy=policy, actor=None)
        row = experiment_create(policy=policy, actor=None, name=f"Try {new_id()}")
        if started:
            experiment_start(experiment=row, actor=None)
        return f"/api/v1/experiments/{row.pk}/{address}"

    path.__name__ = f"experiment {address}"
    return path


NEW = {"policy": "01a1fe15-5359-751d-9ffc-9e76db5dd2e6", "name": "Try"}
ROWS = [
    ("GET", "/api/v1/experiments/", ADMINS),
    ("POST", "/api/v1/experiments/", ADMINS | {"admin": 400}, NEW),
    ("GET", experiment(""), ADMINS),
    ("PATCH", experiment(""), ADMINS, {"holdout_percent": 30}),
    ("DELETE", experiment(""), ADMINS | {"admin": 204}),
    ("POST", experiment("start/"), ADMINS, {}),
    ("POST", experiment("stop/", started=True), ADMINS, {}),
    ("GET", experiment("result/"), ADMINS),
]
