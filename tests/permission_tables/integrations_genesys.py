"""Genesys's hook knows signatures, not people: without one nobody gets in, whoever is signed in."""

from __future__ import annotations

from integrations.services import connection_create
from tests.conftest import Company

UNSIGNED = {"nobody": 401, "agent": 401, "supervisor": 401, "analyst": 401, "admin": 401}
WRONG_WAY = {"nobody": 405, "agent": 405, "supervisor": 405, "analyst": 405, "admin": 405}


def events_hook(company: Company) -> str:
    connection, _secret = connection_create(provider="genesys", name="Genesys")
    return f"/hooks/genesys/{connection.pk}/events/"


ROWS = [
    ("POST", events_hook, UNSIGNED),
    ("GET", "/hooks/genesys/none/events/", WRONG_WAY),
]
