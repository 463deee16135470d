"""Transcripts of agents with their calls of tools, read into what was said and what was done.

A line of the file: `id`, `transcript` (list of `role`, `text`, `tool`, `tool_calls`) and `outcome_correct`. Whatever
else a line holds (what the customer was told to want, what was expected) is not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITES = frozenset(
    {
        "book_reservation",
        "cancel_reservation",
        "send_certificate",
        "update_reservation_baggages",
        "update_reservation_flights",
        "update_reservation_passengers",
    }
)
TRANSFER = "transfer_to_human_agents"


@dataclass(frozen=True)
class Act:
    """A call of a tool that changes something, with what was known and said by then.

    `before`: the reservation as it was; `said`: the customer's newest words; `told`: the agent's before those.
    """

    name: str
    arguments: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
    failed: bool
    said: str
    told: str
    step: int


@dataclass
class Trial:
    """One transcript. `lines`: (who, words), tools among them; `seen`: reservations by id, as first read."""

    key: str
    right: bool
    lines: list[tuple[str, str]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    transferred: int | None = None

    def customer(self, until: int | None = None) -> str:
        """All that the customer said, up to a line."""
        return "\n".join(words for who, words in self.lines[:until] if who == "customer")

    def done(self, *names: str) -> Iterator[Act]:
        """What was changed, of these kinds or of all."""
        return (one for one in self.acts if not one.failed and (not names or one.name in names))


def read(path: Path) -> list[Trial]:
    """Read a file. Raises `OSError`, `ValueError`."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.append(_trial(str(row["id"]), bool(row["outcome_correct"]), row["transcript"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path.name}:{number}: no transcript with an outcome ({error!r})") from error
    return found


def _trial(key: str, right: bool, transcript: list[dict[str, Any]]) -> Trial:
    trial = Trial(key, right)
    now: dict[str, dict[str, Any]] = {}
    said = told = ""
    calls: list[tuple[str, dict[str, Any]]] = []
    for step in transcript:
        text = step.get("text") or ""
        if step["role"] == "user":
            said = text
            trial.lines.append(("customer", text))
        elif step["role"] == "assistant":
            if text:
                told = text
                trial.lines.append(("agent", text))
            for call in step.get("tool_calls") or []:
                arguments = _json(call["arguments"])
                calls.append((call["name"], arguments))
                trial.lines.append(("agent", f"{call['name']} {json.dumps(arguments)}"))
                if call["name"] == TRANSFER:
                    trial.transferred = len(trial.lines) - 1
        else:
            name, arguments = calls.pop(0) if calls else (step.get("tool", ""), {})
            _answered(trial, now, name, arguments, text, said, told)
            trial.lines.append(("system", text))
    return trial


def _answered(
    trial: Trial,
    now: dict[str, dict[str, Any]],
    name: str,
    arguments: dict[str, Any],
    text: str,
    said: str,
    told: str,
) -> None:
    result = _json(text)
    failed = text.startswith("Error")
    if name == "get_user_details" and not failed:
        trial.profile = result
    ident = str(result.get("reservation_id") or arguments.get("reservation_id") or "")
    if name in WRITES:
        before = now.get(ident, {})
        trial.acts.append(Act(name, arguments, before, result, failed, said, told, len(trial.lines)))
    if result.get("reservation_id"):
        now[ident] = result
        if name == "get_reservation_details":
            trial.seen.setdefault(ident, result)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
