"""Weights that hang on several neighbours at once: where in the list of rows they are, for all words of a text.

A feature of a family is made of parts, such as the kind of a word and that of the next one. Each part has a number, and
the numbers together say one place in a long table that holds the row of the feature's weights (0: it has none). What a
word adds to that place, standing before, in or behind the middle, is kept with the word. The places of all features of
a text are then sums of what its words and gaps add. Pairs of words are too many for a table and are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from engines.redaction.sequence.decode import Floats
from engines.redaction.sequence.features import PAIRS, Word, gap_kind, place

Numbers = npt.NDArray[np.intp]

# By family, what its features are made of, in the order of their names: what, and of which neighbour.
_KIND, _COARSE, _BEFORE, _BEHIND, _GAP, _PLACE = "kind", "coarse", "before", "behind", "gap", "place"
_WORD = (_KIND, _COARSE, _BEFORE, _BEHIND)
_PARTS: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "P": ((_KIND, -1), (_KIND, 0)),
    "X": ((_BEFORE, -1), (_KIND, 0)),
    "Y": ((_KIND, 0), (_BEHIND, 1)),
    "T": ((_COARSE, -1), (_COARSE, 0), (_COARSE, 1)),
    "S": ((_PLACE, 0), (_KIND, 0)),
    "B": ((_GAP, 0), (_KIND, 0)),
    "A": ((_GAP, 1), (_KIND, 0)),
    "G": ((_GAP, 0), (_GAP, 1), (_COARSE, 0)),
}
# Those seen from several words at once: a row for each of `PAIRS`. They come first, each in the middle of zeros.
PAIRED = "PW"
SINGLE = tuple(family for family in _PARTS if family not in PAIRED)
FAMILIES = frozenset(_PARTS) | frozenset(PAIRED)
_GAPS, _PLACES = 16, 32
_ENDS = ("^", "$")

# By the parts of a feature: which shift, which label, and how much.
Cells = Mapping[tuple[str, ...], Sequence[tuple[int, int, float]]]


class _Names(dict[str, int]):
    """Numbers for names, from 1; 0 for those that have none."""

    def number(self, name: str) -> int:
        return self.setdefault(name, len(self) + 1)

    def __missing__(self, name: str) -> int:
        return 0


class _Gaps(dict[str, int]):
    """The classes of what stands between two words; the usual ones are known."""

    def __missing__(self, gap: str) -> int:
        return gap_kind(gap)


_KNOWN_GAPS = _Gaps(
    {gap: gap_kind(gap) for gap in ("", " ", ", ", ". ", "-", "/", ".", ": ", "@", "'", ",", "?", "!")}
)


class Tables:
    """The rows of all families, and where each is. Never changes once it was made."""

    def __init__(self, families: Mapping[str, Cells], size: int, zeros: int) -> None:
        """`families` as `tagger` reads them, `size` labels, `zeros` empty rows before all others."""
        self._names = {what: _Names() for what in _WORD}
        self._keys = _Names()
        for end in _ENDS:
            self._names[_COARSE].number(end)
        for family, parts in _PARTS.items():
            for feature in families[family]:
                for (what, _where), name in zip(parts, feature, strict=True):
                    if what in self._names:
                        self._names[what].number(name)
        self._sizes = {what: len(names) + 1 for what, names in self._names.items()} | {
            _GAP: _GAPS,
            _PLACE: _PLACES,
        }
        rows: list[Floats] = [np.zeros((zeros, size), dtype=np.float32)]
        at = zeros
        dense: list[npt.NDArray[np.int32]] = []
        # Per family: where its part of the table begins, and by how much each part of a feature counts.
        self._weights: dict[str, tuple[int, tuple[int, ...]]] = {}
        base = 0
        for family, parts in _PARTS.items():
            weights, span = [], 1
            for what, _where in reversed(parts):
                weights.append(span)
                span *= self._sizes[what]
            self._weights[family] = base, tuple(reversed(weights))
            base += span
            width = len(PAIRS) if family in PAIRED else 1
            rows.append(_rows(families[family].values(), width, size))
            table = np.zeros(span, dtype=np.int32)
            for feature in families[family]:
                table[self._place(family, feature)] = at
                at += width
            dense.append(table)
        self._dense = np.concatenate(dense)
        self._pairs: dict[int, int] = {}
        names = [tuple(map(self._keys.number, feature)) for feature in families["W"]]
        self._width = len(self._keys) + 1
        for left, right in names:
            self._pairs[left * self._width + right] = at
            at += len(PAIRS)
        rows.append(_rows(families["W"].values(), len(PAIRS), size))
        self.rows: Floats = np.concatenate(rows)
        self._beside = self._of_gaps()
        # What one more of each number of a word adds to the places: seen from behind, from itself, from before it.
        units = np.zeros((len(_WORD), 3, len(_PARTS)), dtype=np.intp)
        for column, (family, parts) in enumerate(_PARTS.items()):
            for weight, (what, where) in zip(self._weights[family][1], parts, strict=True):
                if what in _WORD:
                    units[_WORD.index(what), where + 1, column] = weight
        self._units: Numbers = units.reshape(len(_WORD), -1)
        self._by_classes: dict[tuple[str, str], Numbers] = {}
        self._of_word = tuple(self._names[what] for what in _WORD)

    def _place(self, family: str, feature: tuple[str, ...]) -> int:
        """Return the place of a feature within its family's part of the table."""
        place = 0
        for (what, _where), weight, name in zip(
            _PARTS[family], self._weights[family][1], feature, strict=True
        ):
            place += weight * (self._names[what][name] if what in self._names else int(name))
        return place

    def _of_gaps(self) -> Numbers:
        """Return what a word's place and the gaps around it add, by all three, for each family."""
        found = np.zeros((_PLACES, _GAPS, _GAPS, len(_PARTS)), dtype=np.intp)
        axes = {(_PLACE, 0): 0, (_GAP, 0): 1, (_GAP, 1): 2}
        for column, (family, parts) in enumerate(_PARTS.items()):
            base, weights = self._weights[family]
            found[..., column] = base
            for part, weight in zip(parts, weights, strict=True):
                if part in axes:
                    shape = [1, 1, 1]
                    shape[axes[part]] = -1
                    found[..., column] += weight * np.arange(found.shape[axes[part]]).reshape(shape)
        return found.reshape(-1, len(_PARTS))

    def adds(self, word: Word) -> tuple[Numbers, int]:
        """Return what `word` adds to places of features: before, in and behind the middle; and its number in pairs."""
        kinds, coarse, before, behind = self._of_word
        classes = word.kind, word.coarse
        adds = self._by_classes.get(classes)
        if adds is None:  # the same for many words
            adds = np.dot((kinds[word.kind], coarse[word.coarse], 0, 0), self._units)
            self._by_classes[classes] = adds
        left, right = before[word.key], behind[word.key]
        if left:
            adds = adds + left * self._units[2]
        if right:
            adds = adds + right * self._units[3]
        return adds, self._keys[word.key]

    def ends(self) -> list[Numbers]:
        """Return what the text's beginning and its end add."""
        return [np.dot((0, self._names[_COARSE][end], 0, 0), self._units) for end in _ENDS]

    @staticmethod
    def size(count: int) -> int:
        """Return how many rows `find` says of a text of so many words."""
        return 2 * (count + 3) + count * len(SINGLE)

    def find(
        self,
        words: Numbers,
        keys: Sequence[int],
        gaps: Sequence[str],
        rows: Numbers,
        where: Numbers,
        between: Sequence[int] = (),
    ) -> None:
        """Write into `rows` those of all features of a text's words, one family after the other: P, W, then `SINGLE`.

        `rows` are zeros, as many as `size` says. `words` are what each word adds, with the text's beginning and its end
        around them. Zeros stay around pairs, so that all of `PAIRS` are within the list: the pair whose second word is
        word i stands at i + 1. `where` are the words' `places`; `between` is where no word is, which gives no features.
        """
        count, width = len(keys), len(_PARTS)
        classes = np.fromiter(map(_KNOWN_GAPS.__getitem__, gaps), np.intp, count + 1)
        beside = classes[:-1] * _GAPS
        beside += classes[1:]
        beside += where
        cells = self._beside.take(beside, axis=0)
        cells += words[:-2, :width]
        cells += words[1:-1, width : 2 * width]
        cells += words[2:, 2 * width :]
        found = self._dense.take(cells)
        if between:
            found[between] = 0
        step, known = self._width, self._pairs.get
        rows[1 : count + 1] = found[:, 0]
        rows[count + 5 : 2 * count + 4] = [a and b and known(a * step + b, 0) for a, b in pairwise(keys)]
        rows[2 * count + 6 :].reshape(-1, count)[:] = found[:, 1:].T


def _rows(features: Iterable[Sequence[tuple[int, int, float]]], width: int, size: int) -> Floats:
    """Return the rows of a family's features, `width` of each."""
    listed = list(features)
    rows: Floats = np.zeros((len(listed) * width, size), dtype=np.float32)
    for number, cells in enumerate(listed):
        for shift, label, value in cells:
            rows[number * width + shift, label] = value
    return rows


@lru_cache(maxsize=256)
def places(count: int) -> Numbers:
    """Return what the words' places add to the number of what stands beside them."""
    return np.array([place(i, count) for i in range(count)], dtype=np.intp) * (_GAPS * _GAPS)
