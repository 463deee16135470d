"""Who trains intent classifiers and puts them into use."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Company

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
DONE = ADMIN_ONLY | {"admin": 302}
# The dialog's button.
SURE = {"_form_submitted": "on"}
API = ADMIN_ONLY | {"nobody": 401}


def _classifier(company: Company, state: str) -> str:
    from tests.intents_made import classifier_made

    return str(classifier_made(state=state).pk)


def about(name: str, address: str, state: str = "candidate") -> Callable[[Company], str]:
    """The path to a classifier of the company."""

    def path(company: Company) -> str:
        return address.replace("ID", _classifier(company, state))

    path.__name__ = name
    return path


def training_set(company: Company) -> str:
    from tests.intents_made import classifier_made

    return f"/admin/moments/trainingset/{classifier_made().training_set_id}/change/"


ROWS = [
    ("GET", "/admin/moments/classifier/", ADMIN_ONLY),
    ("GET", "/admin/moments/classifier/add/", ADMIN_ONLY),
    # Without a file: the form is shown again.
    ("POST", "/admin/moments/classifier/add/", ADMIN_ONLY, {"task": "reasons"}),
    ("GET", about("classifier page", "/admin/moments/classifier/ID/change/"), ADMIN_ONLY),
    ("POST", about("promote", "/admin/moments/classifier/ID/promote/"), DONE, SURE),
    ("POST", about("roll back", "/admin/moments/classifier/ID/roll-back/"), DONE, SURE),
    ("POST", about("retire", "/admin/moments/classifier/ID/retire/"), DONE, SURE),
    ("GET", "/admin/moments/trainingset/", ADMIN_ONLY),
    ("GET", training_set, ADMIN_ONLY),
    ("GET", "/api/v1/classifiers/", API),
    ("POST", "/api/v1/classifiers/", API | {"admin": 400}, {"task": "reasons"}),
    ("GET", about("api classifier", "/api/v1/classifiers/ID/"), API),
    ("POST", about("api promote", "/api/v1/classifiers/ID/promote/"), API),
    # No other version has been live.
    ("POST", about("api roll back", "/api/v1/classifiers/ID/roll-back/"), API | {"admin": 409}),
    ("POST", about("api retire", "/api/v1/classifiers/ID/retire/"), API),
    ("POST", about("api try", "/api/v1/classifiers/ID/try/"), API, {"text": "I lost my card"}),
]
