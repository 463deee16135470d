"""Labels the words of a text by a linear-chain CRF, with the same answer as CRFsuite and far less work.

The weights come from a model trained by python-crfsuite. What a word weighs by itself, at each distance, is one block
of rows that is kept once it was worked out; pairs and places have rows of their own. A text's scores are then one
gather and one sum. Viterbi looks only where something else than `O` can win, and there at the labels that can: a
stretch whose leads over `O` do not pay for leaving `O` and coming back is `O` throughout. Nothing is approximated: the
labels are CRFsuite's, but for ties.

The file: `MAGIC`, then LZMA over a line of JSON (labels, sizes, figures of training) and the arrays it names.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.redaction.sequence.features import (
    PAIRS,
    REACH,
    SHIFTS,
    Lexicon,
    Word,
    describe,
    gaps_of,
    is_cased,
    place,
)
from engines.redaction.tokens import Utterance

MAGIC = b"redaction-crf-1\n"
MODEL = Path(__file__).with_name("model.bin")
OUTSIDE = "O"
_WORDS_KEPT = 12_000
_AT_ONCE = 128  # words whose rows are gathered at once: long texts must not take memory by the gigabyte
_FEW = 12  # up to so many labels, working with these alone pays
_CLOSE = 1e-3  # what rounding may take
_LISTS = ("first", "last", "cities", "countries", "nations", "common")
_WORD_ROWS = 2 * REACH + 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained model: labels (the first is `O`), weights by feature and label, by pair of labels, and word lists.

    `outside_bias` is taken from the score of `O`: in texts without capitals (speech, chats), and in those with
    them. It was chosen on texts that training did not see.
    """

    labels: tuple[str, ...]
    features: dict[str, dict[int, float]]
    transitions: npt.NDArray[np.float64]
    lexicon: Lexicon
    outside_bias: tuple[float, float]
    about: dict[str, Any]


def pack(weights: Weights) -> bytes:
    """Return the model file's bytes: the same weights give the same bytes."""
    names = sorted(weights.features)
    rows = [sorted(weights.features[name].items()) for name in names]
    counts = np.array([len(row) for row in rows], dtype="<u1")
    columns = np.array([label for row in rows for label, _ in row], dtype="<u1")
    values = np.array([value for row in rows for _, value in row], dtype="<f2")
    parts = {
        "names": "\n".join(names).encode(),
        "counts": counts.tobytes(),
        "columns": columns.tobytes(),
        # All low bytes, then all high ones: they compress better apart.
        "values": values.view("<u1").reshape(-1, 2).T.tobytes(),
        "transitions": weights.transitions.astype("<f4").tobytes(),
        **{name: "\n".join(sorted(getattr(weights.lexicon, name))).encode() for name in _LISTS},
    }
    header = {
        "labels": weights.labels,
        "outside_bias": weights.outside_bias,
        "about": weights.about,
        "sizes": {name: len(part) for name, part in parts.items()},
    }
    body = json.dumps(header, sort_keys=False).encode() + b"\n" + b"".join(parts.values())
    return MAGIC + lzma.compress(body, preset=9)


def unpack(data: bytes) -> Weights:
    """Return the weights in a model file. Raises ValueError if it is none."""
    if not data.startswith(MAGIC):
        raise ValueError("not a redaction model of this version")
    line, _, body = lzma.decompress(data[len(MAGIC) :]).partition(b"\n")
    header = json.loads(line)
    parts, at = {}, 0
    for name, size in header["sizes"].items():
        parts[name], at = body[at : at + size], at + size
    counts = np.frombuffer(parts["counts"], dtype="<u1").tolist()
    columns = np.frombuffer(parts["columns"], dtype="<u1").tolist()
    halves = np.frombuffer(parts["values"], dtype="<u1").reshape(2, -1)
    values = np.ascontiguousarray(halves.T).view("<f2").ravel().astype(float).tolist()
    features, i = {}, 0
    for name, count in zip(parts["names"].decode().split("\n"), counts, strict=True):
        features[name] = dict(zip(columns[i : i + count], values[i : i + count], strict=True))
        i += count
    labels = tuple(header["labels"])
    transitions = np.frombuffer(parts["transitions"], dtype="<f4").astype(float)
    lists = {name: frozenset(parts[name].decode().split("\n")) - {""} for name in _LISTS}
    return Weights(
        labels,
        features,
        transitions.reshape(len(labels), len(labels)),
        Lexicon(**lists),
        (float(header["outside_bias"][0]), float(header["outside_bias"][1])),
        header["about"],
    )


class _Full(Exception):
    """No room for another word."""


class _Words:
    """Rows of words seen so far. Filled under a lock, read without; when full, a new one takes its place."""

    def __init__(self, fixed: Floats, least: int = 0) -> None:
        kept = max(_WORDS_KEPT, least)
        self.rows = np.zeros((len(fixed) + kept * _WORD_ROWS, fixed.shape[1]), dtype=np.float32)
        self.rows[: len(fixed)] = fixed
        self.known: dict[tuple[str, bool], tuple[int, Word]] = {}
        self.next = len(fixed)


class Tagger:
    """Labels tokens. One instance serves all threads."""

    def __init__(self, weights: Weights) -> None:
        self.labels = weights.labels
        self._size = len(weights.labels)
        self.lexicon = weights.lexicon
        self._bias = weights.outside_bias
        self._prepare(weights.transitions)
        self._word_weights: dict[str, list[tuple[int, float]]] = {}
        tables: dict[str, dict[str, list[tuple[int, int, float]]]] = {name: {} for name in "PWXYTSBAG"}
        for name, row in weights.features.items():
            head, bar, rest = name.partition("|")
            if bar and head[0] in tables and (head in tables or head[0] in "PW"):
                shift = PAIRS.index(int(head[1:])) if head[0] in "PW" else 0
                entries = tables[head[0]].setdefault(rest, [])
                entries += [(shift, label, value) for label, value in row.items()]
            else:
                # "shift|feature", or a feature of the labelled word alone.
                shift, feature = (int(head), rest) if bar and head.lstrip("-").isdecimal() else (0, name)
                base = self._size * (shift + REACH)
                own = "" if bar and head.lstrip("-").isdecimal() else "="
                known = self._word_weights.setdefault(own + feature, [])
                known += [(base + label, value) for label, value in row.items()]
        # Rows 0 .. _WORD_ROWS are zero: what stands outside of the text, and what has no weight.
        fixed: list[Floats] = [np.zeros((_WORD_ROWS, self._size), dtype=np.float32)]
        at = _WORD_ROWS
        self._tables: dict[str, dict[str, int]] = {}
        for family, table in tables.items():
            width = len(PAIRS) if family in "PW" else 1
            rows = np.zeros((len(table) * width, self._size), dtype=np.float32)
            where = self._tables[family] = {}
            for number, (rest, cells) in enumerate(table.items()):
                where[rest] = at + number * width
                for shift, label, value in cells:
                    rows[number * width + shift, label] = value
            fixed.append(rows)
            at += len(rows)
        self._fixed = np.concatenate(fixed)
        self._words = _Words(self._fixed)
        self._lock = Lock()
        self._warm_up()

    def _warm_up(self) -> None:
        """Work out everyday words ahead, so that the first texts need not wait for them."""
        for name in sorted(self.lexicon.common)[: _WORDS_KEPT // 3]:
            self._word(self._words, name, False)
            self._word(self._words, name, True)

    def _prepare(self, given: npt.NDArray[np.float64]) -> None:
        """Work out what changing labels costs at least.

        What staying with a label weighs is moved from the transitions to the words, half to each of the two, which
        leaves every path's score as it is. Then staying costs nothing, and changing nearly always something.
        """
        staying = np.diag(given)
        t = given - (staying[:, None] + staying[None, :]) / 2
        self._staying = staying.astype(np.float32)
        self._half = (staying / 2).astype(np.float32)
        self._into: Floats = np.ascontiguousarray(t.T.astype(np.float32))
        self._out: Floats = np.ascontiguousarray(t[:, 0].astype(np.float32))
        self._leave = -float(t[0, 1:].max(initial=-1e9))
        self._return = -float(t[1:, 0].max(initial=-1e9))
        self._change = max(0.0, float(t[1:, 1:].max(initial=0.0)))
        # By label y: the most that "x, y" has over "x, O", and "y, x" over "O, x", for any x but y.
        apart = np.where(np.eye(len(t), dtype=bool), -np.inf, t)
        entering, leaving = (apart - t[:, :1]).max(axis=0), (apart - t[:1, :]).max(axis=1)
        self._entering: Floats = entering.astype(np.float32)
        self._leaving: Floats = leaving.astype(np.float32)

    def _word(self, words: _Words, surface: str, cased: bool) -> tuple[int, Word]:
        """Work out a word that is not known yet."""
        word = describe(surface, cased, self.lexicon)
        wide = (f"w={word.key}", f"k={word.kind}")
        weigh = self._word_weights
        row = [0.0] * (self._size * _WORD_ROWS)
        for feature in (*wide, *word.near):
            for place_, value in weigh.get(feature, ()):
                row[place_] += value
        for feature in word.own:
            for place_, value in weigh.get("=" + feature, ()):
                row[place_] += value
        with self._lock:
            entry = words.known.get((surface, cased))
            if entry is not None:
                return entry
            at = words.next
            if at + _WORD_ROWS > len(words.rows):
                raise _Full
            words.rows[at : at + _WORD_ROWS] = np.array(row, dtype=np.float32).reshape(_WORD_ROWS, -1)
            words.next = at + _WORD_ROWS
            words.known[surface, cased] = (at, word)
        return at, word

    def scores(self, utterance: Utterance) -> Floats:
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
        return self._sum(words.rows, found, gaps_of(utterance))

    def _found(self, words: _Words, utterance: Utterance, cased: bool) -> list[tuple[int, Word]]:
        text, known = utterance.text, words.known
        found: list[tuple[int, Word]] = []
        for token in utterance.tokens:
            surface = text[token.start : token.end] if cased else token.low
            entry = known.get((surface, cased))
            found.append(entry if entry is not None else self._word(words, surface, cased))
        return found

    def _sum(self, rows: Floats, found: list[tuple[int, Word]], gaps: list[int]) -> Floats:
        count = len(found)
        tables = self._tables
        lines = [word for _, word in found]
        kinds = [word.kind for word in lines]
        keys = [word.key for word in lines]
        coarse = ["^", *(word.coarse for word in lines), "$"]
        p, w, x, y, t = (tables[name].get for name in "PWXYT")
        values = [0] * REACH + [at for at, _ in found] + [0] * REACH
        values += [0, 0, *(p(f"{a}|{b}", 0) for a, b in pairwise(kinds)), 0, 0]
        values += [0, 0, *(w(f"{a} {b}", 0) for a, b in pairwise(keys)), 0, 0]
        values += [0, *(x(f"{a}|{b}", 0) for a, b in zip(keys, kinds[1:], strict=False))]
        values += [*(y(f"{a}|{b}", 0) for a, b in zip(kinds, keys[1:], strict=False)), 0]
        values += [t(f"{a}|{b}|{c}", 0) for a, b, c in zip(coarse, coarse[1:], coarse[2:], strict=False)]
        s, b_, a_, g = (tables[name].get for name in "SBAG")
        values += [s(f"{place(i, count)}|{kind}", 0) for i, kind in enumerate(kinds)]
        values += [b_(f"{gap}|{kind}", 0) for gap, kind in zip(gaps, kinds, strict=False)]
        values += [a_(f"{gap}|{kind}", 0) for gap, kind in zip(gaps[1:], kinds, strict=False)]
        values += [g(f"{a}|{b}|{c}", 0) for a, b, c in zip(gaps, gaps[1:], coarse[1:], strict=False)]
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
        self, utterance: Utterance, bias: float | None = None, lean: Floats | None = None
    ) -> tuple[list[int], list[float]]:
        """Return the label of each token by number, and by how much its score leads over that of `O`.

        `bias` stands in for the model's own. A stretch with one label is chosen for the sum of its leads, less the
        `cost` of that label; a single lead may well be negative.
        """
        count = len(utterance.tokens)
        labels, leads = [0] * count, [0.0] * count
        if not count:
            return labels, leads
        scores = self.scores(utterance)
        scores += self._staying
        # Either end of a text has a neighbour on one side only.
        scores[0] -= self._half
        scores[-1] -= self._half
        scores[:, 0] -= self._bias[is_cased(utterance.text)] if bias is None else bias
        if lean is not None:
            scores[:, 0] -= lean
        ahead = scores - scores[:, :1]
        for first, last in self._in_doubt(ahead[:, 1:].max(axis=1).tolist()):
            self._best(labels, ahead, first, last)
            for i in range(first, last + 1):
                if labels[i]:
                    leads[i] = float(ahead[i, labels[i]])
        return labels, leads

    def cost(self, label: int, *, starts: bool, ends: bool) -> float:
        """Return what going from `O` to `label` and back takes off a path's score, but for the text's own ends."""
        entering = 0.0 if starts else -float(self._into[label, 0])
        return entering if ends else entering - float(self._out[label])

    def _in_doubt(self, lead: list[float]) -> list[tuple[int, int]]:
        """Return the stretches (first, last) where something else than `O` may be best.

        `lead` is by how much the best other label beats `O` at each word. Going off `O` and back costs at least what
        the two changes cost, so that a stretch pays only if its leads make up for that.
        """
        final = len(lead) - 1
        before, best = [], 0.0
        for i, value in enumerate(lead):
            best = value + (max(-self._leave, best + self._change) if i else 0.0)
            before.append(best)
        found: list[tuple[int, int]] = []
        last, best = -1, 0.0
        for i in range(final, -1, -1):
            rest = max(-self._return, best + self._change) if i < final else 0.0
            best = lead[i] + rest
            if before[i] + rest > -_CLOSE:
                if last < 0:
                    last = i
            elif last >= 0:
                found.append((i + 1, last))
                last = -1
        if last >= 0:
            found.append((0, last))
        return found

    def _choices(self, ahead: Floats, *, starts: bool, ends: bool) -> list[int]:
        """Return the labels that may be best somewhere in a stretch with `O`, or the text's end, on either side.

        All words in a row that have one label could have `O` instead. That is better if the label's leads in the whole
        stretch do not make up for the changes on both sides.
        """
        leads = np.maximum(ahead, 0.0).sum(axis=0)
        entering, leaving = self._entering, self._leaving
        if starts:
            entering = np.maximum(entering, 0.0)
        if ends:
            leaving = np.maximum(leaving, 0.0)
        kept: list[int] = np.flatnonzero(leads + entering + leaving > -_CLOSE).tolist()
        return kept if kept and kept[0] == 0 else [0, *kept]

    def _best(self, labels: list[int], ahead: Floats, first: int, last: int) -> None:
        """Write the best labels of `first` to `last`, with `O` (or the text's end) on either side."""
        stretch = ahead[first : last + 1]
        choices = self._choices(stretch, starts=first == 0, ends=last + 1 == len(labels))
        if len(choices) == 1:
            return
        whole = len(choices) > _FEW
        # By label and the one before it.
        steps = self._into if whole else self._into[np.ix_(choices, choices)]
        rows = stretch if whole else stretch[:, choices]
        best = rows[0] + steps[:, 0] if first else rows[0]
        reached = [best]
        for i in range(1, len(rows)):
            best = (best + steps).max(axis=1)
            best += rows[i]
            reached.append(best)
        at = int(
            (best + (self._out if whole else self._out[choices]) if last + 1 < len(labels) else best).argmax()
        )
        for i in range(len(rows) - 1, -1, -1):
            labels[first + i] = at if whole else choices[at]
            if i:
                at = int((reached[i - 1] + steps[at]).argmax())


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
