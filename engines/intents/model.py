"""A trained classifier: reads a text, guesses its intent, says how sure it is, or refuses.

Scores are the mean of two models of the same features: linear margins (one against the rest), and a small network with
one hidden layer, which reads words and pieces alone. A guess takes the rows of the text's n-grams, and sums them up.
How sure a guess is comes from a logistic curve over what the scores look like (`evidence_of`), fitted on texts that
were not learned from.

Stored as a zip of plain arrays and JSON (numpy's npz without pickles): reading a file can give wrong numbers, but
cannot run anything.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.features import GROUPS, Floats, Reader

FORMAT = 1
MAX_STORED_BYTES = 128 * 1024 * 1024
MAX_OPEN_BYTES = 512 * 1024 * 1024
EVIDENCE = 5 + GROUPS
_ARRAYS = {
    "rarity": np.float32,
    "rows": np.float16,
    "bias": np.float32,
    "hidden_rows": np.float16,
    "hidden_bias": np.float32,
    "out": np.float32,
    "out_bias": np.float32,
    "curve": np.float32,
}

Halves = npt.NDArray[np.float16]


class UnusableModel(ValueError):
    """These bytes are no model of ours; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text is taken for. `intent` is the best guess even where it is `refused`; `score` is how sure, 0..1."""

    intent: str
    score: float
    refused: bool
    # The best guesses with their shares, 0..1, the first being `intent`.
    ranked: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Weights:
    """What was learned of one set of texts. Of the classes the last is out of scope, where that was learned.

    `rows` are n-grams by classes, `hidden_rows` the first n-grams (words and pieces) by hidden units, `out` hidden
    units by classes. `mixed` is how much a linear margin counts against the network's logit; without hidden units the
    margins are all.
    """

    intents: int
    rows: Halves
    bias: Floats
    hidden_rows: Halves
    hidden_bias: Floats
    out: Floats
    out_bias: Floats
    mixed: float

    @property
    def classes(self) -> int:
        return len(self.bias)

    def scores(self, linear: Floats, hidden: Floats) -> tuple[Floats, Floats]:
        """From texts times `rows` and `hidden_rows`: the linear margins and the mixed logits, texts by classes."""
        linear = linear + self.bias
        if not len(self.hidden_bias):
            return linear, self.mixed * linear
        hidden = np.maximum(hidden + self.hidden_bias, 0.0)
        return linear, self.mixed * linear + hidden @ self.out + self.out_bias


def evidence_of(
    linear: Floats, mixed: Floats, unknown: Floats, intents: int
) -> tuple[npt.NDArray[Any], Floats]:
    """The best intent of each text, and what tells whether to believe it: texts by `EVIDENCE`.

    The best mixed logit, its distance to the next, the logarithm of the softmax share, the linear margin of the guess,
    by how much out of scope is less likely (0 where it was not learned), and the unknown shares.
    """
    inside = mixed[:, :intents]
    best = inside.argmax(1)
    at = np.arange(len(best))
    top = inside[at, best]
    rest = inside.copy()
    rest[at, best] = -np.inf
    second = rest.max(1)
    sums = top + np.log(np.exp(mixed - top[:, None]).sum(1))
    outside = mixed[:, intents] if mixed.shape[1] > intents else top
    evidence = np.column_stack([top, top - second, top - sums, linear[at, best], top - outside, unknown])
    return best, evidence.astype(np.float32)


@dataclass(frozen=True)
class IntentModel:
    """Immutable; shared between threads. `curve` is the logistic curve's weights and, last, its constant."""

    labels: tuple[str, ...]
    grams: tuple[str, ...]
    rarity: Floats
    unknown: float
    weights: Weights
    curve: Floats
    threshold: float

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.grams, self.rarity, self.unknown)

    def guess(self, text: str, ranked: int = 0) -> Guess:
        """Guess the intent of one text. Less than a millisecond on one core, whatever the text."""
        columns, values, unknown = self._reader.read(text)
        weights = self.weights
        near = columns < len(weights.hidden_rows)
        linear, mixed = weights.scores(
            (values @ weights.rows[columns].astype(np.float32))[None, :],
            (values[near] @ weights.hidden_rows[columns[near]].astype(np.float32))[None, :],
        )
        best, evidence = evidence_of(linear, mixed, unknown[None, :], len(self.labels))
        score = float(sure(evidence, self.curve)[0])
        return Guess(
            self.labels[int(best[0])],
            score,
            score < self.threshold,
            self._ranked(mixed[0], ranked) if ranked else (),
        )

    def _ranked(self, mixed: Floats, most: int) -> tuple[tuple[str, float], ...]:
        shares = np.exp(mixed - mixed.max())
        shares /= shares.sum()
        order = np.argsort(-mixed[: len(self.labels)])[:most]
        return tuple((self.labels[one], round(float(shares[one]), 4)) for one in order)

    def to_bytes(self) -> bytes:
        """Return the model as a file. The same model gives the same bytes."""
        head = {
            "format": FORMAT,
            "labels": self.labels,
            "unknown": self.unknown,
            "threshold": self.threshold,
            "mixed": self.weights.mixed,
        }
        arrays = {
            "rarity": self.rarity,
            "rows": self.weights.rows,
            "bias": self.weights.bias,
            "hidden_rows": self.weights.hidden_rows,
            "hidden_bias": self.weights.hidden_bias,
            "out": self.weights.out,
            "out_bias": self.weights.out_bias,
            "curve": self.curve,
        }
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            _write(file, "model.json", json.dumps(head).encode())
            _write(file, "grams.txt", "\n".join(self.grams).encode())
            for name, array in arrays.items():
                part = io.BytesIO()
                np.lib.format.write_array(
                    part, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
                )
                _write(file, f"{name}.npy", part.getvalue())
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> IntentModel:
        """Read a model. Raises `UnusableModel` for anything that is none."""
        if len(data) > MAX_STORED_BYTES:
            raise UnusableModel("the file is too large")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as file:
                if sum(part.file_size for part in file.infolist()) > MAX_OPEN_BYTES:
                    raise UnusableModel("the file is too large when opened")
                head = json.loads(file.read("model.json"))
                grams = tuple(file.read("grams.txt").decode().split("\n"))
                arrays = {name: _read(file, name) for name in _ARRAYS}
            return cls._checked(head, grams, arrays)
        except UnusableModel:
            raise
        except (
            zipfile.BadZipFile,
            KeyError,
            ValueError,
            TypeError,
            EOFError,
            OSError,
            NotImplementedError,
            RecursionError,
        ) as error:
            raise UnusableModel(f"this is no model: {type(error).__name__}") from error

    @classmethod
    def _checked(cls, head: Any, grams: tuple[str, ...], arrays: Mapping[str, Floats]) -> IntentModel:
        if head["format"] != FORMAT:
            raise UnusableModel(f"a model of format {head['format']!r}; this program reads {FORMAT}")
        labels = tuple(str(one) for one in head["labels"])
        classes, hidden = len(arrays["bias"]), len(arrays["hidden_bias"])
        fits = (
            len(labels) >= 2
            and classes - len(labels) in (0, 1)
            and arrays["rows"].shape == (len(grams), classes)
            and arrays["hidden_rows"].shape[1:] == (hidden,)
            and len(arrays["hidden_rows"]) <= len(grams)
            and arrays["rarity"].shape == (len(grams),)
            and arrays["out"].shape == (hidden, classes if hidden else 0)
            and arrays["out_bias"].shape == (classes if hidden else 0,)
            and arrays["curve"].shape == (EVIDENCE + 1,)
            and all(array.dtype == _ARRAYS[name] for name, array in arrays.items())
            and all(bool(np.isfinite(array).all()) for array in arrays.values())
        )
        if not fits:
            raise UnusableModel("its parts do not fit each other")
        weights = Weights(
            len(labels),
            arrays["rows"].astype(np.float16),
            arrays["bias"],
            arrays["hidden_rows"].astype(np.float16),
            arrays["hidden_bias"],
            arrays["out"],
            arrays["out_bias"],
            float(head["mixed"]),
        )
        return cls(
            labels,
            grams,
            arrays["rarity"],
            float(head["unknown"]),
            weights,
            arrays["curve"],
            float(head["threshold"]),
        )


def sure(evidence: Floats, curve: Floats) -> Floats:
    """How sure, 0..1, by the logistic curve."""
    height = np.clip(evidence @ curve[:-1] + curve[-1], -30.0, 30.0)
    shares: Floats = (1.0 / (1.0 + np.exp(-height))).astype(np.float32)
    return shares


def _write(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed time, so that the same model is the same file.
    file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 1)


def _read(file: zipfile.ZipFile, name: str) -> Floats:
    array: Floats = np.lib.format.read_array(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False)
    return array
