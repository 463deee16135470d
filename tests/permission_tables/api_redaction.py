"""Who may try the company's redaction policy, and pause calls while a card is given."""

from __future__ import annotations

from conversations.pci import pci_pause
from tests import live_events as live
from tests.conftest import Company

ADMINS = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
PAUSING = {
    "nobody": 401,
    "agent": 200,
    "teammate": 404,
    "outsider": 404,
    "supervisor": 200,
    "other_supervisor": 404,
    "analyst": 403,
    "admin": 200,
}


def pause(company: Company) -> str:
    call = live.call_begin(company.people["agent"], ago_seconds=60)
    return f"/api/v1/conversations/{call.pk}/pci-pause/"


def resume(company: Company) -> str:
    call = live.call_begin(company.people["agent"], ago_seconds=60)
    pci_pause(conversation=call, source="api")
    return f"/api/v1/conversations/{call.pk}/pci-resume/"


ROWS = [
    ("POST", "/api/v1/redaction/try/", ADMINS, {"text": "my card is 4111 1111 1111 1111"}),
    (
        "POST",
        "/api/v1/redaction/",
        ADMINS | {"admin": 201},
        {"made_from": 0, "reason": "Audit", "profile": "strict"},
    ),
    ("POST", pause, PAUSING),
    ("POST", resume, PAUSING),
]
