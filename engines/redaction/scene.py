"""What a conversation is about, and what was given in it so far: what the model sees of the turns before.

A bare "92018" is a date where a flight is booked and a customer number where a cable is ordered, and after a name
comes rarely another one. A scene is four features of a customer's turn (`names`): the sector that the customer's
words speak of so far, what the last turn gave, what all of them did, and how many there were. It holds sums, families
of types and counts, never a word, so that it may be stored with a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.redaction.vocabulary import TYPES

# By so much the best sector must lead, in nats; a word weighs at most `_MOST` for or against one.
_LEAD = 1.0
_MOST = 3.0
_TURNS = 6
_FAMILIES = {
    "NAME": "name",
    "ADDRESS": "address",
    "LOCATION": "address",
    "EMAIL": "email",
    "PASSWORD": "secret",
    "USERNAME": "secret",
}


@dataclass(frozen=True, slots=True)
class Topics:
    """Sectors, and by word the log chance of it in conversations of each, less the mean over sectors."""

    sectors: tuple[str, ...] = ()
    words: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    _weighed: dict[str, tuple[float, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for word, values in self.words.items():
            self._weighed[word] = tuple(max(-_MOST, min(_MOST, value)) for value in values)

    def sums(self, words: Iterable[str], before: tuple[float, ...]) -> tuple[float, ...]:
        """Return `before` with what the words of one turn weigh, each of them once."""
        known = [weighed for word in set(words) if (weighed := self._weighed.get(word)) is not None]
        if not known:
            return before
        return tuple(
            [total + sum(values) for total, values in zip(before, zip(*known, strict=True), strict=True)]
        )

    def sector(self, sums: tuple[float, ...]) -> str:
        """Return the sector that leads, "none" while none does by enough."""
        if len(sums) < 2:
            return "none"
        second, first = sorted(sums)[-2:]
        return self.sectors[sums.index(first)] if first - second >= _LEAD else "none"


def family(type_name: str) -> str | None:
    """Return which family of information a type belongs to, as far as scenes tell them apart; None for others."""
    kind = TYPES.get(type_name)
    if kind is not None and kind.numeric:
        return "number"
    return _FAMILIES.get(type_name)


@dataclass(frozen=True, slots=True)
class Scene:
    """The turns of one customer so far. Immutable: `after` gives the next one."""

    sums: tuple[float, ...]
    last: frozenset[str] = frozenset()
    ever: frozenset[str] = frozenset()
    turns: int = 0

    @classmethod
    def begin(cls, topics: Topics) -> Scene:
        """Return the scene of a conversation in which nothing was said."""
        return cls((0.0,) * len(topics.sectors))

    def names(self, topics: Topics, words: Iterable[str]) -> tuple[str, ...]:
        """Return the features of a turn of these words, which follows."""
        last = "+".join(sorted(self.last)) or ("nothing" if self.turns else "start")
        return (
            f"t={topics.sector(topics.sums(words, self.sums))}",
            f"p={last}",
            f"a={'+'.join(sorted(self.ever))}",
            f"i={min(self.turns, _TURNS)}",
        )

    def after(self, topics: Topics, words: Iterable[str], types: Iterable[str]) -> Scene:
        """Return the scene after a turn of these words in which these types were found."""
        last = frozenset(known for one in types if (known := family(one)) is not None)
        return Scene(topics.sums(words, self.sums), last, self.ever | last, min(self.turns + 1, _TURNS))

    def state(self) -> dict[str, Any]:
        """Return it as JSON."""
        sums = [round(value, 2) for value in self.sums]
        return {"sums": sums, "last": sorted(self.last), "ever": sorted(self.ever), "turns": self.turns}

    @classmethod
    def restore(cls, state: Mapping[str, Any], topics: Topics) -> Scene:
        """Return what `state()` gave. Of another model's sectors only what was given is kept. Raises ValueError."""
        try:
            sums = tuple(float(value) for value in state["sums"])
            last, ever = frozenset(map(str, state["last"])), frozenset(map(str, state["ever"]))
            turns = int(state["turns"])
        except (KeyError, TypeError) as error:
            raise ValueError("not a scene") from error
        if len(sums) != len(topics.sectors):
            sums = cls.begin(topics).sums
        return cls(sums, last, ever, turns)
