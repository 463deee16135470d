"""What a judge quotes must be in the transcript, literally: its place is found, or its answer is void."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qa.answers import OPEN
from qa.judging import VOID, Judged
from qa.judging.material import Material, Turn


def checked(judged: Judged, material: Material) -> Judged:
    """The answer with each quote as a place in the transcript; void (""), where one is not there.

    Every place must lie within an utterance of this part, every stretch that was searched say what for. Spaces and
    line breaks in a quote count as one space; letters count as they are.
    """
    placed = []
    for one in judged.evidence:
        found = _checked(one, material)
        if found is None:
            return Judged(OPEN, judge=judged.judge, open_why=VOID)
        placed.append(found)
    return replace(judged, evidence=placed)


def _checked(one: dict[str, Any], material: Material) -> dict[str, Any] | None:
    if "quote" in one:
        return place_of(str(one["quote"]), material.turns, within=one.get("utterance"))
    if "utterance" in one:
        turn = material.turns_by_id.get(str(one["utterance"]))
        start, end = one.get("start"), one.get("end")
        if turn is None or (start is not None and not 0 <= start < (end or 0) <= len(turn.text)):
            return None
        return one
    if "searched" in one:
        return one if one.get("for") else None
    return one


def place_of(quote: str, turns: Sequence[Turn], *, within: object = None) -> dict[str, Any] | None:
    """Where a quote stands first, in the utterance `within` (an id) if given; None where it does not."""
    words = quote.split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(re.escape(word) for word in words))
    for turn in turns:
        if within is not None and str(turn.id) != str(within):
            continue
        if found := pattern.search(turn.text):
            return {
                "utterance": str(turn.id),
                "start": found.start(),
                "end": found.end(),
                "at_ms": turn.start_ms,
            }
    return None
