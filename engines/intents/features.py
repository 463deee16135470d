"""From texts to numbers: three groups of n-grams, each weighted by how rare it is and brought to length 1.

What was never seen in training has no weight of its own, but counts for a group's length as what is rarest: a text of
unknown words therefore gets small scores everywhere, which is what tells the out-of-scope from the rest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from engines.intents.forms import english_forms
from engines.intents.text import MAX_TEXT, neighbours, pieces_of, together, words_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
GROUPS = 3  # neighbours, pieces, together: see `text`
CACHED_WORDS = 20_000
_NOTHING = 1e-12


@dataclass(frozen=True)
class Counts:
    """How often each n-gram is in each text. `matrix` is a scipy CSR matrix, texts by n-grams."""

    grams: tuple[str, ...]
    groups: Ints
    matrix: Any

    @property
    def texts(self) -> int:
        return int(self.matrix.shape[0])


def count(texts: Sequence[str], *, english: bool = False) -> Counts:
    """Count the n-grams of all texts. `english`: but for pieces, of words in one form for the same word (`forms`)."""
    from scipy.sparse import csr_matrix

    known: dict[str, int] = {}
    groups: list[int] = []
    indices: list[int] = []
    counts: list[int] = []
    starts = [0]
    for text in texts:
        row: dict[int, int] = {}
        for group, grams in enumerate(_grams(words_of(text), english)):
            for gram in grams:
                column = known.get(gram)
                if column is None:
                    column = known[gram] = len(known)
                    groups.append(group)
                row[column] = row.get(column, 0) + 1
        indices += row.keys()
        counts += row.values()
        starts.append(len(indices))
    matrix = csr_matrix(
        (np.asarray(counts, np.float32), np.asarray(indices, np.int32), np.asarray(starts, np.int64)),
        shape=(len(texts), len(known)),
    )
    return Counts(tuple(known), np.asarray(groups, np.int32), matrix)


def _grams(words: list[str], english: bool) -> tuple[list[str], list[str], list[str]]:
    forms = english_forms(words) if english else words
    return neighbours(forms), [gram for word in words for gram in pieces_of(word)], together(forms)


@dataclass(frozen=True)
class Weighting:
    """What is kept of the n-grams of a training set, and how much each weighs.

    `columns` are the kept columns of the counts, `rarity` their weights, `unknown` the weight of what is not kept.
    """

    columns: Ints
    rarity: Floats
    unknown: float

    @staticmethod
    def learn(counts: Counts, rows: Any = None, *, most: int) -> Weighting:
        """Keep what at least two of the texts `rows` (all of them: None) have; of more than `most` the common ones."""
        matrix = counts.matrix if rows is None else counts.matrix[rows]
        texts = matrix.shape[0]
        held = np.bincount(matrix.indices, minlength=matrix.shape[1])
        columns = np.flatnonzero(held >= 2)
        if len(columns) > most:
            order = np.argsort(-held[columns], kind="stable")[:most]
            columns = np.sort(columns[order])
        rarity = np.log((1.0 + texts) / (1.0 + held[columns])) + 1.0
        unknown = math.log((1.0 + texts) / 2.0) + 1.0
        return Weighting(columns.astype(np.int32), rarity.astype(np.float32), unknown)

    def apply(self, counts: Counts, rows: Any = None) -> tuple[Any, Floats]:
        """Texts by kept n-grams (CSR, float32), and for each text and group the share of its length that is unknown."""
        from scipy.sparse import csr_matrix

        matrix = counts.matrix if rows is None else counts.matrix[rows]
        weights = np.full(matrix.shape[1], self.unknown, np.float32)
        weights[self.columns] = self.rarity
        is_kept = np.zeros(matrix.shape[1], bool)
        is_kept[self.columns] = True
        row_of = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        data = (1.0 + np.log(matrix.data)) * weights[matrix.indices]
        cell = row_of * GROUPS + counts.groups[matrix.indices]
        size = matrix.shape[0] * GROUPS
        squares = data * data
        whole = np.bincount(cell, squares, size)
        lost = np.bincount(cell, squares * ~is_kept[matrix.indices], size)
        data = (data / np.sqrt(np.maximum(whole, _NOTHING))[cell]).astype(np.float32)
        scaled = csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
        unknown = np.where(whole > _NOTHING, lost / np.maximum(whole, _NOTHING), 1.0)
        return scaled[:, self.columns], unknown.reshape(-1, GROUPS).astype(np.float32)


class Reader:
    """Reads one text at a time, as `Weighting.apply` does many. Safe to share between threads."""

    def __init__(
        self, grams: Sequence[str], rarity: Floats, unknown: float, *, english: bool = False
    ) -> None:
        self._english = english
        self._columns = {gram: column for column, gram in enumerate(grams)}
        self._rarity = rarity
        self._unknown = unknown * unknown
        # Of words that were read before: the columns of their pieces, and the pieces that have none.
        self._pieces: dict[str, tuple[list[int], list[str]]] = {}

    def read(self, text: str) -> tuple[Ints, Floats, Floats]:
        """Columns, their values, and by group the share that is unknown (0..1; 1 for a group with nothing in it)."""
        words = words_of(text)
        forms = english_forms(words) if self._english else words
        groups = [
            self._group(*self._known(neighbours(forms))),
            self._group(*self._of_pieces(words)),
            self._group(*self._known(together(forms))),
        ]
        return (
            np.concatenate([columns for columns, _values, _share in groups]),
            np.concatenate([values for _columns, values, _share in groups]),
            np.array([share for _columns, _values, share in groups], np.float32),
        )

    def _known(self, grams: list[str]) -> tuple[list[int], list[str]]:
        """The columns of n-grams, and those that have none."""
        columns = list(map(self._columns.get, grams))
        if None not in columns:
            return cast(list[int], columns), []
        strange = [gram for gram, column in zip(grams, columns, strict=True) if column is None]
        return [column for column in columns if column is not None], strange

    def _of_pieces(self, words: list[str]) -> tuple[list[int], list[str]]:
        columns: list[int] = []
        strange: list[str] = []
        for word in words:
            found = self._pieces.get(word)
            if found is None:
                found = self._known(pieces_of(word))
                if len(self._pieces) < CACHED_WORDS:
                    self._pieces[word] = found
            columns += found[0]
            strange += found[1]
        return columns, strange

    def _group(self, columns: list[int], strange: list[str]) -> tuple[Ints, Floats, float]:
        held = Counter(columns)
        lost = 0.0
        if strange:
            lost = self._unknown * sum([_DAMPED[times] ** 2 for times in Counter(strange).values()])
        at = np.fromiter(held.keys(), np.int32, len(held))
        values = _DAMPED_FLOATS[np.fromiter(held.values(), np.int32, len(held))] * self._rarity[at]
        whole = lost + float(values @ values)
        if whole <= _NOTHING:
            return at, values, 1.0
        return at, values / np.float32(math.sqrt(whole)), lost / whole


# An n-gram cannot be in a text more often than the text has letters.
_DAMPED = [0.0] + [1.0 + math.log(times) for times in range(1, 2 * MAX_TEXT + 2)]
_DAMPED_FLOATS = np.array(_DAMPED, np.float32)
