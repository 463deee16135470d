"""How things come about in a call: the words that caused them, what one event changed, what is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.rules.decisions import Evidence
from engines.rules.explain import quote
from engines.rules.occurrences import Heard

# How many places of one utterance are kept as evidence.
MAX_PLACES = 8


@dataclass(slots=True)
class Fire:
    """How a leaf came about. `words` are kept in memory only (None: ask where the text is at home).

    `place` is the character at which the words begin; `clause` how to say it, where the leaf alone does not tell.
    """

    at_ms: int
    until_ms: int
    sequence: int | None = None
    speaker: str = ""
    evidence: Evidence = ()
    place: int = 0
    words: str | None = ""
    clause: str = ""

    def data(self) -> list[Any]:
        """Return it for JSON, without the words."""
        places = [list(one) for one in self.evidence]
        return [self.at_ms, self.until_ms, self.sequence, self.speaker, places, self.place, self.clause]

    @classmethod
    def read(cls, data: Sequence[Any]) -> Fire:
        """Return what `data` was taken of."""
        at_ms, until_ms, sequence, speaker, places, place, clause = data
        evidence = tuple((number, start, end) for number, start, end in places)
        return cls(at_ms, until_ms, sequence, speaker, evidence, place, None if evidence else "", clause)


def by_fire(fires: Iterable[tuple[str, Fire]]) -> list[list[Any]]:
    """Return for JSON what `fires_read` reads: each fire once, with all that came about by it.

    What several rules wait for comes about for all of them by the same words.
    """
    together: dict[int, list[Any]] = {}
    for key, fire in fires:
        known = together.get(id(fire))
        if known is None:
            together[id(fire)] = [fire.data(), [key]]
        else:
            known[1].append(key)
    return list(together.values())


def fires_read(data: Sequence[Any] | Mapping[str, Any]) -> Iterator[tuple[str, Fire]]:
    """Yield what `by_fire` was given. In states of version 2 each had a fire of its own."""
    if isinstance(data, Mapping):
        yield from ((key, Fire.read(value)) for key, value in data.items())
        return
    for value, keys in data:
        fire = Fire.read(value)
        yield from ((key, fire) for key in keys)


def fire_of(heard: Heard, spans: tuple[tuple[int, int], ...]) -> Fire:
    """Return the fire of words in an utterance."""
    evidence = tuple((heard.sequence, start, end) for start, end in spans[:MAX_PLACES])
    return Fire(
        heard.start_ms,
        max(heard.start_ms, heard.end_ms),
        heard.sequence,
        heard.speaker,
        evidence,
        spans[0][0] if spans else 0,
        quote(heard.text, spans),
    )


@dataclass(slots=True)
class Change:
    """What one event did, at `at_ms`."""

    at_ms: int = 0
    risen: dict[int, Fire] = field(default_factory=dict)
    fallen: set[int] = field(default_factory=set)

    def add(self, other: Change) -> None:
        """Take in what another part of the same event did."""
        self.risen |= other.risen
        self.fallen = (self.fallen - other.risen.keys()) | other.fallen
        for leaf in other.fallen:
            self.risen.pop(leaf, None)


@dataclass(slots=True)
class Wait:
    """Something is waited for since `cause`, until `due_ms`, or through turn `due_turn`, or until the call ends."""

    cause: Fire
    due_ms: int | None
    due_turn: int | None

    def answered_by(self, fire: Fire) -> bool:
        """Say whether words answer: they end after the wait began (people talk over each other), begin in time.

        In the very utterance that began the wait they must come later in it.
        """
        if fire.sequence is not None and fire.sequence == self.cause.sequence:
            return fire.place > self.cause.place
        return fire.until_ms > self.cause.until_ms and (self.due_ms is None or fire.at_ms <= self.due_ms)

    def data(self) -> list[Any]:
        """Return it for JSON."""
        return [self.cause.data(), self.due_ms, self.due_turn]

    @classmethod
    def read(cls, data: Sequence[Any]) -> Wait:
        """Return what `data` was taken of."""
        return cls(Fire.read(data[0]), data[1], data[2])


def waiting(cause: Fire, within_ms: int | None, within_turns: int | None, turn: int) -> Wait:
    """Begin to wait, from the end of the words that cause it."""
    due_ms = None if within_ms is None else cause.until_ms + within_ms
    return Wait(cause, due_ms, None if within_turns is None else turn + within_turns)
