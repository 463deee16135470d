"""How far two summaries agree, and how much of one an agent changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engines.language.evidence import content
from engines.language.grading import grade

SECTIONS = "sections"


def grade_summary(lines: Sequence[tuple[str, str]], expectation: Mapping[str, Any]) -> float:
    """How good a summary's lines (section, text) are, 0 to 1, against what is expected.

    `sections`: the lines that an agent confirmed, by section; each section counts with the harmonic mean of how much of
    their words is told and how much of what is told is among them. An empty list expects nothing there. `contains`,
    `lacks` and `equals` are as for every task (`engines.language.grading`).
    """
    expected: Mapping[str, Sequence[str]] = expectation.get(SECTIONS) or {}
    scores = []
    for section, texts in expected.items():
        told = set().union(*(content(text) for key, text in lines if key == section))
        wanted = set().union(*(content(text) for text in texts))
        scores.append(f_score(told, wanted))
    plain = {name: value for name, value in expectation.items() if name != SECTIONS and value}
    if plain:
        scores.append(grade("\n".join(text for _section, text in lines), plain))
    return sum(scores) / len(scores) if scores else 0.0


def f_score(told: set[str], wanted: set[str]) -> float:
    """The harmonic mean of precision and recall; 1 where nothing was wanted and nothing told."""
    if not told and not wanted:
        return 1.0
    both = len(told & wanted)
    return 2 * both / (len(told) + len(wanted))


def edit_distance(before: str, after: str) -> float:
    """How much of a line was changed, 0 (nothing) to 1 (all of it): words put in, left out or changed, of the longer.

    Levenshtein's distance over words, whatever their case.
    """
    one, other = before.casefold().split(), after.casefold().split()
    if not one and not other:
        return 0.0
    row = list(range(len(other) + 1))
    for number, word in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for at, against in enumerate(other, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != against))
    return row[-1] / max(len(one), len(other))
