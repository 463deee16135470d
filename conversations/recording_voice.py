"""Stretches of a finished recording that are hidden late, widened as far as the voice beside them goes on.

What is hidden by hand, or found when the call is over, has the times of words, and these may be wrong by a little. Only
where the sound is at hand can the rest of a word be told from silence: so the whole of it passes by here, with no more
of it kept than the seconds around the edges that are being looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from conversations.live.recorder import Stretch
from engines.speech.encoding import Piece
from engines.speech.voiced import voice_end, voice_start

# What lies this far from an edge says how loud its line is without a voice.
_AROUND_MS = 4_500


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stretch [start_ms, end_ms) of a channel to be hidden, and from where to where at most it may be widened."""

    channel: int
    start_ms: int
    end_ms: int
    earliest_ms: int
    latest_ms: int


@dataclass(slots=True)
class _Edge:
    """One edge of a stretch that may move, and the sound around it so far."""

    number: int
    channel: int
    at_ms: int
    limit_ms: int
    from_ms: int = 0
    sound: list[bytes] = field(default_factory=list)

    @property
    def upto_ms(self) -> int:
        return self.at_ms + _AROUND_MS

    def take(self, side: np.ndarray, rate: int, begins_ms: float) -> None:
        """Keep what of a channel's sound, that begins at `begins_ms`, lies around the edge."""
        first, last = ((ms - begins_ms) * rate / 1000 for ms in (self.at_ms - _AROUND_MS, self.upto_ms))
        kept = side[max(0, round(first)) : max(0, round(last))]
        if len(kept):
            if not self.sound:
                self.from_ms = round(begins_ms + max(0, round(first)) * 1000 / rate)
            self.sound.append(np.ascontiguousarray(kept, dtype="<i2").tobytes())

    def found(self, rate: int) -> int:
        """Where the voice ends that goes on over the edge; the edge itself where none does."""
        pcm, at_ms, limit_ms = b"".join(self.sound), self.at_ms - self.from_ms, self.limit_ms - self.from_ms
        if self.limit_ms < self.at_ms:
            return self.from_ms + voice_start(pcm, rate, at_ms, earliest_ms=limit_ms)
        return self.from_ms + voice_end(pcm, rate, at_ms, latest_ms=limit_ms)


def voices_followed(
    pieces: Iterable[Piece], rate: int, wanted: Sequence[Wanted], *, toned: Sequence[Stretch] = ()
) -> list[Stretch]:
    """Return `wanted`, in order, each widened within its bounds as far as a voice goes on in `pieces`.

    `toned` are stretches that hold a tone already, which is no voice. Edges that must not move cost nothing: with
    none other the sound is not read.
    """
    edges = []
    for number, one in enumerate(wanted):
        if one.earliest_ms < one.start_ms:
            edges.append(_Edge(number, one.channel, one.start_ms, max(0, one.earliest_ms)))
        if one.latest_ms > one.end_ms:
            edges.append(_Edge(number, one.channel, one.end_ms, one.latest_ms))
    widened = [[one.channel, one.start_ms, one.end_ms] for one in wanted]
    edges.sort(key=lambda edge: edge.at_ms, reverse=True)
    open_edges: list[_Edge] = []
    frames = 0
    for piece in pieces if edges else ():
        begins_ms = frames * 1000 / rate
        frames += len(piece)
        ends_ms = frames * 1000 / rate
        while edges and edges[-1].at_ms - _AROUND_MS < ends_ms:
            open_edges.append(edges.pop())
        for channel in {edge.channel for edge in open_edges if edge.channel < piece.shape[1]}:
            side = piece[:, channel].copy()
            for where, start, end in toned:
                if where == channel and start < ends_ms and end > begins_ms:
                    first, last = ((ms - begins_ms) * rate / 1000 for ms in (start, end))
                    side[max(0, int(first)) : max(0, int(last) + 1)] = 0
            for edge in open_edges:
                if edge.channel == channel:
                    edge.take(side, rate, begins_ms)
        for edge in [edge for edge in open_edges if edge.upto_ms <= ends_ms]:
            open_edges.remove(edge)
            _move(widened[edge.number], edge, rate)
    for edge in open_edges:
        _move(widened[edge.number], edge, rate)
    return [(channel, start, end) for channel, start, end in widened]


def _move(stretch: list[int], edge: _Edge, rate: int) -> None:
    found = edge.found(rate)
    stretch[1], stretch[2] = min(stretch[1], found), max(stretch[2], found)
