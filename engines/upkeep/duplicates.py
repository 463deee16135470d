"""Passages that stand in two documents: their runs of four words are nearly the same (Broder 1997, all of them).

Texts made after one pattern are not duplicates: where what differs is a figure, or a word of one title that the other
title has not, both say something of their own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.upkeep.statements import Passage, subject_of, words_of

RUN = 4
ALIKE = 0.8
# Shorter ones say the same often enough, and nobody is misled.
LEAST_WORDS = 20
# What stands in more documents is a notice that belongs there.
MOST_DOCUMENTS = 5
_BLOCK = 1_000
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Twins:
    """Two documents with passages of the same text, by number, the first the one that came first. `share`: how much
    of the shorter document stands in the other, by words."""

    left: str
    right: str
    pairs: tuple[tuple[int, int, float], ...]
    share: float


def duplicates(passages: list[Passage]) -> list[Twins]:
    """Which documents share passages, those that share most first."""
    words = [[word.casefold() for word in _WORD.findall(one.text)] for one in passages]
    length: Counter[str] = Counter()
    for one, its in zip(passages, words, strict=True):
        length[one.document] += len(its)
    found: defaultdict[tuple[str, str], list[tuple[int, int, float]]] = defaultdict(list)
    with_it: defaultdict[int, set[str]] = defaultdict(set)
    alike = list(_alike(passages, words))
    for left, right, _share in alike:
        with_it[left] |= {passages[right].document}
        with_it[right] |= {passages[left].document}
    for left, right, share in alike:
        if max(len(with_it[left]), len(with_it[right])) >= MOST_DOCUMENTS:
            continue
        found[(passages[left].document, passages[right].document)].append((left, right, share))
    twins = []
    for key, pairs in found.items():
        shared = sum(len(words[left]) for left in {pair[0] for pair in pairs})
        share = shared / max(1, min(length[one] for one in key))
        twins.append(Twins(*key, tuple(pairs), round(min(1.0, share), 3)))
    return sorted(twins, key=lambda one: (-one.share, one.pairs[0][0]))


def _alike(passages: list[Passage], words: list[list[str]]) -> Iterator[tuple[int, int, float]]:
    # Not with this module: few processes ever need it, and all would load it.
    import scipy.sparse as sparse

    runs: dict[tuple[str, ...], int] = {}
    rows, columns = [], []
    sizes = np.zeros(len(passages))
    for number, its in enumerate(words):
        if len(its) < LEAST_WORDS:
            continue
        own = {tuple(its[at : at + RUN]) for at in range(len(its) - RUN + 1)}
        sizes[number] = len(own)
        for one in sorted(own):
            rows.append(number)
            columns.append(runs.setdefault(one, len(runs)))
    if not rows:
        return
    matrix = sparse.csr_matrix(
        (np.ones(len(rows), np.float32), (rows, columns)), shape=(len(passages), len(runs))
    )
    turned = matrix.T.tocsr()
    for start in range(0, len(passages), _BLOCK):
        shared = (matrix[start : start + _BLOCK] @ turned).tocoo()
        for row, column, count in zip(shared.row, shared.col, shared.data, strict=True):
            left, right = start + int(row), int(column)
            if left >= right or passages[left].document == passages[right].document:
                continue
            share = float(count / (sizes[left] + sizes[right] - count))
            if share >= ALIKE and not _patterned(passages[left], passages[right], words[left], words[right]):
                yield left, right, round(share, 3)


def _patterned(left: Passage, right: Passage, ours: list[str], theirs: list[str]) -> bool:
    differing = Counter(ours)
    differing.subtract(theirs)
    names = subject_of(left) ^ subject_of(right)
    return any(
        count and (any(letter.isdigit() for letter in word) or words_of(word) & names)
        for word, count in differing.items()
    )
