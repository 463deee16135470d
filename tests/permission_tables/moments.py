"""Who takes ready-made moments in, and who keeps the lists of names."""

from __future__ import annotations

from collections.abc import Callable

from accounts.ids import new_id
from moments.models import ListedName
from moments.naming import name_save
from tests.conftest import Company
from tests.understanding import definition_make

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
API = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}


THANKS = {"name": "Thanks", "kind": "phrase", "phrases": ["thank you"]}


def defined(address: str) -> Callable[[Company], str]:
    def path(company: Company) -> str:
        row = definition_make(f"thanks_{new_id().hex[:12]}", phrases=["thank you"])
        return f"/api/v1/moment-definitions/{row.pk}/{address}"

    path.__name__ = f"moment definition {address}"
    return path


def listed(address: str = "") -> Callable[[Company], str]:
    def path(company: Company) -> str:
        row = name_save(row=ListedName(kind="competitor", name=f"Rival {new_id()}"), actor=None)
        return address.replace("ID", str(row.pk))

    path.__name__ = f"listed name {address}"
    return path


ROWS = [
    ("GET", "/api/v1/moment-definitions/", API),
    ("POST", "/api/v1/moment-definitions/", API | {"admin": 201}, {"key": "thanks", **THANKS}),
    ("POST", "/api/v1/moment-definitions/check/", API, {"key": "thanks", **THANKS, "text": "thank you"}),
    ("GET", defined(""), API),
    ("PATCH", defined(""), API, {"active": False}),
    ("GET", defined("revisions/"), API),
    ("GET", "/api/v1/moment-names/", API),
    ("POST", "/api/v1/moment-names/", API | {"admin": 201}, {"kind": "product", "name": "Plan 5"}),
    ("POST", "/api/v1/moment-names/try/", API, {"text": "plan five"}),
    ("GET", listed("/api/v1/moment-names/ID/"), API),
    ("PATCH", listed("/api/v1/moment-names/ID/"), API, {"spellings": ["rival"]}),
    ("DELETE", listed("/api/v1/moment-names/ID/"), API | {"admin": 204}),
    ("GET", "/admin/moments/listedname/", ADMIN_ONLY),
    ("GET", "/admin/moments/listedname/add/", ADMIN_ONLY),
    ("GET", listed("/admin/moments/listedname/ID/change/"), ADMIN_ONLY),
    ("GET", listed("/admin/moments/listedname/ID/delete/"), ADMIN_ONLY),
    ("GET", "/admin/moments/momentdefinition/library/", ADMIN_ONLY),
    ("POST", "/admin/moments/momentdefinition/library/", ADMIN_ONLY | {"admin": 302}, {"key": ["complaint"]}),
    ("GET", "/api/v1/moment-library/", API),
    ("POST", "/api/v1/moment-library/", API | {"admin": 201}, {"keys": ["complaint"]}),
    (
        "POST",
        "/api/v1/moments/try/",
        API,
        {"examples": ["i lost my card", "my card is gone", "where is my card"], "text": "i lost it"},
    ),
]
