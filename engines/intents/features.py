"""From texts to numbers: three groups of n-grams, each weighted by how rare it is and brought to length 1.

What was never seen in training has no weight of its own, but counts for a group's length as what is rarest: a text of
unknown words therefore gets small scores everywhere, which is what tells the out-of-scope from the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


def count(texts: Sequence[str]) -> Counts:
    """Count the n-grams of all texts."""
    from scipy.sparse import csr_matrix

    known: dict[str, int] = {}
    groups: list[int] = []
    indices: list[int] = []
    counts: list[int] = []
    starts = [0]
    for text in texts:
        row: dict[int, int] = {}
        for group, grams in enumerate(_grams(words_of(text))):
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


def _grams(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    return neighbours(words), [gram for word in words for gram in pieces_of(word)], together(words)


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

    def __init__(self, grams: Sequence[str], rarity: Floats, unknown: float) -> None:
        self._columns = {gram: column for column, gram in enumerate(grams)}
        self._rarity = [float(one) for one in rarity]
        self._unknown = unknown * unknown
        # Of words that were read before: the columns of their pieces, and the pieces that have none.
        self._pieces: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {}

    def read(self, text: str) -> tuple[Ints, Floats, Floats]:
        """Columns, their values, and by group the share that is unknown (0..1; 1 for a group with nothing in it)."""
        words = words_of(text)
        columns: list[int] = []
        values: list[float] = []
        unknown = [
            self._group(*self._plain(neighbours(words)), columns, values),
            self._group(*self._of_pieces(words), columns, values),
            self._group(*self._plain(together(words)), columns, values),
        ]
        return np.asarray(columns, np.int32), np.asarray(values, np.float32), np.asarray(unknown, np.float32)

    def _plain(self, grams: list[str]) -> tuple[dict[int, int], dict[str, int]]:
        held: dict[int, int] = {}
        strange: dict[str, int] = {}
        known = self._columns.get
        for gram in grams:
            column = known(gram)
            if column is None:
                strange[gram] = strange.get(gram, 0) + 1
            else:
                held[column] = held.get(column, 0) + 1
        return held, strange

    def _of_pieces(self, words: list[str]) -> tuple[dict[int, int], dict[str, int]]:
        held: dict[int, int] = {}
        strange: dict[str, int] = {}
        for word in words:
            found = self._pieces.get(word)
            if found is None:
                grams = pieces_of(word)
                own = tuple(self._columns[gram] for gram in grams if gram in self._columns)
                found = own, tuple(gram for gram in grams if gram not in self._columns)
                if len(self._pieces) < CACHED_WORDS:
                    self._pieces[word] = found
            for column in found[0]:
                held[column] = held.get(column, 0) + 1
            for gram in found[1]:
                strange[gram] = strange.get(gram, 0) + 1
        return held, strange

    def _group(
        self, held: dict[int, int], strange: dict[str, int], columns: list[int], values: list[float]
    ) -> float:
        lost = self._unknown * sum([_DAMPED[times] ** 2 for times in strange.values()])
        rarity = self._rarity
        weighed = [_DAMPED[times] * rarity[column] for column, times in held.items()]
        whole = lost + sum([value * value for value in weighed])
        if whole <= _NOTHING:
            return 1.0
        length = 1.0 / math.sqrt(whole)
        columns += held
        values += [value * length for value in weighed]
        return lost / whole


# An n-gram cannot be in a text more often than the text has letters.
_DAMPED = [0.0] + [1.0 + math.log(times) for times in range(1, 2 * MAX_TEXT + 2)]
