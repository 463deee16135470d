"""Learning what sentences mean, with a threshold chosen on what was not learned from, and refusing what cannot work.

Each example is judged by what was learned of the others, and so is each ordinary sentence: the threshold is as high as
`MISSED` of the examples allow, and no lower than lets `ALARMS` of the ordinary sentences pass. What is not to be heard
stays below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.languages import foreign, little_known
from engines.intents.meaning import Floats, MeaningModel, ordinary, telling
from engines.intents.text import words_of

FEWEST, MOST = 3, 200
MISSED, ALARMS = 0.25, 0.005
FOLDS = 5
HOLD = 1.0
_CLEAR = 1e-3
ENGLISH_ONLY = (
    "Meaning is learned from English examples only: write them in English, or listen for other languages by phrases or "
    "by an intent classifier, which learns any language."
)


class UnusableExamples(ValueError):
    """Nothing can be learned of these sentences; `sentences` say why, for who gave them."""

    def __init__(self, sentences: list[str]) -> None:
        self.sentences = sentences
        super().__init__(" ".join(sentences))


@dataclass(frozen=True)
class Learned:
    """The model, and what it can do as JSON: `heard` of `examples` sentences, and `alarms` among `ordinary` ones,
    each judged by what was learned of the others."""

    model: MeaningModel
    figures: dict[str, Any]


def check_sentences(examples: Sequence[str], near_misses: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with the sentences, in words for who wrote them."""
    wrong: list[str] = []
    different = {_plain(one): one for one in examples}
    if len(different) < FEWEST:
        wrong.append(f"Give at least {FEWEST} different example sentences; ten or more are better.")
    if len(examples) > MOST or len(near_misses) > MOST:
        wrong.append(f"At most {MOST} sentences of each sort.")
    for one in near_misses:
        if _plain(one) in different:
            wrong.append(f"“{one}” is both to be heard and not to be heard.")
    for one in (*examples, *near_misses):
        if language := foreign(one):
            wrong.append(f"“{one}” is {language}. {ENGLISH_ONLY}")
    if not wrong and little_known(examples):
        wrong.append(f"These sentences do not seem to be English. {ENGLISH_ONLY}")
    for one in examples:
        if len(words_of(one)) < 2:
            wrong.append(f"“{one}” is one word: a phrase hears it better; examples are sentences.")
    return wrong[:8]


@lru_cache(maxsize=32)
def learn(examples: tuple[str, ...], near_misses: tuple[str, ...] = ()) -> Learned:
    """Learn from sentences; a fifth of a second. The same ones give the same model. Raises `UnusableExamples`."""
    if wrong := check_sentences(examples, near_misses):
        raise UnusableExamples(wrong)
    own = tuple({_plain(one): one for one in examples}.values())
    against = (*dict.fromkeys(near_misses), *ordinary())
    rows = _Rows(own, against)
    truth = np.arange(len(own) + len(against)) < len(own)
    apart = _apart(rows.matrix, truth)
    weights, bias = _fit(rows.matrix, truth)
    margins = rows.matrix @ weights + bias
    misses, background = len(set(near_misses)), apart[len(own) + len(set(near_misses)) :]
    floor = float(np.quantile(background, 1 - ALARMS, method="higher"))
    if misses:
        floor = max(floor, float(margins[len(own) : len(own) + misses].max()) + _CLEAR)
    threshold = max(floor, float(np.quantile(apart[: len(own)], MISSED, method="lower")) - _CLEAR)
    # Every example is heard, where what must not be heard leaves room for it.
    threshold = max(floor, min(threshold, float(margins[: len(own)].min()) - _CLEAR))
    model = MeaningModel(own, tuple(near_misses), rows.grams, weights, bias, threshold)
    _check_apart(model, margins, misses)
    heard = int((apart[: len(own)] > threshold).sum())
    figures = {
        "examples": len(own),
        "near_misses": misses,
        "heard": heard,
        "ordinary": len(background),
        "alarms": int((background > threshold).sum()),
    }
    return Learned(model, figures)


def _plain(text: str) -> str:
    return " ".join(words_of(text))


class _Rows:
    """Sentences by the n-grams of the examples and near misses."""

    def __init__(self, own: Sequence[str], against: Sequence[str]) -> None:
        from scipy.sparse import csr_matrix

        read = telling().read
        vectors = [read(one) for one in own]
        known: dict[str, int] = {}
        for vector in vectors:
            for gram in vector:
                known.setdefault(gram, len(known))
        vectors += [_vector(one) for one in against]
        cells = [
            (at, known[gram], value)
            for at, vector in enumerate(vectors)
            for gram, value in vector.items()
            if gram in known
        ]
        places, columns, values = zip(*cells, strict=True)
        self.grams = tuple(known)
        self.matrix: Any = csr_matrix(
            (np.asarray(values, np.float32), (places, columns)), shape=(len(vectors), len(known))
        )


@lru_cache(maxsize=2_048)
def _vector(text: str) -> dict[str, float]:
    return telling().read(text)


def _fit(matrix: Any, truth: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    from sklearn.svm import LinearSVC

    machine = LinearSVC(C=HOLD, class_weight="balanced", random_state=1).fit(matrix, truth)
    return machine.coef_[0].astype(np.float32), float(machine.intercept_[0])


def _apart(matrix: Any, truth: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The margin of each sentence by what was learned of the others."""
    count = int(truth.sum())
    folds = FOLDS if count >= 2 * FOLDS else count
    parts = np.arange(len(truth)) % folds
    margins = np.zeros(len(truth))
    for at in range(folds):
        held = parts == at
        # What only the held examples have is unknown to what was learned of the others: its weights stay zero.
        weights, bias = _fit(matrix[~held], truth[~held])
        margins[held] = matrix[held] @ weights + bias
    return margins


def _check_apart(model: MeaningModel, margins: Any, misses: int) -> None:
    unheard = [one for at, one in enumerate(model.examples) if margins[at] <= model.threshold]
    if not unheard:
        return
    first = unheard[0]
    if misses:
        own = margins[len(model.examples) : len(model.examples) + misses]
        near = list(dict.fromkeys(model.near_misses))[int(np.argmax(own))]
        raise UnusableExamples(
            [
                f"“{first}” is to be heard and “{near}” is not, but they cannot be told apart. "
                "Leave one of them out, or give more examples that show the difference."
            ]
        )
    raise UnusableExamples(
        [f"“{first}” cannot be told from ordinary sentences. Leave it out, or say more in it."]
    )
