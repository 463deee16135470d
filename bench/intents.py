"""How well intents are told: `--train FILE --data FILE`, JSON Lines with `text` and `intent` (`oos`: out of scope).

The classifier learns from the one file as a company's does (`engines.intents.training`): its threshold is chosen by
cross-validation on those texts alone. The other file is only guessed. Of a file with a `split`, what is named test is
never learned from, and, where there is such, alone guessed. The same file for both is parted by its `split`, what is
named train against the rest; without one it is guessed in five parts, each by what was learned of the others, a call's
texts together. A text of which the other file has the same id is left out of training.

A file with `intents`, a list, has texts of several: a guess is right if it is one of them; none is out of scope; what
has more than one is not learned from. An intent with fewer than five texts cannot be learned; its texts count as wrong.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.report import Unmeasured, percentile, say
from engines.intents import OUT_OF_SCOPE, Example, IntentModel
from engines.intents.examples import LEAST_EACH
from engines.intents.training import Settings, Trained, Untrainable, train

WHAT = "accuracy, refusal of what is out of scope, and speed of intent classifiers"
PARTS = 5
_WARM_UP = ("where is my card", "i would like to close my account please", "thank you")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text. `intents`: what counts as right; empty for out of scope. `group`: texts of one call stay together."""

    key: str
    text: str
    intents: tuple[str, ...]
    split: str
    group: str

    @property
    def is_outside(self) -> bool:
        return not self.intents


@dataclass(frozen=True, slots=True)
class Guessed:
    """One text's guess, and what it cost."""

    intents: tuple[str, ...]
    guess: str
    refused: bool
    wall_ms: float
    cpu_ms: float

    @property
    def is_right(self) -> bool:
        return self.guess in self.intents


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this bench."""
    parser.add_argument("--train", required=True, metavar="FILE", help="JSON Lines to learn from")
    parser.add_argument("--data", required=True, metavar="FILE", help="JSON Lines to guess")
    parser.add_argument("--only", metavar="FIELD=VALUE", help="only lines with this, e.g. domain=insurance")
    parser.add_argument(
        "--refuse-cost",
        type=float,
        default=Settings.refuse_cost,
        help="share of in-scope texts that refusing may cost, in cross-validation",
    )
    parser.add_argument("--limit", type=int, default=0, help="texts to guess (0: all)")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Learn and guess. Raises `Unmeasured` for files that cannot be read or learned from."""
    learned_from, guessed = Path(options.train), Path(options.data)
    rows = read(learned_from, options.only)
    settings = Settings(refuse_cost=options.refuse_cost, seed=options.seed % 2**31)
    same = learned_from.resolve() == guessed.resolve()
    with threadpool_limits(1):
        if same and not any(row.split for row in rows):
            return _in_parts(rows, settings)
        if same:
            learn = [row for row in rows if "train" in row.split]
            tests = [row for row in rows if "test" in row.split]
            data = tests or [row for row in rows if "train" not in row.split]
        else:
            data = read(guessed, options.only)
            data = [row for row in data if "test" in row.split] or data
            known = {row.key for row in data if row.key}
            learn = [row for row in rows if row.key not in known and "test" not in row.split]
        if not learn or not data:
            raise Unmeasured("the split leaves nothing to learn from, or nothing to guess")
        begun = time.monotonic()
        trained, left_out = _train(learn, settings)
        seconds = time.monotonic() - begun
        return _figures(_guess(trained.model, data[: options.limit or None])) | {
            "way": "parted by split" if same else "two files",
            "learned_from": len(learn),
            "intents": len(trained.model.labels),
            "intents_left_out": left_out,
            "train_seconds": round(seconds, 1),
            "model_mb": round(len(trained.model.to_bytes()) / 2**20, 1),
            "threshold": round(trained.model.threshold, 4),
            "cross_validated": _plain(trained.figures),
        }


def _in_parts(rows: Sequence[Labelled], settings: Settings) -> dict[str, Any]:
    groups = sorted({row.group for row in rows})
    order = np.random.default_rng(settings.seed).permutation(len(groups))
    part = {groups[number]: at % PARTS for at, number in enumerate(order)}
    guessed: list[Guessed] = []
    left_out = 0
    for at in range(PARTS):
        say(f"part {at + 1} of {PARTS}")
        trained, rare = _train([row for row in rows if part[row.group] != at], settings)
        left_out = max(left_out, rare)
        guessed += _guess(trained.model, [row for row in rows if part[row.group] == at])
    return _figures(guessed) | {
        "way": f"one file in {PARTS} parts",
        "learned_from": len(rows) * (PARTS - 1) // PARTS,
        "intents": len({one for row in rows for one in row.intents}),
        "intents_left_out": left_out,
    }


def _train(rows: Sequence[Labelled], settings: Settings) -> tuple[Trained, int]:
    """What was learned, and how many intents are too rare to learn."""
    single = [row for row in rows if len(row.intents) < 2]
    counts = Counter(row.intents[0] for row in single if row.intents)
    kept = [row for row in single if row.is_outside or counts[row.intents[0]] >= LEAST_EACH]
    examples = [Example(row.text, row.intents[0] if row.intents else OUT_OF_SCOPE) for row in kept]
    last = 0.0

    def told(share: float) -> None:
        nonlocal last
        if share - last >= 0.1:
            last = share
            say(f"learned {share:.0%}")

    try:
        return train(examples, settings, told), sum(count < LEAST_EACH for count in counts.values())
    except Untrainable as error:
        raise Unmeasured(str(error)) from error


def _guess(model: IntentModel, rows: Sequence[Labelled]) -> list[Guessed]:
    for text in _WARM_UP:
        model.guess(text)
    guessed = []
    for row in rows:
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        guess = model.guess(row.text)
        cpu, wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
        guessed.append(Guessed(row.intents, guess.intent, guess.refused, wall / 1e6, cpu / 1e6))
    return guessed


def _figures(guessed: Sequence[Guessed]) -> dict[str, Any]:
    inside = [one for one in guessed if one.intents]
    outside = [one for one in guessed if not one.intents]
    accepted = [one for one in inside if not one.refused]
    right = sum(one.is_right for one in accepted)
    figures: dict[str, Any] = {
        "accuracy": _share(sum(one.is_right for one in inside), len(inside)),
        "accepted": _share(len(accepted), len(inside)),
        "accepted_accuracy": _share(right, len(accepted)),
        "texts": len(inside),
    }
    if outside:
        figures |= {
            "in_scope_accuracy": _share(right, len(inside)),
            "oos_recall": _share(sum(one.refused for one in outside), len(outside)),
            "out_of_scope": len(outside),
        }
    return figures | {
        "p50_ms": round(percentile([one.wall_ms for one in guessed], 50), 3),
        "p99_ms": round(percentile([one.wall_ms for one in guessed], 99), 3),
        "p99_cpu_ms": round(percentile([one.cpu_ms for one in guessed], 99), 3),
    }


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if not isinstance(value, list)}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def read(path: Path, only: str | None = None) -> list[Labelled]:
    """Return the texts of a file. Raises `Unmeasured` if that is impossible."""
    name, _equals, value = (only or "").partition("=")
    rows: list[Labelled] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.strip():
                    continue
                record = json.loads(line)
                if name and str(record.get(name)) != value:
                    continue
                rows.append(_row(record, len(rows)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unmeasured(f"{path}: {type(error).__name__}: {error}") from error
    if not rows:
        raise Unmeasured(f"{path} has no texts")
    return rows


def _row(record: dict[str, Any], at: int) -> Labelled:
    given = record["intents"] if "intents" in record else [record["intent"]]
    key = str(record.get("id") or "")
    return Labelled(
        key,
        str(record["text"]),
        tuple(sorted({str(one) for one in given} - {OUT_OF_SCOPE})),
        str(record.get("split") or ""),
        str(record.get("call_id") or key or at),
    )
