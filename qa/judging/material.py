"""What a judge looks at: one agent's part of a conversation, read once for all criteria and judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from moments.models import MomentOccurrence

Stretch = tuple[int, int]
AGENT_SIDE = frozenset({"agent", "bot"})


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. Times in ms of the conversation; `confidence` of recognition, 0-1, None for what was written."""

    id: UUID
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None


@dataclass(frozen=True)
class Material:
    """One agent's part of a conversation.

    `turns` and `heard` are within the part's `segments`, in order. `whole`: it is all of the conversation. `holds` and
    `gaps` (what of the sound is missing) are cut to it. `listened`: keys of the moments listened for, None for all.
    """

    conversation_id: UUID
    segments: Sequence[Stretch]
    turns: Sequence[Turn] = ()
    heard: Sequence[MomentOccurrence] = ()
    holds: Sequence[Stretch] = ()
    gaps: Sequence[Stretch] = ()
    listened: AbstractSet[str] | None = None
    whole: bool = True
    channel: str = "voice"
    language: str = "en"
    agent_id: UUID | None = None

    @property
    def start_ms(self) -> int:
        return self.segments[0][0] if self.segments else 0

    @property
    def end_ms(self) -> int:
        return self.segments[-1][1] if self.segments else 0

    @cached_property
    def length_ms(self) -> int:
        return sum(end - start for start, end in self.segments)

    @cached_property
    def by_moment(self) -> dict[str, list[MomentOccurrence]]:
        """What was heard by the moment's key, each in the order of time."""
        found: dict[str, list[MomentOccurrence]] = {}
        for one in self.heard:
            found.setdefault(one.definition.key, []).append(one)
        return found

    @cached_property
    def turns_by_id(self) -> dict[str, Turn]:
        """What was said by the utterance's id, as it is written in evidence."""
        return {str(turn.id): turn for turn in self.turns}

    @cached_property
    def confidences(self) -> dict[UUID, float]:
        """How sure recognition was, by utterance; what was written is sure."""
        return {turn.id: 1.0 if turn.confidence is None else turn.confidence for turn in self.turns}

    def sureness(self, from_ms: int, to_ms: int, *, side: AbstractSet[str] = AGENT_SIDE) -> float:
        """How sure one may be that what one side said in a stretch is all there: 0-1.

        The mean of recognition's confidence, weighted by time, less the part of the stretch that is missing.
        """
        said = [t for t in self.turns if t.speaker in side and t.end_ms > from_ms and t.start_ms < to_ms]
        weights = [max(1, turn.end_ms - turn.start_ms) for turn in said]
        sure = sum(self.confidences[t.id] * w for t, w in zip(said, weights, strict=True))
        mean = sure / sum(weights) if said else 1.0
        missing = overlap(self.gaps, [(from_ms, to_ms)])
        return mean * (1.0 - missing / max(1, to_ms - from_ms)) if missing else mean


def overlap(some: Iterable[Stretch], others: Sequence[Stretch]) -> int:
    """How many ms of `some` lie within `others`; neither overlaps itself."""
    return sum(end - start for start, end in cut(some, others))


def cut(some: Iterable[Stretch], within: Sequence[Stretch]) -> list[Stretch]:
    """The parts of `some` that lie within the stretches `within`."""
    return [
        (max(start, begin), min(end, stop))
        for start, end in some
        for begin, stop in within
        if min(end, stop) > max(start, begin)
    ]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time without overlaps, in order: two channels that miss the same second miss it once."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found
