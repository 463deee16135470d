"""Labels the words of a text by a linear-chain CRF, with the same answer as CRFsuite and far less work.

The weights come from a model trained by python-crfsuite. What a word weighs by itself, at each distance, is one block
of rows that is kept once it was worked out; pairs and places have rows of their own. A text's scores are then one
gather and one sum, and the best labels are searched only where something else than `O` can win (`decode.py`). Nothing
is approximated: the labels are CRFsuite's, but for ties.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from threading import Lock

import numpy as np

from engines.redaction.sequence import features
from engines.redaction.sequence.decode import Decoder, Floats, Searched
from engines.redaction.sequence.features import PAIRS, REACH, SCENES, SHIFTS, describe, is_cased
from engines.redaction.sequence.model import MODEL, OUTSIDE, Weights, pack, unpack
from engines.redaction.sequence.tables import FAMILIES, PAIRED, SINGLE, Numbers, Tables, places
from engines.redaction.tokens import Utterance

__all__ = ["MODEL", "OUTSIDE", "Tagger", "Weights", "pack", "tagger", "unpack"]

_WORDS_KEPT = 32_000
_SHORT = 3  # digits of a number that counts by its value (`features.describe`)
_LONG = 16  # digits of the longest number that is worked out ahead: a card
# Between texts that are scored together, so that no word of one sees one of another.
_APART = REACH
_NOWHERE: Numbers = np.zeros(_APART, dtype=np.intp)
_AT_ONCE = 128  # words whose rows are gathered at once: long texts must not take memory by the gigabyte


class _Full(Exception):
    """No room for another word."""


class _Words:
    """What was worked out of words seen so far. Filled under a lock, read without; when full, it is replaced.

    `known` says each word's number, in texts without and with capitals; the numbers 0 and 1 are the text's beginning
    and its end. Of a word, `rows` has one row for each shift, `adds` and `keys` what `Tables.adds` says, `kinds` its
    row in the tables of scenes.
    """

    def __init__(self, tables: Tables, least: int = 0) -> None:
        ends = tables.ends()
        kept = max(_WORDS_KEPT, least) + len(ends)
        fixed = tables.rows
        self.first = len(fixed)
        self.rows: Floats = np.zeros((len(fixed) + kept * SHIFTS, fixed.shape[1]), dtype=np.float32)
        self.rows[: len(fixed)] = fixed
        self.adds: Numbers = np.zeros((kept, len(ends[0])), dtype=np.intp)
        self.adds[: len(ends)] = ends
        self.kinds: Numbers = np.zeros(kept, dtype=np.intp)
        self.keys = [0] * len(ends)
        self.known: tuple[dict[str, int], dict[str, int]] = {}, {}


class Tagger:
    """Labels tokens. One instance serves all threads."""

    def __init__(self, weights: Weights) -> None:
        self.labels = weights.labels
        self.lexicon = weights.lexicon
        self.topics = weights.topics
        self._size = len(weights.labels)
        self._decoder = Decoder(weights.transitions)
        # What is taken from the scores of each label.
        self._less = self._taken(weights.outside_bias[0]), self._taken(weights.outside_bias[1])
        self.cost = self._decoder.cost
        self._shared: dict[tuple[str, str], Floats] = {}
        self._tables = self._read(weights)
        self._words = _Words(self._tables)
        self._lock = Lock()
        self._warm_up()

    def _read(self, weights: Weights) -> Tables:
        """Sort the features: those of words, and those of the tables."""
        tables: dict[str, dict[tuple[str, ...], list[tuple[int, int, float]]]] = {
            name: {} for name in sorted(FAMILIES)
        }
        scenes: dict[str, dict[str, dict[int, float]]] = {}
        near: dict[str, list[tuple[int, float]]] = {}
        own: dict[str, dict[int, float]] = {}
        for name, row in weights.features.items():
            head, bar, rest = name.partition("|")
            if bar and head.lstrip("-").isdecimal():  # "shift|feature", seen from a neighbour too
                base = self._size * (int(head) + REACH)
                near.setdefault(rest, []).extend((base + label, value) for label, value in row.items())
            elif bar and head[0] in SCENES:
                scene, _, kind = rest.rpartition("|")
                scenes.setdefault(f"{head}|{scene}", {})[kind] = row
            elif bar and (head in tables or head[0] in PAIRED):
                shift = PAIRS.index(int(head[1:])) if head[0] in PAIRED else 0
                parts = tuple(rest.split(" ") if head[0] == "W" else rest.split("|"))
                cells = tables[head[0]].setdefault(parts, [])
                cells += [(shift, label, value) for label, value in row.items()]
            else:  # of the labelled word alone
                own[name] = row
        # A feature that neighbours see: what it adds to a word's block.
        self._near = {name: number for number, name in enumerate(near)}
        self._near_rows: Floats = np.zeros((len(near) + 1, SHIFTS * self._size), dtype=np.float32)
        for number, block in enumerate(near.values()):
            for at, value in block:
                self._near_rows[number, at] += value
        self._own = {name: number for number, name in enumerate(own)}
        self._own_rows: Floats = np.zeros((len(own) + 1, self._size), dtype=np.float32)
        for number, row in enumerate(own.values()):
            self._own_rows[number, list(row)] = list(row.values())
        self._read_scenes(scenes)
        # The first rows are zero: what stands outside of the text, and what has no weight.
        return Tables(tables, self._size, SHIFTS)

    def _read_scenes(self, scenes: dict[str, dict[str, dict[int, float]]]) -> None:
        """Lay out what scenes weigh, by kind of word: one table after the other, the first row of each zero."""
        kinds = sorted({kind for table in scenes.values() for kind in table})
        self._scene_kinds = {kind: number for number, kind in enumerate(kinds, 1)}
        width = len(kinds) + 1
        self._scenes = {name: number * width for number, name in enumerate(scenes)}
        self._scene_rows: Floats = np.zeros((len(scenes) * width, self._size), dtype=np.float32)
        for name, table in scenes.items():
            for kind, row in table.items():
                self._scene_rows[self._scenes[name] + self._scene_kinds[kind], list(row)] = list(row.values())

    def _warm_up(self) -> None:
        """Work out everyday words, and those with weights of their own, so that the first texts need not wait for them.

        Of the latter those in small letters alone, and with the capital that they have in a text with capitals.
        """
        common = self.lexicon.common
        for name in sorted(common)[: _WORDS_KEPT // 8]:
            self._unseen(self._words, name, False)
            self._unseen(self._words, name, True)
            self._unseen(self._words, name.capitalize(), True)
        learnt = {name[2:] for name in self._near if name.startswith("w=") and name[2].isalpha()}
        for name in sorted(learnt - common)[: _WORDS_KEPT // 4]:
            self._unseen(self._words, name, False)
            self._unseen(self._words, name.capitalize(), True)
        for number in range(min(1000, _WORDS_KEPT // 8)):
            self._unseen(self._words, str(number), False)
        for number in range(min(100, _WORDS_KEPT // 80)):
            for count in range(_SHORT + 1, _LONG + 1):
                self._unseen(self._words, f"{number:02}".ljust(count, "0"), False)
        for count in range(1, _AT_ONCE + 1):
            _short_layout(count)
            places(count)

    def _unseen(self, words: _Words, surface: str, cased: bool) -> int:
        """Return the number of a word that this kind of text had not."""
        if surface[0].isdecimal():
            # What is known of a number: its value if that is short, else its length and its beginning. No other digit
            # of anybody's is kept, and capitals play no part.
            if len(surface) > _SHORT:
                surface = surface[:2] + "0" * (len(surface) - 2)
            cased = False
        return words.known[cased].get(surface) or self._word(words, surface, cased)

    def _word(self, words: _Words, surface: str, cased: bool) -> int:
        """Work out a word that is not known yet, and return its number."""
        word = describe(surface, cased, self.lexicon)
        ends, last = word.near or ("", "")
        shared = self._shared.get((word.kind, last))
        if shared is None:  # what many words share is added up once
            shared = _added(self._near, self._near_rows, (f"k={word.kind}", last))
            self._shared[word.kind, last] = shared
        rows, itself, ending = self._near_rows, self._near.get("w=" + word.key), self._near.get(ends)
        if itself is not None and ending is not None:
            block = rows[itself] + rows[ending]
            block += shared
        else:
            only = itself if itself is not None else ending
            block = shared + rows[-1 if only is None else only]  # the last row is of none
        middle = block[REACH * self._size : (REACH + 1) * self._size]
        middle += _added(self._own, self._own_rows, word.own)
        adds, key = self._tables.adds(word)
        kind = self._scene_kinds.get(word.kind, 0)
        with self._lock:
            known = words.known[cased]
            number = known.get(surface)
            if number is not None:
                return number
            number = len(words.keys)
            if number == len(words.adds):
                raise _Full
            at = words.first + number * SHIFTS
            words.rows[at : at + SHIFTS] = block.reshape(SHIFTS, -1)
            words.adds[number] = adds
            words.kinds[number] = kind
            words.keys.append(key)
            known[surface] = number
        return number

    def scores(self, utterance: Utterance, scene: Sequence[str] = ()) -> Floats:
        """Return the score of each token and label, shape (tokens, labels), without transitions and bias."""
        return self._scores(utterance, is_cased(utterance.text), scene)

    def _scores(self, utterance: Utterance, cased: bool, scene: Sequence[str]) -> Floats:
        surfaces = utterance.surfaces if cased else utterance.lows
        words = self._words
        try:
            found = self._found(words, surfaces, cased)
        except _Full:
            # Other threads may have filled it too: with one of its own this text surely fits.
            words = _Words(self._tables, len(surfaces))
            found = self._found(words, surfaces, cased)
            self._words = words
        return self._seen(words, found, self._sum(words, found, utterance.gaps), scene)

    def score_together(self, texts: Iterable[tuple[Utterance, Sequence[str]]]) -> None:
        """Have the scores of several texts, each with its scene, ready for `tag`: cheaper by half than one by one.

        They are the same. What `tag` meets with another scene, or what found no room, it scores by itself.
        """
        waiting = list(texts)
        words = self._words
        while waiting:
            some: list[tuple[Utterance, Sequence[str], list[int]]] = []
            size = 0
            while waiting and size + len(waiting[-1][0].lows) + _APART <= _AT_ONCE:
                utterance, scene = waiting.pop()
                if not utterance.lows:
                    continue
                cased = is_cased(utterance.text)
                try:
                    found = self._found(words, utterance.surfaces if cased else utterance.lows, cased)
                except _Full:
                    return  # whoever comes next makes room
                some.append((utterance, scene, found))
                size += len(utterance.lows) + _APART
            if not some:
                if waiting:
                    waiting.pop()  # too long to share its turn
                continue
            for (utterance, scene, found), summed in zip(some, self._sums(words, some), strict=True):
                utterance.__dict__["scored"] = self, scene, self._seen(words, found, summed, scene)

    def _seen(self, words: _Words, found: list[int], summed: Floats, scene: Sequence[str]) -> Floats:
        """Add what the scene weighs."""
        if scene:
            kinds = words.kinds.take(found[1:-1])
            for name in features.scenes(scene, len(kinds)):
                rows = self._scenes.get(name)
                if rows is not None:
                    summed += self._scene_rows.take(kinds + rows, axis=0)
        return summed

    def _found(self, words: _Words, surfaces: list[str], cased: bool) -> list[int]:
        """Return the numbers of words, those of the text's beginning and its end around them."""
        known = words.known[cased].get
        return [0, *[known(surface) or self._unseen(words, surface, cased) for surface in surfaces], 1]

    def _sums(
        self, words: _Words, texts: Sequence[tuple[Utterance, Sequence[str], list[int]]]
    ) -> list[Floats]:
        """Return the sums of several texts, written one behind the other, with nothing for `_APART` words between."""
        numbers, gaps = list(texts[0][2]), list(texts[0][0].gaps)
        where = [np.asarray(places(len(numbers) - 2))]
        stretches = [(0, len(numbers) - 2)]
        between: list[int] = []
        for utterance, _scene, found in texts[1:]:
            at = len(numbers) - 2
            between += range(at, at + _APART)
            # The end of one, nothing, the beginning of the next.
            numbers += [0, *found]
            gaps += ["", "", *utterance.gaps]
            stretches.append((at + _APART, len(numbers) - 2))
            where += [_NOWHERE, places(len(found) - 2)]
        summed = self._sum(words, numbers, gaps, np.concatenate(where), between)
        return [summed[first:end] for first, end in stretches]

    def _sum(
        self,
        words: _Words,
        found: list[int],
        gaps: list[str],
        where: Numbers | None = None,
        between: Sequence[int] = (),
    ) -> Floats:
        """Add up what weighs at each word. `between`: where there is none; `where`: see `places`."""
        count = len(found) - 2
        numbers = np.array(found, dtype=np.intp)
        around = count + 2 * REACH
        all_rows = np.zeros(around + self._tables.size(count), dtype=np.intp)
        keys = list(map(words.keys.__getitem__, found[1:-1]))
        if where is None:
            where = places(count)
        self._tables.find(words.adds.take(numbers, axis=0), keys, gaps, all_rows[around:], where, between)
        own = numbers[1:-1]
        own *= SHIFTS
        np.add(own, words.first, all_rows[REACH : REACH + count])
        if between:
            all_rows[REACH : REACH + count][between] = 0
        if count <= _AT_ONCE:
            layout, shifts = _short_layout(count)
            return _gathered(words.rows, all_rows, layout, shifts)
        starts, shifts = _layout(count)
        return np.concatenate(
            [
                _gathered(words.rows, all_rows, starts + np.arange(at, min(at + _AT_ONCE, count)), shifts)
                for at in range(0, count, _AT_ONCE)
            ]
        )

    def _taken(self, bias: float) -> Floats:
        """What is taken from the scores of each label: `bias` from that of `O`, and what staying with one weighs."""
        row: Floats = np.negative(self._decoder.staying)
        row[0] += bias
        return row

    def tag(
        self,
        utterance: Utterance,
        bias: float | None = None,
        lean: Floats | float | None = None,
        scene: Sequence[str] = (),
        among: Collection[int] | None = None,
        searched: Searched | None = None,
    ) -> tuple[list[int], list[float]]:
        """Return the label of each token by number, and by how much its score leads over that of `O`.

        `bias` stands in for the model's own; `lean`, by token or of all, is taken from the score of `O` too; `scene` is
        what the turns before tell (`scene.Scene.names`). A stretch with one label is chosen for the sum of its leads,
        less the `cost` of that label; a single lead may well be negative. Where only the labels of some tokens matter,
        `among` says which; others may have none. `searched` is what was found in a text that this one goes on from.
        """
        if not utterance.lows:
            return [], []
        cased = is_cased(utterance.text)
        # Kept beside the tokens: a text in doubt is read a second time with another leaning.
        kept: tuple[Tagger, Sequence[str], Floats] | None = utterance.__dict__.get("scored")
        if kept is None or kept[0] is not self or kept[1] != scene:
            kept = utterance.__dict__["scored"] = self, scene, self._scores(utterance, cased, scene)
        scores: Floats = kept[2] - (self._less[cased] if bias is None else self._taken(bias))
        if lean is not None:
            scores[:, 0] -= lean
        ahead = self._decoder.leads(scores)
        labels = self._decoder.best(ahead, among, searched)
        if not any(labels):
            return labels, [0.0] * len(labels)
        lead = ahead.item
        return labels, [lead(i, label) if label else 0.0 for i, label in enumerate(labels)]


def _added(numbers: dict[str, int], rows: Floats, features: Iterable[str]) -> Floats:
    """Return the sum of the rows of those `features` that have one; the last row is of none."""
    found = [number for feature in features if (number := numbers.get(feature)) is not None]
    if len(found) < 2:
        only: Floats = rows[found[0] if found else -1]
        return only
    summed: Floats = np.add.reduce(rows.take(found, axis=0))
    return summed


def _gathered(rows: Floats, listed: Numbers, where: Numbers, shifts: Numbers) -> Floats:
    """Add up the rows that are `listed`, `where` each feature family has them."""
    index = listed.take(where)
    index += shifts
    summed: Floats = np.add.reduce(rows.take(index, axis=0))
    return summed


def _layout(count: int) -> tuple[Numbers, Numbers]:
    """Return where in the list of rows a text's first word has its summands, by feature family, and their shifts."""
    starts: list[int] = []
    shifts: list[int] = []
    at = 0
    for k in range(SHIFTS):
        starts.append(at + k)
        shifts.append(k)
    at += count + 2 * REACH
    for _ in PAIRED:
        for k, pair in enumerate(PAIRS):
            # The pair whose second word is token j stands at j + 1 (two zeros go before the first).
            starts.append(at + pair + 1)
            shifts.append(k)
        at += count + 3
    for _ in SINGLE:
        starts.append(at)
        shifts.append(0)
        at += count
    return np.array(starts, dtype=np.intp)[:, None], np.array(shifts, dtype=np.intp)[:, None]


@lru_cache(maxsize=128)
def _short_layout(count: int) -> tuple[Numbers, Numbers]:
    """Return the same for every word, one line per feature family."""
    starts, shifts = _layout(count)
    return starts + np.arange(count), shifts


_loading = Lock()


def tagger() -> Tagger:
    """Return the tagger of the model in this package, loaded once: who asks meanwhile waits for it."""
    with _loading:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> Tagger:
    return Tagger(unpack(MODEL.read_bytes()))
