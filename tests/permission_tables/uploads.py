"""Uploads: supervisors see what they brought, who reads all conversations sees all."""

from __future__ import annotations

from django.utils import timezone

from tests.conftest import Company

PAGE = {"nobody": 302, "agent": 403, "supervisor": 200, "analyst": 200, "admin": 200}
API = {**PAGE, "nobody": 401}
# Another supervisor's upload is not there.
OWN_PAGE = {
    "nobody": 302,
    "agent": 403,
    "supervisor": 302,
    "other_supervisor": 404,
    "analyst": 302,
    "admin": 302,
}
OWN = {**API, "other_supervisor": 404}


def _failed(company: Company):
    from integrations.uploads.models import Upload, UploadedCall

    upload = Upload.objects.create(user=company.people["supervisor"], source="page", name="call.wav")
    return UploadedCall.objects.create(
        upload=upload,
        name="call.wav",
        state="failed",
        error="The service was away.",
        storage_key="somewhere",
        changed_at=timezone.now(),
    )


def retry(company: Company) -> str:
    return f"/uploads/calls/{_failed(company).pk}/retry"


def detail(company: Company) -> str:
    return f"/api/v1/uploads/{_failed(company).upload_id}/"


def retry_by_api(company: Company) -> str:
    return detail(company) + "retry/"


ROWS = [
    ("GET", "/uploads/", PAGE),
    # No file in the form: the page comes back and says so.
    ("POST", "/uploads/", {**PAGE, "supervisor": 400, "analyst": 400, "admin": 400}, {"agent": "7001"}),
    ("POST", retry, OWN_PAGE, {}),
    ("GET", "/api/v1/uploads/", API),
    # As JSON there is no file to take in.
    ("POST", "/api/v1/uploads/", {**API, "supervisor": 415, "analyst": 415, "admin": 415}, {}),
    ("GET", detail, OWN),
    ("POST", retry_by_api, OWN, {}),
]
