"""The best labels for given scores, exactly, searched only where something else than `O` can be best."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
# By a stretch's leads, and whether it stands at the text's beginning and at its end, the labels of its words.
Searched = dict[tuple[bool, bool, bytes], list[int]]

_CLOSE = 1e-3  # what rounding may take


class Decoder:
    """Viterbi over scores of a first-order model whose label 0 (`O`) wins nearly everywhere.

    What staying with a label weighs is moved from the transitions to the words, half to each of the two, which leaves
    every path's score as it is. Then staying costs nothing, and changing nearly always something.
    """

    def __init__(self, transitions: npt.NDArray[np.float64]) -> None:
        staying = np.diag(transitions)
        t = transitions - (staying[:, None] + staying[None, :]) / 2
        self.staying = staying.astype(np.float32)
        self._half = (staying / 2).astype(np.float32)
        # From label (row) to label, and the other way round: every access is to rows.
        self._steps: Floats = np.ascontiguousarray(t.astype(np.float32))
        self._into: Floats = np.ascontiguousarray(t.T.astype(np.float32))
        self._out = self._into[0]
        self._costs = (-self._into[:, 0]).tolist(), self._out.tolist()
        # Where each row begins in a table of all pairs of labels, laid out flat.
        self._begins = np.arange(len(t), dtype=np.intp) * len(t)
        self._leave = -float(t[0, 1:].max(initial=-1e9))
        self._return = -float(t[1:, 0].max(initial=-1e9))
        self._change = max(0.0, float(t[1:, 1:].max(initial=0.0)))
        # What having any other label than `O` beside a word may at most be worth to it, before it and behind it.
        self._before = float((t[1:, 1:] - t[1:, :1]).max(initial=0.0))
        self._behind = float((t[1:, 1:] - t[:1, 1:]).max(initial=0.0))

    def leads(self, scores: Floats) -> Floats:
        """Return by how much each label leads over `O` at each word. Changes `scores`; they count `staying` already."""
        # Either end of a text has a neighbour on one side only.
        scores[0] -= self._half
        scores[-1] -= self._half
        ahead: Floats = scores - scores[:, :1]
        return ahead

    def cost(self, label: int, *, starts: bool, ends: bool) -> float:
        """Return what going from `O` to `label` and back takes off a path's score, but for the text's own ends."""
        enter, leave = self._costs
        entering: float = 0.0 if starts else enter[label]
        return entering if ends else entering - leave[label]

    def best(
        self, ahead: Floats, among: Collection[int] | None = None, searched: Searched | None = None
    ) -> list[int]:
        """Return the label of each word on the best path; where only words `among` matter, 0 for others far from them.

        What is in doubt has words that are `O` for sure on either side, so each stretch is a search of its own, and the
        same leads give the same labels: `searched` are those of a text before, and are replaced by those of this one.
        """
        count = len(ahead)
        labels = [0] * count
        found: Searched = {}
        for first, last in self._in_doubt(np.maximum.reduce(ahead[:, 1:], axis=1).tolist()):
            if among is not None and not any(first <= i <= last for i in among):
                continue
            if searched is None:
                self._search(labels, ahead, first, last)
                continue
            key = first == 0, last + 1 == count, ahead[first : last + 1].tobytes()
            before = searched.get(key)
            if before is None:
                self._search(labels, ahead, first, last)
            else:
                labels[first : last + 1] = before
            found[key] = labels[first : last + 1]
        if searched is not None:
            searched.clear()
            searched.update(found)
        return labels

    def _in_doubt(self, lead: list[float]) -> list[tuple[int, int]]:
        """Return the stretches (first, last) where something else than `O` may be best.

        `lead` is that of the best other label at each word. Both ways along the text it is added up what the words on
        that side may at most be worth to a word that is not `O`: it was entered from `O`, or goes on from a word that
        is not `O` either, whose own worth counts as far as it would not be had by `O` in this place as well.
        """
        leave, change, most = -self._leave, self._change, self._before
        before: list[float] = []
        best = 0.0
        for value in lead:
            if before:
                best += change
                if best > most:
                    best = most
                if best < leave:
                    best = leave
            best += value
            before.append(best)
        found: list[tuple[int, int]] = []
        back, most, final = -self._return, self._behind, len(lead) - 1
        last, rest = -1, 0.0
        for i in range(final, -1, -1):
            if before[i] + rest > -_CLOSE:
                if last < 0:
                    last = i
            elif last >= 0:
                found.append((i + 1, last))
                last = -1
            rest += lead[i] + change
            if rest > most:
                rest = most
            if rest < back:
                rest = back
        if last >= 0:
            found.append((0, last))
        return found

    def _search(self, labels: list[int], ahead: Floats, first: int, last: int) -> None:
        """Write the best labels of `first` to `last`, with `O` or the text's end on either side."""
        best = ahead[first] if first == 0 else ahead[first] + self._steps[0]
        if first == last:
            labels[first] = int((best if last + 1 == len(labels) else best + self._out).argmax())
            return
        into, begins, add = self._into, self._begins, np.add
        came: list[npt.NDArray[np.intp]] = []
        ways = np.empty_like(into)
        flat = ways.ravel()  # the same memory
        for lead in ahead[first + 1 : last + 1]:
            # To label (row) from label: the best of a row is where one comes from.
            add(into, best, ways)
            before = ways.argmax(1)
            before += begins
            came.append(before)
            best = flat.take(before)
            best += lead
        at = int((best if last + 1 == len(labels) else best + self._out).argmax())
        labels[last] = at
        size = len(begins)
        for i in range(last - 1, first - 1, -1):
            at = int(came[i - first][at]) - at * size
            labels[i] = at
