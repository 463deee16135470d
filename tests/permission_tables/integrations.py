"""Who may see and change telephony connections; callbacks know signatures or passwords, not people."""

from __future__ import annotations

from uuid import uuid4

from integrations.services import connection_create
from tests.conftest import Company

ADMIN = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
UNSIGNED = {"nobody": 403, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 403}


def _made(provider: str = "twilio") -> str:
    # Names are unique, and some tests ask for every path of the table in one company.
    return str(connection_create(provider=provider, name=f"Line {uuid4()}")[0].pk)


def connection(company: Company) -> str:
    return f"/api/v1/telephony-connections/{_made()}/"


def rotation(company: Company) -> str:
    return connection(company) + "secret/"


def status(company: Company) -> str:
    return f"/hooks/twilio/{_made()}/status/"


def jambonz_status(company: Company) -> str:
    return f"/hooks/jambonz/{_made('jambonz')}/status/"


ROWS = [
    ("GET", "/api/v1/telephony-connections/", ADMIN),
    (
        "POST",
        "/api/v1/telephony-connections/",
        ADMIN | {"admin": 201},
        {"provider": "twilio", "name": "New"},
    ),
    ("GET", connection, ADMIN),
    ("PATCH", connection, ADMIN, {"active": False}),
    ("DELETE", connection, ADMIN | {"admin": 204}),
    ("POST", rotation, ADMIN, {}),
    ("POST", status, UNSIGNED),
    ("POST", jambonz_status, UNSIGNED),
]
