"""Who takes ready-made moments in."""

from __future__ import annotations

ADMIN_ONLY = {"nobody": 302, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}
API = {"nobody": 401, "agent": 403, "supervisor": 403, "analyst": 403, "admin": 200}

ROWS = [
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
