"""What is searched, as a matrix: which word counts how much in which part of which text.

The unit that is ranked is a text, or up to twelve passages on end of a long one: a passage alone often leaves out what
it is about, which its neighbours and its title say. Within the units that are best, passages are ranked (`ranking`).

The measure is BM25F (Robertson, Zaragoza and Taylor, 2004): a word in the title counts three times. Names of things are
words of their own: two to five words that stand together in the titles of at least two texts.

`Index` is changed text by text; `Snapshot` is what is searched, and is never changed. 100,000 passages take some
100 MB.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

UNIT_PASSAGES = 12
# BM25F: how soon more of a word counts no more, and how much longer parts are held back.
SATURATION = 1.5
TITLE_WEIGHT, TITLE_LENGTH = 3.0, 0.5
TEXT_LENGTH = 0.8
# Passages are of much the same length, but for lists and tables, which are whole.
PASSAGE_LENGTH = 0.3
# Headings stand for the words under them.
HEADING_WEIGHT = 3.0
NAME_WORDS = 5

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TextPassage:
    """A passage: its words and those of the headings above it (without the title), each with how often."""

    key: str
    words: Mapping[str, int]
    headings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A text: its title's words by their places, and what the title says (`words.title_says`)."""

    key: str
    title: Mapping[int, str]
    passages: Sequence[TextPassage]
    for_the_house: bool = False
    overview: bool = False


@dataclass(slots=True)
class _Kept:
    title: dict[int, str]
    for_the_house: bool
    overview: bool
    keys: list[str]
    terms: list[Ints]
    counts: list[Floats]


class Index:
    """Texts that are searched together: those of one language."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, int] = {}
        self._texts: dict[str, _Kept] = {}

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def keys(self) -> set[str]:
        return set(self._texts)

    def put(self, text: Text) -> None:
        """Take a text in, in place of the one of the same key."""
        terms, counts = [], []
        for passage in text.passages:
            weights: dict[int, float] = {}
            for words, weight in ((passage.words, 1.0), (passage.headings, HEADING_WEIGHT)):
                for word, count in words.items():
                    term = self._term(word)
                    weights[term] = weights.get(term, 0.0) + weight * count
            terms.append(np.fromiter(weights.keys(), np.int32, len(weights)))
            counts.append(np.fromiter(weights.values(), np.float32, len(weights)))
        for word in text.title.values():
            self._term(word)
        self._texts[text.key] = _Kept(
            title=dict(text.title),
            for_the_house=text.for_the_house,
            overview=text.overview,
            keys=[passage.key for passage in text.passages],
            terms=terms,
            counts=counts,
        )

    def drop(self, key: str) -> None:
        """Leave a text out; one that is not there is no matter."""
        self._texts.pop(key, None)

    def snapshot(self) -> Snapshot:
        """What can be searched, as it is now."""
        return Snapshot(dict(self.vocabulary), list(self._texts.items()))

    def _term(self, word: str) -> int:
        return self.vocabulary.setdefault(word, len(self.vocabulary))


def names_in(words: Mapping[int, str], longest: int = NAME_WORDS) -> Iterator[str]:
    """All runs of two words and more that stand side by side, as one string each."""
    for start in sorted(words):
        run = [words[start]]
        while len(run) < longest and (word := words.get(start + len(run))) is not None:
            run.append(word)
            yield " ".join(run)


def names_asked(words: Mapping[int, str], known: Collection[str], longest: int = NAME_WORDS) -> set[str]:
    """The known names that a sentence has, the longest first: who says "light green account" does not name the
    "green account"."""
    found: set[str] = set()
    at, last = min(words, default=0), max(words, default=-1)
    while at <= last:
        run: list[str] = []
        best = 0
        while len(run) < longest and (word := words.get(at + len(run))) is not None:
            run.append(word)
            if " ".join(run) in known:
                best = len(run)
        if best:
            found.add(" ".join(run[:best]))
        at += max(1, best)
    return found


class Snapshot:
    """What is searched. Made by `Index.snapshot`."""

    def __init__(self, vocabulary: dict[str, int], texts: list[tuple[str, _Kept]]) -> None:
        self.vocabulary = vocabulary
        self._texts = texts
        self.unit_text: list[int] = []
        self.unit_passages: list[tuple[int, int]] = []
        for number, (_key, kept) in enumerate(texts):
            for start in range(0, max(1, len(kept.keys)), UNIT_PASSAGES):
                self.unit_text.append(number)
                self.unit_passages.append((start, min(start + UNIT_PASSAGES, len(kept.keys))))
        self.units = len(self.unit_text)
        self.for_the_house = np.array([texts[one][1].for_the_house for one in self.unit_text], bool)
        self.overview = np.array([texts[one][1].overview for one in self.unit_text], bool)
        self._weigh()
        self._name()

    def _weigh(self) -> None:
        shape = (self.units, max(1, len(self.vocabulary)))
        rows, terms, counts = [], [], []
        title_rows, title_terms = [], []
        for unit, number in enumerate(self.unit_text):
            kept = self._texts[number][1]
            start, end = self.unit_passages[unit]
            for passage in range(start, end):
                terms.append(kept.terms[passage])
                counts.append(kept.counts[passage])
                rows.append(len(kept.terms[passage]))
            title_terms += [self.vocabulary[word] for word in kept.title.values()]
            title_rows += [unit] * len(kept.title)
        of_unit = np.repeat(
            np.arange(self.units, dtype=np.int32), [end - start for start, end in self.unit_passages]
        )
        body = _matrix(_joined(counts, np.float32), np.repeat(of_unit, rows), _joined(terms, np.int32), shape)
        title = _matrix(np.ones(len(title_rows), np.float32), title_rows, title_terms, shape)
        lengths = np.asarray(body.sum(axis=1)).ravel()
        passages = sum(end - start for start, end in self.unit_passages)
        self.mean_passage = max(1.0, float(lengths.sum()) / max(1, passages))
        both = _scaled(title, TITLE_WEIGHT, TITLE_LENGTH) + _scaled(body, 1.0, TEXT_LENGTH)
        both = both.tocsr()
        both.data = both.data * (SATURATION + 1) / (both.data + SATURATION)
        self.texts_with = np.bincount(both.indices, minlength=shape[1])
        rare = (self.units - self.texts_with + 0.5) / (self.texts_with + 0.5)
        self.rarity = np.log1p(np.maximum(rare, 0)).astype(np.float32)
        both.data *= self.rarity[both.indices]
        self.forward: Any = both
        self.matrix: Any = both.tocsc()

    def _name(self) -> None:
        of_text = [set(names_in(kept.title)) for _key, kept in self._texts]
        often = Counter(name for names in of_text for name in names)
        self.names = {
            name: number for number, name in enumerate(one for one, count in often.items() if count > 1)
        }
        rows, columns, values = [], [], []
        total = max(1, len(self._texts))
        for unit, number in enumerate(self.unit_text):
            for name in of_text[number]:
                if name in self.names:
                    rows.append(unit)
                    columns.append(self.names[name])
                    values.append(np.log(total / often[name]) * np.sqrt(name.count(" ") + 1))
        shape = (self.units, max(1, len(self.names)))
        self.name_matrix: Any = _matrix(np.array(values, np.float32), rows, columns, shape).tocsc()

    @cached_property
    def known(self) -> dict[str, int]:
        """The words that are found, with how many units have them."""
        return {
            word: int(self.texts_with[term])
            for word, term in self.vocabulary.items()
            if self.texts_with[term]
        }

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.known)

    def beginning(self, start: str, most: int) -> list[str]:
        """Words that begin so, those that most units have first."""
        at = bisect.bisect_left(self._sorted, start)
        found = []
        while at < len(self._sorted) and self._sorted[at].startswith(start):
            found.append(self._sorted[at])
            at += 1
        return sorted(found, key=lambda word: (-self.known[word], word))[:most]

    def text_key(self, unit: int) -> str:
        return self._texts[self.unit_text[unit]][0]

    def title_terms(self, unit: int) -> set[int]:
        """The words of its text's title."""
        return {self.vocabulary[word] for word in self._texts[self.unit_text[unit]][1].title.values()}

    def passages(self, unit: int) -> Iterator[tuple[str, Ints, Floats]]:
        """The passages of a unit: key, terms, weighted counts."""
        kept = self._texts[self.unit_text[unit]][1]
        start, end = self.unit_passages[unit]
        yield from zip(kept.keys[start:end], kept.terms[start:end], kept.counts[start:end], strict=True)


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts) if parts else np.array([], kind)


def _matrix(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    return sparse.coo_matrix((values, (rows, columns)), shape=shape, dtype=np.float32).tocsr()


def _scaled(counts: Any, weight: float, length: float) -> Any:
    """Counts by how long their row is against the mean: `weight * count / (1 - length + length * row / mean)`."""
    rows = np.asarray(counts.sum(axis=1)).ravel()
    mean = rows.mean() if len(rows) and rows.any() else 1.0
    held_back = weight / (1 - length + length * rows / mean)
    return sparse.diags(held_back.astype(np.float32)) @ counts
