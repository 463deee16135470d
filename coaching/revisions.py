"""What changed between two states of a policy: by part, and side by side as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

import yaml

PARTS = ("rules", "behaviours", "playbooks")
LINES = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row of two columns; None: there is nothing on this side."""

    left: str | None
    right: str | None
    kind: Literal["same", "changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one part (a rule, a behaviour, a playbook, or the policy's settings)."""

    part: str
    id: str
    name: str
    kind: Literal["changed", "added", "removed", "moved"]
    lines: tuple[Line, ...]


def changed_parts(before: Any, after: Any) -> dict[str, list[str]]:
    """The names of what was added, changed and removed, for the log of who did what."""
    told: dict[str, list[str]] = {}
    for change in document_changes(before, after):
        told.setdefault(change.kind, []).append(change.name[:80])
    return told


def document_changes(before: Any, after: Any) -> list[Change]:
    """What differs between two documents, in the order of the later one; what is gone comes last."""
    changes = []
    for part in PARTS:
        old, new = _by_id(before, part), _by_id(after, part)
        kept = [one for one in old if one in new]
        moved = {one for one, was in zip([one for one in new if one in old], kept, strict=True) if one != was}
        for key, thing in new.items():
            if key not in old:
                changes.append(_change(part, key, "added", None, thing))
            elif thing != old[key]:
                changes.append(_change(part, key, "changed", old[key], thing))
            elif key in moved:
                changes.append(_change(part, key, "moved", old[key], thing))
        changes += [
            _change(part, key, "removed", thing, None) for key, thing in old.items() if key not in new
        ]
    return changes


def settings_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change | None:
    """What differs in whom it is for and when, given as texts by name."""
    if dict(before) == dict(after):
        return None
    return _change("settings", "", "changed", dict(before), dict(after))


def side_by_side(left: list[str], right: list[str]) -> tuple[Line, ...]:
    """Two texts beside each other, line by line, as far as `LINES`."""
    rows: list[Line] = []
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            rows += [Line(one, one, "same") for one in left[a:b]]
            continue
        for place in range(max(b - a, d - c)):
            old = left[a + place] if a + place < b else None
            new = right[c + place] if c + place < d else None
            kind: Literal["changed", "added", "removed"] = "changed"
            if old is None or new is None:
                kind = "added" if old is None else "removed"
            rows.append(Line(old, new, kind))
    return tuple(rows[:LINES])


def text_of(thing: Any) -> list[str]:
    """A part as people compare it: YAML, in the order in which it was written."""
    if thing is None:
        return []
    text: str = yaml.safe_dump(thing, sort_keys=False, allow_unicode=True, width=100)
    return text.splitlines()


def _by_id(document: Any, part: str) -> dict[str, Any]:
    things = document.get(part) if isinstance(document, dict) else None
    return {str(thing.get("id")): thing for thing in things or [] if isinstance(thing, dict)}


def _change(
    part: str, key: str, kind: Literal["changed", "added", "removed", "moved"], old: Any, new: Any
) -> Change:
    thing = new if new is not None else old
    name = str(thing.get("name") or key) if part != "settings" else ""
    lines = () if kind == "moved" else side_by_side(text_of(old), text_of(new))
    return Change(part, key, name, kind, lines)
