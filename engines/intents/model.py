"""A trained classifier: reads a text, guesses its intent, says how sure it is, or refuses.

Its scores are linear margins of each intent against the rest: a guess takes the rows of the text's n-grams and sums
them up.
How sure a guess is, and whether a text is in scope at all, come from two logistic curves over what the scores look
like (`evidence_of`), fitted on texts that were not learned from. What is likely out of scope is refused.

Stored as a zip of plain arrays and JSON (numpy's npz without pickles): reading a file can give wrong numbers, but
cannot run anything.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.features import GROUPS, Floats, Reader

# Of format 1 are models that read each word as it is written. Of the third are those with weights for a vector, too;
# they lie within another, as a file that programs without vectors pass by.
FORMAT, OLDER, FORMAT_DENSE = 2, 1, 3
BESIDE = "beside.model"
MAX_STORED_BYTES = 128 * 1024 * 1024
MAX_OPEN_BYTES = 512 * 1024 * 1024
EVIDENCE = 3 + GROUPS
STEEP = 6.0
_ARRAYS = {
    "rarity": np.float32,
    "rows": np.float16,
    "bias": np.float32,
    "curves": np.float32,
}

Halves = npt.NDArray[np.float16]
# How much the vector of a text counts beside its n-grams, whose groups have length 1 each.
DENSE_SCALE = 1.0


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


def evidence_of(margins: Floats, unknown: Floats, intents: int) -> tuple[npt.NDArray[Any], Floats]:
    """The best intent of each text, and what tells whether to believe it: texts by `EVIDENCE`.

    That is its margin, the distance to the next, by how much out of scope is less likely (0 where that was not
    learned), and the unknown shares.
    """
    inside = margins[:, :intents]
    best = inside.argmax(1)
    at = np.arange(len(best))
    top = inside[at, best]
    rest = inside.copy()
    rest[at, best] = -np.inf
    outside = margins[:, intents] if margins.shape[1] > intents else top
    evidence = np.column_stack([top, top - rest.max(1), top - outside, unknown])
    return best, evidence.astype(np.float32)


@contextmanager
def model_opened(data: bytes, stored_bytes: int, open_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Open a model's file of at most these sizes. Whatever is wrong with it within raises `UnusableModel`."""
    if len(data) > stored_bytes:
        raise UnusableModel("the file is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if sum(part.file_size for part in file.infolist()) > open_bytes:
                raise UnusableModel("the file is too large when opened")
            yield file
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


@dataclass(frozen=True)
class IntentModel:
    """Immutable; shared between threads.

    `rows` are weights, n-grams by classes; of the classes the last is out of scope, where that was learned. `curves`
    are the weights and, last, the constant of two logistic curves: that the guess is right, and that the text is in
    scope. Refused is what is less likely in scope than `threshold`. `english`: it reads the forms of a word as one.

    `beside` was learned from the same texts and from their vectors, too; its own `dense` are the weights of a vector,
    numbers by classes, and `space` names what makes such vectors. Without a vector words alone decide.
    """

    labels: tuple[str, ...]
    grams: tuple[str, ...]
    rarity: Floats
    unknown: float
    rows: Halves
    bias: Floats
    curves: Floats
    threshold: float
    english: bool = False
    dense: Halves | None = None
    space: str = ""
    beside: IntentModel | None = None

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.grams, self.rarity, self.unknown, english=self.english)

    def guess(self, text: str, ranked: int = 0, *, vector: Floats | None = None) -> Guess:
        """Guess the intent of one text. Less than a millisecond on one core, whatever the text.

        `vector`: the text's, of length 1, where one came; one of another size than was learned from is left aside.
        """
        if vector is not None and self.beside is not None and self.beside.takes(vector):
            return self.beside._guess(text, ranked, vector)
        return self._guess(text, ranked, None)

    def takes(self, vector: Floats) -> bool:
        """Whether it was learned from such vectors."""
        return self.dense is not None and vector.shape == self.dense.shape[:1]

    def _guess(self, text: str, ranked: int, vector: Floats | None) -> Guess:
        columns, values, unknown = self._reader.read(text)
        margins = (values @ self.rows[columns].astype(np.float32) + self.bias)[None, :]
        if vector is not None and self.dense is not None:
            margins += DENSE_SCALE * (vector @ self.dense.astype(np.float32))
        best, evidence = evidence_of(margins, unknown[None, :], len(self.labels))
        right, inside = (float(by_curve(evidence, curve)[0]) for curve in self.curves)
        shares = self._ranked(margins[0], ranked) if ranked else ()
        return Guess(self.labels[int(best[0])], right, inside < self.threshold, shares)

    def _ranked(self, margins: Floats, most: int) -> tuple[tuple[str, float], ...]:
        # How steeply margins become shares has no say in the guess; this shows near ones as near.
        shares = np.exp(STEEP * (margins - margins.max()))
        shares /= shares.sum()
        order = np.argsort(-margins[: len(self.labels)])[:most]
        return tuple((self.labels[one], round(float(shares[one]), 4)) for one in order)

    def to_bytes(self) -> bytes:
        """Return the model as a file. The same model gives the same bytes."""
        head = {
            "format": FORMAT if self.dense is None else FORMAT_DENSE,
            "labels": self.labels,
            "unknown": self.unknown,
            "threshold": self.threshold,
            "english": self.english,
        }
        arrays = {
            "rarity": self.rarity,
            "rows": self.rows,
            "bias": self.bias,
            "curves": self.curves,
        }
        if self.dense is not None:
            head["space"] = self.space
            arrays["dense"] = self.dense
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
            if self.beside is not None:
                _write(file, BESIDE, self.beside.to_bytes())
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> IntentModel:
        """Read a model. Raises `UnusableModel` for anything that is none."""
        with model_opened(data, MAX_STORED_BYTES, MAX_OPEN_BYTES) as file:
            head = json.loads(file.read("model.json"))
            grams = tuple(file.read("grams.txt").decode().split("\n"))
            names = [*_ARRAYS, "dense"] if head["format"] == FORMAT_DENSE else [*_ARRAYS]
            arrays = {name: _read(file, name) for name in names}
            model = cls._checked(head, grams, arrays)
            if model.dense is not None or BESIDE not in file.namelist():
                return model  # what lies within another has none within itself
            return replace(model, beside=cls.from_bytes(file.read(BESIDE)))

    @classmethod
    def _checked(cls, head: Any, grams: tuple[str, ...], arrays: Mapping[str, Floats]) -> IntentModel:
        if head["format"] not in (FORMAT, OLDER, FORMAT_DENSE):
            raise UnusableModel(f"a model of format {head['format']!r}; this program reads {FORMAT}")
        dense = arrays.get("dense")
        labels = tuple(str(one) for one in head["labels"])
        classes = len(arrays["bias"])
        fits = (
            len(labels) >= 2
            and classes - len(labels) in (0, 1)
            and arrays["rows"].shape == (len(grams), classes)
            and arrays["rarity"].shape == (len(grams),)
            and arrays["curves"].shape == (2, EVIDENCE + 1)
            and (dense is None or (dense.ndim == 2 and dense.shape[1] == classes and len(dense) > 0))
            and all(array.dtype == _ARRAYS.get(name, np.float16) for name, array in arrays.items())
            and all(bool(np.isfinite(array).all()) for array in arrays.values())
        )
        if not fits:
            raise UnusableModel("its parts do not fit each other")
        return cls(
            labels,
            grams,
            arrays["rarity"],
            float(head["unknown"]),
            arrays["rows"].astype(np.float16),
            arrays["bias"],
            arrays["curves"],
            float(head["threshold"]),
            head["format"] != OLDER and bool(head["english"]),
            None if dense is None else dense.astype(np.float16),
            str(head.get("space", "")),
        )


def by_curve(evidence: Floats, curve: Floats) -> Floats:
    """How likely, 0..1, by a logistic curve."""
    height = np.clip(evidence @ curve[:-1] + curve[-1], -30.0, 30.0)
    shares: Floats = (1.0 / (1.0 + np.exp(-height))).astype(np.float32)
    return shares


def _write(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed time, so that the same model is the same file.
    file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 1)


def _read(file: zipfile.ZipFile, name: str) -> Floats:
    array: Floats = np.lib.format.read_array(io.BytesIO(file.read(f"{name}.npy")), allow_pickle=False)
    return array
