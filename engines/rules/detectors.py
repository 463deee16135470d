"""What finds phrases and patterns in one utterance, all definitions at once.

A `Detectors` is built once for a set of definitions and shared by every conversation that uses the set; it
holds no state of a conversation. Each speaker has an index of his own, so that what only a customer can
cause costs nothing while the agent speaks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engines.rules.entities import ENTITIES
from engines.rules.names import NameFinder
from engines.rules.patterns import Pattern, PatternSet
from engines.rules.phrases import PhraseTrie, Variant
from engines.rules.text import negated, words_of

MAX_TEXT = 2_000
_NONE: frozenset[str] = frozenset()

Found = tuple[int, tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Detector:
    """One definition, ready to be indexed. `owner` is the number that its findings carry."""

    owner: int
    speaker: str
    variants: tuple[Variant, ...]
    pattern: Pattern | None
    reject_negated: bool
    entity: str = ""
    names: NameFinder | None = None

    @property
    def finds(self) -> Callable[[str], list[tuple[int, int]]] | None:
        """What finds an entity in a text; None of phrases and patterns."""
        return self.names.find if self.names is not None else ENTITIES.get(self.entity)


class Detectors:
    """Finds what an utterance contains. `speaker` is "agent", "customer" or any other name."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.all = tuple(detectors)
        self._strict = {detector.owner for detector in detectors if detector.reject_negated}
        named = {"agent", "customer", "any"} | {detector.speaker for detector in detectors}
        self._entities = {
            speaker: [
                (finds, one.owner)
                for one in detectors
                if one.speaker in {speaker, "any"} and (finds := one.finds) is not None
            ]
            for speaker in sorted(named)
        }
        self._indexes = {
            speaker: self._index([one for one in detectors if one.speaker in {speaker, "any"}])
            for speaker in sorted(named)
        }

    @staticmethod
    def _index(detectors: Sequence[Detector]) -> tuple[PhraseTrie, PatternSet]:
        trie = PhraseTrie()
        for detector in detectors:
            trie.add(detector.owner, detector.variants)
        patterns = PatternSet((one.owner, one.pattern) for one in detectors if one.pattern is not None)
        return trie, patterns

    def find(self, speaker: str, text: str) -> list[Found]:
        """Return (owner, spans) of everything found, in the order in which it was said.

        Spans are half-open character offsets in `text`; those of one owner do not overlap (the earliest,
        then the longest, wins). Only the first `MAX_TEXT` characters are searched: the bound on the cost.
        """
        trie, patterns = self._indexes.get(speaker) or self._indexes["any"]
        text = text[:MAX_TEXT]
        words = words_of(text)
        spans: dict[int, list[tuple[int, int]]] = {}
        for owner, first, last, own in trie.find(words.norms):
            if owner in self._strict and negated(text, words, first, last, own):
                continue
            spans.setdefault(owner, []).append((words.starts[first], words.ends[last - 1]))
        for owner, start, end in patterns.find(text):
            if owner in self._strict:
                first = bisect_right(words.ends, start)
                if negated(text, words, first, first, _NONE):
                    continue
            spans.setdefault(owner, []).append((start, end))
        for finds, owner in self._entities.get(speaker, self._entities["any"]):
            if places := finds(text):
                spans.setdefault(owner, []).extend(places)
        found = [(owner, _apart(each)) for owner, each in spans.items()]
        found.sort(key=lambda one: (one[1][0], one[0]))
        return found


def _apart(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    if len(spans) == 1:
        return (spans[0],)
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return tuple(kept)
