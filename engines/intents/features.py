"""From texts to numbers: two groups of n-grams (words, pieces), each weighted by how rare it is and brought to length 1.

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

from engines.intents.text import pieces_of, word_grams, words_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
GROUPS = 2  # 0: words and pairs, 1: pieces of words
CACHED_WORDS = 20_000


@dataclass(frozen=True)
class Counts:
    """How often each n-gram is in each text. `matrix` is a scipy CSR matrix (texts by n-grams)."""

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
    counts: list[float] = []
    starts = [0]
    pieces: dict[str, list[int]] = {}

    def number(gram: str, group: int) -> int:
        found = known.get(gram)
        if found is None:
            found = known[gram] = len(known)
            groups.append(group)
        return found

    for text in texts:
        words = words_of(text)
        row: dict[int, int] = {}
        for gram in word_grams(words):
            column = number(gram, 0)
            row[column] = row.get(column, 0) + 1
        for word in words:
            columns = pieces.get(word)
            if columns is None:
                columns = pieces[word] = [number(gram, 1) for gram in pieces_of(word)]
            for column in columns:
                row[column] = row.get(column, 0) + 1
        indices += row.keys()
        counts += row.values()
        starts.append(len(indices))
    matrix = csr_matrix(
        (np.asarray(counts, np.float32), np.asarray(indices, np.int32), np.asarray(starts, np.int64)),
        shape=(len(texts), len(known)),
    )
    return Counts(tuple(known), np.asarray(groups, np.int32), matrix)


@dataclass(frozen=True)
class Weighting:
    """What is kept of the n-grams of a training set, and how much each weighs.

    `columns` are the kept columns of the counts, `rarity` their weights, `unknown` the weight of what is not kept.
    """

    columns: Ints
    groups: Ints
    rarity: Floats
    unknown: float

    @staticmethod
    def learn(counts: Counts, rows: Any = None, *, least: int = 2, most: int | None = None) -> Weighting:
        """Keep what at least `least` of the texts `rows` (all of them: None) have; the `most` common if that is more."""
        matrix = counts.matrix if rows is None else counts.matrix[rows]
        texts = matrix.shape[0]
        held = np.bincount(matrix.indices, minlength=matrix.shape[1])
        columns = np.flatnonzero(held >= least)
        if most is not None and len(columns) > most:
            order = np.argsort(-held[columns], kind="stable")[:most]
            columns = np.sort(columns[order])
        rarity = np.log((1.0 + texts) / (1.0 + held[columns])) + 1.0
        return Weighting(
            columns.astype(np.int32),
            counts.groups[columns],
            rarity.astype(np.float32),
            float(math.log((1.0 + texts) / 2.0) + 1.0),
        )

    def apply(self, counts: Counts, rows: Any = None) -> tuple[Any, Floats]:
        """Texts by kept n-grams (CSR, float32), and for each text and group the share of its length that is unknown."""
        from scipy.sparse import csr_matrix, diags

        matrix = counts.matrix if rows is None else counts.matrix[rows]
        damped = matrix.copy()
        damped.data = (1.0 + np.log(damped.data)).astype(np.float32)
        # Squared length of each group, the unknown among it.
        weights = np.full(matrix.shape[1], self.unknown, np.float32)
        weights[self.columns] = self.rarity
        is_kept = np.zeros(matrix.shape[1], bool)
        is_kept[self.columns] = True
        row_of = np.repeat(np.arange(matrix.shape[0]), np.diff(damped.indptr))
        squares = (damped.data * weights[damped.indices]) ** 2
        cell = row_of * GROUPS + counts.groups[damped.indices]
        size = matrix.shape[0] * GROUPS
        whole = np.bincount(cell, squares, size).reshape(-1, GROUPS)
        lost = np.bincount(cell, squares * ~is_kept[damped.indices], size).reshape(-1, GROUPS)
        lengths = np.sqrt(np.maximum(whole, 1e-12))
        data = damped.data * weights[damped.indices] / lengths[row_of, counts.groups[damped.indices]]
        scaled = csr_matrix((data.astype(np.float32), damped.indices, damped.indptr), shape=matrix.shape)
        kept = scaled.tocsc()[:, self.columns].tocsr()
        del diags
        return kept, (lost / np.maximum(whole, 1e-12)).astype(np.float32)


class Reader:
    """Reads one text at a time, as `Weighting.apply` does many. Safe to share between threads."""

    def __init__(self, grams: Sequence[str], groups: Ints, rarity: Floats, unknown: float) -> None:
        self._columns = {gram: column for column, gram in enumerate(grams)}
        self._rarity = [float(one) for one in rarity]
        self._unknown = unknown * unknown
        self._pieces: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {}
        del groups

    def read(self, text: str) -> tuple[Ints, Floats, tuple[float, float]]:
        """Columns, their values, and the unknown share of words and of pieces (0..1; 1 for a text without words)."""
        words = words_of(text)
        columns: list[int] = []
        values: list[float] = []
        shares: list[float] = []
        known, rarity = self._columns, self._rarity
        # 1. Words and pairs
        held: dict[int, int] = {}
        strange: dict[str, int] = {}
        for gram in word_grams(words):
            column = known.get(gram)
            if column is None:
                strange[gram] = strange.get(gram, 0) + 1
            else:
                held[column] = held.get(column, 0) + 1
        shares.append(self._group(held, strange, columns, values))
        # 2. Pieces
        held, strange = {}, {}
        for word in words:
            own, foreign = self._pieces_of(word)
            for column in own:
                held[column] = held.get(column, 0) + 1
            for gram in foreign:
                strange[gram] = strange.get(gram, 0) + 1
        shares.append(self._group(held, strange, columns, values))
        return np.asarray(columns, np.int32), np.asarray(values, np.float32), (shares[0], shares[1])

    def _pieces_of(self, word: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        found = self._pieces.get(word)
        if found is None:
            grams = pieces_of(word)
            own = tuple(self._columns[gram] for gram in grams if gram in self._columns)
            foreign = tuple(gram for gram in grams if gram not in self._columns)
            found = own, foreign
            if len(self._pieces) < CACHED_WORDS:
                self._pieces[word] = found
        return found

    def _group(
        self, held: dict[int, int], strange: dict[str, int], columns: list[int], values: list[float]
    ) -> float:
        lost = sum(_damped(times) ** 2 for times in strange.values()) * self._unknown
        weighed = [_damped(times) * self._rarity[column] for column, times in held.items()]
        whole = lost + sum(value * value for value in weighed)
        if whole <= 0.0:
            return 1.0
        length = math.sqrt(whole)
        columns += held
        values += [value / length for value in weighed]
        return lost / whole


def _damped(times: int) -> float:
    return 1.0 if times == 1 else 1.0 + math.log(times)
