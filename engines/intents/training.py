"""Learning a classifier from labelled examples, with figures that are honest: of texts that were not learned from.

The examples are parted into folds; each is guessed by what was learned of the others. These guesses give the figures,
the curve that says how sure a guess is, and the threshold. The classifier itself is learned from all examples.

Examples labelled `oos` are learned as what is none of the intents. Where there are none, each text guessed without its
own intent stands for one: what is then found best is wrong, and looks like what is out of scope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.examples import OUT_OF_SCOPE, Example, check_examples
from engines.intents.features import Counts, Floats, Weighting, count
from engines.intents.figures import Judged, figures_of, share
from engines.intents.model import IntentModel, Weights, evidence_of, sure
from engines.intents.network import learn_network

Classes = npt.NDArray[np.int64]
Told = Callable[[float], None]


class Untrainable(ValueError):
    """Nothing can be learned of these examples; the message says why, for who gave them."""


@dataclass(frozen=True)
class Settings:
    """How to learn. `refuse_cost`: which share of in-scope texts, told rightly, refusing may cost."""

    refuse_cost: float = 0.015
    folds: int = 5
    # Larger sets are parted into fewer: their figures are steady as they are.
    folds_of_many: int = 3
    many: int = 5_000
    hidden: int = 128
    epochs: int = 15
    # How much a linear margin counts against the network's logit; how hard the linear model is held to its texts.
    mixed: float = 9.0
    hold: float = 1.0
    # The most numbers a model may have: memory, and the file.
    most_weights: int = 10_000_000
    seed: int = 1


@dataclass(frozen=True)
class Trained:
    """The classifier, and its figures by cross-validation as JSON."""

    model: IntentModel
    figures: dict[str, Any]


@dataclass(frozen=True)
class _Learned:
    weighting: Weighting
    weights: Weights

    def guess(self, counts: Counts, rows: Classes) -> tuple[Floats, Floats, Floats]:
        """Linear margins, mixed logits and unknown shares of these texts."""
        texts, unknown = self.weighting.apply(counts, rows)
        linear, mixed = self.weights.scores(
            texts @ self.weights.rows.astype(np.float32),
            texts[:, : self.weighting.near] @ self.weights.hidden_rows.astype(np.float32),
        )
        return linear, mixed, unknown


def train(examples: Sequence[Example], settings: Settings | None = None, told: Told | None = None) -> Trained:
    """Learn a classifier. Takes minutes for ten thousand examples. `told` hears how far it is, 0..1.

    The same examples and settings give the same classifier. Raises `Untrainable`.
    """
    settings = settings or Settings()
    say = told or (lambda share: None)
    if wrong := check_examples(examples):
        raise Untrainable(" ".join(one.sentence for one in wrong))
    labels = tuple(sorted({one.intent for one in examples} - {OUT_OF_SCOPE}))
    number = {label: at for at, label in enumerate(labels)} | {OUT_OF_SCOPE: len(labels)}
    classes = np.array([number[one.intent] for one in examples], np.int64)
    counts = count([one.text for one in examples])
    folds = settings.folds_of_many if len(examples) > settings.many else settings.folds
    parts = _parts(classes, folds, settings.seed)
    say(0.02)
    best = np.zeros(len(examples), np.int64)
    evidence: Floats = np.zeros(0, np.float32)
    strange: list[Floats] = []
    share_each = 0.96 / (folds + 1)
    for at in range(folds):
        held = np.flatnonzero(parts == at)
        begun = 0.02 + at * share_each
        learned = _learn(
            counts, classes, np.flatnonzero(parts != at), labels, settings, _within(say, begun, share_each)
        )
        linear, mixed, unknown = learned.guess(counts, held)
        best[held], found = evidence_of(linear, mixed, unknown, len(labels))
        if not len(evidence):
            evidence = np.zeros((len(examples), found.shape[1]), np.float32)
        evidence[held] = found
        strange.append(_without_their_own(linear, mixed, unknown, classes[held], len(labels)))
    has_strange = bool((classes == len(labels)).any())
    curve = _curve(evidence, best == classes, evidence[:0] if has_strange else np.concatenate(strange))
    scores = sure(evidence, curve)
    threshold = _threshold(scores, best == classes, classes < len(labels), settings.refuse_cost)
    final = _learn(
        counts,
        classes,
        np.arange(len(examples)),
        labels,
        settings,
        _within(say, 0.02 + folds * share_each, share_each),
    )
    model = IntentModel(
        labels,
        tuple(counts.grams[column] for column in final.weighting.columns),
        final.weighting.rarity,
        final.weighting.unknown,
        final.weights,
        curve,
        threshold,
    )
    names = [*labels, OUT_OF_SCOPE]
    judged = [
        Judged(names[true], names[taken], float(score), bool(score < threshold))
        for true, taken, score in zip(classes, best, scores, strict=True)
    ]
    figures = figures_of(judged) | {"threshold": round(threshold, 4), "folds": folds, "intents": len(labels)}
    if not has_strange:
        alike = sure(np.concatenate(strange), curve)
        figures["refused_without_own_intent"] = share(int((alike < threshold).sum()), len(alike))
    say(1.0)
    return Trained(model, figures)


def _within(told: Told, begun: float, width: float) -> Told:
    return lambda share: told(begun + share * width)


def _parts(classes: Classes, folds: int, seed: int) -> Classes:
    """The fold of each text: of every class as many in each, by lot."""
    lot = np.random.default_rng(seed)
    parts = np.zeros(len(classes), np.int64)
    for one in range(int(classes.max()) + 1):
        own = lot.permutation(np.flatnonzero(classes == one))
        parts[own] = (np.arange(len(own)) + one) % folds
    return parts


def _learn(
    counts: Counts, classes: Classes, rows: Classes, labels: tuple[str, ...], settings: Settings, told: Told
) -> _Learned:
    from sklearn.svm import LinearSVC

    columns = int(classes.max()) + 1
    weighting = Weighting.learn(counts, rows, most=max(1_000, settings.most_weights // columns))
    texts, _unknown = weighting.apply(counts, rows)
    # 1. Each class against the rest
    machine = LinearSVC(C=settings.hold, random_state=settings.seed).fit(texts, classes[rows])
    linear = np.zeros((texts.shape[1], columns), np.float32)
    bias = np.full(columns, -1.0, np.float32)
    if len(machine.classes_) == 2:
        # Of two classes scikit-learn learns one margin.
        linear[:, machine.classes_] = np.column_stack([-machine.coef_[0], machine.coef_[0]])
        bias[machine.classes_] = -machine.intercept_[0], machine.intercept_[0]
    else:
        linear[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    told(0.3)
    # 2. The network
    hidden = [np.zeros((weighting.near, 0), np.float32), *(np.zeros(0, np.float32) for _ in range(3))]
    hidden[2] = np.zeros((0, 0), np.float32)
    if settings.hidden:
        hidden = list(
            learn_network(
                texts[:, : weighting.near],
                classes[rows],
                count=columns,
                hidden=settings.hidden,
                epochs=settings.epochs,
                seed=settings.seed,
                told=_within(told, 0.3, 0.7),
            )
        )
    weights = Weights(
        len(labels),
        linear.astype(np.float16),
        bias,
        hidden[0].astype(np.float16),
        hidden[1],
        hidden[2],
        hidden[3],
        settings.mixed,
    )
    return _Learned(weighting, weights)


def _without_their_own(
    linear: Floats, mixed: Floats, unknown: Floats, classes: Classes, intents: int
) -> Floats:
    """The evidence of in-scope texts if their own intent did not exist."""
    own = np.flatnonzero(classes < intents)
    fewer = mixed[own].copy()
    fewer[np.arange(len(own)), classes[own]] = -1e4
    return evidence_of(linear[own], fewer, unknown[own], intents)[1]


def _curve(evidence: Floats, right: npt.NDArray[np.bool_], strange: Floats) -> Floats:
    """The logistic curve that says how sure a guess is. What is wrong or strange weighs as much as what is right."""
    from sklearn.linear_model import LogisticRegression

    points = np.concatenate([evidence, strange])
    truth = np.concatenate([right, np.zeros(len(strange), bool)])
    curve = np.zeros(points.shape[1] + 1, np.float32)
    if truth.all() or not truth.any():
        # Nothing to tell apart: as sure as the best share is high.
        curve[2] = 1.0
        curve[-1] = 2.0
        return curve
    middle, spread = points.mean(0), points.std(0) + 1e-6
    weights = np.ones(len(points))
    if len(strange):
        weights[len(evidence) :] = max(1.0, float((~right).sum())) / len(strange)
    found = LogisticRegression(C=1.0, max_iter=500).fit(
        (points - middle) / spread, truth, sample_weight=weights
    )
    curve[:-1] = found.coef_[0] / spread
    curve[-1] = found.intercept_[0] - float((found.coef_[0] * middle / spread).sum())
    return curve


def _threshold(
    scores: Floats, right: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], cost: float
) -> float:
    """The highest threshold below which no more than `cost` of the in-scope texts are refused though right."""
    told = np.sort(scores[right & inside])
    if not len(told):
        return 0.5
    return float(told[min(len(told) - 1, int(cost * int(inside.sum())))])
