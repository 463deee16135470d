"""A summary in the conversation's own words: why the customer called, what was done, how it ended, what next.

Extractive and deterministic: each line quotes a clause, trimmed, and cites the utterances it stands in;
nothing is added. A clause is chosen by cues of what it does (states a problem, reports an action, promises
with a time, accepts or refuses), by who says it and where in the call. A section for which nothing fits
stays empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from engines.language import cues
from engines.language.clauses import Clause, Line, clauses_of
from engines.language.evidence import content
from engines.rules.occurrences import Occurrence

__all__ = ["SECTIONS", "Draft", "Line", "SummaryLine", "summarise"]

Section = Literal["reason", "done", "outcome", "next_steps"]
SECTIONS: tuple[Section, ...] = ("reason", "done", "outcome", "next_steps")
MAX_LINES = 3

_REASON = cues.Cues(cues.REASON)
_DONE = cues.Cues(cues.DONE)
_NEXT_AGENT = cues.Cues(cues.NEXT_AGENT)
_NEXT_CUSTOMER = cues.Cues(cues.NEXT_CUSTOMER)
_OUTCOME_CUSTOMER = cues.Cues(cues.OUTCOME_ANY + cues.OUTCOME_CUSTOMER)
_OUTCOME_AGENT = cues.Cues(cues.OUTCOME_ANY + cues.OUTCOME_AGENT)
_AT_ONCE = cues.unweighted(cues.AT_ONCE)
_TIME = cues.unweighted(cues.TIME_WORDS)
_INTRODUCTION = cues.unweighted(cues.INTRODUCTION)

# An outcome is told towards the end; before this share of the call nothing counts as one.
_OUTCOME_FROM = 0.5
_ALIKE = 0.6
_ALIKE_ELSEWHERE = 0.85
# How far below its section's best line another may lie: weak evidence beside strong is noise.
_SPREAD = 1.25
# A reason that no cue gives away is the first thing the customer says at some length, this early.
_OPENING = 0.35
_OPENING_WORDS = 4


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One line: its section, its words, and the sequences of the utterances it quotes."""

    section: Section
    text: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A summary as first made. `origin` names the way, so that a page can say so."""

    lines: tuple[SummaryLine, ...]
    origin: Literal["extractive"] = "extractive"

    def section(self, name: Section) -> tuple[SummaryLine, ...]:
        """Return the lines of one section, in the order of the call."""
        return tuple(line for line in self.lines if line.section == name)


@dataclass(frozen=True, slots=True)
class _Candidate:
    section: Section
    weight: float
    number: int
    clause: Clause
    text: str


def summarise(lines: Sequence[Line], moments: Iterable[Occurrence] = ()) -> Draft:
    """Return the summary of a conversation from its redacted utterances.

    `moments` (optional) lift the clauses of the utterances in which they occurred. At most `MAX_LINES` lines
    a section; no clause stands in two.
    """
    marked = {one.sequence for one in moments if one.sequence is not None}
    candidates: list[_Candidate] = []
    clauses = clauses_of(lines)
    for number, clause in enumerate(clauses):
        candidates += _candidates(number, clause, not marked.isdisjoint(clause.evidence))
    candidates.sort(key=lambda one: (-one.weight, SECTIONS.index(one.section), one.number))

    chosen: list[_Candidate] = []
    for candidate in candidates:
        if sum(one.section == candidate.section for one in chosen) >= MAX_LINES:
            continue
        if any(_alike(candidate, one) for one in chosen):
            continue
        best = max((one.weight for one in chosen if one.section == candidate.section), default=0.0)
        if candidate.weight >= best - _SPREAD:
            chosen.append(candidate)
    if not any(one.section == "reason" for one in chosen):
        chosen += _opening(clauses)
    chosen.sort(key=lambda one: (SECTIONS.index(one.section), one.number))
    return Draft(tuple(SummaryLine(one.section, one.text, one.clause.evidence) for one in chosen))


def _candidates(number: int, clause: Clause, marked: bool) -> list[_Candidate]:
    """Return the one section that a clause may stand in, with its weight, or nothing."""
    text, words = clause.text, clause.words
    if len(words.norms) < 2:
        return []
    weights: list[tuple[float, Section, int]] = []
    if clause.speaker == "customer":
        weight, first = _REASON.best(text, words)
        if weight and (not clause.question or weight <= 1):
            # People say why they call when they begin.
            weights.append((weight + 1.5 * (1.0 - clause.place), "reason", first))
        if not clause.question:
            weights += _outcome(_OUTCOME_CUSTOMER.best(text, words), clause)
            weights += _next_step(_NEXT_CUSTOMER.best(text, words), clause)
    elif not clause.question:
        weight, first = _DONE.best(text, words)
        if weight:
            weights.append((weight + 0.5, "done", first))
        weights += _outcome(_OUTCOME_AGENT.best(text, words), clause)
        weights += _next_step(_NEXT_AGENT.best(text, words), clause)
    if not weights:
        return []
    weight, section, first = max(weights, key=lambda one: (one[0], -SECTIONS.index(one[1])))
    quote = clause.quote(first)
    if not content(quote):
        return []
    return [_Candidate(section, weight + 1.0 * marked, number, clause, quote)]


def _outcome(best: tuple[float, int], clause: Clause) -> list[tuple[float, Section, int]]:
    weight, first = best
    if not weight or clause.place < _OUTCOME_FROM:
        return []
    return [(weight + clause.place, "outcome", first)]


def _next_step(best: tuple[float, int], clause: Clause) -> list[tuple[float, Section, int]]:
    weight, first = best
    dated = bool(_TIME.best(clause.text, clause.words)[0])
    if not dated and (weight < 1.5 or _AT_ONCE.best(clause.text, clause.words)[0]):
        return []
    if not weight or clause.words.norms[0] == "if":
        return []
    return [(weight + 1.0 * dated, "next_steps", first)]


def _opening(clauses: Sequence[Clause]) -> list[_Candidate]:
    """Return the first statement of some length that the customer makes, if it comes early."""
    for number, clause in enumerate(clauses):
        if clause.place > _OPENING:
            break
        text = clause.quote()
        if clause.speaker != "customer" or clause.question or len(content(text)) < _OPENING_WORDS:
            continue
        if not _INTRODUCTION.best(clause.text, clause.words)[0]:
            return [_Candidate("reason", 0.0, number, clause, text)]
    return []


def _alike(one: _Candidate, other: _Candidate) -> bool:
    words, others = content(one.text), content(other.text)
    limit = _ALIKE if one.section == other.section else _ALIKE_ELSEWHERE
    return len(words & others) >= limit * min(len(words), len(others))
