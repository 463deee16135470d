"""Whether an utterance means what one of some example sentences means.

A linear machine of the examples against near misses and a background of ordinary sentences, on the n-grams of the
examples. How telling an n-gram is comes from the background alone, which every model shares: an utterance is read once
for all of them (`Meanings`). What is learned is plain numbers and JSON; nothing in it can run.

Of nearest-example and this, at a false-alarm rate of 0.5 % on other intents of BANKING77 and CLINC150, this hears
some ten in a hundred more (`python -m bench meaning`).
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import mul
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.model import UnusableModel, model_opened
from engines.intents.text import neighbours, pieces_of, words_of

Floats = npt.NDArray[np.float32]
Vector = Mapping[str, float]

FORMAT = 1
# The file of ordinary sentences that weights are of. A changed one gets a new number, and the old one stays readable.
BACKGROUND = 1
MAX_STORED_BYTES = 4 * 1024 * 1024
# How steeply the distance to the threshold becomes a score.
STEEP = 3.0
CACHED_WORDS = 20_000
GROUPS = 2


@lru_cache(maxsize=1)
def ordinary() -> tuple[str, ...]:
    """Ordinary sentences of service calls, written for this."""
    text = Path(__file__).with_name("ordinary.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line)


class Telling:
    """How telling n-grams are, by how few ordinary sentences have them. Shared; safe between threads.

    Neighbouring words and pieces of words. Whether a text has an n-gram counts, not how often; words that merely
    occur in one text, which classifiers read too, gained a point in a hundred here and cost as much time as the rest.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        held: Counter[str] = Counter()
        for sentence in sentences:
            words = words_of(sentence)
            held.update({*neighbours(words), *(gram for word in words for gram in pieces_of(word))})
        self.vocabulary = frozenset(gram[1:] for gram in held if gram.startswith("="))
        total = 1.0 + len(sentences)
        self._weights = {gram: math.log(total / (1.0 + count)) + 1.0 for gram, count in held.items()}
        self._unseen = math.log(total / 2.0) + 1.0
        self._pieces: dict[str, dict[str, float]] = {}

    def groups(self, text: str) -> list[tuple[dict[str, float], float]]:
        """The neighbours and the pieces of a text with their weights, each with the length to divide them by."""
        words = words_of(text)
        weights, unseen = self._weights, self._unseen
        pieces: dict[str, float] = {}
        for word in words:
            pieces.update(self._of_word(word))
        found = []
        for group in ({gram: weights.get(gram, unseen) for gram in neighbours(words)}, pieces):
            values = group.values()
            found.append((group, math.sqrt(sum(map(mul, values, values))) or 1.0))
        return found

    def read(self, text: str) -> dict[str, float]:
        """The n-grams of a text with their weights: each group of them has the length 1."""
        return {gram: value / length for group, length in self.groups(text) for gram, value in group.items()}

    def _of_word(self, word: str) -> dict[str, float]:
        found = self._pieces.get(word)
        if found is None:
            found = {gram: self._weights.get(gram, self._unseen) for gram in pieces_of(word)}
            if len(self._pieces) < CACHED_WORDS:
                self._pieces[word] = found
        return found


@lru_cache(maxsize=1)
def telling() -> Telling:
    """The weights of the background, made once a process."""
    return Telling(ordinary())


@dataclass(frozen=True)
class MeaningModel:
    """What was learned of one set of examples. Immutable.

    A text is taken when its margin is above `threshold`; its score is 0.5 there, and 0..1.
    """

    examples: tuple[str, ...]
    near_misses: tuple[str, ...]
    grams: tuple[str, ...]
    weights: Floats
    bias: float
    threshold: float

    @cached_property
    def _by_gram(self) -> dict[str, float]:
        return dict(zip(self.grams, map(float, self.weights), strict=True))

    @cached_property
    def _vectors(self) -> list[dict[str, float]]:
        return [telling().read(example) for example in self.examples]

    def margin(self, vector: Vector) -> float:
        """How far a text is on the side of the examples."""
        weights = self._by_gram
        return self.bias + sum([value * weights.get(gram, 0.0) for gram, value in vector.items()])

    def score(self, margin: float) -> float:
        """A margin as a score, 0..1, above 0.5 where it is taken."""
        return 1.0 / (1.0 + math.exp(-max(-20.0, min(20.0, STEEP * (margin - self.threshold)))))

    def nearest(self, vector: Vector) -> tuple[str, float]:
        """The example that is most like a text, and how like it is, 0..1."""
        alike = [
            sum([value * own.get(gram, 0.0) for gram, value in vector.items()]) / GROUPS
            for own in self._vectors
        ]
        best = max(range(len(alike)), key=alike.__getitem__)
        return self.examples[best], alike[best]

    def to_bytes(self) -> bytes:
        """Return the model as a file. The same model gives the same bytes."""
        head = {
            "format": FORMAT,
            "background": BACKGROUND,
            "examples": self.examples,
            "near_misses": self.near_misses,
            "bias": self.bias,
            "threshold": self.threshold,
        }
        weights = io.BytesIO()
        np.lib.format.write_array(weights, self.weights, version=(1, 0), allow_pickle=False)
        parts = {
            "model.json": json.dumps(head).encode(),
            "grams.txt": "\n".join(self.grams).encode(),
            "weights.npy": weights.getvalue(),
        }
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in parts.items():
                file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> MeaningModel:
        """Read a model. Raises `UnusableModel` for anything that is none."""
        with model_opened(data, MAX_STORED_BYTES, 8 * MAX_STORED_BYTES) as file:
            head = json.loads(file.read("model.json"))
            grams = tuple(file.read("grams.txt").decode().split("\n"))
            weights = np.lib.format.read_array(io.BytesIO(file.read("weights.npy")), allow_pickle=False)
            return cls._checked(head, grams, weights)

    @classmethod
    def _checked(cls, head: Any, grams: tuple[str, ...], weights: Floats) -> MeaningModel:
        if (head["format"], head["background"]) != (FORMAT, BACKGROUND):
            raise UnusableModel(f"a model of format {head['format']!r}; this program reads {FORMAT}")
        bias, threshold = float(head["bias"]), float(head["threshold"])
        numbers = weights.dtype == np.float32 and bool(np.isfinite(weights).all())
        if weights.shape != (len(grams),) or not numbers or not math.isfinite(bias + threshold):
            raise UnusableModel("its parts do not fit each other")
        examples = tuple(str(one) for one in head["examples"])
        if not examples:
            raise UnusableModel("it has no examples")
        return cls(examples, tuple(map(str, head["near_misses"])), grams, weights, bias, threshold)


class Meanings:
    """Several models, to be asked about the same texts. Safe to share between threads."""

    def __init__(self, models: Sequence[MeaningModel]) -> None:
        self.models = tuple(models)
        self._rows: dict[str, int] = {}
        for model in self.models:
            for gram in model.grams:
                self._rows.setdefault(gram, len(self._rows))
        self._weights = np.zeros((len(self._rows), len(self.models)), np.float32)
        for at, model in enumerate(self.models):
            self._weights[[self._rows[gram] for gram in model.grams], at] = model.weights
        self._bias = np.array([model.bias for model in self.models], np.float32)
        self._telling = telling()

    def heard(self, text: str) -> list[tuple[int, float]]:
        """The places of the models that take a text, each with its score."""
        rows: list[int] = []
        values: list[float] = []
        known = self._rows
        for group, length in self._telling.groups(text):
            for gram in known.keys() & group.keys():
                rows.append(known[gram])
                values.append(group[gram] / length)
        if not rows:
            return []
        margins = np.asarray(values, np.float32) @ self._weights[rows] + self._bias
        return [
            (at, model.score(margin))
            for at, (model, margin) in enumerate(zip(self.models, margins.tolist(), strict=True))
            if margin > model.threshold
        ]
