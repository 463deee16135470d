"""Audio of a call that no recogniser has confirmed yet, kept to be heard again by another."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the call: PCM16 mono per channel, or None for one that nobody shall hear."""

    start_ms: int
    end_ms: int
    sides: tuple[bytes, ...] | None

    def behind(self, ms: int, bytes_per_ms: int) -> Piece:
        """The part of it that begins at `ms`, which lies within it."""
        if ms <= self.start_ms:
            return self
        sides = self.sides
        if sides is not None:
            sides = tuple(pcm[(ms - self.start_ms) * bytes_per_ms :] for pcm in sides)
        return Piece(ms, self.end_ms, sides)


class ReplayBuffer:
    """Pieces in order, numbered from 0 for the call; the oldest go when they are confirmed."""

    def __init__(self, bytes_per_ms: int) -> None:
        self._bytes_per_ms = bytes_per_ms
        self._pieces: deque[Piece] = deque()
        self._first = 0
        self.kept_ms = 0
        """Length of sound that is kept; stretches that nobody hears weigh nothing."""

    @property
    def end(self) -> int:
        """The number that the next piece gets."""
        return self._first + len(self._pieces)

    def add(self, sides: Sequence[bytes], start_ms: int) -> None:
        """Take sound of one length per channel."""
        end_ms = start_ms + len(sides[0]) // self._bytes_per_ms
        self._pieces.append(Piece(start_ms, end_ms, tuple(sides)))
        self.kept_ms += end_ms - start_ms

    def add_skip(self, start_ms: int, end_ms: int) -> None:
        self._pieces.append(Piece(start_ms, end_ms, None))

    def trim(self, before_ms: int) -> None:
        """Forget every piece that ends at `before_ms` or earlier."""
        while self._pieces and self._pieces[0].end_ms <= before_ms:
            gone = self._pieces.popleft()
            self._first += 1
            if gone.sides is not None:
                self.kept_ms -= gone.end_ms - gone.start_ms

    def number_at(self, ms: int) -> int:
        """The first piece that reaches beyond `ms`; `end` if there is none."""
        for offset, piece in enumerate(self._pieces):
            if piece.end_ms > ms:
                return self._first + offset
        return self.end

    def piece(self, number: int, from_ms: int) -> Piece:
        """Piece `number` (or the oldest still kept), without what lies before `from_ms`."""
        return self._pieces[max(0, number - self._first)].behind(from_ms, self._bytes_per_ms)

    def next_of(self, number: int) -> int:
        """The number after `number`, or after the oldest still kept."""
        return max(number, self._first) + 1
