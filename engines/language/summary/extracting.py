"""A summary in the conversation's own words: why the customer called, what was done, how it ended, what next.

Extractive and deterministic: each line quotes a clause, trimmed, and cites the utterances it stands in;
nothing is added. A clause is chosen by what it does in the talk (`acts`) and by cues (states a problem, reports an
action, promises with a time, accepts or refuses), by who says it and where in the call. A section for which nothing
fits stays empty. The patterns are English; `filling` goes another way for other languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from engines.language import cues
from engines.language.clauses import Clause, Line, clauses_of
from engines.language.evidence import content
from engines.language.summary.acts import Act, acts_of
from engines.language.summary.when import days_in
from engines.rules.occurrences import Occurrence

__all__ = ["SECTIONS", "Draft", "Line", "SummaryLine", "best_clauses", "summarise"]

Section = Literal["reason", "done", "outcome", "promises", "next_steps"]
SECTIONS: tuple[Section, ...] = ("reason", "done", "outcome", "promises", "next_steps")
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
_SPREAD = 1.5
# A reason that no cue gives away is the first thing the customer says at some length, this early.
_OPENING = 0.35
_OPENING_WORDS = 4
# The first thing of substance that the customer asks for or complains of is what they called about.
_FIRST = 0.75
_SUBSTANTIAL = 2.0
_EARLY = 0.4
# What a word that comes back in the conversation adds, and how many of them count.
_MATTER, _MATTERS = 0.15, 4


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One line: its section's key, its words, and the sequences of the utterances it quotes.

    Of a promise `who` made it ("agent", "customer") and the day it is `due`, where that was said.
    """

    section: str
    text: str
    evidence: tuple[int, ...]
    who: str = ""
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A summary as first made. `origin` names the way, so that a page can say so."""

    lines: tuple[SummaryLine, ...]
    origin: Literal["extractive"] = "extractive"

    def section(self, name: str) -> tuple[SummaryLine, ...]:
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
    """Return the summary of a conversation from its redacted utterances, promises among the next steps.

    `moments` (optional) lift the clauses of the utterances in which they occurred. At most `MAX_LINES` lines
    a section; no clause stands in two.
    """
    marked = {one.sequence for one in moments if one.sequence is not None}
    clauses = clauses_of(lines)
    wanted = dict.fromkeys(("reason", "done", "outcome", "next_steps"), MAX_LINES)
    return Draft(tuple(best_clauses(clauses, acts_of(clauses), wanted, marked=marked)))


def best_clauses(
    clauses: Sequence[Clause],
    acts: Sequence[Act],
    wanted: Mapping[str, int],
    *,
    marked: Iterable[int] = (),
    day: date | None = None,
) -> list[SummaryLine]:
    """The lines of the sections that are wanted, each with the lines it may have at most, in the call's order.

    `marked`: utterances that somebody listened for. `day`: of the conversation; what is promised is due by it. Without
    a section of promises they are among the next steps.
    """
    wanted = {"promises": 0, **wanted}
    marks = frozenset(marked)
    candidates: list[_Candidate] = []
    for number, (clause, act) in enumerate(zip(clauses, acts, strict=True)):
        for one in _candidates(number, clause, act, not marks.isdisjoint(clause.evidence)):
            is_promise = one.section == "next_steps" and act == "promise" and wanted["promises"]
            candidates.append(replace(one, section="promises") if is_promise else one)
    candidates = _first_lifted([one for one in candidates if wanted.get(one.section)])
    candidates = _late_reasons_dropped(candidates, marks)
    candidates = _matter_lifted(candidates, clauses)
    candidates.sort(key=lambda one: (-one.weight, SECTIONS.index(one.section), one.number))

    chosen: list[_Candidate] = []
    # Of each text once: a long call has some thousand pairs to compare.
    meant = {one.text: content(one.text) for one in candidates}
    for candidate in candidates:
        if sum(one.section == candidate.section for one in chosen) >= wanted[candidate.section]:
            continue
        if any(_alike(candidate, one, meant) for one in chosen):
            continue
        best = max((one.weight for one in chosen if one.section == candidate.section), default=0.0)
        if candidate.weight >= best - _SPREAD:
            chosen.append(candidate)
    if wanted.get("reason") and not any(one.section == "reason" for one in chosen):
        chosen += _opening(clauses)
    chosen.sort(key=lambda one: (SECTIONS.index(one.section), one.number))
    return [_line(one, day) for one in chosen]


def _line(one: _Candidate, day: date | None) -> SummaryLine:
    if one.section != "promises":
        return SummaryLine(one.section, one.text, one.clause.evidence)
    days = days_in(one.clause.text, day) if day is not None else []
    who = "customer" if one.clause.speaker == "customer" else "agent"
    return SummaryLine(one.section, one.text, one.clause.evidence, who, days[0].day if days else None)


def _matter_lifted(candidates: list[_Candidate], clauses: Sequence[Clause]) -> list[_Candidate]:
    """The same, each raised by its words that come back in the conversation: what it is about, not how it goes."""
    if not candidates:
        return candidates
    meant = {one.number: content(one.text) for one in candidates}
    times = Counter(word for clause in clauses for word in content(clause.text))
    return [
        replace(
            one,
            weight=one.weight + _MATTER * min(_MATTERS, sum(times[word] > 1 for word in meant[one.number])),
        )
        for one in candidates
    ]


def _first_lifted(candidates: list[_Candidate]) -> list[_Candidate]:
    """The same, with the first substantial reason that the customer gives raised over those that come later."""
    for at, one in enumerate(candidates):
        early = 1.5 * (1.0 - one.clause.place)
        if one.section == "reason" and one.weight - early >= _SUBSTANTIAL:
            candidates[at] = replace(one, weight=one.weight + _FIRST)
            break
    return candidates


def _candidates(number: int, clause: Clause, act: Act, marked: bool) -> list[_Candidate]:
    """Return the one section that a clause may stand in, with its weight, or nothing."""
    text, words = clause.text, clause.words
    if len(words.norms) < 2 or (act == "greeting" and clause.speaker != "customer"):
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


def _late_reasons_dropped(candidates: list[_Candidate], marks: frozenset[int]) -> list[_Candidate]:
    """The same without what the customer says of the matter later, where they said early why they call."""
    early = any(one.section == "reason" and one.clause.place <= _EARLY for one in candidates)
    return [
        one
        for one in candidates
        if one.section != "reason"
        or not early
        or one.clause.place <= _EARLY
        or not marks.isdisjoint(one.clause.evidence)
    ]


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


def _alike(one: _Candidate, other: _Candidate, meant: Mapping[str, set[str]]) -> bool:
    words, others = meant[one.text], meant[other.text]
    limit = _ALIKE if one.section == other.section else _ALIKE_ELSEWHERE
    return len(words & others) >= limit * min(len(words), len(others))
