"""What a model said, held against the transcript and the question; what does not stand stays open, with why.

- An answer must be one of those that its question allows, in the very words.
- Its quotes must be there letter by letter; a few letters prove nothing.
- What gives points must be shown by words of whoever the criterion is about, as a rule the agent. So a customer who
  asks for full marks, and a model that obeys, come to nothing.
- What rests on something that was not said names what was looked for, and where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import get_language_info

from conversations.redacted import redacted
from engines.language.qa_judge import Line, Verdict, Verdicts
from engines.language.tongues import is_other
from qa.answers import NA, NO, OPEN, YES, score_of, value_checked
from qa.judging import VOID, Evidence, Judged, Spec
from qa.judging.material import AGENT_SIDE, Material, Turn
from qa.judging.moments import searched
from qa.judging.quotes import place_of

STRANGE, SILENT, UNSHOWN, TOO_LONG = "strange", "silent", "unshown", "too_long"
"""Why an answer is open: none of those allowed; not given; without evidence of its own; too much to read at once."""

AGENT, ANYONE = "agent", "anyone"
QUOTES_MAX = 10
# Shorter ones stand anywhere, unless they are all of a line.
QUOTE_WORDS = 3
REASON_LENGTH, LOOKED_LENGTH = 300, 80


@dataclass(frozen=True, slots=True)
class Window:
    """What a request was about: its lines, all turns of the part by the lines' numbers, and its stretch in ms."""

    lines: Sequence[Line]
    said: Sequence[Turn]
    from_ms: int
    to_ms: int

    @property
    def turns(self) -> list[Turn]:
        return [self.said[one.number - 1] for one in self.lines]


def judged_of(
    verdicts: Verdicts, criteria: Sequence[Spec], window: Window, material: Material, who: str
) -> dict[str, Judged]:
    """Answers by the criterion's key, to all of them. The first verdict on a question counts."""
    told: dict[int, Verdict] = {}
    for one in verdicts.answers:
        told.setdefault(one.question, one)
    return {
        criterion["key"]: replace(_judged(told.get(number), criterion, window, material), judge=who)
        for number, criterion in enumerate(criteria, start=1)
    }


def _judged(verdict: Verdict | None, criterion: Spec, window: Window, material: Material) -> Judged:
    if verdict is None:
        return Judged(OPEN, open_why=SILENT)
    try:
        value = value_checked(criterion, _value(verdict.value))
    except ValidationError:
        return Judged(OPEN, open_why=STRANGE)
    if value == OPEN:
        return Judged(OPEN, open_why=SILENT)
    places: Evidence = []
    shown = False
    for quote in verdict.quotes[:QUOTES_MAX]:
        if not quote.words.strip():
            continue
        found = _placed(quote.line, quote.words, window)
        if found is None:
            return Judged(OPEN, open_why=VOID)
        place, turn = found
        if len(quote.words.split()) < min(QUOTE_WORDS, len(turn.text.split())):
            continue
        places.append(place)
        shown = shown or _is_of(turn, criterion.get("said_by", AGENT))
    looked_for = " ".join(verdict.looked_for.split())
    if _telling(criterion, value):
        if not shown:
            return Judged(OPEN, open_why=UNSHOWN)
    elif not places and not looked_for:
        return Judged(OPEN, open_why=UNSHOWN)
    sure = verdict.confidence if 0.0 <= verdict.confidence <= 1.0 else 0.0
    if not places:
        places = [searched(window.from_ms, window.to_ms, redacted(looked_for)[:LOOKED_LENGTH])]
        sure *= material.sureness(window.from_ms, window.to_ms)
    else:
        sure *= min(material.confidences[UUID(one["utterance"])] for one in places)
    return Judged(value, places, sure, reason=_reason(verdict.reason, window, material))


def _value(given: str) -> str:
    said = given.strip().strip("\"'“”.").strip()
    plain = said.lower()
    if plain in {YES, NO}:
        return plain
    return NA if plain in {NA, "n/a"} else said


def _placed(line: int, words: str, window: Window) -> tuple[dict[str, Any], Turn] | None:
    """Where a quote stands: in its line, or else, as models miscount, in the first line of the window that has it."""
    by_number = {one.number: window.said[one.number - 1] for one in window.lines}
    turns = [by_number[line]] if line in by_number else []
    for turn in [*turns, *window.turns]:
        if place := place_of(words, [turn]):
            return place, turn
    return None


def _is_of(turn: Turn, side: str) -> bool:
    if side == AGENT:
        return turn.speaker in AGENT_SIDE
    return side == ANYONE or turn.speaker not in AGENT_SIDE


def _telling(criterion: Spec, value: str) -> bool:
    """Whether an answer says that what the criterion looks for was said, so that somebody's words must show it."""
    if value == NA:
        return False
    score = score_of(criterion, value)
    if criterion["expect"] == "present":
        return score is None or score > 0
    return score is None or score < 100


def _reason(given: str, window: Window, material: Material) -> str:
    """The sentence as it is kept: what a model wrote is no redacted text. "" where it is in another language."""
    words = " ".join(given.split())
    beside = " ".join(one.text.text for one in window.lines[:20])
    if not words or is_other(words, material.language, beside):
        return ""
    return redacted(words)[:REASON_LENGTH]


def combined(criterion: Spec, found: Sequence[Judged]) -> Judged:
    """One answer of those to each window of a long conversation; of one window that one.

    Where the thing was said in any window, that decides. Otherwise every window must have been answered: it was not
    said where it could have been, or it does not apply in any.
    """
    if len(found) == 1:
        return found[0]
    telling = [one for one in found if one.value != OPEN and _telling(criterion, one.value)]
    if telling:
        return max(telling, key=lambda one: one.confidence or 0.0)
    for one in found:
        if one.value == OPEN:
            return one
    applying = [one for one in found if one.value != NA] or list(found)
    return replace(
        applying[0],
        evidence=[place for one in applying for place in one.evidence],
        confidence=min(one.confidence or 0.0 for one in applying),
    )


def language_name(code: str) -> str:
    """A language's English name, for a model; its code where Django has no name for it."""
    try:
        return str(get_language_info(code)["name"])
    except KeyError:
        return f"the language of the conversation ({code})"
