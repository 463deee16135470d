"""The permission table: who gets what answer where, as data.

Each room keeps its part in `tests/permission_tables/<room>.py` as a module-level list `ROWS`; all are collected here.
A row is `(method, path, expected)` or `(method, path, expected, data)`:

- `path`: text, or a function of the test's `Company` that makes what the path is about and returns the path; it runs
  in the company's schema. Objects that a function makes are also asked for by the other company's admin, who must
  get 404 (a row with a fixed path answers a stranger from the other company like anybody who has not signed in).
- `expected`: answer by persona: nobody, agent, teammate, outsider, supervisor, other_supervisor, analyst, admin. Each
  row names nobody and all four roles; who is in which team says tests/conftest.py.
- `data`: what is sent; as JSON to /api/, /desk/ and /floor/, as a form elsewhere.

`ELSEWHERE` of a module lists routes that the table leaves to a test of their own, with that test's name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests import permission_tables
from tests.conftest import Company

PERSONAS = ("nobody", "agent", "teammate", "outsider", "supervisor", "other_supervisor", "analyst", "admin")
REQUIRED = {"nobody", "agent", "supervisor", "analyst", "admin"}
# What a denial looks like: not signed in, not allowed, not there, not by this method.
DENIED = {401, 403, 404, 405}


@dataclass(frozen=True)
class Row:
    room: str
    method: str
    path: str | Callable[[Company], str]
    expected: dict[str, int]
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        path = self.path if isinstance(self.path, str) else self.path.__name__
        return f"{self.room} {self.method} {path}"


def modules() -> list[Any]:
    return [
        importlib.import_module(f"{permission_tables.__name__}.{found.name}")
        for found in pkgutil.iter_modules(permission_tables.__path__)
    ]


def table() -> list[Row]:
    return [Row(module.__name__.rsplit(".", 1)[1], *row) for module in modules() for row in module.ROWS]


def elsewhere() -> dict[str, str]:
    """Routes that have a test of their own, and its name."""
    found: dict[str, str] = {}
    for module in modules():
        found |= getattr(module, "ELSEWHERE", {})
    return found
