"""How well a moment of the kind "examples" hears what means the same: `--data FILE [--data FILE]`.

Labelled texts in JSON Lines (`text`, `intent`). Some intents are drawn by lot; of each, some texts are the moment's
examples, others are what it should hear, and texts of all other intents are what it should not. Reported is recall at a
false-alarm rate of 0.5 % on those others, for what is built in and for the nearest example; and recall and false alarms
at the threshold that the moment chose for itself, without having seen a text of another intent, and with near misses.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import numpy as np

from bench.report import Unmeasured, percentile, say
from engines.intents.meaning import MeaningModel, Meanings, ordinary, telling
from engines.intents.meaning_training import UnusableExamples, learn

WHAT = "moments that are heard by examples of what they mean"
ALARMS = 0.005
MOST_HEARD, OTHERS_EACH = 60, 12


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say where labelled texts are."""
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="labelled texts, JSON Lines"
    )
    parser.add_argument("--intents", type=int, default=20, help="how many of each file are drawn")
    parser.add_argument("--examples", type=int, default=15, help="how many texts a moment is given")
    parser.add_argument(
        "--near-misses", type=int, default=10, help="how many texts of others it is given then"
    )


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Learn and count. Raises `Unmeasured` if files are missing or cannot be read."""
    lot = Random(options.seed)
    rows: list[dict[str, float]] = []
    refused = 0
    for path in options.data:
        by_intent = _read(path)
        named = sorted(set(by_intent) - {"oos"})
        for intent in lot.sample(named, min(options.intents, len(named))):
            own = lot.sample(by_intent[intent], len(by_intent[intent]))
            others = [
                text
                for name, texts in by_intent.items()
                if name != intent
                for text in lot.sample(texts, min(OTHERS_EACH if name != "oos" else 400, len(texts)))
            ]
            try:
                rows.append(_one(own, others, lot, options))
            except UnusableExamples as error:
                say(f"{intent}: {error}")
                refused += 1
        say(f"{path.name}: {len(rows)} moments so far")
    if not rows:
        raise Unmeasured("no intent has enough texts")
    names = [name for name in rows[0] if name != "ms"]
    return {
        "moments": len(rows),
        "refused": refused,
        "examples": options.examples,
        **{name: round(float(np.mean([row[name] for row in rows])), 4) for name in names},
        "ordinary_sentences": len(ordinary()),
        "p50_ms": round(percentile([row["ms"] for row in rows], 50), 3),
        "p99_ms": round(percentile([row["ms"] for row in rows], 99), 3),
    }


def _read(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                found[str(row["intent"])].append(str(row["text"]))
    except (OSError, ValueError, KeyError) as error:
        raise Unmeasured(f"{path.name}: {error}") from error
    return found


def _one(own: list[str], others: list[str], lot: Random, options: argparse.Namespace) -> dict[str, float]:
    examples, same = own[: options.examples], own[options.examples : options.examples + MOST_HEARD]
    learned = learn(tuple(examples))
    heard, alarms = _margins(learned.model, same), _margins(learned.model, others)
    near_same, near_others = _nearest(learned.model, same), _nearest(learned.model, others)
    row = {
        "recall": _recall(heard, alarms),
        "recall_nearest_example": _recall(near_same, near_others),
        "own_threshold_recall": float((heard > learned.model.threshold).mean()),
        "own_threshold_alarms": float((alarms > learned.model.threshold).mean()),
    }
    # What a person would add: the others that it takes wrongly, and they are not counted again.
    wrong = [others[at] for at in np.argsort(-alarms)[: 4 * options.near_misses]]
    near = lot.sample(wrong, options.near_misses)
    better = learn(tuple(examples), tuple(near)).model
    rest = _margins(better, [text for text in others if text not in near])
    row["near_misses_recall"] = float((_margins(better, same) > better.threshold).mean())
    row["near_misses_alarms"] = float((rest > better.threshold).mean())
    ears = Meanings([learned.model])
    began = perf_counter()
    for text in others[:200]:
        ears.heard(text)
    return row | {"ms": (perf_counter() - began) * 1000 / min(200, len(others))}


def _margins(model: MeaningModel, texts: list[str]) -> Any:
    return np.array([model.margin(telling().read(text)) for text in texts])


def _nearest(model: MeaningModel, texts: list[str]) -> Any:
    return np.array([model.nearest(telling().read(text))[1] for text in texts])


def _recall(heard: Any, alarms: Any) -> float:
    return float((heard > np.quantile(alarms, 1 - ALARMS)).mean())
