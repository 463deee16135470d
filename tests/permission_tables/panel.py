"""The side panel: its page is everybody's, its sign-in an agent's, and the rest goes by its token alone.

A cookie is no way in under `/panel/`, so here everybody is a stranger; tests/test_panel.py goes in by token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conftest import Company
from tests.permission_tables import desk
from tests.permissions import PERSONAS

EVERYBODY = dict.fromkeys(PERSONAS, 200)
NOBODY = dict.fromkeys(PERSONAS, 401)
AGENTS = {"nobody": 302, "agent": 200, "supervisor": 403, "analyst": 403, "admin": 403}


def _under(path: str | Callable[[Company], str]) -> str | Callable[[Company], str]:
    if isinstance(path, str):
        return f"/panel{path}"

    def panel_path(company: Company) -> str:
        return f"/panel{path(company)}"

    panel_path.__name__ = f"panel_{path.__name__}"
    return panel_path


_OF_AGENTS = [row for row in desk.ROWS if row[1] != "/desk/" and row not in desk.OF_FLOOR]

ROWS: list[tuple[Any, ...]] = [
    ("GET", "/panel/", EVERYBODY),
    ("GET", "/panel/hand-over/", AGENTS),
    ("POST", "/panel/code/", {**AGENTS, "nobody": 401}, {"challenge": "c" * 43}),
    # Whoever has the code of a pop-up, which nobody has here.
    ("POST", "/panel/token/", dict.fromkeys(PERSONAS, 403), {"code": "x", "verifier": "y"}),
    ("POST", "/panel/token/renew/", NOBODY),
    ("POST", "/panel/sign-out/", NOBODY),
    ("GET", "/panel/start/", NOBODY),
    ("GET", "/panel/find/?conversation=1", NOBODY),
    ("GET", "/panel/knowledge/?q=refund", NOBODY),
    *((row[0], _under(row[1]), NOBODY, *row[3:]) for row in _OF_AGENTS),
    ("GET", "/manifest.webmanifest", EVERYBODY),
    ("GET", "/offline/", EVERYBODY),
    ("GET", "/offline-worker.js", EVERYBODY),
]
