"""Fit the weights: a conditional log-linear model over the actions possible at each step.

An action's score is the sum, over its marks and the contexts of the situation, of a weight for each pair of them, plus
one weight for each of its own features. Probabilities are the softmax over the candidates of a step. The fit is
maximum likelihood with a quadratic penalty, by L-BFGS; the same data gives the same weights. A step of which only is
known what was wrong counts as likely as none of those is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
# Keeps the logarithm finite where all that is likely was refused.
LEAST_LEFT = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """One decision of the past: contexts, marks and features of each candidate, which of them it was, its group.

    `gold` is -1 where that is unknown; then `wrong` are the candidates that it was not.
    """

    contexts: tuple[str, ...]
    marks: tuple[tuple[str, ...], ...]
    pairs: tuple[tuple[str, ...], ...]
    gold: int
    group: str
    wrong: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly weights are held back, and how often a feature must occur.

    `least`: in so many steps; `groups`: in so many groups (tasks), where its name begins with one of `words`: of what
    people say and what things are called nothing is learned that only one task has. Weights of such contexts are held
    back by `cross`, of others by `general`, if that is given. `even`: how far groups count alike, however many steps
    they have, from 0 (each step the same) to 1 (each group the same).
    """

    cross: float = 1.0
    pair: float = 1.0
    general: float | None = None
    even: float = 0.0
    least: int = 3
    groups: int = 1
    rounds: int = 150
    words: tuple[str, ...] = (
        "heard ",
        "had heard ",
        "ever ",
        "wrote ",
        "found ",
        "had found ",
        "with ",
        "part ",
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where the weights of one step's candidates stand: contexts of the step, marks and features of each candidate."""

    contexts: list[int]
    marks: list[list[int]]
    pairs: list[list[int]]


@dataclass(frozen=True)
class Weights:
    """`cross` by mark (rows) and context (columns), `pair` by feature."""

    marks: dict[str, int]
    contexts: dict[str, int]
    features: dict[str, int]
    cross: Floats
    pair: Floats

    def places(
        self, contexts: Iterable[str], marks: Iterable[Sequence[str]], pairs: Iterable[Iterable[str]]
    ) -> Places:
        """Look up the names that have a weight."""
        return Places(
            [self.contexts[name] for name in contexts if name in self.contexts],
            [[self.marks[name] for name in own if name in self.marks] for own in marks],
            [[self.features[name] for name in names if name in self.features] for names in pairs],
        )

    def scores(self, places: Places) -> Floats:
        """Score each candidate of a step; only differences between them mean something."""
        by_mark = self.cross[:, places.contexts].sum(axis=1)
        found = np.zeros(len(places.marks))
        for i, (marks, pairs) in enumerate(zip(places.marks, places.pairs, strict=True)):
            found[i] = by_mark[marks].sum() + self.pair[pairs].sum()
        return found


def fit(steps: Sequence[Step], strength: Strength) -> Weights:
    """Fit weights to past decisions. Raises ValueError where there are none."""
    if not steps:
        raise ValueError("nothing to learn from: no labelled action")
    contexts = _vocabulary([(step.group, step.contexts) for step in steps], strength)
    marks = _vocabulary([(s.group, tuple({m for own in s.marks for m in own})) for s in steps], strength)
    features = _vocabulary([(s.group, tuple({m for own in s.pairs for m in own})) for s in steps], strength)
    x = _matrix([step.contexts for step in steps], contexts)
    pair_rows = _matrix([own for step in steps for own in step.pairs], features)
    mark_rows = _matrix([own for step in steps for own in step.marks], marks)
    sizes = np.array([len(step.marks) for step in steps])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    owner = np.repeat(np.arange(len(steps)), sizes)
    gold = np.array(
        [start + step.gold for start, step in zip(starts, steps, strict=True) if step.gold >= 0], int
    )
    wrong = np.array(
        [
            start + one
            for start, step in zip(starts, steps, strict=True)
            if step.gold < 0
            for one in step.wrong
        ],
        int,
    )
    labelled = np.array([step.gold >= 0 for step in steps])
    refused = np.flatnonzero(~labelled)
    row_of = np.repeat(np.arange(mark_rows.shape[0]), np.diff(mark_rows.indptr))
    step_of, mark_of = owner[row_of], mark_rows.indices
    wide, tall = len(contexts), len(marks)
    x_t, pair_t = x.T.tocsr(), pair_rows.T.tocsr()

    count = _counts([step.group for step in steps], strength.even)
    general = strength.cross if strength.general is None else strength.general
    hold = np.array([strength.cross if name.startswith(strength.words) else general for name in contexts])
    held_back = np.concatenate([np.repeat(hold, tall), np.full(len(features), strength.pair)])

    def loss(flat: Floats) -> tuple[float, Floats]:
        cross, pair = flat[: wide * tall].reshape(wide, tall), flat[wide * tall :]
        by_mark = x @ cross
        score = (
            np.bincount(row_of, weights=by_mark[step_of, mark_of], minlength=len(owner)) + pair_rows @ pair
        )
        score -= np.maximum.reduceat(score, starts)[owner]
        power = np.exp(score)
        total = np.add.reduceat(power, starts)
        value = float((count * np.log(total))[labelled].sum() - (count[owner[gold]] * score[gold]).sum())
        rest = power / total[owner]
        if len(wrong):
            # Of a step that refuses, minus the logarithm of how likely the others are.
            share = rest[wrong]
            against = np.bincount(owner[wrong], share, len(steps))
            left = np.maximum(1.0 - against, LEAST_LEFT)
            value -= float((count * np.log(left))[refused].sum())
            rest *= np.where(labelled, 1.0, -against / left)[owner]
            rest[wrong] += share / left[owner[wrong]]
        rest[gold] -= 1
        rest *= count[owner]
        pull = np.bincount(step_of * tall + mark_of, weights=rest[row_of], minlength=len(steps) * tall)
        slope = np.concatenate([(x_t @ pull.reshape(len(steps), tall)).ravel(), pair_t @ rest])
        held = held_back * flat
        return value + 0.5 * float(held @ flat), slope + held

    # Here, because whoever only reads a model need not load half a second's worth of library.
    from scipy.optimize import minimize

    begin = np.zeros(wide * tall + len(features))
    options = {"maxiter": strength.rounds, "maxcor": 8}
    # One thread: these vectors are too short to share out, and waiting threads would take the other calls' cores.
    with threadpool_limits(1):
        done = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options)
    cross = np.ascontiguousarray(done.x[: wide * tall].reshape(wide, tall).T)
    return Weights(marks, contexts, features, cross, done.x[wide * tall :])


def _counts(groups: Sequence[str], even: float) -> Floats:
    """How much each step counts; one on average over the groups."""
    steps = Counter(groups)
    usual = len(groups) / len(steps)
    return np.array([(usual / steps[group]) ** even for group in groups])


def _vocabulary(rows: Sequence[tuple[str, Sequence[str]]], strength: Strength) -> dict[str, int]:
    counts: Counter[str] = Counter()
    groups: dict[str, set[str]] = {}
    for group, names in rows:
        counts.update(names)
        for name in names:
            groups.setdefault(name, set()).add(group)
    kept = (
        name
        for name, count in counts.items()
        if count >= strength.least
        and (len(groups[name]) >= strength.groups or not name.startswith(strength.words))
    )
    return {name: i for i, name in enumerate(sorted(kept))}


def _matrix(rows: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> Any:
    from scipy.sparse import csr_matrix

    columns = [sorted({vocabulary[name] for name in names if name in vocabulary}) for names in rows]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter((column for own in columns for column in own), dtype=np.int32, count=int(ends[-1]))
    return csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(rows), len(vocabulary)))
