"""The best labels for given scores, exactly, looking only where and at what can be best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_CLOSE = 1e-3  # what rounding may take
_FEW = 6  # up to so many labels plain Python is faster
# Labels whose best lead in a stretch is above the first of these are looked at; the others if that is not enough.
_TRIES = (-0.5, -4.0)


class Decoder:
    """Viterbi over scores of a first-order model whose label 0 (`O`) wins nearly everywhere.

    What staying with a label weighs is moved from the transitions to the words, half to each of the two, which leaves
    every path's score as it is. Then staying costs nothing, and changing nearly always something.
    """

    def __init__(self, transitions: npt.NDArray[np.float64]) -> None:
        staying = np.diag(transitions)
        t = transitions - (staying[:, None] + staying[None, :]) / 2
        self._staying = staying.astype(np.float32)
        self._half = (staying / 2).astype(np.float32)
        self._into: Floats = np.ascontiguousarray(t.T.astype(np.float32))
        self._out: Floats = np.ascontiguousarray(t[:, 0].astype(np.float32))
        self._leave = -float(t[0, 1:].max(initial=-1e9))
        self._return = -float(t[1:, 0].max(initial=-1e9))
        self._change = max(0.0, float(t[1:, 1:].max(initial=0.0)))
        # By labels x and y: what "x, y" has over "x, O", and what "y, x" has over "O, x".
        self._entering: Floats = (t - t[:, :1]).astype(np.float32)
        self._leaving: Floats = (t.T - t[:1, :].T).astype(np.float32)

    def leads(self, scores: Floats) -> Floats:
        """Return by how much each label leads over `O` at each word, staying included. Changes `scores`."""
        scores += self._staying
        # Either end of a text has a neighbour on one side only.
        scores[0] -= self._half
        scores[-1] -= self._half
        ahead: Floats = scores - scores[:, :1]
        return ahead

    def cost(self, label: int, *, starts: bool, ends: bool) -> float:
        """Return what going from `O` to `label` and back takes off a path's score, but for the text's own ends."""
        entering = 0.0 if starts else -float(self._into[label, 0])
        return entering if ends else entering - float(self._out[label])

    def best(self, ahead: Floats) -> list[int]:
        """Return the label of each word on the best path."""
        labels = [0] * len(ahead)
        for first, last in self._in_doubt(ahead[:, 1:].max(axis=1).tolist()):
            self._search(labels, ahead, first, last)
        return labels

    def _in_doubt(self, lead: list[float]) -> list[tuple[int, int]]:
        """Return the stretches (first, last) where something else than `O` may be best.

        `lead` is that of the best other label at each word. Going off `O` and back costs at least what the two changes
        cost, so that a stretch pays only if its leads make up for that.
        """
        leave, change = -self._leave, self._change
        before, best = [], 0.0
        for i, value in enumerate(lead):
            if i:
                best += change
                best = value + (best if best > leave else leave)
            else:
                best = value
            before.append(best)
        found: list[tuple[int, int]] = []
        back, final = -self._return, len(lead) - 1
        last, rest = -1, 0.0
        for i in range(final, -1, -1):
            if before[i] + rest > -_CLOSE:
                if last < 0:
                    last = i
            elif last >= 0:
                found.append((i + 1, last))
                last = -1
            rest += lead[i] + change
            if rest < back:
                rest = back
        if last >= 0:
            found.append((0, last))
        return found

    def _choices(self, stretch: Floats, *, starts: bool, ends: bool) -> list[int] | None:
        """Return the labels that may be best in a stretch with `O`, or the text's end, on either side; None for all.

        Words in a row that have other labels could have `O` instead. That is better if no lead among them makes up for
        the changes on both sides, to and from the labels that are looked at.
        """
        top = stretch.max(axis=0)
        for least in _TRIES:
            looked_at = top > least
            looked_at[0] = True
            rest = ~looked_at
            if not rest.any():
                return None
            lead = float(top[rest].max())
            entering = float(self._entering[looked_at][:, rest].max())
            leaving = float(self._leaving[rest][:, looked_at].max())
            if starts:
                entering = max(entering, 0.0)
            if ends:
                leaving = max(leaving, 0.0)
            if lead + self._change <= 0 and lead + entering + leaving < -_CLOSE:
                kept: list[int] = np.flatnonzero(looked_at).tolist()
                return kept
        return None

    def _search(self, labels: list[int], ahead: Floats, first: int, last: int) -> None:
        """Write the best labels of `first` to `last`."""
        stretch = ahead[first : last + 1]
        starts, ends = first == 0, last + 1 == len(labels)
        choices = self._choices(stretch, starts=starts, ends=ends)
        if choices is None:
            steps, rows, out = self._into, stretch, self._out
        elif len(choices) == 1:
            return
        else:
            steps, rows, out = self._into[np.ix_(choices, choices)], stretch[:, choices], self._out[choices]
        search = _few if len(out) <= _FEW else _many
        for i, at in enumerate(search(steps, rows, out, starts=starts, ends=ends), first):
            labels[i] = at if choices is None else choices[at]


def _many(steps: Floats, rows: Floats, out: Floats, *, starts: bool, ends: bool) -> list[int]:
    """Return the best path by numpy; `steps` by label and the one before it."""
    best = rows[0] if starts else rows[0] + steps[:, 0]
    reached = [best]
    for row in rows[1:]:
        best = (best + steps).max(axis=1)
        best += row
        reached.append(best)
    at = int((best if ends else best + out).argmax())
    path = [at]
    for best in reached[-2::-1]:
        at = int((best + steps[at]).argmax())
        path.append(at)
    path.reverse()
    return path


def _few(steps: Floats, rows: Floats, out: Floats, *, starts: bool, ends: bool) -> list[int]:
    """Return the same in plain Python."""
    into: list[list[float]] = steps.tolist()
    lines: list[list[float]] = rows.tolist()
    best = lines[0] if starts else [value + column[0] for value, column in zip(lines[0], into, strict=True)]
    back: list[list[int]] = []
    for line in lines[1:]:
        came: list[int] = []
        reached: list[float] = []
        for value, column in zip(line, into, strict=True):
            sums = [a + b for a, b in zip(best, column, strict=True)]
            top = max(sums)
            came.append(sums.index(top))
            reached.append(top + value)
        back.append(came)
        best = reached
    if not ends:
        best = [value + cost for value, cost in zip(best, out.tolist(), strict=True)]
    at = best.index(max(best))
    path = [at]
    for came in reversed(back):
        at = came[at]
        path.append(at)
    path.reverse()
    return path
