"""What stands on the agent's screen because of rules and behaviours: since when, until when, and no thing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engines.rules.compiled import CompiledPolicies
from engines.rules.spec import Action

# What was shown on words whose final never comes is taken back.
UNCONFIRMED_MS = 30_000

_Content = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one rule shows: which of its actions, since when, for how long (0: no limit).

    `supposed` is the speaker whose words were not final yet, or empty.
    """

    at_ms: int
    indexes: tuple[int, ...]
    lasts_ms: int
    supposed: str = ""

    def data(self) -> list[Any]:
        """Return it for JSON."""
        return [self.at_ms, list(self.indexes), self.lasts_ms, self.supposed]

    @classmethod
    def read(cls, data: Sequence[Any]) -> Shown:
        """Return what `data` was taken of."""
        at_ms, indexes, lasts_ms, supposed = data
        return cls(at_ms, tuple(indexes), lasts_ms, supposed)


class Screen:
    """Follows one call. What is shown is known by the key of its rule or behaviour."""

    def __init__(self, compiled: CompiledPolicies) -> None:
        self._compiled = compiled
        self._shown: dict[str, Shown] = {}
        self._contents: dict[_Content, str] = {}
        # When something goes by itself at the earliest; asked for far more often than anything changes.
        self._due_ms: int | None = None
        self._known = True

    def is_open(self, key: str) -> bool:
        """Say whether a rule shows something for certain."""
        shown = self._shown.get(key)
        return shown is not None and not shown.supposed

    def shown(self, key: str) -> Shown | None:
        """Return what a rule shows."""
        return self._shown.get(key)

    def is_supposed(self, key: str) -> bool:
        """Say whether a rule shows something provisionally."""
        shown = self._shown.get(key)
        return shown is not None and bool(shown.supposed)

    def shows(self, action: Action) -> bool:
        """Say whether the very same stands there already, whoever put it there."""
        return _content(action) in self._contents

    def open(self, key: str, at_ms: int, indexes: tuple[int, ...], lasts_ms: int) -> None:
        """Show something."""
        self.put(key, Shown(at_ms, indexes, lasts_ms))

    def suppose(self, key: str, at_ms: int, indexes: tuple[int, ...], speaker: str) -> None:
        """Show something provisionally, on a speaker's words that are not final yet."""
        self.put(key, Shown(at_ms, indexes, 0, speaker or "?"))

    def close(self, key: str) -> Shown | None:
        """Take something away, and return what it was."""
        shown = self._shown.pop(key, None)
        if shown is not None:
            self._known = False
            for content in [content for content, owner in self._contents.items() if owner == key]:
                del self._contents[content]
        return shown

    def expired(self, now_ms: int) -> list[tuple[str, int, Shown]]:
        """Take away what has stood for its time, and return it with when that was over, the oldest first."""
        if not self._due_by(now_ms):
            return []
        over = sorted(
            (shown.at_ms + shown.lasts_ms, key)
            for key, shown in self._shown.items()
            if shown.lasts_ms and shown.at_ms + shown.lasts_ms <= now_ms
        )
        return [(key, due_ms, shown) for due_ms, key in over if (shown := self.close(key)) is not None]

    def unconfirmed(self, now_ms: int, speaker: str | None) -> list[tuple[str, Shown]]:
        """Take away what was supposed of a speaker, or of anyone for too long, and return it."""
        if speaker is None and not self._due_by(now_ms):
            return []
        over = sorted(
            key
            for key, shown in self._shown.items()
            if shown.supposed and (shown.supposed == speaker or shown.at_ms + UNCONFIRMED_MS <= now_ms)
        )
        return [(key, shown) for key in over if (shown := self.close(key)) is not None]

    def next_due(self) -> int | None:
        """Return when the next thing goes by itself."""
        if not self._known:
            self._known = True
            self._due_ms = min(
                (
                    shown.at_ms + (UNCONFIRMED_MS if shown.supposed else shown.lasts_ms)
                    for shown in self._shown.values()
                    if shown.supposed or shown.lasts_ms
                ),
                default=None,
            )
        return self._due_ms

    def _due_by(self, now_ms: int) -> bool:
        due_ms = self.next_due()
        return due_ms is not None and due_ms <= now_ms

    def put(self, key: str, shown: Shown) -> None:
        """Let a rule show this, in place of what it showed."""
        self._known = False
        self._shown[key] = shown
        for action in self._actions(key, shown):
            self._contents.setdefault(_content(action), key)

    def _actions(self, key: str, shown: Shown) -> list[Action]:
        number = self._compiled.rule_numbers.get(key)
        if number is not None:
            actions: tuple[Action | None, ...] = self._compiled.rules[number].rule.then
        else:
            actions = self._compiled.behaviours[self._compiled.behaviour_numbers[key]].actions
        listed = [actions[index] for index in shown.indexes if index < len(actions)]
        return [action for action in listed if action is not None]

    def state(self) -> dict[str, Any]:
        """Return what a successor needs, for JSON."""
        return {key: shown.data() for key, shown in self._shown.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken. What belongs to nobody any more is dropped."""
        self._shown, self._contents, self._known = {}, {}, False
        for key, value in state.items():
            if key in self._compiled.rule_numbers or key in self._compiled.behaviour_numbers:
                self.put(key, Shown.read(value))


def _content(action: Action) -> _Content:
    return (action.do, action.title, action.say, action.query, action.field, str(action.value))
