"""Learning a classifier from labelled examples, with figures that are honest: of texts that were not learned from.

The examples are parted into folds; each is guessed by what was learned of the others. These guesses give the figures,
the curves that say how sure a guess is and whether a text is in scope, and the threshold. The classifier itself is
learned from all examples: a linear support vector machine for each intent against the rest.

Examples labelled `oos` are learned as what is none of the intents. Where there are none, each text guessed without its
own intent stands for one: what is then found best is wrong, and looks like what is out of scope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.examples import OUT_OF_SCOPE, Example, check_examples
from engines.intents.features import Counts, Floats, Weighting, count
from engines.intents.figures import Judged, figures_of, share
from engines.intents.languages import little_known
from engines.intents.model import DENSE_SCALE, Halves, IntentModel, by_curve, evidence_of

# With fewer out-of-scope examples those made of the others help to tell the scope.
LEAST_OUTSIDE = 40
SCOPE_ODDS = 5.0
_ALONE = ("accuracy", "in_scope_accuracy", "oos_recall")
# Of so many examples, evenly drawn, it is told whether they are English.
LANGUAGE_OF = 2_000

Classes = npt.NDArray[np.int64]
Told = Callable[[float], None]


class Untrainable(ValueError):
    """Nothing can be learned of these examples; the message says why, for who gave them."""


@dataclass(frozen=True)
class Settings:
    """How to learn. `refuse_cost`: which share of in-scope texts, told rightly, refusing may cost."""

    refuse_cost: float = 0.007
    folds: int = 5
    # Larger sets are parted into fewer: their figures are steady as they are.
    folds_of_many: int = 3
    many: int = 5_000
    # How hard the margins are held to the examples: the C of a support vector machine.
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
    rows: Halves
    bias: Floats
    dense: Halves | None

    def margins(self, counts: Counts, rows: Classes, vectors: Floats | None) -> tuple[Floats, Floats]:
        """Margins and unknown shares of these texts."""
        texts, unknown = self.weighting.apply(counts, rows)
        margins = texts @ self.rows.astype(np.float32) + self.bias
        if self.dense is not None and vectors is not None:
            margins += DENSE_SCALE * (vectors[rows] @ self.dense.astype(np.float32))
        return margins, unknown


def train(
    examples: Sequence[Example],
    settings: Settings | None = None,
    told: Told | None = None,
    *,
    vectors: Floats | None = None,
    space: str = "",
) -> Trained:
    """Learn a classifier. Takes minutes for ten thousand examples. `told` hears how far it is, 0..1.

    `vectors`: of length 1, a row for each example. Then a second one is learned, from words and vectors; the figures
    are its own, and under `words_alone` those of the first. `space` names what made them. The same examples and
    settings give the same classifier. Raises `Untrainable`.
    """
    say = told or (lambda share: None)
    if vectors is None:
        return _trained(examples, settings, say, None, "")
    words = _trained(examples, settings, lambda share: say(share / 2), None, "")
    both = _trained(examples, settings, lambda share: say(0.5 + share / 2), vectors, space)
    alone = {name: words.figures.get(name) for name in _ALONE}
    return Trained(replace(words.model, beside=both.model), both.figures | {"words_alone": alone})


def _trained(
    examples: Sequence[Example], settings: Settings | None, say: Told, vectors: Floats | None, space: str
) -> Trained:
    settings = settings or Settings()
    if wrong := check_examples(examples):
        raise Untrainable(" ".join(one.sentence for one in wrong))
    labels = tuple(sorted({one.intent for one in examples} - {OUT_OF_SCOPE}))
    number = {label: at for at, label in enumerate(labels)} | {OUT_OF_SCOPE: len(labels)}
    classes = np.array([number[one.intent] for one in examples], np.int64)
    texts = [one.text for one in examples]
    english = not little_known(texts[:: -(-len(texts) // LANGUAGE_OF)])
    counts = count(texts, english=english)
    folds = settings.folds_of_many if len(examples) > settings.many else settings.folds
    parts = _parts(classes, folds, settings.seed)
    say(0.02)
    best = np.zeros(len(examples), np.int64)
    evidence: Floats = np.zeros(0, np.float32)
    strange: list[Floats] = []
    share_each = 0.96 / (folds + 1)
    for at in range(folds):
        held = np.flatnonzero(parts == at)
        learned = _learn(counts, classes, np.flatnonzero(parts != at), settings, vectors)
        margins, unknown = learned.margins(counts, held, vectors)
        best[held], found = evidence_of(margins, unknown, len(labels))
        if not len(evidence):
            evidence = np.zeros((len(examples), found.shape[1]), np.float32)
        evidence[held] = found
        strange.append(_without_their_own(margins, unknown, classes[held], len(labels)))
        say(0.02 + (at + 1) * share_each)
    outside = evidence[classes == len(labels)]
    has_strange = len(outside) >= LEAST_OUTSIDE
    if not has_strange:
        outside = np.concatenate([outside, *strange])
    curves = np.stack(
        [
            _curve(evidence, best == classes, np.ones(len(evidence))),
            _scope_curve(evidence[classes < len(labels)], outside),
        ]
    )
    scores, inside = by_curve(evidence, curves[0]), by_curve(evidence, curves[1])
    threshold = _threshold(inside, best == classes, classes < len(labels), settings.refuse_cost)
    final = _learn(counts, classes, np.arange(len(examples)), settings, vectors)
    model = IntentModel(
        labels,
        tuple(counts.grams[column] for column in final.weighting.columns),
        final.weighting.rarity,
        final.weighting.unknown,
        final.rows,
        final.bias,
        curves,
        threshold,
        english,
        final.dense,
        space if final.dense is not None else "",
    )
    names = [*labels, OUT_OF_SCOPE]
    judged = [
        Judged(names[true], names[taken], float(score), bool(scope < threshold))
        for true, taken, score, scope in zip(classes, best, scores, inside, strict=True)
    ]
    figures = figures_of(judged) | {"threshold": round(threshold, 4), "folds": folds, "intents": len(labels)}
    if not has_strange:
        alike = by_curve(np.concatenate(strange), curves[1])
        figures["refused_without_own_intent"] = share(int((alike < threshold).sum()), len(alike))
    say(1.0)
    return Trained(model, figures)


def _parts(classes: Classes, folds: int, seed: int) -> Classes:
    """The fold of each text: of every class as many in each, by lot."""
    lot = np.random.default_rng(seed)
    parts = np.zeros(len(classes), np.int64)
    for one in range(int(classes.max()) + 1):
        own = lot.permutation(np.flatnonzero(classes == one))
        parts[own] = (np.arange(len(own)) + one) % folds
    return parts


def _learn(
    counts: Counts, classes: Classes, rows: Classes, settings: Settings, vectors: Floats | None
) -> _Learned:
    from sklearn.svm import LinearSVC

    columns = int(classes.max()) + 1
    weighting = Weighting.learn(counts, rows, most=max(1_000, settings.most_weights // columns))
    texts, _unknown = weighting.apply(counts, rows)
    grams = texts.shape[1]
    if vectors is not None:
        from scipy.sparse import csr_matrix, hstack

        texts = hstack([texts, csr_matrix(DENSE_SCALE * vectors[rows])], format="csr")
    machine = LinearSVC(C=settings.hold, random_state=settings.seed).fit(texts, classes[rows])
    weights = np.zeros((texts.shape[1], columns), np.float32)
    bias = np.full(columns, -1.0, np.float32)
    if len(machine.classes_) == 2:
        # Of two classes scikit-learn learns one margin.
        weights[:, machine.classes_] = np.column_stack([-machine.coef_[0], machine.coef_[0]])
        bias[machine.classes_] = -machine.intercept_[0], machine.intercept_[0]
    else:
        weights[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    halves = weights.astype(np.float16)
    return _Learned(weighting, halves[:grams], bias, halves[grams:] if vectors is not None else None)


def _without_their_own(margins: Floats, unknown: Floats, classes: Classes, intents: int) -> Floats:
    """The evidence of in-scope texts if their own intent did not exist."""
    own = np.flatnonzero(classes < intents)
    fewer = margins[own].copy()
    fewer[np.arange(len(own)), classes[own]] = -1e4
    return evidence_of(fewer, unknown[own], intents)[1]


def _scope_curve(inside: Floats, outside: Floats) -> Floats:
    """The curve that tells in scope from out of scope. One text of `SCOPE_ODDS` is taken to be out of scope."""
    weights = np.ones(len(inside) + len(outside))
    weights[len(inside) :] = len(inside) / (len(outside) * SCOPE_ODDS)
    truth = np.arange(len(weights)) < len(inside)
    return _curve(np.concatenate([inside, outside]), truth, weights)


def _curve(evidence: Floats, truth: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]) -> Floats:
    """Fit a logistic curve: its weights by what the evidence is, and last its constant."""
    from sklearn.linear_model import LogisticRegression

    curve = np.zeros(evidence.shape[1] + 1, np.float32)
    if truth.all() or not truth.any():
        # Nothing to tell apart: as likely as the best share is high.
        curve[2], curve[-1] = 1.0, 2.0
        return curve
    middle, spread = evidence.mean(0), evidence.std(0) + 1e-6
    found = LogisticRegression(C=1.0, max_iter=500).fit(
        (evidence - middle) / spread, truth, sample_weight=weights
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
