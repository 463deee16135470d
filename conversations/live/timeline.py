"""What happened to a call beside its sound, by call time: phases, agents, consent, cards given, audio dropped.

Pure: made of what the call's claim knew and of the marks that come while it is followed. It says for any moment
whether the sound there may be heard, and if not, why; that word is the cause in the call's ledger.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from conversations.live.coverage import Coverage

# Phases in which the customer and an agent talk to each other.
TALK = frozenset({"connected", "consult", "conference"})
# What a call without a word from its telephony is in.
FIRST_PHASE = "connected"
ENDED = "ended"
HOLD = "hold"
# Why there is no sound while a card is given.
CARD = "pci pause"


@dataclass(frozen=True, slots=True)
class AgentChange:
    """From `at_ms` on the call is this agent's (None: nobody's)."""

    at_ms: int
    agent_id: str | None
    team_id: str | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch that the telephony did not deliver, filled with silence; `cause` as the vendor or codec said.

    `channel` None is every channel.
    """

    from_ms: int
    to_ms: int
    cause: str
    channel: int | None = None


class Timeline:
    """`heard_phases`: those whose sound is transcribed; the company may ask for more than the talk itself."""

    def __init__(self, heard_phases: Iterable[str] = TALK) -> None:
        # The last words may still be on their way when the end is told.
        self._heard = frozenset(heard_phases) | {ENDED}
        self._phases: list[tuple[int, str]] = []
        self._assist: list[tuple[int, bool]] = []
        self._record: list[tuple[int, bool]] = []
        # Up to where what went by was taken back with its withdrawal, whatever had been said before.
        self._taken_back = {"assist": 0, "record": 0}
        # Pauses while a card is given, by their ids: from, to, and whether they are transcribed.
        self._cards: dict[str, tuple[int, int, bool]] = {}
        self.missing: list[Missing] = []

    def add(self, mark: dict[str, Any]) -> AgentChange | None:
        """Take a mark; unknown kinds are passed over. One that says who the agent is now is given back, to act on."""
        kind, at_ms = mark.get("kind"), int(mark.get("at_ms", 0))
        if kind == "phase":
            _insert(self._phases, (at_ms, str(mark["phase"])))
        elif kind == "consent":
            for purpose, line in (("assist", self._assist), ("record", self._record)):
                if mark.get("purpose") == purpose:
                    _insert(line, (at_ms, bool(mark["allowed"])))
                    if mark.get("erases"):
                        self._taken_back[purpose] = max(self._taken_back[purpose], at_ms)
        elif kind == "pci":
            self._cards[str(mark["pause"])] = (at_ms, int(mark["to_ms"]), bool(mark["hears"]))
        elif kind == "gap":
            found = Missing(int(mark["from_ms"]), int(mark["to_ms"]), str(mark["cause"]), mark.get("channel"))
            if found not in self.missing:  # a line that came back may say it twice
                self.missing.append(found)
        elif kind == "agent":
            return AgentChange(at_ms, mark.get("agent_id"), mark.get("team_id"))
        return None

    @property
    def has_ended(self) -> bool:
        """Whether the telephony said that the call is over, whatever its audio says."""
        return bool(self._phases) and self._phases[-1][1] == ENDED

    def phase(self, at_ms: int) -> str:
        return _at(self._phases, at_ms, FIRST_PHASE)

    @property
    def phases_told(self) -> int:
        """How often a phase was told: what was read of phases stays so while this does."""
        return len(self._phases)

    def next_phase(self, after_ms: int) -> float:
        """When the next phase begins that is known already; infinity where none is."""
        index = bisect_right(self._phases, after_ms, key=lambda each: each[0])
        return self._phases[index][0] if index < len(self._phases) else inf

    def held(self, at_ms: int) -> tuple[int, bool]:
        """Whether the customer is held at `at_ms`, and since when that has been so."""
        since_ms, held = 0, False
        for from_ms, phase in self._phases[: bisect_right(self._phases, at_ms, key=lambda each: each[0])]:
            if (phase == HOLD) != held:
                since_ms, held = from_ms, not held
        return since_ms, held

    def holds(self, after_ms: int, upto_ms: int) -> list[tuple[int, bool]]:
        """When the customer was held or taken back after one moment and up to another, in order."""
        reach = [bisect_right(self._phases, each, key=lambda each: each[0]) for each in (after_ms, upto_ms)]
        edges: dict[int, bool] = {from_ms: phase == HOLD for from_ms, phase in self._phases[slice(*reach)]}
        return list(edges.items())

    def paused(self, at_ms: int) -> bool:
        """Whether a card is being given at `at_ms`: nothing is recorded, or shown while it is spoken."""
        return any(start <= at_ms < end for start, end, _hears in self._cards.values())

    def unheard(self, at_ms: int) -> str:
        """Why the sound at `at_ms` may not be transcribed; "" when it may."""
        if not self._may("assist", self._assist, at_ms):
            return "no consent"
        if any(start <= at_ms < end and not hears for start, end, hears in self._cards.values()):
            return CARD
        phase = self.phase(at_ms)
        return "" if phase in self._heard else phase

    def unrecorded(self, at_ms: int) -> str:
        """Why the sound at `at_ms` is silent in the recording; "" when it is kept.

        What is not transcribed cannot be redacted, and what cannot be redacted is not kept.
        """
        if unheard := self.unheard(at_ms):
            return unheard
        if not self._may("record", self._record, at_ms):
            return "no consent"
        return CARD if self.paused(at_ms) else ""

    def silent_but_heard(self, upto_ms: int) -> list[Missing]:
        """Stretches before `upto_ms` that were transcribed while a card was given, and have no sound."""
        found = Coverage()
        for start, end, hears in self._cards.values():
            if hears and start < min(end, upto_ms):
                found.add(start, min(end, upto_ms))
        return [Missing(start, end, CARD) for start, end in found.as_lists()]

    def silent(self, upto_ms: int) -> list[tuple[int, int]]:
        """The stretches before `upto_ms` whose sound is not kept, in order, apart from each other."""
        moments = {0, *self._taken_back.values()}
        for line in (self._phases, self._assist, self._record):
            moments.update(at_ms for at_ms, _said in line)
        for start, end, _hears in self._cards.values():
            moments.update((start, end))
        edges = [*sorted(each for each in moments if each < upto_ms), upto_ms]
        found = Coverage()
        for start, end in pairwise(edges):
            if self.unrecorded(start):
                found.add(start, end)
        return found.without(Coverage())

    def _may(self, purpose: str, line: list[tuple[int, bool]], at_ms: int) -> bool:
        return at_ms >= self._taken_back[purpose] and bool(_at(line, at_ms, True))


def _insert(line: list[Any], entry: tuple[int, Any]) -> None:
    # Behind what is there for the same moment: the later word counts.
    line.insert(bisect_right(line, entry[0], key=lambda each: each[0]), entry)


def _at(line: list[Any], at_ms: int, otherwise: Any) -> Any:
    index = bisect_right(line, at_ms, key=lambda each: each[0])
    return line[index - 1][1] if index else otherwise
