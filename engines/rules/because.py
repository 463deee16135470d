"""The reason of a decision: what caused it, and what else made its condition true, with the words as evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engines.rules.clauses import absent, happened
from engines.rules.compiled import Formula, Literal
from engines.rules.decisions import Evidence
from engines.rules.explain import QUOTE, fill, quote
from engines.rules.facts import NO_CAUSE, Facts
from engines.rules.fires import Change, Fire

MAX_CLAUSES = 3


@dataclass(frozen=True, slots=True)
class Because:
    """A reason: its form, the places of the words, the words of the first, the utterance that caused it."""

    form: str
    evidence: Evidence = ()
    words: str = ""
    sequence: int | None = None

    @property
    def sentence(self) -> str:
        """The form with its words."""
        return fill(self.form, self.words)


def words_of(fire: Fire, text_of: Callable[[int], str] | None) -> str:
    """Return the words quoted, from memory or from where the text is at home."""
    if fire.words is not None:
        return fire.words
    if text_of is None or not fire.evidence:
        return ""
    sequence, start, end = fire.evidence[0]
    return quote(text_of(sequence), ((start, end),))


def because(
    facts: Facts,
    formula: Formula,
    cause: int,
    change: Change,
    text_of: Callable[[int], str] | None = None,
) -> Because:
    """Return why `formula` is true now, `cause` being the leaf that `change` turned."""
    literals = _support(facts, formula, cause)
    literals.sort(key=lambda literal: (literal.leaf != cause, literal.negated))
    clauses: list[str] = []
    evidence: Evidence = ()
    words = ""
    sequence: int | None = None
    leaves, names = facts.compiled.leaves, facts.compiled.names
    for at, literal in enumerate(literals[:MAX_CLAUSES]):
        condition = leaves[literal.leaf]
        if literal.negated:
            clauses.append(absent(condition, names))
            continue
        fire = change.risen.get(literal.leaf) or facts.true[literal.leaf]
        clause = happened(condition, fire, names, quoted=not any(QUOTE in one for one in clauses))
        if QUOTE in clause:
            words = words_of(fire, text_of)
            evidence = fire.evidence + evidence
        else:
            evidence += fire.evidence
        if at == 0:
            sequence = fire.sequence
        clauses.append(clause)
    form = "Because " + clauses[0] if clauses else "Because its condition became true"
    for clause in clauses[1:]:
        form += f", and {clause}"
    return Because(form, tuple(dict.fromkeys(evidence)), words, sequence)


def _support(facts: Facts, formula: Formula, cause: int) -> list[Literal]:
    """Return literals that together make a formula true, among them the cause."""
    if isinstance(formula, Literal):
        return [formula] if facts.holds(formula) else []
    if formula.every:
        found = [literal for part in formula.parts for literal in _support(facts, part, cause)]
        return list(dict.fromkeys(found))
    true = [_support(facts, part, cause) for part in formula.parts if facts.holds(part)]
    with_cause = [part for part in true if cause != NO_CAUSE and any(one.leaf == cause for one in part)]
    return next(iter(with_cause or true), [])
