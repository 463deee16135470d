"""Who may have a sample call played. These companies are no demo: whoever may is told that there is none."""

from __future__ import annotations

AGENTS_ONLY = {"agent": 404, "supervisor": 403, "analyst": 403, "admin": 403}

ROWS = [
    ("POST", "/demo/play/", AGENTS_ONLY | {"nobody": 401}, {"key": "cancellation"}),
    ("GET", "/demo/calls/cancellation/sound.flac", AGENTS_ONLY | {"nobody": 302}),
]

ELSEWHERE: dict[str, str] = {}
