"""Who puts a model of the next step into use, and who may ask it."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Company

ADMIN_ONLY = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}


def about(name: str, state: str = "candidate") -> Callable[[Company], str]:
    """The path of an action on a version of the company."""

    def path(company: Company) -> str:
        from tests.next_steps_made import version_made

        return f"/api/v1/next-steps/{version_made(state=state).pk}/{name}/"

    path.__name__ = f"next step {name}"
    return path


def training(address: str, state: str) -> Callable[[Company], str]:
    """The path to a version whose training has begun."""

    def path(company: Company) -> str:
        from coaching.models import NextStepVersion
        from tests.next_steps_made import training_made

        NextStepVersion.objects.filter(state="training").update(state="failed")
        return address.replace("ID", str(training_made(state=state).pk))

    path.__name__ = f"next step {address}"
    return path


def page(name: str) -> Callable[[Company], str]:
    """The admin page of a version, or one of its buttons."""

    def path(company: Company) -> str:
        from tests.next_steps_made import version_made

        return f"/admin/coaching/nextstepversion/{version_made().pk}/{name}/"

    path.__name__ = f"next step page {name}"
    return path


def suggest(company: Company) -> str:
    """The question, with a live version to answer it."""
    about("promote", "live")(company)
    return "/api/v1/next-steps/suggest/"


PAGE = ADMIN_ONLY | {"nobody": 302}
# The dialog's button.
SURE = {"_form_submitted": "on"}
QUESTION = {"task": "ride", "events": [{"role": "customer", "text": "I need a ride"}]}
ROWS = [
    ("GET", "/api/v1/next-steps/", ADMIN_ONLY),
    # Without a file.
    ("POST", "/api/v1/next-steps/", ADMIN_ONLY | {"admin": 400}, {"note": "x"}),
    ("GET", training("/api/v1/next-steps/ID/", "training"), ADMIN_ONLY),
    ("POST", training("/api/v1/next-steps/ID/cancel/", "training"), ADMIN_ONLY),
    ("POST", training("/api/v1/next-steps/ID/resume/", "cancelled"), ADMIN_ONLY),
    ("POST", about("promote"), ADMIN_ONLY),
    ("POST", about("retire", "live"), ADMIN_ONLY),
    # No other version has been live.
    ("POST", "/api/v1/next-steps/roll-back/", ADMIN_ONLY | {"admin": 409}),
    ("GET", "/admin/coaching/nextstepversion/", PAGE),
    ("GET", "/admin/coaching/nextstepversion/add/", PAGE),
    # Without a file: the form is shown again.
    ("POST", "/admin/coaching/nextstepversion/add/", PAGE, {"note": "x"}),
    ("GET", page("change"), PAGE),
    (
        "POST",
        training("/admin/coaching/nextstepversion/ID/cancel/", "training"),
        PAGE | {"admin": 302},
        SURE,
    ),
    (
        "POST",
        training("/admin/coaching/nextstepversion/ID/resume/", "cancelled"),
        PAGE | {"admin": 302},
        SURE,
    ),
    ("POST", page("promote"), PAGE | {"admin": 302}, SURE),
    ("POST", page("roll-back"), PAGE | {"admin": 302}, SURE),
    ("POST", page("retire"), PAGE | {"admin": 302}, SURE),
    (
        "POST",
        suggest,
        {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200},
        QUESTION,
    ),
]
