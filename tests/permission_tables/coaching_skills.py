"""Skills: gaps, suggestions and effects for who coaches, an agent's own page."""

from __future__ import annotations

COACHES = {"nobody": 401, "agent": 403, "supervisor": 200, "analyst": 200, "admin": 200}
ALL = COACHES | {"agent": 200}
PAGE = COACHES | {"nobody": 302}

ROWS = [
    ("GET", "/coaching/skills/", PAGE),
    ("GET", "/coaching/skills/effect/", PAGE),
    ("GET", "/coaching/skills/skills.csv", PAGE),
    # Who coaches is led to the page for that.
    ("GET", "/coaching/me/", {"nobody": 302, "agent": 200, "supervisor": 302, "analyst": 302, "admin": 302}),
    ("GET", "/api/v1/coaching/skills/", COACHES),
    ("GET", "/api/v1/coaching/skill-gaps/", COACHES),
    ("GET", "/api/v1/coaching/focus/", ALL),
    # Whose change at what is not said.
    ("GET", "/api/v1/coaching/effects/", COACHES | {"supervisor": 400, "analyst": 400, "admin": 400}),
    ("GET", "/api/v1/coaching/me/", ALL),
    ("GET", "/api/v1/coaching/file/?report=focus&form=csv", COACHES),
]
