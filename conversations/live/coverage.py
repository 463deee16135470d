"""Which stretches of a channel have been heard: a set of intervals, because a backlog may fill up from both ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def upto_of(intervals: Sequence[Sequence[int]]) -> int:
    """Where to go on with a channel of these stretches, as `Coverage` keeps them: everything before has been heard."""
    return intervals[0][1] if intervals and intervals[0][0] <= 0 else 0


class Coverage:
    """Half-open intervals in milliseconds, kept sorted, disjoint and merged where they touch."""

    def __init__(self, intervals: Iterable[Iterable[int]] = ()) -> None:
        self._intervals: list[Interval] = []
        for start, end in intervals:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Cover [start, end). An empty stretch changes nothing."""
        if end <= start:
            return
        kept = []
        for low, high in self._intervals:
            if high < start or low > end:
                kept.append((low, high))
            else:
                start, end = min(start, low), max(end, high)
        kept.append((start, end))
        self._intervals = sorted(kept)

    def overlap(self, start: int, end: int) -> int:
        """How many milliseconds of [start, end) are covered already."""
        return sum(max(0, min(high, end) - max(low, start)) for low, high in self._intervals)

    @property
    def upto(self) -> int:
        """Everything before this has been heard: where to go on."""
        return upto_of(self._intervals)

    @property
    def total(self) -> int:
        return sum(high - low for low, high in self._intervals)

    def gaps(self, end: int) -> list[Interval]:
        """What is missing of [0, end)."""
        missing, at = [], 0
        for low, high in self._intervals:
            if low > at:
                missing.append((at, min(low, end)))
            at = max(at, high)
        if at < end:
            missing.append((at, end))
        return [gap for gap in missing if gap[0] < gap[1]]

    def without(self, others: Coverage) -> list[Interval]:
        """What is covered here and not there."""
        left = []
        for start, end in self._intervals:
            at = start
            for low, high in others._intervals:
                if high > at and low < end:
                    left.append((at, low))
                    at = high
            left.append((at, end))
        return [(start, end) for start, end in left if start < end]

    def as_lists(self) -> list[list[int]]:
        return [[low, high] for low, high in self._intervals]
