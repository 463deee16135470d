"""How much new guidance one call's agent is shown: not two hints at once, and not more than they can take in.

Pure bookkeeping in call time, one `Budget` a call, resumable by `state()`. What is held back waits for its turn and is
counted; nothing is lost silently. Script lines, checklist items, steps and praise are outside: who must read a line
must see it.

    budget = Budget(limits, muted=mutes)                   # at the call's beginning, or with `state=` in a successor
    budget.offer(Offer(key, "hint", rule, 50), at_ms)      # None: show it now; else why it is held back
    budget.due(now_ms)                                     # keys whose turn has come, to be shown now
    budget.gone(key)                                       # withdrawn, expired or answered before its turn
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

# What counts: what interrupts an agent with something new to take in.
COUNTED = frozenset({"hint", "knowledge"})
# What an agent may mute when the rule allows it. What a company must say or tick is not among it.
MUTABLE = frozenset({"hint", "knowledge", "praise"})


class Held(StrEnum):
    """Why something is not on the screen."""

    SOON = "soon"  # another one came just before; its turn may still come
    ENOUGH = "enough"  # the call has had as many as it may
    MUTED = "muted"  # the agent asked not to see it today


@dataclass(frozen=True, slots=True)
class Limits:
    """`every_ms`: at most one new hint in so long; `per_call`: at most so many. 0 takes a limit away."""

    every_ms: int = 20_000
    per_call: int = 6


@dataclass(frozen=True, slots=True)
class Mute:
    """What an agent does not want to see: a kind of guidance, or one rule; the other is ""."""

    kind: str = ""
    rule: str = ""

    def covers(self, kind: str, rule: str) -> bool:
        return bool(self.kind and self.kind == kind) or bool(self.rule and self.rule == rule)


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that a rule wants to show. `key` names it within the call; `optional`: an agent may mute it."""

    key: str
    kind: str
    rule: str
    priority: int = 50
    optional: bool = True


class Budget:
    """What one call's agent has been shown, and what waits for its turn.

    `counts`: how many were shown and how many were held back, by reason: `soon` that came later all the same are
    counted under `shown` as well, `lost` are those whose turn never came.
    """

    def __init__(
        self, limits: Limits, *, muted: Iterable[Mute] = (), state: dict[str, Any] | None = None
    ) -> None:
        self._limits = limits
        self._muted = tuple(muted)
        self._last: int | None = None
        self._waiting: dict[str, Offer] = {}
        self.counts = {"shown": 0, "soon": 0, "enough": 0, "muted": 0, "lost": 0}
        if state is not None:
            self._last = state["last"]
            self._waiting = {one["key"]: Offer(**one) for one in state["waiting"]}
            self.counts = dict(state["counts"])

    @property
    def waiting(self) -> frozenset[str]:
        """The keys of what is held back for now."""
        return frozenset(self._waiting)

    def offer(self, offer: Offer, at_ms: int) -> Held | None:
        """Ask for a place at this call time. None: it has one, show it. `Held.SOON`: keep it, `due` names it later."""
        if self.is_muted(offer):
            self.counts["muted"] += 1
            return Held.MUTED
        if offer.kind not in COUNTED:
            return None
        if self._is_enough():
            self.counts["enough"] += 1
            return Held.ENOUGH
        if not self._is_free(at_ms):
            # The same thing twice waits once.
            self.counts["soon"] += offer.key not in self._waiting
            self._waiting[offer.key] = offer
            return Held.SOON
        self._take(at_ms)
        return None

    def due(self, now_ms: int) -> list[str]:
        """What may be shown now after all: the most important first, as many as there is room for (mostly one)."""
        found = []
        while self._waiting and self._is_free(now_ms) and not self._is_enough():
            # Of two that matter as much, the one that has waited longer.
            best = max(self._waiting.values(), key=lambda offer: offer.priority)
            del self._waiting[best.key]
            self._take(now_ms)
            found.append(best.key)
        if self._is_enough():
            for key in list(self._waiting):
                self.gone(key)
        return found

    def gone(self, key: str) -> bool:
        """It was withdrawn or its time is over. True if it never had its turn."""
        if self._waiting.pop(key, None) is None:
            return False
        self.counts["lost"] += 1
        return True

    def mute(self, muted: Iterable[Mute]) -> list[str]:
        """The agent's mutes as they are now; returns the keys that no longer wait because of them."""
        self._muted = tuple(muted)
        silent = [key for key, offer in self._waiting.items() if self.is_muted(offer)]
        for key in silent:
            del self._waiting[key]
            self.counts["muted"] += 1
        return silent

    def state(self) -> dict[str, Any]:
        """JSON without anybody's words. Limits and mutes are read anew by a successor."""
        return {
            "last": self._last,
            "waiting": [asdict(offer) for offer in self._waiting.values()],
            "counts": dict(self.counts),
        }

    def is_muted(self, offer: Offer) -> bool:
        """Whether the agent does not want to see this; it is not counted."""
        return (
            offer.optional
            and offer.kind in MUTABLE
            and any(mute.covers(offer.kind, offer.rule) for mute in self._muted)
        )

    def _is_enough(self) -> bool:
        return bool(self._limits.per_call) and self.counts["shown"] >= self._limits.per_call

    def _is_free(self, now_ms: int) -> bool:
        return self._last is None or now_ms - self._last >= self._limits.every_ms

    def _take(self, at_ms: int) -> None:
        self._last = at_ms
        self.counts["shown"] += 1
