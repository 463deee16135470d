"""Amazon Connect's hooks know signatures, not people: without one nobody gets in, whoever is signed in.

Its streams are looked at by admins.
"""

from __future__ import annotations

from integrations.services import connection_create
from tests.conftest import Company

UNSIGNED = {"nobody": 401, "agent": 401, "supervisor": 401, "analyst": 401, "admin": 401}
STREAMS = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
WRONG_WAY = {"nobody": 405, "agent": 405, "supervisor": 405, "analyst": 405, "admin": 405}


def _hook(kind: str) -> str:
    connection, _secret = connection_create(provider="connect", name=f"Connect {kind}")
    return f"/hooks/connect/{connection.pk}/{kind}/"


def contact_hook(company: Company) -> str:
    return _hook("lambda")


def events_hook(company: Company) -> str:
    return _hook("events")


ROWS = [
    ("POST", contact_hook, UNSIGNED),
    ("POST", events_hook, UNSIGNED),
    ("GET", "/hooks/connect/none/lambda/", WRONG_WAY),
    ("GET", "/hooks/connect/none/events/", WRONG_WAY),
    ("GET", "/admin/integrations/kvsstream/", STREAMS),
]
