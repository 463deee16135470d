"""The side panel: its page is everybody's, its sign-in an agent's, and the rest goes by its token alone."""

from __future__ import annotations

from typing import Any

from desk.urls import agent
from tests.permissions import PERSONAS

EVERYBODY = dict.fromkeys(PERSONAS, 200)
AGENTS = {"nobody": 302, "agent": 200, "supervisor": 403, "analyst": 403, "admin": 403}

ROWS: list[tuple[Any, ...]] = [
    ("GET", "/panel/", EVERYBODY),
    ("GET", "/panel/hand-over/", AGENTS),
    ("POST", "/panel/code/", {**AGENTS, "nobody": 401}, {"challenge": "c" * 43}),
    # Whoever has the code of a pop-up, which nobody has here.
    ("POST", "/panel/token/", dict.fromkeys(PERSONAS, 403), {"code": "x", "verifier": "y"}),
    ("GET", "/manifest.webmanifest", EVERYBODY),
    ("GET", "/offline/", EVERYBODY),
    ("GET", "/offline-worker.js", EVERYBODY),
]
# A cookie is no way in: everybody is a stranger there. What a token may do is what its agent may do.
_BY_TOKEN = (
    "token/renew/",
    "sign-out/",
    "start/",
    "find/",
    "knowledge/",
    "knowledge/answer/",
    "knowledge/feedback/",
    *(route for route, *_rest in agent),
)
ELSEWHERE = {f"panel/{route}": "tests/test_panel.py::test_a_cookie_is_no_way_in" for route in _BY_TOKEN}
