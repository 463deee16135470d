"""Who may find, amend and follow conversations for other systems, by role and object."""

from __future__ import annotations

from conversations.models import Disposition
from tests.conftest import Company
from tests.past_calls import past_call

ALL = {"nobody": 401, "agent": 200, "supervisor": 200, "analyst": 200, "admin": 200}
OWN = {**ALL, "teammate": 404, "outsider": 404, "other_supervisor": 404}
AMENDING = {**OWN, "analyst": 403}
METADATA = {**AMENDING, "agent": 403}
CONSENTING = {**AMENDING, "agent": 201, "supervisor": 201, "admin": 201}
FOLLOWING = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 200, "admin": 200}


def _made(company: Company) -> str:
    Disposition.objects.get_or_create(key="resolved", defaults={"name": "Resolved"})
    past = past_call(agent=company.people["agent"], queue=company.queue)
    return f"/api/v1/conversations/{past.conversation.pk}/"


def disposition(company: Company) -> str:
    return _made(company)


def metadata(company: Company) -> str:
    return _made(company)


def consents(company: Company) -> str:
    return _made(company) + "consents/"


ROWS = [
    ("GET", "/api/v1/conversations/?identifier=c-1", ALL),
    ("PATCH", disposition, AMENDING, {"disposition": "resolved"}),
    ("PATCH", metadata, METADATA, {"metadata": {"ticket": "T-1"}}),
    ("GET", consents, OWN),
    ("POST", consents, CONSENTING, {"purpose": "record", "state": "given"}),
    ("GET", "/api/v1/changes/", FOLLOWING),
]
