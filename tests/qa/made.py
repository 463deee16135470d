"""Criteria and parts of conversations for tests of judging, without a database."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from qa.judging.material import Material, Turn

SPACE = UUID(int=7)
# A criterion as a revision has it.
CRITERION: dict[str, Any] = {
    "key": "one",
    "section": "",
    "question": "Asked?",
    "guideline": "",
    "good_example": "",
    "bad_example": "",
    "coaching_tip": "",
    "weight": 10,
    "auto_fail": False,
    "allow_na": True,
    "kind": "yes_no",
    "options": [],
    "low": None,
    "high": None,
    "depends_on": None,
    "depends_values": [],
    "method": "person",
    "expect": "present",
    "behaviour": "",
    "figure": "",
    "figure_test": "at_most",
    "limit": None,
    "task": "",
    "intent": "",
    "least_score": None,
    "moment": None,
    "moment_name": None,
    "missing": None,
    "applies_after": None,
    "applies_after_name": None,
}
PARTLY = [
    {"value": "fully", "label": "Fully", "score": 100},
    {"value": "partly", "label": "Partly", "score": 50},
    {"value": "not", "label": "Not", "score": 0},
]


def criterion(**fields: Any) -> dict[str, Any]:
    return CRITERION | fields


def turn(
    speaker: str, start_ms: int, end_ms: int, text: str = "words", confidence: float | None = None
) -> Turn:
    return Turn(uuid5(SPACE, f"{speaker}{start_ms}"), speaker, start_ms, end_ms, text, confidence)


def material(*turns: Turn, end_ms: int = 60_000, **fields: Any) -> Material:
    given = {"segments": [(0, end_ms)], "turns": list(turns)} | fields
    return Material(UUID(int=1), **given)
