"""Labels the words of a text by a linear-chain CRF, with the same answer as CRFsuite and far less work.

The weights come from a model trained by python-crfsuite. What a word weighs by itself, at each distance, is one block
of rows that is kept once it was worked out; pairs and places have rows of their own. A text's scores are then one
gather and one sum, and the best labels are searched only where something else than `O` can win (`decode.py`). Nothing
is approximated: the labels are CRFsuite's, but for ties.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from threading import Lock

import numpy as np
import numpy.typing as npt

from engines.redaction.sequence import features
from engines.redaction.sequence.decode import Decoder, Floats
from engines.redaction.sequence.features import PAIRS, REACH, SHIFTS, describe, gaps_of, is_cased, place
from engines.redaction.sequence.model import MODEL, OUTSIDE, Weights, pack, unpack
from engines.redaction.tokens import Utterance

__all__ = ["MODEL", "OUTSIDE", "Tagger", "Weights", "pack", "tagger", "unpack"]

_WORDS_KEPT = 12_000
_AT_ONCE = 128  # words whose rows are gathered at once: long texts must not take memory by the gigabyte
_GAPS = 16
_ENDS = ("^", "$")

# Of a word: where its rows begin, and the numbers of its kind, its coarse kind and its key (0: no weight hangs on it).
_Entry = tuple[int, int, int, int]


class _Full(Exception):
    """No room for another word."""


class _Words:
    """Rows of words seen so far. Filled under a lock, read without; when full, a new one takes its place."""

    def __init__(self, fixed: Floats, least: int = 0) -> None:
        kept = max(_WORDS_KEPT, least)
        self.rows = np.zeros((len(fixed) + kept * SHIFTS, fixed.shape[1]), dtype=np.float32)
        self.rows[: len(fixed)] = fixed
        self.known: dict[tuple[str, bool], _Entry] = {}
        self.next = len(fixed)


class _Names(dict[str, int]):
    """Numbers for names, from 1; 0 for those that have none."""

    def number(self, name: str) -> int:
        return self.setdefault(name, len(self) + 1)

    def __missing__(self, name: str) -> int:
        return 0


class Tagger:
    """Labels tokens. One instance serves all threads."""

    def __init__(self, weights: Weights) -> None:
        self.labels = weights.labels
        self.lexicon = weights.lexicon
        self.topics = weights.topics
        self._size = len(weights.labels)
        self._bias = weights.outside_bias
        self._decoder = Decoder(weights.transitions)
        self.cost = self._decoder.cost
        self._kinds, self._coarse, self._keys = _Names(), _Names(), _Names()
        self._shared: dict[tuple[str, str], Floats] = {}
        self._read(weights)
        self._words = _Words(self._fixed)
        self._lock = Lock()
        self._warm_up()

    def _read(self, weights: Weights) -> None:
        """Sort the features: those of words, and those of the tables, whose rows are laid out."""
        tables: dict[str, dict[tuple[str, ...], list[tuple[int, int, float]]]] = {
            name: {} for name in "PWXYTSBAG"
        }
        scenes: dict[str, dict[str, dict[int, float]]] = {}
        near: dict[str, list[tuple[int, float]]] = {}
        own: dict[str, dict[int, float]] = {}
        for name, row in weights.features.items():
            head, bar, rest = name.partition("|")
            if bar and head.lstrip("-").isdecimal():  # "shift|feature", seen from a neighbour too
                base = self._size * (int(head) + REACH)
                near.setdefault(rest, []).extend((base + label, value) for label, value in row.items())
            elif bar and head[0] in "CD":
                scene, _, kind = rest.rpartition("|")
                scenes.setdefault(f"{head}|{scene}", {})[kind] = row
            elif bar and (head in tables or head[0] in "PW"):
                shift = PAIRS.index(int(head[1:])) if head[0] in "PW" else 0
                parts = tuple(rest.split(" ") if head[0] == "W" else rest.split("|"))
                cells = tables[head[0]].setdefault(parts, [])
                cells += [(shift, label, value) for label, value in row.items()]
            else:  # of the labelled word alone
                own[name] = row
        # A feature that neighbours see: the cells of a word's block that it weighs in, and how much.
        self._near = {
            name: (
                np.array([at for at, _ in cells]),
                np.array([value for _, value in cells], dtype=np.float32),
            )
            for name, cells in near.items()
        }
        self._seen_near = frozenset(self._near)
        self._own = {name: number for number, name in enumerate(own)}
        self._own_rows: Floats = np.zeros((len(own), self._size), dtype=np.float32)
        for number, row in enumerate(own.values()):
            self._own_rows[number, list(row)] = list(row.values())
        for family, table in tables.items():
            for parts in table:
                for names, part in zip(self._names_of(family), parts, strict=True):
                    if names is not None:
                        names.number(part)
        for table_of in scenes.values():
            for kind in table_of:
                self._kinds.number(kind)
        # So many are there of each, the number 0 included.
        self._count = (len(self._kinds) + 1, len(self._coarse) + 1, len(self._keys) + 1)
        # The first rows are zero: what stands outside of the text, and what has no weight.
        fixed: list[Floats] = [np.zeros((SHIFTS, self._size), dtype=np.float32)]
        at = SHIFTS
        self._tables: dict[str, dict[int, int]] = {}
        for family, table in tables.items():
            width = len(PAIRS) if family in "PW" else 1
            rows = np.zeros((len(table) * width, self._size), dtype=np.float32)
            where = self._tables[family] = {}
            for number, (parts, cells) in enumerate(table.items()):
                where[self._code(family, parts)] = at + number * width
                for shift, label, value in cells:
                    rows[number * width + shift, label] = value
            fixed.append(rows)
            at += len(rows)
        self._fixed: Floats = np.concatenate(fixed)
        # What a scene weighs, by kind of word: one table after the other.
        self._scenes = {name: number * self._count[0] for number, name in enumerate(scenes)}
        self._scene_rows: Floats = np.zeros((len(scenes) * self._count[0], self._size), dtype=np.float32)
        for name, table_of in scenes.items():
            for kind, row in table_of.items():
                at_kind = self._scenes[name] + self._kinds[kind]
                self._scene_rows[at_kind, list(row)] = list(row.values())

    def _names_of(self, family: str) -> tuple[_Names | None, ...]:
        """Return what the parts of a table's features are; None for numbers."""
        kinds, coarse, keys = self._kinds, self._coarse, self._keys
        return {
            **dict.fromkeys("SBA", (None, kinds)),
            "P": (kinds, kinds),
            "W": (keys, keys),
            "X": (keys, kinds),
            "Y": (kinds, keys),
            "T": (coarse, coarse, coarse),
            "G": (None, None, coarse),
        }[family]

    def _code(self, family: str, parts: tuple[str, ...]) -> int:
        """Return a feature of a table as one number, as `_sum` makes it."""
        sizes = {
            id(self._kinds): self._count[0],
            id(self._coarse): self._count[1],
            id(self._keys): self._count[2],
        }
        code = 0
        for names, part in zip(self._names_of(family), parts, strict=True):
            code = code * (_GAPS if names is None else sizes[id(names)]) + (
                int(part) if names is None else names[part]
            )
        return code

    def _warm_up(self) -> None:
        """Work out everyday words ahead, so that the first texts need not wait for them."""
        for name in sorted(self.lexicon.common)[: _WORDS_KEPT // 3]:
            self._word(self._words, name, False)
            self._word(self._words, name, True)

    def _block(self, seen: Iterable[str]) -> Floats:
        """Return what features that neighbours see weigh, by shift and label."""
        block = np.zeros(SHIFTS * self._size, dtype=np.float32)
        for feature in seen:
            cells = self._near.get(feature)
            if cells is not None:
                block[cells[0]] += cells[1]
        return block.reshape(SHIFTS, self._size)

    def _word(self, words: _Words, surface: str, cased: bool) -> _Entry:
        """Work out a word that is not known yet."""
        word = describe(surface, cased, self.lexicon)
        near = word.near[-1] if word.near else ""
        shared = self._shared.get((word.kind, near))
        if shared is None:  # what many words share is added up once
            shared = self._block((f"k={word.kind}", near))
            self._shared[word.kind, near] = shared
        block = shared.copy()
        seen = [f"w={word.key}", *word.near[:-1]]
        if not self._seen_near.isdisjoint(seen):
            block += self._block(seen)
        rows = [row for feature in word.own if (row := self._own.get(feature)) is not None]
        if rows:
            block[REACH] += self._own_rows.take(rows, axis=0).sum(axis=0)
        with self._lock:
            entry = words.known.get((surface, cased))
            if entry is not None:
                return entry
            at = words.next
            if at + SHIFTS > len(words.rows):
                raise _Full
            words.rows[at : at + SHIFTS] = block
            words.next = at + SHIFTS
            entry = (at, self._kinds[word.kind], self._coarse[word.coarse], self._keys[word.key])
            words.known[surface, cased] = entry
        return entry

    def scores(self, utterance: Utterance, scene: Sequence[str] = ()) -> Floats:
        """Return the score of each token and label, shape (tokens, labels), without transitions and bias."""
        cased = is_cased(utterance.text)
        words = self._words
        try:
            found = self._found(words, utterance, cased)
        except _Full:
            # Other threads may have filled it too: with one of its own this text surely fits.
            words = _Words(self._fixed, len(utterance.tokens))
            found = self._found(words, utterance, cased)
            self._words = words
        summed = self._sum(words.rows, found, gaps_of(utterance))
        if scene:
            kinds = np.array([entry[1] for entry in found])
            for name in features.scenes(scene, len(found)):
                rows = self._scenes.get(name)
                if rows is not None:
                    summed += self._scene_rows.take(kinds + rows, axis=0)
        return summed

    def _found(self, words: _Words, utterance: Utterance, cased: bool) -> list[_Entry]:
        text, known = utterance.text, words.known
        found: list[_Entry] = []
        for token in utterance.tokens:
            surface = text[token.start : token.end] if cased else token.low
            found.append(known.get((surface, cased)) or self._word(words, surface, cased))
        return found

    def _sum(self, rows: Floats, found: list[_Entry], gaps: list[int]) -> Floats:
        count = len(found)
        own, kinds, coarse, keys = zip(*found, strict=True)
        n, c, k = self._count
        p, w, x, y, t, s, b, a, g = (table.get for table in self._tables.values())
        start, end = self._coarse["^"], self._coarse["$"]
        values = [0, 0, 0, *own, 0, 0, 0]
        values += [0, 0, *[p(i * n + j, 0) for i, j in pairwise(kinds)], 0, 0]
        values += [0, 0, *[w(i * k + j, 0) for i, j in pairwise(keys)], 0, 0]
        values += [0, *[x(i * n + j, 0) for i, j in zip(keys, kinds[1:], strict=False)]]
        values += [*[y(i * k + j, 0) for i, j in zip(kinds, keys[1:], strict=False)], 0]
        values += [
            t((h * c + i) * c + j, 0)
            for h, i, j in zip((start, *coarse), coarse, (*coarse[1:], end), strict=False)
        ]
        values += [s(place(i, count) * n + j, 0) for i, j in enumerate(kinds)]
        values += [b(i * n + j, 0) for i, j in zip(gaps, kinds, strict=False)]
        values += [a(i * n + j, 0) for i, j in zip(gaps[1:], kinds, strict=True)]
        values += [g((h * _GAPS + i) * c + j, 0) for h, i, j in zip(gaps, gaps[1:], coarse, strict=False)]
        all_rows = np.array(values, dtype=np.intp)
        if count <= _AT_ONCE:
            where, shifts = _short_layout(count)
            return self._gathered(rows, all_rows[where] + shifts)
        starts, shifts = _layout(count)
        parts = []
        for first in range(0, count, _AT_ONCE):
            where = starts + np.arange(first, min(first + _AT_ONCE, count))
            parts.append(self._gathered(rows, all_rows[where] + shifts))
        return np.concatenate(parts)

    def _gathered(self, rows: Floats, index: npt.NDArray[np.intp]) -> Floats:
        summed: Floats = rows.take(index.ravel(), axis=0).reshape(*index.shape, self._size).sum(axis=0)
        return summed

    def tag(
        self,
        utterance: Utterance,
        bias: float | None = None,
        lean: Floats | None = None,
        scene: Sequence[str] = (),
    ) -> tuple[list[int], list[float]]:
        """Return the label of each token by number, and by how much its score leads over that of `O`.

        `bias` stands in for the model's own; `lean`, by token, is taken from the score of `O` too; `scene` is what the
        turns before tell (`scene.Scene.names`). A stretch with one
        label is chosen for the sum of its leads, less the `cost` of that label; a single lead may well be negative.
        """
        if not utterance.tokens:
            return [], []
        scores = self.scores(utterance, scene)
        scores[:, 0] -= self._bias[is_cased(utterance.text)] if bias is None else bias
        if lean is not None:
            scores[:, 0] -= lean
        ahead = self._decoder.leads(scores)
        labels = self._decoder.best(ahead)
        return labels, [float(ahead[i, label]) if label else 0.0 for i, label in enumerate(labels)]


def _layout(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return where in the list of rows a text's first word has its summands, by feature family, and their shifts."""
    starts: list[int] = []
    shifts: list[int] = []
    at = 0
    for k in range(SHIFTS):
        starts.append(at + k)
        shifts.append(k)
    at += count + 2 * REACH
    for _ in "PW":
        for k, pair in enumerate(PAIRS):
            # The pair whose second word is token j stands at j + 1 (two zeros go before the first).
            starts.append(at + pair + 1)
            shifts.append(k)
        at += count + 3
    for _ in "XYTSBAG":
        starts.append(at)
        shifts.append(0)
        at += count
    return np.array(starts, dtype=np.intp)[:, None], np.array(shifts, dtype=np.intp)[:, None]


@lru_cache(maxsize=128)
def _short_layout(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the same for every word, one line per feature family."""
    starts, shifts = _layout(count)
    return starts + np.arange(count), shifts


@lru_cache(maxsize=1)
def tagger() -> Tagger:
    """Return the tagger of the model in this package, loaded once."""
    return Tagger(unpack(MODEL.read_bytes()))
