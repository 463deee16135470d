"""What is searched, as a matrix: which word counts how much in which part of which text.

The unit that is ranked is a text, or up to twelve passages on end of a long one: a passage alone often leaves out what
it is about, which its neighbours and its title say. Within the units that are best, passages are ranked (`ranking`).

The measure is BM25F (Robertson, Zaragoza and Taylor, 2004): a word in the title counts three times. Names of things are
words of their own: two to five words that stand together in the titles of at least two texts.

`Index` is changed text by text; `Snapshot` is what is searched, and is never changed. A word's row says which units
have it and what it is worth there: as a list of units, or, where half of them and more have it, as one number for each.
A question touches the rows of its own words alone.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNIT_PASSAGES = 12
# BM25F: how soon more of a word counts no more, and how much longer parts are held back.
SATURATION = 1.5
TITLE_WEIGHT, TITLE_LENGTH = 3.0, 0.5
TEXT_LENGTH = 0.8
# Passages are of much the same length, but for lists and tables, which are whole.
PASSAGE_LENGTH = 0.3
# Headings stand for the words under them.
HEADING_WEIGHT = 3
NAME_WORDS = 5

# A word that so many of the units have is kept as a number for each: that takes no more room, and is added faster.
COMMON = 0.5

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Counts = NDArray[np.uint16]
_MOST_COUNTED = 65_535


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
    """`terms` and `counts` of all passages on end; passage n has those from `starts[n]` to `starts[n + 1]`."""

    title: dict[int, str]
    for_the_house: bool
    overview: bool
    keys: list[str]
    terms: Ints
    counts: Counts
    starts: Ints


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
        terms: list[int] = []
        counts: list[int] = []
        starts = [0]
        for passage in text.passages:
            weights: dict[int, int] = {}
            for words, weight in ((passage.words, 1), (passage.headings, HEADING_WEIGHT)):
                for word, count in words.items():
                    term = self._term(word)
                    weights[term] = min(_MOST_COUNTED, weights.get(term, 0) + weight * count)
            terms += weights.keys()
            counts += weights.values()
            starts.append(len(terms))
        for word in text.title.values():
            self._term(word)
        self._texts[text.key] = _Kept(
            title=dict(text.title),
            for_the_house=text.for_the_house,
            overview=text.overview,
            keys=[passage.key for passage in text.passages],
            terms=np.array(terms, np.int32),
            counts=np.array(counts, np.uint16),
            starts=np.array(starts, np.int32),
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


def names_asked(
    words: Mapping[int, str],
    known: Collection[str],
    beginnings: Collection[str] | None = None,
    longest: int = NAME_WORDS,
) -> set[str]:
    """The known names that a sentence has, the longest first: who says "light green account" does not name the
    "green account". `beginnings`: their first words, where somebody knows them."""
    found: set[str] = set()
    at, last = min(words, default=0), max(words, default=-1)
    while at <= last:
        if beginnings is not None and words.get(at) not in beginnings:
            at += 1
            continue
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
        # Not with this module: few processes ever need it, and all would load it.
        import scipy.sparse as sparse

        width = max(1, len(self.vocabulary))
        shape = (self.units, width)
        sizes = np.array([len(kept.keys) for _key, kept in self._texts], np.int64)
        # The unit of each passage, and of each word of each passage.
        of_passage = np.repeat(
            np.arange(self.units, dtype=np.int32), [end - start for start, end in self.unit_passages]
        )
        words = _joined([np.diff(kept.starts) for _key, kept in self._texts], np.int32)
        body = _matrix(
            _joined([kept.counts for _key, kept in self._texts], np.uint16),
            np.repeat(of_passage, words),
            _joined([kept.terms for _key, kept in self._texts], np.int32),
            shape,
        )
        title_terms = [
            [self.vocabulary[word] for word in self._texts[number][1].title.values()]
            for number in self.unit_text
        ]
        title = _matrix(
            np.ones(sum(map(len, title_terms)), np.float32),
            np.repeat(np.arange(self.units, dtype=np.int32), [len(terms) for terms in title_terms]),
            np.array([term for terms in title_terms for term in terms], np.int32),
            shape,
        )
        self.mean_passage = max(1.0, float(body.sum()) / max(1, int(sizes.sum())))
        self._title_counts = _held_back(title, TITLE_WEIGHT, TITLE_LENGTH)
        self._body_counts = _held_back(body, 1.0, TEXT_LENGTH)
        both = sparse.diags(self._title_counts) @ title + sparse.diags(self._body_counts) @ body
        del title, body
        both = both.tocsc()
        self.texts_with = np.diff(both.indptr)
        rare = (self.units - self.texts_with + 0.5) / (self.texts_with + 0.5)
        self.rarity = np.log1p(np.maximum(rare, 0)).astype(np.float32)
        both.data = _saturated(both.data) * np.repeat(self.rarity, self.texts_with)
        self._keep_rows(both)

    def _keep_rows(self, both: Any) -> None:
        common = np.flatnonzero(self.texts_with >= max(1, self.units * COMMON))
        self._common = {int(term): place for place, term in enumerate(common)}
        self._common_rows = np.zeros((len(common), self.units), np.float32)
        listed = np.ones(len(both.data), bool)
        for place, term in enumerate(common):
            begin, end = both.indptr[term], both.indptr[term + 1]
            self._common_rows[place, both.indices[begin:end]] = both.data[begin:end]
            listed[begin:end] = False
        self._units_listed: Ints = both.indices[listed].astype(np.int32, copy=False)
        self._worth_listed: Floats = both.data[listed].astype(np.float32, copy=False)
        lengths = self.texts_with.copy()
        lengths[common] = 0
        self._listed_from = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    def _name(self) -> None:
        of_text = [set(names_in(kept.title)) for _key, kept in self._texts]
        often = Counter(name for names in of_text for name in names)
        units_of: dict[str, list[int]] = {name: [] for name, count in often.items() if count > 1}
        for unit, number in enumerate(self.unit_text):
            for name in of_text[number] & units_of.keys():
                units_of[name].append(unit)
        total = max(1, len(self._texts))
        self.names = {
            name: (
                np.array(units, np.int32),
                float(np.log(total / often[name]) * np.sqrt(name.count(" ") + 1)),
            )
            for name, units in units_of.items()
        }
        self.name_beginnings = {name.partition(" ")[0] for name in self.names}

    def add_words(self, scores: Floats, words: Mapping[int, float]) -> None:
        """Add to each unit's score what it has of some words (terms with weights)."""
        for term, weight in words.items():
            place = self._common.get(term)
            if place is not None:
                scores += weight * self._common_rows[place]
                continue
            begin, end = self._listed_from[term], self._listed_from[term + 1]
            # No unit is named twice in a row, so that nothing is lost here.
            scores[self._units_listed[begin:end]] += weight * self._worth_listed[begin:end]

    def add_name(self, scores: Floats, name: str, weight: float) -> None:
        """Add to each unit's score what it is worth that its title has a name."""
        units, worth = self.names[name]
        scores[units] += weight * worth

    def row(self, unit: int) -> tuple[Ints, Floats]:
        """The words of one unit and what each is worth there."""
        kept = self._texts[self.unit_text[unit]][1]
        start, end = self.unit_passages[unit]
        begin, stop = kept.starts[start], kept.starts[end]
        title = np.array([self.vocabulary[word] for word in kept.title.values()], np.int32)
        terms, place = np.unique(np.concatenate([kept.terms[begin:stop], title]), return_inverse=True)
        counts = np.concatenate(
            [
                kept.counts[begin:stop] * self._body_counts[unit],
                np.full(len(title), self._title_counts[unit], np.float32),
            ]
        )
        worth = _saturated(np.bincount(place, counts, len(terms))) * self.rarity[terms]
        return terms.astype(np.int32), worth.astype(np.float32)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The first unit of each text, by its key."""
        found: dict[str, int] = {}
        for unit, number in enumerate(self.unit_text):
            found.setdefault(self._texts[number][0], unit)
        return found

    @property
    def bytes_kept(self) -> int:
        """How much memory the arrays take, without keys and words themselves."""
        own = (self._common_rows, self._units_listed, self._worth_listed, self._listed_from, self.rarity)
        texts = (kept.terms.nbytes + kept.counts.nbytes + kept.starts.nbytes for _key, kept in self._texts)
        return sum(one.nbytes for one in own) + sum(texts)

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

    def passages(self, unit: int) -> tuple[list[str], Ints, Counts, Ints]:
        """The passages of a unit: their keys; their terms and weighted counts on end; how many of them each has."""
        kept = self._texts[self.unit_text[unit]][1]
        start, end = self.unit_passages[unit]
        begin, stop = kept.starts[start], kept.starts[end]
        sizes = np.diff(kept.starts[start : end + 1])
        return kept.keys[start:end], kept.terms[begin:stop], kept.counts[begin:stop], sizes

    def units_of(self, key: str) -> Iterator[int]:
        """The units of a text; none if it is not here."""
        unit = self.numbers.get(key)
        while unit is not None and unit < self.units and self.text_key(unit) == key:
            yield unit
            unit += 1


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts) if parts else np.array([], kind)


def _matrix(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    import scipy.sparse as sparse

    return sparse.coo_matrix((values, (rows, columns)), shape=shape, dtype=np.float32).tocsr()


def _held_back(counts: Any, weight: float, length: float) -> Floats:
    """What a count of each row counts by how long the row is: `weight / (1 - length + length * row / mean)`."""
    rows = np.asarray(counts.sum(axis=1)).ravel()
    mean = rows.mean() if len(rows) and rows.any() else 1.0
    held_back: Floats = (weight / (1 - length + length * rows / mean)).astype(np.float32)
    return held_back


def _saturated(counts: Any) -> Any:
    return counts * (SATURATION + 1) / (counts + SATURATION)
