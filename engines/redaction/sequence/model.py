"""The model file: what training learned, packed small.

`MAGIC`, then LZMA over a line of JSON (labels, sizes, figures of training) and the arrays it names. Nothing in it is
executed when it is read.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.redaction.scene import Topics
from engines.redaction.sequence.features import Lexicon

MAGIC = b"redaction-crf-2\n"
MODEL = Path(__file__).with_name("model.bin")
OUTSIDE = "O"
_LISTS = ("first", "last", "cities", "countries", "nations", "common")


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained model: labels (the first is `O`), weights by feature and label, by pair of labels, word lists, topics.

    `outside_bias` is taken from the score of `O`: in texts without capitals (speech, chats), and in those with
    them. It was chosen on texts that training did not see.
    """

    labels: tuple[str, ...]
    features: dict[str, dict[int, float]]
    transitions: npt.NDArray[np.float64]
    lexicon: Lexicon
    outside_bias: tuple[float, float]
    about: dict[str, Any]
    topics: Topics = field(default_factory=Topics)


def pack(weights: Weights) -> bytes:
    """Return the model file's bytes: the same weights give the same bytes."""
    names = sorted(weights.features)
    rows = [sorted(weights.features[name].items()) for name in names]
    counts = np.array([len(row) for row in rows], dtype="<u1")
    columns = np.array([label for row in rows for label, _ in row], dtype="<u1")
    values = np.array([value for row in rows for _, value in row], dtype="<f2")
    topic_words = sorted(weights.topics.words)
    parts = {
        "names": "\n".join(names).encode(),
        "counts": counts.tobytes(),
        "columns": columns.tobytes(),
        # All low bytes, then all high ones: they compress better apart.
        "values": values.view("<u1").reshape(-1, 2).T.tobytes(),
        "transitions": weights.transitions.astype("<f4").tobytes(),
        **{name: "\n".join(sorted(getattr(weights.lexicon, name))).encode() for name in _LISTS},
        "topic_words": "\n".join(topic_words).encode(),
        "topic_values": np.array([weights.topics.words[word] for word in topic_words], dtype="<f2").tobytes(),
    }
    header = {
        "labels": weights.labels,
        "outside_bias": weights.outside_bias,
        "sectors": weights.topics.sectors,
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
        _topics(tuple(header["sectors"]), parts),
    )


def _topics(sectors: tuple[str, ...], parts: dict[str, bytes]) -> Topics:
    words = [word for word in parts["topic_words"].decode().split("\n") if word]
    values = np.frombuffer(parts["topic_values"], dtype="<f2").astype(float)
    rows = values.reshape(len(words), len(sectors)).tolist() if words else []
    return Topics(sectors, {word: tuple(row) for word, row in zip(words, rows, strict=True)})
