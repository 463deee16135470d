"""The two lines of a call on the floor: how the customer sounds, and how much of it is silence.

Computed from committed utterances, each read once: a process keeps a small record of each call, of numbers alone, and
adds what has been committed since. Sentiment is that of the customer's words; of the agent's nothing is inferred.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from statistics import fmean
from threading import Lock
from typing import Any
from uuid import UUID

from django.db.models import Q

from conversations.models import Speaker, Utterance
from tenants.scope import current_schema

POINTS = 20
BIN_MS = 15_000
BINS = 20
# Change of the smoothed sentiment (-1 to 1) from a line's first third to its last that counts as a trend.
TREND = 0.12
# Calls that one process remembers; one that is forgotten is read again.
KEPT = 4000
# So many calls are asked for each from its own place; more at once from the earliest of their places.
APART_MAX = 60

Payload = dict[str, Any]


@dataclass
class CallLine:
    """One call so far. `reached`: the sequence of the last utterance in it. `points`: smoothed sentiment, oldest first.

    `spoken`: milliseconds of speech in each stretch of 15 s that is still drawn, by its number. Two who speak at once
    count twice, and no stretch for more than its length. `spoken_to_ms`: the end of what was said last. `waits_ms`:
    when the customer began to wait for an answer; None where there is nothing to answer.
    """

    reached: int = 0
    points: list[float] = field(default_factory=list)
    spoken: dict[int, int] = field(default_factory=dict)
    spoken_to_ms: int = 0
    waits_ms: int | None = None

    def add(self, sequence: int, speaker: str, start_ms: int, end_ms: int, sentiment: float | None) -> None:
        """Take the next utterance; one that was taken already changes nothing."""
        if sequence <= self.reached:
            return
        self.reached = sequence
        if speaker != Speaker.CUSTOMER:
            self.waits_ms = None
        elif self.waits_ms is None:
            self.waits_ms = start_ms
        if speaker == Speaker.CUSTOMER and sentiment is not None:
            self._feel(sentiment)
        self.spoken_to_ms = max(self.spoken_to_ms, end_ms)
        last = max(0, self.spoken_to_ms - 1) // BIN_MS
        for number in range(
            max(start_ms // BIN_MS, last - BINS + 1), (max(end_ms, start_ms + 1) - 1) // BIN_MS + 1
        ):
            within = min(end_ms, (number + 1) * BIN_MS) - max(start_ms, number * BIN_MS)
            self.spoken[number] = min(BIN_MS, self.spoken.get(number, 0) + max(0, within))
        for number in [one for one in self.spoken if one <= last - BINS]:
            del self.spoken[number]

    def _feel(self, value: float) -> None:
        # Single utterances jump, so each point is half the one before it and half its own value.
        before = self.points[-1] if self.points else 0.0
        self.points.append(round(0.5 * before + 0.5 * value, 3))
        del self.points[:-POINTS]

    @property
    def trend(self) -> str:
        third = max(1, len(self.points) // 3)
        change = fmean(self.points[-third:]) - fmean(self.points[:third]) if len(self.points) > 1 else 0.0
        return "rising" if change > TREND else "falling" if change < -TREND else "steady"

    @property
    def mood(self) -> Payload | None:
        """`{"points": [-1 to 1, …], "trend": "falling" | "steady" | "rising"}`; None without the customer's words."""
        return {"points": list(self.points), "trend": self.trend} if self.points else None

    @property
    def silence(self) -> Payload | None:
        """`{"bins": [0 to 1, …], "since_ms"}`: the silent share of each 15 s up to the last word, and its call time."""
        if not self.reached:
            return None
        last = max(0, self.spoken_to_ms - 1) // BIN_MS
        first = max(0, last - BINS + 1)
        bins = [round(1 - self.spoken.get(number, 0) / BIN_MS, 2) for number in range(first, last + 1)]
        return {"bins": bins, "since_ms": self.spoken_to_ms}


_known: OrderedDict[tuple[str, UUID], CallLine] = OrderedDict()
_lock = Lock()


def lines_read(keys: Sequence[UUID], *, anew: Iterable[UUID] = ()) -> dict[UUID, CallLine]:
    """Bring the lines of these calls up to date. One query, of what was committed since they were last asked for.

    `anew`: calls of which something was erased, read from the beginning.
    """
    schema = current_schema()
    with _lock:
        for key in anew:
            _known.pop((schema, key), None)
        lines = {key: _known.setdefault((schema, key), CallLine()) for key in keys}
        for key in keys:
            _known.move_to_end((schema, key))
        while len(_known) > max(KEPT, len(keys)):
            _known.popitem(last=False)
        reached = {key: line.reached for key, line in lines.items()}
    rows = Utterance.objects.filter(_after(reached)) if reached else Utterance.objects.none()
    fields = ("sequence", "speaker", "start_ms", "end_ms", "sentiment")
    found = list(rows.order_by("conversation", "sequence").values_list("conversation", *fields))
    with _lock:
        for key, *utterance in found:
            lines[key].add(*utterance)
    return lines


def _after(reached: dict[UUID, int]) -> Q:
    fresh = [key for key, place in reached.items() if place == 0]
    known = {key: place for key, place in reached.items() if place}
    if len(known) > APART_MAX:
        return Q(conversation__in=fresh) | Q(conversation__in=list(known), sequence__gt=min(known.values()))
    apart = [Q(conversation=key, sequence__gt=place) for key, place in known.items()]
    return reduce(or_, apart, Q(conversation__in=fresh))


def mood(values: Iterable[float]) -> Payload:
    """The line of sentiments (-1 to 1, oldest first) that are at hand."""
    line = CallLine()
    for number, value in enumerate(values, 1):
        line.add(number, Speaker.CUSTOMER, 0, 1, value)
    return {"points": line.points, "trend": line.trend}
