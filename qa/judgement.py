"""How a scorecard is answered from what was heard. No database: rows in, answers with their evidence out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from moments.models import MomentOccurrence
from qa.models import Answer, Criterion

YES, NO, NA = Answer.Value.YES.value, Answer.Value.NO.value, Answer.Value.NA.value
CENT = Decimal("0.01")

Evidence = list[dict[str, Any]]


@dataclass(frozen=True)
class Judged:
    """The answer to one criterion (as the revision has it), with what it rests on."""

    criterion: Mapping[str, Any]
    value: str
    evidence: Evidence


def judge(
    spec: Mapping[str, Any],
    heard: Sequence[MomentOccurrence],
    duration_ms: int,
    listened: AbstractSet[str] | None,
) -> list[Judged]:
    """Answer every criterion of a published scorecard.

    `heard`: the conversation's occurrences with their definitions, in the order of time. `listened`: keys of the
    moments that were listened for, None for all: a moment that nobody listened for is not judged (N/A), nor is a
    criterion whose condition did not come about. What was heard is evidence by its place, what was not by the
    stretch searched, from the condition (or the start) to the end.
    """
    by_key: dict[str, list[MomentOccurrence]] = {}
    for occurrence in heard:
        by_key.setdefault(occurrence.definition.key, []).append(occurrence)
    return [_answer(criterion, by_key, duration_ms, listened) for criterion in spec["criteria"]]


def _answer(
    criterion: Mapping[str, Any],
    by_key: Mapping[str, list[MomentOccurrence]],
    duration_ms: int,
    listened: AbstractSet[str] | None,
) -> Judged:
    from_ms = 0
    if criterion["applies_after"] is not None:
        condition = by_key.get(criterion["applies_after"])
        if not condition:
            return Judged(criterion, NA, [{"searched": [0, duration_ms]}])
        from_ms = condition[0].at_ms
    found = [one for one in by_key.get(criterion["moment"], ()) if one.at_ms >= from_ms]
    if not found and listened is not None and criterion["moment"] not in listened:
        return Judged(criterion, NA, [])
    expected = criterion["expect"] == Criterion.Expect.PRESENT
    if found:
        return Judged(criterion, YES if expected else NO, [_place(one) for one in found])
    # "It was not missing" is shown by where it was said.
    said = [one for one in by_key.get(criterion["missing"] or "", ()) if one.at_ms >= from_ms]
    searched: Evidence = [{"searched": [from_ms, max(from_ms, duration_ms)]}]
    return Judged(criterion, NO if expected else YES, [_place(one) for one in said] or searched)


def _place(occurrence: MomentOccurrence) -> dict[str, Any]:
    if occurrence.utterance_id is None:
        if occurrence.searched_from_ms is None:
            # A field of the call, which nobody said: it was so from then on.
            return {"marked": occurrence.definition.name, "at_ms": occurrence.at_ms}
        return {"searched": [occurrence.searched_from_ms, occurrence.searched_to_ms]}
    return {
        "utterance": str(occurrence.utterance_id),
        "start": occurrence.start,
        "end": occurrence.end,
        "at_ms": occurrence.at_ms,
    }


def total_of(answers: Iterable[tuple[Mapping[str, Any], str]]) -> tuple[Decimal | None, bool]:
    """Return the total, 0-100 over the weights of what applies, and whether it failed outright.

    None where nothing that has a weight applies. A "no" to an auto-fail criterion makes the total 0.
    """
    gained = possible = 0
    failed = False
    for criterion, value in answers:
        if value == NA:
            continue
        possible += criterion["weight"]
        gained += criterion["weight"] if value == YES else 0
        failed = failed or (value == NO and criterion["auto_fail"])
    if failed:
        return Decimal(0), True
    if not possible:
        return None, False
    return (Decimal(100 * gained) / possible).quantize(CENT, ROUND_HALF_UP), False
