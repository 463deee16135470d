"""Detectors each by itself, for the utterances in which one of them fails: it is counted, the others are heard."""

from __future__ import annotations

from collections import Counter

from engines.rules.detectors import Detectors, Found

# What failed so often in a call is not asked again in it.
MAX_FAILURES = 3


class Apart:
    """Follows one conversation. `failures` are by the owner's number, `kinds` the last error's type of each."""

    def __init__(self, detectors: Detectors) -> None:
        self._all = detectors
        self._single: dict[int, Detectors] = {}
        self._out: frozenset[int] = frozenset()
        self._rest: Detectors | None = None
        self.failures: Counter[int] = Counter()
        self.kinds: dict[int, str] = {}

    def find(self, speaker: str, text: str) -> list[Found]:
        """Return what all find together, and where that fails, what each finds that does not."""
        try:
            return (self._rest or self._all).find(speaker, text)
        except Exception:
            return self._one_by_one(speaker, text)

    def _one_by_one(self, speaker: str, text: str) -> list[Found]:
        if not self._single:
            self._single = {one.owner: Detectors([one]) for one in self._all.all}
        found: list[Found] = []
        for owner, alone in self._single.items():
            if owner in self._out:
                continue
            try:
                found += alone.find(speaker, text)
            except Exception as error:
                self.failures[owner] += 1
                self.kinds[owner] = type(error).__name__
        out = frozenset(owner for owner, times in self.failures.items() if times >= MAX_FAILURES)
        if out != self._out:
            self._out = out
            self._rest = Detectors([one for one in self._all.all if one.owner not in out])
        found.sort(key=lambda one: (one[1][0], one[0]))
        return found
