"""A network with one hidden layer over sparse texts, learned by gradient descent.

It sees what linear models cannot, words that mean something else together, and errs elsewhere than they do. A part of
the n-grams and of the hidden units is left out by lot in each step, so that none is relied on alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.intents.features import Floats

BATCH = 128
LEFT_OUT = 0.3
HIDDEN_LEFT_OUT = 0.3
STEP, FIRST_STEP = 3e-3, 3e-3
DECAY_1, DECAY_2 = 0.9, 0.999

Layers = tuple[Floats, Floats, Floats, Floats]


def learn_network(
    texts: Any,
    classes: npt.NDArray[np.int64],
    *,
    count: int,
    hidden: int,
    epochs: int,
    seed: int,
    told: Callable[[float], None] = lambda share: None,
) -> Layers:
    """Learn from `texts` (CSR, float32) of `classes` (0 to `count` - 1). The same seed gives the same network.

    Returns the first layer (n-grams by units), its bias, the second (units by classes) and its bias.
    """
    from scipy.sparse import csr_matrix

    lot = np.random.default_rng(seed)
    number, width = texts.shape
    first = (lot.standard_normal((width, hidden), np.float32) * np.float32(0.1)).astype(np.float32)
    # Of the first layer only the rows of a step's n-grams move, each by its own measure (Adagrad); the rest by Adam.
    measure = np.full(width, 1e-8, np.float32)
    rest = [
        np.zeros(hidden, np.float32),
        (lot.standard_normal((hidden, count)) / np.sqrt(hidden)).astype(np.float32),
        np.zeros(count, np.float32),
    ]
    means = [np.zeros_like(one) for one in rest]
    squares = [np.zeros_like(one) for one in rest]
    steps = 0
    for epoch in range(epochs):
        order = lot.permutation(number)
        slower = np.float32(1.0 - epoch / epochs)
        for start in range(0, number, BATCH):
            chosen = order[start : start + BATCH]
            batch = texts[chosen]
            stays = lot.random(len(batch.data), np.float32) >= LEFT_OUT
            data = batch.data * stays / np.float32(1.0 - LEFT_OUT)
            columns, place = np.unique(batch.indices, return_inverse=True)
            seen = csr_matrix((data, place.astype(np.int32), batch.indptr), shape=(len(chosen), len(columns)))
            near = first[columns]
            # Forward
            units = seen @ near + rest[0]
            on = (units > 0) & (lot.random(units.shape, np.float32) >= HIDDEN_LEFT_OUT)
            units = units * on / np.float32(1.0 - HIDDEN_LEFT_OUT)
            errors = units @ rest[1] + rest[2]
            errors = np.exp(errors - errors.max(1, keepdims=True))
            errors /= errors.sum(1, keepdims=True)
            errors[np.arange(len(chosen)), classes[chosen]] -= 1.0
            errors /= np.float32(len(chosen))
            # Backward
            back = (errors @ rest[1].T) * on / np.float32(1.0 - HIDDEN_LEFT_OUT)
            slope = seen.T @ back
            measure[columns] += (slope * slope).mean(1)
            first[columns] = (
                near - slower * np.float32(FIRST_STEP) * slope / np.sqrt(measure[columns])[:, None]
            )
            steps += 1
            for at, gradient in enumerate((back.sum(0), units.T @ errors, errors.sum(0))):
                means[at] += np.float32(1 - DECAY_1) * (gradient - means[at])
                squares[at] += np.float32(1 - DECAY_2) * (gradient * gradient - squares[at])
                mean = means[at] / np.float32(1 - DECAY_1**steps)
                spread = np.sqrt(squares[at] / np.float32(1 - DECAY_2**steps)) + np.float32(1e-8)
                rest[at] = rest[at] - slower * np.float32(STEP) * mean / spread
        told((epoch + 1) / epochs)
    return first, rest[0], rest[1], rest[2]
