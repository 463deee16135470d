"""What a dialogue tells of its own agent: after each thing that he does the weights move a little his way.

Agents differ in which of two steps they take first and whether they ask "anything else?"; who did so once in a
conversation does so again. What was learned of all agents stays as it is; these steps are one dialogue's alone.
"""

from __future__ import annotations

import numpy as np

from engines.next_step.fitting import Floats, Places, Weights

# How far one action moves the weights of what spoke for it and against the others; chosen by cross-validation on the
# dev half of STAR, where half as much and twice as much gain less.
STEP = 0.02


class Ways:
    """The steps of one dialogue. A step is one of stochastic gradient ascent on the likelihood of what was done."""

    def __init__(self, weights: Weights, step: float = STEP) -> None:
        self.weights, self._step = weights, step
        self._marks: Floats = np.zeros(len(weights.marks))
        self._pairs: Floats = np.zeros(len(weights.features))
        self._moved = False

    def scores(self, places: Places) -> Floats:
        """Score each candidate of a step, with what this dialogue has told so far."""
        found = self.weights.scores(places)
        if not self._moved:
            return found
        for i, (marks, pairs) in enumerate(zip(places.marks, places.pairs, strict=True)):
            found[i] += self._marks[marks].sum() + self._pairs[pairs].sum()
        return found

    def learn(self, places: Places, shares: Floats, done: int) -> None:
        """`done` of the candidates was done, where `shares` says how likely each had been."""
        moves = -self._step * shares
        moves[done] += self._step
        for move, marks, pairs in zip(moves, places.marks, places.pairs, strict=True):
            np.add.at(self._marks, marks, move)
            np.add.at(self._pairs, pairs, move)
        self._moved = True
