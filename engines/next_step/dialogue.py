"""A dialogue as a row of events, some of them labelled with what the agent did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

Role = Literal["customer", "agent", "system"]
ROLES = ("customer", "agent", "system")
QUERY = "query"


@dataclass(frozen=True, slots=True)
class Event:
    """Something said, done or found.

    `action` names what the agent did; None where nobody labelled it. `facts` are pairs of a field and its value:
    what a query asked with, or what the system answered. `rejected`: actions that were suggested after this event and
    that the agent dismissed.
    """

    role: Role
    text: str = ""
    action: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation about one task. `task` is the key of its schema."""

    id: str
    task: str
    events: tuple[Event, ...]

    def decisions(self) -> Iterator[tuple[int, str]]:
        """Yield the place and the name of every labelled action of the agent."""
        for place, event in enumerate(self.events):
            if event.role == "agent" and event.action is not None:
                yield place, event.action


def dialogue_from(row: Mapping[str, Any]) -> Dialogue:
    """Read a dialogue: `id`, `task`, `events` with `role`, `text`, `action`, `constraints`, `result`, `rejected`.

    Raises:
        ValueError: if something is missing or of the wrong kind.
    """
    events = row.get("events")
    if not isinstance(row.get("task"), str) or not isinstance(events, list) or "id" not in row:
        raise ValueError("a dialogue needs an id, a task and a list of events")
    return Dialogue(str(row["id"]), row["task"], tuple(_event(event) for event in events))


def read_dialogues(path: Path) -> list[Dialogue]:
    """Read JSON Lines. Raises ValueError, which names the line, and OSError."""
    with path.open(encoding="utf-8") as lines:
        return dialogues_of(lines, path.name)


def dialogues_of(lines: Iterable[str], name: str) -> list[Dialogue]:
    """Read lines of JSON. Raises ValueError, which gives the file's name and the line."""
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(dialogue_from(json.loads(line)))
            except (ValueError, AttributeError, TypeError, RecursionError) as error:
                raise ValueError(f"{name}, line {number}: {error}") from error
    return found


def row_of(dialogue: Dialogue) -> dict[str, Any]:
    """A dialogue as `dialogue_from` reads it."""
    return {"id": dialogue.id, "task": dialogue.task, "events": [_row(event) for event in dialogue.events]}


def _row(event: Event) -> dict[str, Any]:
    row: dict[str, Any] = {"role": event.role, "text": event.text}
    if event.action is not None:
        row["action"] = event.action
    if event.facts:
        # One pair each: a field can be there twice.
        row["constraints"] = [{name: value} for name, value in event.facts]
    if event.rejected:
        row["rejected"] = list(event.rejected)
    return row


def _event(row: Mapping[str, Any]) -> Event:
    role, action, text = row.get("role"), row.get("action"), row.get("text")
    if role not in ROLES:
        raise ValueError(f"“{role}” is no role: customer, agent or system")
    if action is not None and not isinstance(action, str):
        raise ValueError("an action is a name")
    rejected = row.get("rejected") or []
    if not isinstance(rejected, list) or not all(isinstance(one, str) for one in rejected):
        raise ValueError("what was rejected is a list of names")
    facts = [*_pairs(row.get("constraints") or ()), *_pairs([row.get("result") or {}])]
    return Event(
        cast(Role, role), text if isinstance(text, str) else "", action, tuple(facts), tuple(rejected)
    )


def _pairs(groups: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for group in groups:
        for name, value in group.items():
            yield str(name), str(value)
